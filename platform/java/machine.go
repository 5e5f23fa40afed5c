package java

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// What the privileged child can be asked for.
const (
	trustRoot    = "java/trust-root"
	distrustCert = "java/distrust"
)

// Machine changes the keystores that are the machine's. It is meant for the
// privileged child, finds the Javas by itself, and only where the system keeps
// them: no variable, no search path, no user's folder.
type Machine struct {
	// Root is put before every path. It is empty but in tests.
	Root string
}

// Handlers are what the privileged child does for a Store.
func (m Machine) Handlers() elevate.Handlers {
	return elevate.Handlers{
		trustRoot: elevate.OfCertificate(chain.CheckNewRoot, m.Trust),
		distrustCert: elevate.OfCertificate(func(der []byte) (*x509.Certificate, error) {
			cert, _, err := chain.CheckPart(der)
			return cert, err
		}, m.Distrust),
	}
}

// Trust adds root to every keystore of the machine's that is safe to change.
// What is not is for whoever asked to speak of: [Store] knows the same.
func (m Machine) Trust(ctx context.Context, root *x509.Certificate, waiting func()) error {
	return m.each(ctx, waiting, func(e edit) error { return e.add(ctx, root) })
}

// Distrust removes cert from them.
func (m Machine) Distrust(ctx context.Context, cert *x509.Certificate, waiting func()) error {
	return m.each(ctx, waiting, func(e edit) error { return e.remove(ctx, cert) })
}

func (m Machine) each(ctx context.Context, waiting func(), do func(edit) error) error {
	failed := m.settleKept(ctx, waiting)
	for _, t := range m.targets() {
		if t.err == nil {
			failed = errors.Join(failed, do(edit{keytool: t.keytool, path: t.path, admin: asAdmin, waiting: waiting}))
		}
	}
	return failed
}

// target is a keystore of the machine's and what to change it with.
type target struct {
	path, keytool string
	err           error // why it is not to be changed
}

// targets lists the keystores that Javas of the system's read. That one of those
// Javas is not to be believed is no obstacle where another one is.
func (m Machine) targets() []target {
	f := machineFinder(m.Root)
	homes, _ := f.homes()
	unsafe := map[home]error{}
	for _, h := range homes {
		unsafe[h] = m.safeTree(string(h))
	}
	var found []target
	for _, file := range files(homes) {
		if file.err == nil {
			found = append(found, m.target(f, file, unsafe))
		}
	}
	return found
}

func (m Machine) target(f finder, file file, unsafe map[home]error) target {
	t := target{path: file.path, err: errTools}
	for _, h := range file.homes {
		tool, ok := f.keytool(h)
		switch {
		case !ok:
		case unsafe[h] != nil:
			t.err = unsafe[h]
		default:
			t.keytool, t.err = tool, m.safeFile(file.path)
			return t
		}
	}
	return t
}

// refusal says why the child will not change a keystore of the machine's; nil
// when it will.
func (m Machine) refusal(targets []target, path string) error {
	at := slices.IndexFunc(targets, func(t target) bool { return t.path == path })
	if at < 0 {
		return errElsewhere
	}
	return targets[at].err
}

// errElsewhere: the child believes neither a variable nor a search path.
var errElsewhere = errors.New("only an administrator may change it, and it is not where the system keeps its Javas")
