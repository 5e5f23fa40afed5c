package httpsys

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

func TestPath(t *testing.T) {
	t.Setenv("SystemRoot", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	path, err := Path()
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(path))
	require.FileExists(t, path)
}

// The real netsh, in the language of this machine; it is only asked.
func TestRealNetsh(t *testing.T) {
	if onWine() {
		t.Skip("Wine's netsh says nothing")
	}
	n, err := System(t.TempDir(), func(ctx context.Context, path string, args ...string) ([]byte, error) {
		return exec.CommandContext(ctx, path, args...).Output()
	})
	require.NoError(t, err)
	s, err := n.Look(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, s.Reservations, "Windows makes some itself")
	none, err := Unbound()
	require.NoError(t, err)
	require.False(t, none && len(s.Records) > 0, "the registry overlooks a binding")
}

func TestUnbound(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" || !onWine() {
		t.Skip("writes into the registry of the machine")
	}
	none, err := Unbound()
	require.NoError(t, err)
	require.True(t, none)

	const path = `SYSTEM\CurrentControlSet\Services\HTTP\Parameters\SslBindingInfo`
	table, _, err := registry.CreateKey(registry.LOCAL_MACHINE, path, registry.ALL_ACCESS)
	require.NoError(t, err)
	defer func() { _ = table.Close() }()
	none, err = Unbound()
	require.NoError(t, err)
	require.True(t, none, "a table without entries")

	entry, _, err := registry.CreateKey(table, "0.0.0.0:44300", registry.ALL_ACCESS)
	require.NoError(t, err)
	require.NoError(t, entry.Close())
	none, err = Unbound()
	require.NoError(t, err)
	require.False(t, none)
	require.NoError(t, registry.DeleteKey(table, "0.0.0.0:44300"))
}
