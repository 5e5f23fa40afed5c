package nss

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"devcert/platform/run"
)

const (
	// lookLimit is for one look at one database. certutil answers in 10 ms, and
	// after a second where somebody has locked the database.
	lookLimit = 10 * time.Second
	// changeLimit is for one change of one database.
	changeLimit = 30 * time.Second
)

// Tool is certutil, of NSS's own tools.
type Tool struct {
	Path string // absolute
}

// FindTool finds certutil in the system's folders. A file that cannot be
// executed, or that others than root can replace, is not installed.
func FindTool() (Tool, bool) { return findTool("") }

func findTool(root string) (Tool, bool) {
	path, err := run.Finder{Root: root}.Find("certutil")
	return Tool{path}, err == nil
}

// run runs certutil on the database in dir. It never asks for a password: of a
// database without one none is wanted, and for one that has it an empty file is
// no answer. Without the file certutil would read the terminal.
func (t Tool) run(ctx context.Context, dir string, input []byte, args ...string) ([]byte, error) {
	args = append([]string{"-d", "sql:" + dir, "-f", os.DevNull}, args...)
	return run.Command{Path: t.Path, Args: args, Stdin: bytes.NewReader(input)}.Run(ctx)
}

// Add has the database trust root for servers, also where it has the root
// already: that mends its trust bits. Where root cannot be trusted, as in a
// database with a password, it is not left behind without trust. There must be a
// database; see [Tool.Create].
func (t Tool) Add(ctx context.Context, dir string, root *x509.Certificate) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	what := "add the root to the NSS database in " + dir
	if err := changeable(ctx, dir); err != nil {
		return failed(what, dir, err)
	}
	was, err := t.has(ctx, dir, root)
	if err != nil && exists(filepath.Join(dir, keyFile)) { // else it cannot be looked into before it has one again
		return failed(what, dir, err)
	}
	hidden := err != nil
	err = t.add(ctx, dir, root)
	if err == nil || was || hidden {
		return failed(what, dir, err)
	}
	if half, lookErr := t.has(ctx, dir, root); lookErr == nil && half {
		err = errors.Join(err, t.delete(ctx, dir, root))
	}
	return failed(what, dir, err)
}

// add gives the root its own nickname, or another where certutil does not take
// that: a nickname belongs to one subject, and somebody else's certificate may
// have it.
func (t Tool) add(ctx context.Context, dir string, root *x509.Certificate) error {
	var first error
	for _, name := range []string{Nickname(root), fmt.Sprintf("%s (%X)", Nickname(root), fingerprint(root)[:4])} {
		_, err := t.run(ctx, dir, root.Raw, "-A", "-t", "C,,", "-n", name)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		if wantsPassword(err) {
			break
		}
	}
	return first
}

// Nickname is the name under which Add puts a root into a database.
func Nickname(root *x509.Certificate) string { return root.Subject.CommonName }

// Remove removes cert, whatever its nickname, and with the last certificate of
// devcert's the database that [Tool.Create] made for it, where nothing else is in
// it. A certificate or database that is not there is no error.
func (t Tool) Remove(ctx context.Context, dir string, cert *x509.Certificate) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	err := t.remove(ctx, dir, cert)
	if err == nil {
		err = t.settle(ctx, dir)
	}
	return failed("remove a certificate from the NSS database in "+dir, dir, err)
}

func (t Tool) remove(ctx context.Context, dir string, cert *x509.Certificate) error {
	held, err := readHeld(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !held.mayHave(cert) {
		return err
	}
	there, err := t.has(ctx, dir, cert) // its bytes may be a remnant
	if err != nil || !there {
		return err
	}
	if err := changeable(ctx, dir); err != nil {
		return err
	}
	return t.delete(ctx, dir, cert)
}

// delete removes cert, which is there, by the id of its key. certutil finds the
// certificate by it alone, and removes one: where several have that key, it is
// not known which.
func (t Tool) delete(ctx context.Context, dir string, cert *x509.Certificate) error {
	found, err := t.named(ctx, dir, keyURI(cert))
	if err != nil {
		return err
	}
	keys := 0
	for _, other := range found {
		if bytes.Equal(other.RawSubjectPublicKeyInfo, cert.RawSubjectPublicKeyInfo) {
			keys++
		}
	}
	if keys > 1 {
		return &ambiguousError{dir: dir}
	}
	if keys == 1 {
		_, err := t.run(ctx, dir, nil, "-D", "-n", keyURI(cert))
		return err
	}
	return &ambiguousError{dir: dir} // under an id that is not its key's
}
