package wsl

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/front"
	"devcert/platform/securefile"
)

// linuxStore is the system's own store, which takes what it is given.
type linuxStore struct{ roots []*x509.Certificate }

func (s *linuxStore) Name() string                { return devcert.SystemStore }
func (s *linuxStore) Ready(context.Context) error { return nil }

func (s *linuxStore) Look(_ context.Context, m devcert.Material) []devcert.Place {
	p := devcert.Place{Path: "/etc/ssl/certs", Part: chain.PartRoot, Machine: true, State: devcert.Missing}
	for _, root := range s.roots {
		if m.Root != nil && root.Equal(m.Root) {
			p.State = devcert.Trusted
		} else {
			p.Others = append(p.Others, root)
		}
	}
	return []devcert.Place{p}
}

func (s *linuxStore) Deploy(_ context.Context, m devcert.Material) error {
	s.roots = append(s.roots, m.Root)
	return nil
}

func (s *linuxStore) Withdraw(_ context.Context, cert *x509.Certificate) error {
	s.roots = slices.DeleteFunc(s.roots, cert.Equal)
	return nil
}

// guest is a Linux under Windows, and a devcert on it.
type guest struct {
	*world
	system linuxStore
	state  string
}

func newGuest(t *testing.T) *guest {
	w := &guest{world: newWorld(t), state: filepath.Join(t.TempDir(), "devcert")}
	w.store.StateDir = w.state
	return w
}

func (w *guest) engine() *devcert.Engine {
	files := securefile.Files{}
	return &devcert.Engine{
		Host: &devcert.Host{
			Owner: devcert.Owner{User: "anna", Host: "birch", Machine: "birch"}, StateDir: w.state, Files: files,
			Stores: []devcert.Store{&w.system, w.store}, Binder: front.New(w.state, files),
			Overrides: func(*x509.Certificate) []devcert.Override { return nil }, Close: func() {},
		},
		Command: "test", Now: time.Now, Timeout: time.Minute, Say: func(string) {}, Confirm: func(string) error { return nil },
	}
}

// setup makes what it can, and gives what is left to say.
func (w *guest) setup(more devcert.Request) (*devcert.Report, error) {
	more.Key, more.Ports = "ecdsa", "none"
	return w.engine().Setup(w.t.Context(), more)
}

func (w *guest) uninstall() error {
	_, err := w.engine().Uninstall(w.t.Context(), true)
	return err
}

// findings are what a person is told, each as its severity, kind and remedy.
func (w *guest) findings(r *devcert.Report, err error) []string {
	w.t.Helper()
	require.NoError(w.t, err)
	var all []string
	for _, f := range r.Findings {
		all = append(all, string(f.Severity)+" "+f.Kind+": "+f.Remedy)
	}
	return all
}

func (w *guest) status() []string {
	w.t.Helper()
	return w.findings(w.engine().Status(w.t.Context(), false))
}

// users leaves these, and nothing else, in the user's store.
func (w *guest) users(ders ...[]byte) {
	now := w.windows()
	now.Stores[userRoot] = ders
	w.become(now)
}

// toType is what a person is told to type.
func (w *guest) toType() string {
	return "in PowerShell in Windows:  certutil.exe -user -addstore Root " +
		`"\\wsl.localhost\Ubuntu` + strings.ReplaceAll(w.state, "/", `\`) + `\root.pem"`
}

func remedyOf(err error) string {
	var remedied interface{ Remedy() string }
	if errors.As(err, &remedied) {
		return remedied.Remedy()
	}
	return ""
}

func TestWithSomebodyThere(t *testing.T) {
	w := newGuest(t)
	require.Empty(t, w.findings(w.setup(devcert.Request{})))
	require.Len(t, w.windows().Stores[userRoot], 1)
	w.users()
	require.Equal(t, []string{"error trust-missing: devcert repair --only trust-missing"}, w.status())
	require.Empty(t, w.findings(w.engine().Repair(t.Context())))
	require.Len(t, w.windows().Stores[userRoot], 1)

	other := newRoot(t, "anna@birch")
	w.users(w.windows().Stores[userRoot][0], other.Root.Raw)
	require.Empty(t, w.status(), "another distribution's is no former root")
	require.Empty(t, w.findings(w.engine().Renew(t.Context(), false, true)))
	require.Len(t, w.windows().Stores[userRoot], 2, "the former root is gone")
	require.NoError(t, w.uninstall())
	require.Equal(t, [][]byte{other.Root.Raw}, w.windows().Stores[userRoot])
}

func TestWithNobodyThere(t *testing.T) {
	w := newGuest(t)
	w.store.Interactive = false
	warning := []string{"warning trust-missing: " + w.toType()}
	require.Equal(t, warning, w.findings(w.setup(devcert.Request{})))
	require.Len(t, w.system.roots, 1)
	require.Equal(t, warning, w.findings(w.setup(devcert.Request{Permits: []string{"example.org"}})), "nothing trusted the old one there")
	_, err := w.setup(devcert.Request{Stores: []string{"system", "windows-root"}})
	require.ErrorIs(t, err, devcert.ErrDeclined)
	require.Equal(t, w.toType(), remedyOf(err))
	require.Empty(t, w.findings(w.setup(devcert.Request{Stores: []string{"system"}})))
	require.NotContains(t, w.asked(), "add")
	require.NoError(t, w.uninstall())
}

func TestUninstallWithNobodyThere(t *testing.T) {
	w := newGuest(t)
	require.Empty(t, w.findings(w.setup(devcert.Request{})))
	w.store.Interactive = false
	err := w.uninstall()
	require.ErrorIs(t, err, devcert.ErrDeclined)
	require.Contains(t, remedyOf(err), "certutil.exe -user -delstore Root ")
	w.users() // as that command does
	require.NoError(t, w.uninstall())
	require.NoDirExists(t, w.state)
}

// A machine with interop off is as healthy as one can be there: it is told the
// command, and everything else is done.
func TestWithoutInterop(t *testing.T) {
	w := newGuest(t)
	w.write(confFile, "[interop]\nenabled=false\n")
	warning := []string{"warning trust-unknown: " + w.toType()}
	require.Equal(t, warning, w.findings(w.setup(devcert.Request{})))
	require.Equal(t, warning, w.status())
	require.Equal(t, warning, w.findings(w.setup(devcert.Request{Permits: []string{"example.org"}})))
	require.NoError(t, w.uninstall())
	require.NoDirExists(t, w.state)
	require.Empty(t, w.asked())
}

// What was put there while interop was on may still be there when it is off.
func TestInteropThatGoesOff(t *testing.T) {
	w := newGuest(t)
	named := devcert.Request{Stores: []string{"system", "windows-root"}}
	require.Empty(t, w.findings(w.setup(named)))
	w.write(confFile, "[interop]\nenabled=false\n")
	require.Equal(t, []string{"error trust-unknown: " + w.toType()}, w.status(), "it was asked for")
	err := w.uninstall()
	require.Contains(t, remedyOf(err), "certutil.exe -user -delstore Root ")
	require.DirExists(t, w.state)
	require.NoError(t, os.Remove(w.path(confFile)))
	require.NoError(t, w.uninstall())
	require.Empty(t, w.windows().Stores[userRoot])
}

// Scope user leaves out what an administrator changes, which this store is not.
func TestScopeUser(t *testing.T) {
	w := newGuest(t)
	require.Empty(t, w.findings(w.setup(devcert.Request{Scope: "user"})))
	require.Len(t, w.windows().Stores[userRoot], 1)
	require.Empty(t, w.system.roots)
}
