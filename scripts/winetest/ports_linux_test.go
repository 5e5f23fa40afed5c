package winetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPorts(t *testing.T) {
	w := newWindows(t)
	own := w.iisExpress(44300, 44303)
	before := w.ports()
	w.setup("--ports", "44300-44303")
	leaf := w.status(0).Hierarchy.Leaf.Thumbprint
	_, _ = w.started()

	r := w.devcert(0, "ports", "list")
	require.Equal(t, ""+
		"44300  bound     "+leaf+"\n"+"44301  bound     "+leaf+"\n"+
		"44302  bound     "+leaf+"\n"+"44303  bound     "+leaf+"\n", r.out)
	_, touched := w.started()
	require.Empty(t, touched)

	w.devcert(0, "ports", "bind", "443", "9000-9001")
	_, touched = w.started()
	require.Equal(t, []int{443, 9000, 9001}, touched)
	d := w.status(0)
	require.Empty(t, d.kinds())
	require.Equal(t, "bound", d.state(9001))

	w.devcert(0, "ports", "unbind", "44302", "9000")
	_, touched = w.started()
	require.Equal(t, []int{9000, 44302}, touched)
	require.Equal(t, 1, w.bound(own), "IIS Express's own is back")
	require.Empty(t, w.status(0).kinds(), "and is not taken for a loss")

	w.part("excluded", func() {
		w.netsh(map[string]any{"excluded": [][2]int{{44290, 44301}}})
		d := w.status(0)
		require.Equal(w.t, []string{"warning port-excluded"}, d.kinds())
		require.Equal(w.t, "ports 44300-44301", d.Findings[0].Where)
		require.Equal(w.t, "excluded", d.state(44300))
		require.Equal(w.t, "bound", d.state(44303))
		w.netsh(nil)
	})
	for _, wrong := range [][]string{{"bind", "0"}, {"bind", "65536"}, {"bind", "9-1"}, {"bind"}, {"unbind"}, {"bind", "9000", "--cert", "nobody"}} {
		w.json(2, append([]string{"ports"}, wrong...)...)
	}
	_, touched = w.started()
	require.Empty(t, touched)
	w.devcert(0, "ports", "unbind", "--all")
	requireSame(t, before, w.ports())
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.ports())
}
