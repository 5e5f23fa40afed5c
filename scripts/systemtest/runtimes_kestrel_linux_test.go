package systemtest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// dotnetImage is a new machine of a developer whose home has .NET's folder, as
// every SDK makes it, and servedImage the same one after setup.
var (
	dotnetImage = sync.OnceValues(func() (image, error) {
		base, err := newImage()
		if err != nil {
			return base, err
		}
		return freeze(base, func() error { return os.Mkdir(filepath.Join(root.home(), ".dotnet"), 0o755) })
	})
	servedImage = sync.OnceValues(func() (image, error) {
		base, err := dotnetImage()
		if err != nil {
			return base, err
		}
		return freeze(base, func() error {
			cmd := exec.Command(suite.devcert, "setup")
			cmd.Env = environment(root)
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("devcert setup: %w\n%s", err, out)
			}
			return err
		})
	})
)

func kestrelMachine(t *testing.T, from func() (image, error)) *machine {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_KESTREL") == "" {
		t.Skip("DEVCERT_TEST_KESTREL names no folder with a Kestrel")
	}
	return startMachine(t, from, nil)
}

// dotnetStore is a path in .NET's personal store.
func (m *machine) dotnetStore(names ...string) string {
	return filepath.Join(append([]string{m.home(), ".dotnet/corefx/cryptography/x509stores"}, names...)...)
}

// kestrel starts a real Kestrel with nothing but ASPNETCORE_URLS, and returns what
// it presents; nothing where it does not start. Where it serves devcert's chain,
// curl is asked, with the system's roots alone.
func (m *machine) kestrel() (served []*x509.Certificate, said string) {
	m.t.Helper()
	port := freePort(m.t)
	d := m.with("ASPNETCORE_URLS=" + "https://localhost:" + port).start(filepath.Join(os.Getenv("DEVCERT_TEST_KESTREL"), "kestrel"))
	defer func() { said = d.stop() }()
	if !d.listens(m.t, port) {
		return nil, ""
	}
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{ServerName: ours, InsecureSkipVerify: true})
	if err != nil {
		return nil, ""
	}
	served = conn.ConnectionState().PeerCertificates
	_ = conn.Close()
	r := m.run("curl", "-sS", "https://localhost:"+port+"/")
	if r.code == 0 {
		require.Regexp(m.t, `^kestrel \d`, r.stdout)
	} else {
		require.Regexp(m.t, aboutCertificates, r.stderr, "%s", r)
	}
	require.Equal(m.t, m.isOurs(served), r.code == 0, "curl, with the system's roots: %s", r)
	return served, ""
}

// isOurs says whether it is the present leaf with the intermediate.
func (m *machine) isOurs(served []*x509.Certificate) bool {
	data, err := os.ReadFile(m.state("localhost.pem"))
	if err != nil {
		return false
	}
	certs, err := chain.ParseCertificates(data)
	require.NoError(m.t, err)
	return slices.EqualFunc(certs, served, func(a, b *x509.Certificate) bool { return a.Equal(b) })
}

func (m *machine) requireKestrelServes() {
	m.t.Helper()
	served, said := m.kestrel()
	require.True(m.t, m.isOurs(served), "served %d certificates; %s", len(served), said)
}

func (m *machine) requireNoKestrel() {
	m.t.Helper()
	served, said := m.kestrel()
	require.Empty(m.t, served)
	require.Contains(m.t, said, "InvalidOperationException")
}

func TestKestrelStartsWithWhatSetupMade(t *testing.T) {
	m := kestrelMachine(t, dotnetImage)
	pristine := m.snapshot()
	m.requireNoKestrel()

	m.devcert(0, "setup")
	m.requireHealthy()
	m.requireKestrelServes()

	old := m.dotnetStore("my", m.status().Hierarchy.Leaf.Thumbprint+".pfx")
	require.FileExists(t, old)
	m.devcert(0, "renew", "--force")
	require.NoFileExists(t, old)
	m.requireHealthy()
	m.requireKestrelServes()

	m.devcert(0, "uninstall", "--yes")
	m.requireNoKestrel()
	m.requireAsBefore(pristine)
}

// TestKestrelAskedForByName is a machine where nothing shows that there is a .NET:
// an application that brings one of its own.
func TestKestrelAskedForByName(t *testing.T) {
	m := kestrelMachine(t, newImage)
	m.devcert(0, "setup")
	require.NoDirExists(t, filepath.Join(m.home(), ".dotnet"))
	m.requireNoKestrel()
	m.devcert(0, "setup", "--stores", "system,dotnet")
	m.requireKestrelServes()
}
