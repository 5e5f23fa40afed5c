package wsl

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/cli"
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

// terminal is a Linux under Windows, and a devcert on it.
type terminal struct {
	*world
	system linuxStore
	state  string
}

func newTerminal(t *testing.T) *terminal {
	w := &terminal{world: newWorld(t), state: filepath.Join(t.TempDir(), "devcert")}
	w.store.StateDir = w.state
	return w
}

func (w *terminal) newHost(devcert.HostOptions) (*devcert.Host, error) {
	files := securefile.Files{}
	return &devcert.Host{
		Owner: devcert.Owner{User: "anna", Host: "birch", Machine: "birch"}, StateDir: w.state, Files: files,
		Stores: []devcert.Store{&w.system, w.store}, Binder: front.New(w.state, files),
		Overrides: func(*x509.Certificate) []devcert.Override { return nil },
		Self:      "/usr/bin/devcert", Close: func() {},
	}, nil
}

// devcert runs a command line, demands its exit code and returns what it said.
func (w *terminal) devcert(want int, args ...string) (out, err string) {
	w.t.Helper()
	var stdout, stderr bytes.Buffer
	streams := cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}
	code := cli.MainAt(append([]string{"devcert"}, args...), streams, []string{"LC_ALL=C"}, w.newHost, time.Now)
	require.Equal(w.t, want, code, stdout.String()+stderr.String())
	return stdout.String(), stderr.String()
}

func (w *terminal) setup(want int, more ...string) (out, err string) {
	w.t.Helper()
	return w.devcert(want, append([]string{"setup", "--key", "ecdsa", "--ports", "none"}, more...)...)
}

// toType is what a person is told to type.
func (w *terminal) toType() string {
	return `certutil.exe -user -addstore Root "\\wsl.localhost\Ubuntu` + strings.ReplaceAll(w.state, "/", `\`) + `\root.pem"`
}

func TestCommandsWithSomebodyThere(t *testing.T) {
	w := newTerminal(t)
	out, _ := w.setup(0)
	require.Contains(t, out, "trusted in 2 stores")
	require.Len(t, w.windows().Stores[userRoot], 1)
	out, _ = w.devcert(0, "status")
	require.Contains(t, out, `windows-root trusted CurrentUser\Root of Windows`)

	now := w.windows()
	now.Stores[userRoot] = nil
	w.become(now)
	out, _ = w.devcert(3, "status")
	require.Contains(t, out, "error         trust-missing: the windows-root store does not have the root")
	w.devcert(0, "repair")
	require.Len(t, w.windows().Stores[userRoot], 1)

	other := newRoot(t, "anna@birch")
	now = w.windows()
	now.Stores[userRoot] = append(now.Stores[userRoot], other.Root.Raw)
	w.become(now)
	w.devcert(0, "status")
	w.devcert(0, "renew", "--root", "--yes")
	require.Len(t, w.windows().Stores[userRoot], 2, "the former root is gone")
	w.devcert(0, "uninstall", "--all", "--yes")
	require.Equal(t, [][]byte{other.Root.Raw}, w.windows().Stores[userRoot], "another distribution's stays")
}

func TestCommandsWithNobodyThere(t *testing.T) {
	w := newTerminal(t)
	w.store.Interactive = false
	out, err := w.setup(0)
	require.Contains(t, err, "fail windows-root")
	require.Contains(t, out, "warning       trust-missing: the windows-root store does not have the root")
	require.Contains(t, out, w.toType())
	require.Contains(t, out, "trusted in 1 store.")
	w.setup(0, "--permit", "example.org", "--yes") // nothing trusted the old one there
	w.setup(5, "--stores", "system,windows-root")
	w.setup(0, "--stores", "system")
	out, _ = w.devcert(0, "status")
	require.Contains(t, out, "windows-root not asked for")
	require.NotContains(t, w.asked(), "add")
	w.devcert(0, "uninstall", "--yes")

	w.store.Interactive = true
	w.setup(0, "--stores", "all")
	w.store.Interactive = false
	_, err = w.devcert(5, "uninstall", "--yes")
	require.Contains(t, err, "certutil.exe -user -delstore Root ")
	now := w.windows()
	now.Stores[userRoot] = nil // as that command does
	w.become(now)
	w.devcert(0, "uninstall", "--yes")
	require.NoDirExists(t, w.state)
}

// A machine with interop off is as healthy as one can be there: it is told the
// command, and everything else is done.
func TestCommandsWithoutInterop(t *testing.T) {
	w := newTerminal(t)
	w.write(confFile, "[interop]\nenabled=false\n")
	out, err := w.setup(0)
	require.NotContains(t, err, "windows-root", "nothing is said to be done there")
	require.Contains(t, out, "warning       trust-unknown: the windows-root store could not be looked into: starting Windows' programs is switched off in /etc/wsl.conf")
	require.Contains(t, out, w.toType())
	out, _ = w.devcert(0, "status", "--json")
	var said struct {
		Stores []struct{ Name, State string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &said))
	require.Equal(t, "windows-root", said.Stores[1].Name)
	require.Equal(t, "unknown", said.Stores[1].State)
	w.setup(0, "--permit", "example.org", "--yes")
	w.devcert(0, "uninstall", "--yes")
	require.NoDirExists(t, w.state)

	w.setup(6, "--stores", "system,windows-root")
	require.NoError(t, os.Remove(w.path(confFile)))
	w.devcert(0, "repair")
	require.Len(t, w.windows().Stores[userRoot], 1)
	w.write(confFile, "[interop]\nenabled=false\n")
	_, err = w.devcert(6, "uninstall", "--yes")
	require.Contains(t, err, "certutil.exe -user -delstore Root ")
	require.DirExists(t, w.state, "what is on record may still be there")
}

// Scope user leaves out what an administrator changes, which this store is not.
func TestScopeUser(t *testing.T) {
	w := newTerminal(t)
	out, _ := w.setup(0, "--scope", "user")
	require.Contains(t, out, "trusted in 1 store.")
	require.Len(t, w.windows().Stores[userRoot], 1)
	require.Empty(t, w.system.roots)
}
