package clients

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/dotnet"
)

// dotNet puts .NET's host and frameworks into a folder.
func (m *machine) dotNet(dir string, frameworks ...string) string {
	m.t.Helper()
	host := m.put(filepath.Join(dir, "dotnet"), "#!/bin/sh\nexec /bin/sleep 60\n")
	require.NoError(m.t, os.Chmod(host, 0o755))
	for _, name := range frameworks {
		require.NoError(m.t, os.MkdirAll(filepath.Join(dir, "shared", name, "9.0.1"), 0o755))
	}
	return host
}

func TestUnixDotNet(t *testing.T) {
	m := newMachine(t)
	m.dotNet(filepath.Join(m.home, "system", "usr", "lib", "dotnet"), netCore)
	found := m.find()
	require.Len(t, found, 1, "only what ASP.NET Core is beside can serve")
	require.Equal(t, systemStore, found["dotnet"].Store)
	require.Empty(t, found["dotnet"].State, "as the system's store")

	own := m.dotNet(filepath.Join(m.home, ".dotnet"), netCore, aspNetCore)
	require.Len(t, m.find(), 1, "the system's comes first")
	require.NoError(t, os.Symlink(own, filepath.Join(m.bin, "dotnet")))
	found = m.find("SSL_CERT_FILE="+m.other, "SSL_CERT_DIR="+m.bin)
	require.Equal(t, devcert.Missing, found["dotnet"].State)
	require.Equal(t, "SSL_CERT_FILE", found["dotnet"].Override)
	require.Equal(t, filepath.Join(m.bin, "dotnet"), found["kestrel"].Path)
	require.True(t, found["kestrel"].Server)
	require.Equal(t, devcert.Missing, found["kestrel"].State)
	require.Equal(t, filepath.Join(dotnet.Folder(m.home), "my"), found["kestrel"].Roots)

	whole := m.find("SSL_CERT_FILE="+m.other, "SSL_CERT_DIR="+filepath.Dir(m.root))["dotnet"]
	require.Equal(t, []any{devcert.Trusted, "SSL_CERT_DIR"}, []any{whole.State, whole.Override}, "every file is read, whatever its name")

	m.put(filepath.Join(dotnet.Folder(m.home), "disallowed", "x"), "")
	found = m.find("SSL_CERT_FILE=" + m.root)
	require.Equal(t, devcert.Denied, found["dotnet"].State)
	require.Contains(t, found["dotnet"].Remedy, "remove ")
	for _, name := range []string{"dotnet", "kestrel"} {
		require.Contains(t, found[name].Evidence, "disallowed is not empty")
	}
}

// TestDotNetThatHangs: neither holds doctor up.
func TestDotNetThatHangs(t *testing.T) {
	m := newMachine(t)
	m.dotNet(m.bin, netCore, aspNetCore)
	a := newHall(t)
	a.exam.Limit = time.Second
	c := New(Options{Env: []string{"PATH=" + m.bin}, Home: m.home})
	started := time.Now()
	found := slices.DeleteFunc(c.Find(t.Context(), m.material), func(c devcert.Client) bool { return filepath.Dir(c.Path) != m.bin })
	require.Len(t, found, 2)
	asked, err := c.Ask(t.Context(), found, a.exam)
	require.NoError(t, err)
	require.Less(t, time.Since(started), 10*time.Second)
	for _, one := range asked {
		require.Equal(t, devcert.Hung, one.Inside, one.Name)
	}
	a.requireClean(t)
}
