package winetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Folders with blanks and letters of any language.
func TestPaths(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44301)
	before, stores := w.ports(), w.all()
	folder := binary("a folder of mine")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	defer os.RemoveAll(folder)
	program, err := os.ReadFile(w.exe)
	require.NoError(t, err)
	w.exe = filepath.Join(folder, "devcert.exe")
	require.NoError(t, os.WriteFile(w.exe, program, 0o755))

	state := filepath.Join(w.users(), "root", "a b ä")
	defer os.RemoveAll(state)
	home := []string{"--home", `C:\users\root\a b ä`}
	with := func(args ...string) []string { return append(args, home...) }
	w.untilTaken(func() { w.devcert(0, with("uninstall", "--yes")...) }, with("setup", "--ports", "44300-44301")...)
	require.FileExists(t, filepath.Join(state, "localhost.pem"))
	require.Empty(t, w.status(0, home...).kinds())

	w.lose(44301)
	w.netsh(map[string]any{"unelevated": true})
	r := w.devcert(4, with("repair")...)
	require.Contains(t, r.said(), `a folder of mine\devcert.exe" repair --home "C:\users\root\a b ä"`)
	d := w.json(4, with("repair")...)
	require.NotNil(t, d.Error)
	w.netsh(nil)
	w.devcert(0, with("repair")...)
	w.devcert(0, with("uninstall", "--yes")...)
	require.NoDirExists(t, state)
	requireSame(t, before, w.ports())
	requireSame(t, stores, w.all())
}

// One document on standard output, whatever goes wrong.
func TestDocuments(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44301)
	for _, wrong := range []struct {
		exit int
		args []string
	}{
		{2, []string{"setup", "--ports", "70000"}},
		{2, []string{"setup", "--stores", "nowhere"}},
		{2, []string{"setup", "--nonsense"}},
		{2, []string{"ports", "bind", "44300"}}, // nothing is set up
		{3, []string{"setup", "--dry-run"}},
		{3, []string{"status"}},
		{3, []string{"repair"}},
	} {
		d := w.json(wrong.exit, wrong.args...)
		require.Equal(t, wrong.exit == 2, d.Error != nil, "%v", wrong.args)
	}
	_, touched := w.started()
	require.Empty(t, touched)
}

// What a user can do without rights: two of the three parts; the third asks a
// person, whom there is none of here. Nothing of the machine's is changed.
func TestUserScope(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44301)
	stores, ports := w.all(), w.ports()
	r := w.devcert(5, "setup", "--scope", "user", "--ports", "none")
	require.Contains(t, r.said(), "windows would ask a person")
	d := w.status(3)
	require.Equal(t, []string{"error trust-missing"}, d.kinds())
	require.Equal(t, `CurrentUser\Root`, d.Findings[0].Where)
	leaf := d.Hierarchy.Leaf.Thumbprint
	for _, store := range []string{rootStore, caStore, myStore} {
		require.Empty(t, w.ours(store, leaf))
	}
	require.Len(t, w.ours(`CurrentUser\CA`), 1)
	require.Equal(t, []string{leaf}, w.ours(userStore, leaf))
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, stores, w.all())
	requireSame(t, ports, w.ports())
}
