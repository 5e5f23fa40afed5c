package service

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

func TestNew(t *testing.T) {
	require.Nil(t, New(Options{Env: []string{"PATH=/bin"}}))
	require.Nil(t, New(Options{Env: []string{"HOME=relative"}}))
	home, config := t.TempDir(), t.TempDir()
	env := []string{"HOME=" + home, "XDG_CONFIG_HOME=" + config, "XDG_RUNTIME_DIR=" + t.TempDir()}
	m := New(Options{Env: env, Files: files}).(*systemd)
	seen := m.Look(t.Context(), "serve", "")
	require.Equal(t, devcert.ServiceAbsent, seen.Standing)
	require.Equal(t, filepath.Join(home, ".config/systemd/user", unitName), seen.Where)
	require.False(t, m.reach(), "nobody listens there")

	data, err := writeUnit(served(t))
	require.NoError(t, err)
	write(t, filepath.Join(config, "systemd/user", unitName), string(data))
	seen = m.Look(t.Context(), "serve", "")
	require.Equal(t, devcert.ServiceDisabled, seen.Standing, "a shell's own folder is looked into too")
	require.NoError(t, m.Remove(t.Context(), "serve", ""))
	require.NoDirExists(t, filepath.Join(config, "systemd"))
}

func TestRuntimeDir(t *testing.T) {
	usual := runtimeDir("")
	own, open := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chmod(own, 0o700))
	require.NoError(t, os.Chmod(open, 0o777))
	for _, row := range []struct{ name, dir, want string }{
		{"one's own", own, own},
		{"everybody's", open, usual},
		{"none", filepath.Join(own, "none"), usual},
		{"a relative one", ".", usual},
	} {
		require.Equal(t, row.want, runtimeDir(row.dir), row.name)
	}
}
