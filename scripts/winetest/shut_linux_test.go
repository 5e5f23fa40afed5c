package winetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A store that nobody may open is a finding, and not an empty store: nothing is
// lost, and nothing forgotten, while it is shut.
func TestShutStore(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44301)
	before, ports := w.all(), w.ports()
	w.setup("--ports", "44300-44301")
	healthy, bound := w.all(), w.ports()
	for _, shut := range []struct {
		store string
		exit  int    // of repair
		says  string // repair, of what to do
	}{
		{rootStore, 4, "run:  "},
		{caStore, 4, "run:  "},
		{myStore, 4, "run:  "},
		{userStore, 6, "see whether a policy forbids changes of " + userStore},
	} {
		w.part(shut.store, func() {
			w.tool("shut", shut.store)
			defer w.tool("open", shut.store)
			d := w.status(3)
			require.Equal(w.t, []string{"error trust-unknown"}, d.kinds())
			require.Equal(w.t, shut.store, d.Findings[0].Where)
			require.Contains(w.t, d.Findings[0].Message, "open "+shut.store+": access denied")
			for _, store := range d.Stores {
				require.Equal(w.t, store.Path == shut.store, store.State == "unknown", store.Path)
			}
			r := w.devcert(shut.exit, "repair")
			require.Contains(w.t, r.errors, "open "+shut.store+": access denied")
			require.Contains(w.t, r.errors, shut.says)
			require.Equal(w.t, bound, w.ports())
		})
		requireSame(t, healthy, w.all())
		require.Empty(t, w.status(0).kinds())
	}
	w.part("uninstall", func() {
		w.tool("shut", rootStore)
		r := w.devcert(4, "uninstall", "--yes")
		require.Contains(w.t, r.errors, "open "+rootStore+": access denied")
		w.tool("open", rootStore)
		require.Len(w.t, w.ours(rootStore), 1)
		w.devcert(0, "uninstall", "--yes") // it is still on record
	})
	requireSame(t, before, w.all())
	requireSame(t, ports, w.ports())
}
