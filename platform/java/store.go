package java

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"devcert/devcert"
	"devcert/devcert/disk"
	"devcert/platform/elevate"
)

// Privileged is who changes the machine's keystores for us, with the Handlers of a
// [Machine].
type Privileged interface {
	Ready(ctx context.Context) error
	Do(ctx context.Context, what string, body any) error
}

// Store is the keystores of all Javas. It implements [devcert.Store].
type Store struct {
	Privileged Privileged
	// Env is the environment of this user's process, as os.Environ gives it.
	Env []string
	// StateDir is where the root's file is, for who has to add it by hand.
	StateDir string
	// Say tells a person one line; nil where nobody is there.
	Say func(line string)
	// Root is put before every path of the system's. It is empty but in tests.
	Root string
}

var _ devcert.Store = (*Store)(nil)

// Name is "java".
func (s *Store) Name() string { return "java" }

// Ready says whether the keystores can be changed: by us, or by asking somebody.
func (s *Store) Ready(ctx context.Context) error {
	all, _ := s.keystores(s.finder())
	for _, f := range all {
		if f.err == nil && !s.mine(f.path) {
			return s.Privileged.Ready(ctx)
		}
	}
	return nil
}

// Deploy has every keystore hold the root: those of this user while the system's
// store is being changed, those of the machine's after it. What is made from
// that store (see followsSystem) then holds it already, and nothing is run.
func (s *Store) Deploy(ctx context.Context, m devcert.Material) error {
	c := s.addition(ctx, m.Root)
	c.users = true
	err := s.change(c)
	if m.UserOnly {
		return err
	}
	m.After(devcert.SystemStore)
	c.users, c.machine = false, true
	return errors.Join(err, s.change(c))
}

func (s *Store) addition(ctx context.Context, root *x509.Certificate) change {
	find := s.finder()
	return change{
		right: func(f file) (bool, error) {
			p := s.lookAt(find, f, devcert.Material{Root: root})
			if hasKept(f.path) {
				return false, nil
			}
			return p.State == devcert.Trusted || p.Remedy != "", nil // what is a person's to mend, Look says
		},
		adds:  true,
		own:   func(e edit) error { return e.add(ctx, root) },
		child: func() error { return s.Privileged.Do(ctx, trustRoot, elevate.Certificate{DER: root.Raw}) },
	}
}

// Withdraw removes cert from every keystore, whoever put it there: Debian's hook
// adds the system's anchors under an alias of its own and leaves them there.
func (s *Store) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	return s.change(change{
		users: true, machine: true,
		right: func(f file) (bool, error) {
			if hasKept(f.path) {
				return false, nil // it may hold cert, and come back
			}
			k, _, err := f.open()
			if errors.Is(err, fs.ErrNotExist) {
				return true, nil
			}
			return err == nil && len(k.aliases(cert)) == 0, err
		},
		own:   func(e edit) error { return e.remove(ctx, cert) },
		child: func() error { return s.Privileged.Do(ctx, distrustCert, elevate.Certificate{DER: cert.Raw}) },
	})
}

// change is what is to be done to every keystore that is not right.
type change struct {
	users   bool // to those of this user's
	machine bool // to those of the machine's
	right   func(file) (bool, error)
	own     func(edit) error // does it to one of this user's
	adds    bool             // a certificate, which is to be found again
	child   func() error     // has it done to all of the machine's
}

// change does to each keystore what is to be done: to the user's own at once, to
// the machine's by the child. One that fails keeps none of the others from it.
func (s *Store) change(c change) error {
	find := s.finder()
	all, _ := s.keystores(find) // a broken JAVA_HOME is for Look to report
	var errs []error
	var machines []string
	for _, f := range all {
		mine := s.mine(f.path)
		if mine && !c.users || !mine && !c.machine {
			continue
		}
		right, err := c.right(f)
		switch {
		case err != nil:
			errs = append(errs, failed("look into "+f.path, f.path, "see what is at "+f.path, err))
		case right:
		case mine:
			errs = append(errs, s.changeOwn(find, f, c))
		default:
			machines = append(machines, f.path)
		}
	}
	if len(machines) > 0 {
		errs = append(errs, s.changeMachine(machines, c))
	}
	return errors.Join(errs...)
}

func (s *Store) changeOwn(find finder, f file, c change) error {
	tool, err := ownKeytool(find, f)
	if err != nil {
		return failed("change "+f.path, f.path, "see what is at "+f.path, err)
	}
	if c.adds {
		if err := s.remember(find, f.homes); err != nil {
			return err
		}
	}
	return c.own(edit{keytool: tool, path: f.path, root: s.rootFile(), waiting: s.waiting})
}

// changeMachine has the child change the keystores of paths. Where it would
// change none of them, nobody is asked for rights.
func (s *Store) changeMachine(paths []string, c change) error {
	m := Machine{Root: s.Root}
	targets := m.targets()
	var errs []error
	for _, path := range paths {
		if err := m.refusal(targets, path); err != nil {
			errs = append(errs, failed("change "+path, path, "change it by hand, with a keytool -keystore "+path, err))
		}
	}
	if len(errs) < len(paths) {
		errs = append(errs, c.child())
	}
	return errors.Join(errs...)
}

// ownKeytool is the first of the Javas that read a keystore, to be run as this
// user.
func ownKeytool(find finder, f file) (string, error) {
	problem := errTools
	for _, h := range f.homes {
		tool, ok := find.keytool(h)
		if !ok {
			continue
		}
		real, err := filepath.EvalSymlinks(tool)
		if err != nil {
			problem = err
			continue
		}
		if problem = errors.Join(refuse(real), refuse(filepath.Dir(real)), refuse(string(h))); problem == nil {
			return tool, nil
		}
	}
	return "", problem
}

func (s *Store) rootFile() string {
	if s.StateDir == "" {
		return ""
	}
	return filepath.Join(s.StateDir, disk.RootFile)
}

func (s *Store) waiting() {
	if s.Say != nil {
		s.Say("waiting for another devcert to finish with a Java keystore")
	}
}

// lookup returns the value of name in the environment.
func (s *Store) lookup(name string) string {
	for _, pair := range s.Env {
		if have, value, _ := strings.Cut(pair, "="); envName(have, name) {
			return value
		}
	}
	return ""
}

// below says whether path is folder or in it; nothing is below "".
func below(path, folder string) bool {
	if folder == "" {
		return false
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real // as those paths are that it is asked about
	}
	relative, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(relative) && relative != "."
}
