package cli_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/platform/securefile"
	"devcert/platform/teamfile"
)

// newMachine is a machine in the folder MACHINE. Each folder in it is a trust
// store: "system", and "firefox" where a script makes one. A store holds roots
// as files; a file called refuse, declines, broken, deaf, blind, nowhere or absent beside
// them makes it need rights or a person who says no, fail, do nothing, be unreadable, or
// not exist. The folder
// "clients" has the programs that verify servers.
func newMachine(o devcert.HostOptions) (*devcert.Host, error) {
	env := func(name string) string {
		for _, entry := range o.Env {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
	state := o.StateDir
	if state == "" {
		state = env("STATE")
	}
	machine := env("MACHINE")
	var stores []devcert.Store
	for _, name := range []string{"system", "firefox"} {
		if _, err := os.Stat(filepath.Join(machine, name)); err == nil {
			stores = append(stores, folderStore{name, filepath.Join(machine, name), o.Now})
		}
	}
	stores = append(stores, guestStores(machine, o.Now)...)
	id := env("MACHINE_ID")
	if id == "" {
		id = "birch"
	}
	user := env("MACHINE_USER")
	if user == "" {
		user = "anna"
	}
	var binder devcert.Binder = tableBinder{filepath.Join(state, disk.BindingsFile)}
	if shared := filepath.Join(machine, "ports"); isFolder(shared) {
		binder = sharedBinder{shared}
	}
	return &devcert.Host{
		Owner: devcert.Owner{User: user, Host: "birch", Machine: id}, StateDir: state, Files: plainFiles{},
		Stores: stores, Binder: binder, Server: listeningServer{machine}, Services: folderServices{filepath.Join(machine, "services")}, Clients: scriptedClients{filepath.Join(machine, "clients")},
		Team:      teamfile.Files{Home: env("HOME"), Sudo: env("MACHINE_SUDO") != ""},
		Roots:     func() ([]byte, error) { return rootsOf(filepath.Join(machine, "roots")) },
		Overrides: func(*x509.Certificate) []devcert.Override { return nil },
		Self:      "/usr/bin/devcert", AsAdmin: "sudo ", Transient: env("TRANSIENT") != "", Elsewhere: o.StateDir != "",
	}, nil
}

// rootsOf are those of a machine that has the file; nobody knows another's.
func rootsOf(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return data, err
}

type folderStore struct {
	name, dir string
	now       func() time.Time
}

func (s folderStore) has(flag string) bool {
	_, err := os.Stat(filepath.Join(s.dir, flag))
	return err == nil
}

func (s folderStore) Name() string { return s.name }

func (s folderStore) file(root *x509.Certificate) string {
	return filepath.Join(s.dir, chain.HierarchyID(root)+".pem")
}

func (s folderStore) Look(_ context.Context, m devcert.Material) []devcert.Place {
	if s.has("nowhere") || s.has("absent") {
		return nil
	}
	place := devcert.Place{Part: chain.PartRoot, Machine: true, Path: "the " + s.name + "'s roots", State: devcert.Missing, VerifiedBy: "file"}
	if s.has("blind") {
		place.State, place.Evidence = devcert.Unknown, "permission denied"
		return []devcert.Place{place}
	}
	names, _ := filepath.Glob(filepath.Join(s.dir, "*.pem"))
	for _, name := range names {
		data, _ := os.ReadFile(name)
		certs, err := chain.ParseCertificates(data)
		switch {
		case err != nil:
			place.State, place.Evidence = devcert.Stale, "damaged"
		case m.Root != nil && certs[0].Equal(m.Root):
			place.State = devcert.Trusted
		default:
			place.Others = append(place.Others, certs[0])
		}
	}
	return []devcert.Place{place}
}

func (s folderStore) Ready(context.Context) error {
	if s.has("refuse") {
		return devcert.ErrNeedsAdmin
	}
	return nil
}

func (s folderStore) change(act func() error) error {
	switch {
	case s.has("refuse"):
		return fmt.Errorf("asking for the %s store: %w", s.name, devcert.ErrNeedsAdmin)
	case s.has("declines"):
		return fmt.Errorf("the %s store asked a person: %w", s.name, devcert.ErrDeclined)
	case s.has("nowhere"):
		return devcert.ErrUnsupported
	case s.has("broken"):
		return errors.New("update-roots: exit status 7: no such thing")
	case s.has("deaf"), s.has("absent"):
		return nil
	}
	return act()
}

func (s folderStore) Deploy(_ context.Context, m devcert.Material) error {
	return s.change(func() error { return os.WriteFile(s.file(m.Root), chain.EncodeCertificates(m.Root), 0o600) })
}

func (s folderStore) Withdraw(_ context.Context, root *x509.Certificate) error {
	return s.change(func() error {
		err := os.Remove(s.file(root))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// tableBinder keeps the bindings in a file of its own plain form.
type tableBinder struct{ path string }

func (b tableBinder) Table(context.Context) (devcert.PortTable, error) {
	bindings, err := b.read()
	return devcert.PortTable{Bindings: bindings}, err
}

func (b tableBinder) read() ([]devcert.Binding, error) {
	data, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var table []devcert.Binding
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&table); err != nil {
		return nil, fmt.Errorf("%w: %w", err, devcert.ErrTableDamaged)
	}
	return table, nil
}

func (b tableBinder) edit(change func([]devcert.Binding) []devcert.Binding) error {
	table, err := b.read()
	if err != nil {
		return err
	}
	table = change(table)
	slices.SortFunc(table, func(x, y devcert.Binding) int { return x.Port - y.Port })
	data, err := json.Marshal(table)
	if err != nil {
		return err
	}
	return disk.WriteFile(plainFiles{}, b.path, data, disk.PrivateMode)
}

func (b tableBinder) Bind(ctx context.Context, order devcert.BindOrder) error {
	if err := b.Unbind(ctx, order.Ports); err != nil {
		return err
	}
	return b.edit(func(t []devcert.Binding) []devcert.Binding {
		for _, port := range order.Ports {
			t = append(t, devcert.Binding{Port: port, Thumbprint: order.Thumbprint})
		}
		return t
	})
}

// CanServe knows what was issued, as devcert's front does.
func (b tableBinder) CanServe(thumbprint string) error {
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(b.path), "issued", "*", "*.crt"))
	for _, file := range files {
		der, err := os.ReadFile(file)
		if err == nil && fmt.Sprintf("%X", sha1.Sum(der)) == thumbprint {
			_, err = os.Stat(strings.TrimSuffix(file, ".crt") + "-key.pem")
			return err
		}
	}
	return errors.New("it is not there")
}

func (b tableBinder) Preview(_ context.Context, order devcert.BindOrder) ([]string, error) {
	return []string{"bind " + devcert.FormatPorts(order.Ports)}, nil
}

func (b tableBinder) Unbind(_ context.Context, ports []int) error {
	return b.edit(func(t []devcert.Binding) []devcert.Binding {
		return slices.DeleteFunc(t, func(n devcert.Binding) bool { return slices.Contains(ports, n.Port) })
	})
}

// Probe answers from the environment: PROBE is the thumbprint every port shows.
func (b tableBinder) Probe(_ context.Context, ports []int) []devcert.Answer {
	var answers []devcert.Answer
	for _, p := range ports {
		answers = append(answers, devcert.Answer{Port: p, Address: "127.0.0.1", Listener: os.Getenv("PROBE")})
	}
	return answers
}

// plainFiles are private by mode alone.
type plainFiles struct{}

func (plainFiles) MakeDir(path string) error { return os.Mkdir(path, 0o700) }

func (plainFiles) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (plainFiles) Exposed(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && os.PathSeparator == '/' {
		return fmt.Sprintf("mode %04o: others may read it", mode), nil
	}
	return "", nil
}

func (plainFiles) MakePrivate(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()&^0o077)
}

func (plainFiles) Replaceable(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o002 == 0 {
		return "", err
	}
	return fmt.Sprintf("mode %04o: everyone may replace what is in it", info.Mode().Perm()), nil
}

func (plainFiles) HasOtherName(*os.File) bool { return false }

// Rename waits for readers where the system wants that.
func (plainFiles) Rename(from, to string) error { return securefile.Files{}.Rename(from, to) }

func (plainFiles) Sync([]*os.File) error { return nil }

func (plainFiles) SyncDir(string) error { return nil }
