package winetest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A new leaf, then a new root: each is everywhere where the old one was, and the
// old one is nowhere.
func TestRenew(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44302)
	stores, ports := w.all(), w.ports()
	w.setup("--ports", "44300-44302")
	first := w.status(0)

	renew := []string{"renew", "--force"}
	w.untilTaken(func() {}, renew...)
	second := w.status(0)
	require.Empty(t, second.kinds())
	require.Equal(t, first.Hierarchy.Root, second.Hierarchy.Root)
	w.gone(first.Hierarchy.Leaf)
	w.everywhere(second)

	permit := []string{"setup", "--permit", "example.org", "--name", "app.example.org"}
	w.devcert(5, permit...)
	require.Equal(t, second, w.status(0), "nobody said yes")
	w.untilTaken(func() { w.run(w.exe, "renew", "--root", "--yes") }, append(permit, "--yes")...)
	third := w.status(0)
	require.Empty(t, third.kinds())
	w.gone(second.Hierarchy.Leaf, second.Hierarchy.Root, second.Hierarchy.Intermediates[0])
	w.everywhere(third)
	require.True(t, w.trusts(w.leaf()))

	w.devcert(0, "uninstall", "--yes")
	requireSame(t, stores, w.all())
	requireSame(t, ports, w.ports())
}

// everywhere wants all that a healthy machine has to be of d's hierarchy.
func (w *windows) everywhere(d document) {
	w.t.Helper()
	leaf := d.Hierarchy.Leaf.Thumbprint
	require.Equal(w.t, []string{d.Hierarchy.Root.Thumbprint}, w.ours(rootStore))
	require.Equal(w.t, []string{d.Hierarchy.Intermediates[0].Thumbprint}, w.ours(caStore))
	for _, store := range []string{myStore, userStore} {
		require.Equal(w.t, []string{leaf}, w.ours(store, leaf))
	}
	require.Equal(w.t, 3, w.bound(leaf))
}

// gone wants certificates to be nowhere.
func (w *windows) gone(certs ...certificateID) {
	w.t.Helper()
	all := w.stores()
	for _, cert := range certs {
		for store, there := range all {
			for _, c := range there {
				require.NotEqual(w.t, cert.Thumbprint, c.Thumbprint, store)
			}
		}
		require.Zero(w.t, w.bound(cert.Thumbprint))
	}
}

// A root whose ledger was lost: a warning, out of the way of a new one, and
// removed by uninstall --all alone.
func TestLostLedger(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44301)
	w.setup("--ports", "44300-44301")
	lost := w.status(0).Hierarchy
	require.NoError(t, os.RemoveAll(filepath.Join(w.users(), "root", "AppData", "Local", "devcert")))
	require.Contains(t, w.status(3).kinds(), "warning former-root")

	w.setup("--ports", "44300-44301")
	d := w.status(0)
	require.Equal(t, []string{"warning former-root", "warning rival-certificate"}, d.kinds())
	require.Equal(t, "devcert uninstall --all", d.Findings[0].Remedy)
	w.devcert(0, "repair")
	require.Contains(t, w.ours(rootStore), lost.Root.Thumbprint)
	w.devcert(0, "uninstall", "--yes")
	require.Equal(t, []string{lost.Root.Thumbprint}, w.ours(rootStore))
	w.devcert(0, "uninstall", "--all", "--yes")
	w.gone(lost.Root, lost.Intermediates[0])
	for _, store := range []string{myStore, userStore} {
		require.Empty(t, w.ours(store, lost.Leaf.Thumbprint))
	}
}
