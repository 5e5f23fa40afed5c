package winetest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	userRootStore = `CurrentUser\Root`
	userCAStore   = `CurrentUser\CA`
)

// A person has accepted the root for one user: all is right for that user, goes
// on to be after a renewal, and nothing of the machine's is touched. To take it
// away again needs the person too.
func TestUserScopeAccepted(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44301)
	stores, ports := w.all(), w.ports()
	d := w.accepted()
	require.Empty(t, d.kinds())
	require.True(t, w.trusts(w.leaf()))
	w.onlyTheUsers(d)
	for _, again := range []string{"repair", "setup"} {
		require.Contains(t, w.devcert(0, again).out, "Nothing to do")
	}
	w.tool("delete", userCAStore, d.Hierarchy.Intermediates[0].Thumbprint)
	require.Equal(t, []string{"error intermediate-missing"}, w.status(3).kinds())
	w.devcert(0, "repair")
	w.untilTaken(func() {}, "renew", "--force")
	renewed := w.status(0)
	require.Empty(t, renewed.kinds())
	require.NotEqual(t, d.Hierarchy.Leaf, renewed.Hierarchy.Leaf)
	require.True(t, w.trusts(w.leaf()))
	w.onlyTheUsers(renewed)
	w.gone(d.Hierarchy.Leaf)

	r := w.devcert(5, "uninstall", "--yes")
	require.Contains(t, r.errors, "delete from "+userRootStore+": windows would ask a person")
	require.Contains(t, r.errors, "certmgr.msc")
	root := d.Hierarchy.Root.Thumbprint
	require.Equal(t, []string{root}, w.ours(userRootStore), "it is on record")
	w.tool("delete", userRootStore, root)
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, stores, w.all())
	requireSame(t, ports, w.ports())
}

// accepted sets devcert up for a user who says yes to the root. See untilTaken.
func (w *windows) accepted() document {
	w.t.Helper()
	for range 4 {
		asked := w.devcert(5, "setup", "--scope", "user", "--ports", "none")
		folder, err := filepath.Glob(filepath.Join(w.users(), "*", "AppData", "Local", "devcert"))
		require.NoError(w.t, err)
		require.Len(w.t, folder, 1)
		w.tool("add", userRootStore, `Z:`+strings.ReplaceAll(filepath.Join(folder[0], "root.pem"), "/", `\`))
		seen := w.run(w.exe, "status", "--json")
		if !asked.refusedByWine() && !seen.refusedByWine() {
			return w.parse(0, seen)
		}
		w.t.Log("Wine does not take this hierarchy: another one")
		w.tool("delete", userRootStore, w.ours(userRootStore)[0])
		w.devcert(0, "uninstall", "--yes")
	}
	require.FailNow(w.t, "Wine takes no hierarchy")
	return document{}
}

// onlyTheUsers wants d's hierarchy in the user's stores and not in the machine's.
func (w *windows) onlyTheUsers(d document) {
	w.t.Helper()
	leaf := d.Hierarchy.Leaf.Thumbprint
	require.Equal(w.t, []string{d.Hierarchy.Root.Thumbprint}, w.ours(userRootStore))
	require.Equal(w.t, []string{d.Hierarchy.Intermediates[0].Thumbprint}, w.ours(userCAStore))
	require.Equal(w.t, []string{leaf}, w.ours(userStore, leaf))
	for _, store := range []string{rootStore, caStore, myStore} {
		require.Empty(w.t, w.ours(store, leaf))
	}
}
