// Package front keeps the bindings, port → certificate, on systems that have no
// HTTP.sys to keep them, asks each bound port which certificate it really
// presents, and serves on the ports in front of a developer's application.
//
// The table is one file of the state folder. Package front never takes a
// damaged table for an empty one and never writes over one. It listens on no
// address but loopback, and connects to no other, unless it is told one; serving
// changes no file.
package front

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Front is the binder of one state folder. Its methods may be called from
// several goroutines; against other processes the caller holds the folder's
// lock while it binds or unbinds.
type Front struct {
	path  string
	files disk.Files
	mu    sync.Mutex // from reading the table to having written it
}

var _ devcert.Binder = (*Front)(nil)

// New returns the binder of stateDir, which need not exist yet.
func New(stateDir string, files disk.Files) *Front {
	return &Front{path: filepath.Join(stateDir, disk.BindingsFile), files: files}
}

// Table lists the bindings in the order of the ports.
func (f *Front) Table(ctx context.Context) (devcert.PortTable, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	bindings, err := f.read(ctx)
	return devcert.PortTable{Bindings: bindings}, err
}

// Bind enters the ports in the table. It is nobody else's, so that there is
// nothing to take over.
func (f *Front) Bind(ctx context.Context, order devcert.BindOrder) error {
	if order.ClientCerts == devcert.AsksClients {
		ports := devcert.FormatPorts(slices.Sorted(slices.Values(order.Ports)))
		return &devcert.UsageError{ // a configuration that was made on Windows
			Problem: "cannot bind " + ports + ": here a binding does not say whether clients are asked for a certificate",
			Hint:    "devcert ports bind " + ports + " --client-certs=false",
		}
	}
	for _, port := range order.Ports {
		if err := check(devcert.Binding{Port: port, Thumbprint: order.Thumbprint}); err != nil {
			return fmt.Errorf("cannot bind: %w", err)
		}
	}
	return f.change(ctx, func(table map[int]string) {
		for _, port := range order.Ports {
			table[port] = order.Thumbprint
		}
	})
}

// CanServe knows what was issued, besides the leaf.
func (f *Front) CanServe(thumbprint string) error {
	folder := disk.Folder{Path: filepath.Dir(f.path), Files: f.files}
	names, err := folder.IssuedNames()
	if err != nil {
		return fmt.Errorf("cannot look for issued certificates: %w", reason(err))
	}
	for _, name := range names {
		certs, err := readIssuedCerts(folder, name)
		if err != nil || len(certs) == 0 || chain.Thumbprint(certs[0]) != thumbprint {
			continue // what cannot be read is said of it elsewhere
		}
		key, err := readIssuedKey(folder, name, certs[0])
		if err == nil && key == nil {
			err = errors.New("its key is not in the state folder")
		}
		return err
	}
	return errors.New("devcert has made none with this thumbprint that it still has")
}

// Preview gives no command: the table is a file.
func (f *Front) Preview(context.Context, devcert.BindOrder) ([]string, error) { return nil, nil }

// Unbind takes ports out of the table.
func (f *Front) Unbind(ctx context.Context, ports []int) error {
	return f.change(ctx, func(table map[int]string) {
		for _, port := range ports {
			delete(table, port)
		}
	})
}

// change lets edit alter the table and writes it only if that made a
// difference, so that a run with nothing to do leaves the file as it is.
func (f *Front) change(ctx context.Context, edit func(map[int]string)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, err := f.read(ctx)
	if err != nil {
		return err
	}
	table := make(map[int]string, len(before))
	for _, b := range before {
		table[b.Port] = b.Thumbprint
	}
	edit(table)
	after := make([]devcert.Binding, 0, len(table))
	for port, thumbprint := range table {
		after = append(after, devcert.Binding{Port: port, Thumbprint: thumbprint})
	}
	slices.SortStableFunc(after, byPort)
	if slices.Equal(before, after) {
		return nil
	}
	data, err := encode(after)
	if err != nil {
		return fmt.Errorf("cannot write the binding table %s: %w", f.path, err)
	}
	if err := disk.ReplaceFile(f.files, f.path, data, disk.PrivateMode); err != nil {
		return &disk.FolderError{Doing: "writing the binding table", Path: f.path, Err: reason(err)}
	}
	return nil
}

// reason is what the system said, without the names of files beside the table
// that are gone by now.
func reason(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

func (f *Front) read(ctx context.Context) ([]devcert.Binding, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("cannot read the binding table %s: %w", f.path, err)
	}
	data, err := disk.ReadFile(f.path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		err = fmt.Errorf("cannot read the binding table: %w", err)
		if !errors.Is(err, fs.ErrPermission) { // it may be as good as ever
			err = damaged{err}
		}
		return nil, err
	}
	bindings, err := decode(data)
	if err != nil {
		err = fmt.Errorf("the binding table %s cannot be used: %w", f.path, err)
		if !errors.Is(err, disk.ErrSchema) {
			err = damaged{err}
		}
		return nil, err
	}
	return bindings, nil
}

// damaged says of a table that it may be set aside.
type damaged struct{ error }

func (d damaged) Unwrap() error        { return d.error }
func (d damaged) Is(target error) bool { return target == devcert.ErrTableDamaged }
