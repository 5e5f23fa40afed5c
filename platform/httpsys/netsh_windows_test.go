package httpsys

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"devcert/platform/httpsys/internal/standin"
	"devcert/platform/run"

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

func TestMachineLedger(t *testing.T) {
	t.Setenv("ProgramData", t.TempDir())
	k, err := MachineLedger()
	require.NoError(t, err)
	require.Equal(t, "devcert", filepath.Base(k.Folder))
	require.NotEqual(t, os.Getenv("ProgramData"), filepath.Dir(k.Folder))
	require.DirExists(t, filepath.Dir(k.Folder))
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" || !onWine() {
		t.Skip("writes into the machine's folder")
	}
	unlock, err := k.lock(t.Context(), func() {})
	require.NoError(t, err)
	before := Bound(44300, theirs, IISExpress)
	kept := &ledger{Places: []trace{{Kind: IP, Address: before.Address, Port: 44300, Bound: []string{ours}, Before: &before}}}
	require.NoError(t, k.write(kept))
	require.NoError(t, k.write(kept), "replaced")
	unlock()
	unlock, err = k.lock(t.Context(), func() {})
	require.NoError(t, err)
	read, aside, err := k.read()
	require.NoError(t, err)
	require.Empty(t, aside)
	require.Equal(t, kept.Places, read.Places)
	require.NoError(t, k.write(&ledger{}))
	unlock()
	require.NoDirExists(t, k.Folder)
}

// The machine's own programs are started the way devcert does it.
func TestStartedByRun(t *testing.T) {
	m := newMachine(t, standin.Settings{Certificates: []string{ours}}, standin.IISExpress(44300, 44309, theirs)...)
	m.Run = func(ctx context.Context, args ...string) ([]byte, error) {
		return run.Command{Path: filepath.Join(m.folder, "netsh.exe"), Args: args}.Run(ctx)
	}
	seen, err := m.Look(t.Context())
	require.NoError(t, err)
	records, reserved := wanted(44300, 44309)
	_, err = m.Apply(t.Context(), seen.Replace(records, reserved))
	require.NoError(t, err)
	require.Len(t, m.starts(), 2)
	m.settings(standin.Settings{Mode: "crash"})
	_, err = m.Look(t.Context())
	require.ErrorContains(t, err, "not the three lists", "a status is no verdict")
	m.settings(standin.Settings{Mode: "hang"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = m.Look(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	m.nothingLeft()
}
