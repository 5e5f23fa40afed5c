package winetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every layout that netsh has had, in languages that mean nothing to devcert.
func TestLayouts(t *testing.T) {
	w := newWindows(t)
	w.iisExpress(44300, 44304)
	before := w.ports()
	for _, version := range []string{"2012r2", "2019", "2022", "2025"} {
		for _, language := range []string{"en", "de", "ru"} {
			w.part(version+" "+language, func() {
				w.netsh(map[string]any{"version": version, "language": language})
				w.setup("--ports", "44300-44302")
				d := w.status(0)
				require.Empty(w.t, d.kinds())
				require.Equal(w.t, 3, w.bound(d.Hierarchy.Leaf.Thumbprint))
				w.devcert(0, "uninstall", "--yes")
				requireSame(w.t, before, w.ports())
			})
		}
	}
	w.netsh(nil)
}
