package winetest

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// machine is what a healthy one has.
type machine struct {
	own                      string // IIS Express's certificate
	leaf, intermediate, root string
}

// loss is a way in which a healthy machine breaks, and what tells.
type loss struct {
	name    string
	wreck   func(*windows, machine)
	kind    string // of the one finding
	exit    int    // of status; 0 for a warning
	touched []int  // the ports that repair changes
}

var hundred = func() (all []int) {
	for port := 44300; port <= 44399; port++ {
		all = append(all, port)
	}
	return all
}()

var breaks = []loss{
	{"a binding is lost", func(w *windows, _ machine) { w.lose(44333) }, "error binding-missing", 3, []int{44333}},
	{"every binding is lost", func(w *windows, _ machine) { w.lose(hundred...) }, "error binding-missing", 3, hundred},
	{"setupsslUrl bound IIS Express's own again", func(w *windows, m machine) { w.rebind(m.own, iisExpress, 44301) },
		"error binding-stale", 3, []int{44301}},
	{"every port is IIS Express's own again", func(w *windows, m machine) { w.rebind(m.own, iisExpress, hundred...) },
		"error binding-stale", 3, hundred},
	{"a binding is to a certificate that is nowhere", func(w *windows, _ machine) {
		w.rebind(strings.Repeat("ab", 20), iisExpress, 44310, 44311)
	}, "error binding-stale", 3, []int{44310, 44311}},
	{"a URL reservation is lost", func(w *windows, _ machine) { w.unreserve(44355) },
		"error reservation-missing", 3, []int{44355}},
	{"the root is gone", func(w *windows, m machine) { w.tool("delete", rootStore, m.root) }, "error trust-missing", 3, nil},
	{"the intermediate is gone", func(w *windows, m machine) { w.tool("delete", caStore, m.intermediate) },
		"error intermediate-missing", 3, nil},
	{"the root's revocation list is gone", func(w *windows, _ machine) { w.tool("delete-list", caStore, w.list("devcert root")) },
		"error crl-expired", 3, nil},
	{"the leaf is gone from the machine's store", func(w *windows, m machine) { w.tool("delete", myStore, m.leaf) },
		"error leaf-missing", 3, nil},
	{"the leaf is gone from the user's store", func(w *windows, m machine) { w.tool("delete", userStore, m.leaf) },
		"error leaf-missing", 3, nil},
	{"the leaf's key is gone from the machine", func(w *windows, m machine) { w.tool("drop-key", myStore, m.leaf) },
		"error key-missing", 3, nil},
	{"the leaf's key is gone from the user", func(w *windows, m machine) { w.tool("drop-key", userStore, m.leaf) },
		"error key-missing", 3, nil},
	{"the leaf's key is another certificate's", func(w *windows, m machine) { w.tool("other-key", myStore, m.leaf) },
		"error key-missing", 3, nil},
	{"the intermediate is in Root", func(w *windows, m machine) { w.tool("copy", caStore, m.intermediate, rootStore) },
		"error intermediate-in-root", 3, nil},
	{"dev-certs --trust put the leaf into Root", func(w *windows, m machine) { w.tool("copy", myStore, m.leaf, rootStore) },
		"warning leaf-in-root", 0, nil},
}

// prove breaks the machine, and wants the right finding, a repair that cures it
// and nothing else, and the machine as it was when it was healthy.
func (l loss) prove(w *windows, m machine, stores, table []string) {
	l.wreck(w, m)
	_, _ = w.started()
	require.Equal(w.t, []string{l.kind}, w.status(l.exit).kinds())
	_, touched := w.started()
	require.Empty(w.t, touched, "status changes nothing")
	w.devcert(0, "repair")
	_, touched = w.started()
	require.Equal(w.t, l.touched, touched, "and repair nothing else")
	require.Empty(w.t, w.status(0).kinds())
	requireSame(w.t, stores, w.all())
	requireSame(w.t, table, w.ports())
}

// stranger is a thing of somebody else's that is worth a word: an error where it
// breaks what is wanted. It names what it put there.
type stranger struct {
	name, kind, store string
	exit              int
	add               func(*windows) string
}

var others = []stranger{
	{"somebody's CA in Root is not self-signed", "warning intermediate-in-root", rootStore, 0,
		func(w *windows) string { return w.tool("foreign-ca") }},
	{"Kestrel prefers somebody's certificate", "error rival-certificate", userStore, 3,
		func(w *windows) string { return w.tool("rival") }},
	{"IIS Express's own has expired", "warning rival-certificate", myStore, 0,
		func(w *windows) string { return w.tool("iis-express", "-10") }},
}

// prove wants the finding, and that it is left alone.
func (o stranger) prove(w *windows) {
	thumbprint := o.add(w)
	_, _ = w.started()
	stores := w.all()
	seen := w.status(o.exit)
	require.Equal(w.t, []string{o.kind}, seen.kinds())
	require.Equal(w.t, o.store, seen.Findings[0].Where)
	w.devcert(o.exit, "repair")
	w.devcert(o.exit, "setup")
	requireSame(w.t, stores, w.all())
	_, touched := w.started()
	require.Empty(w.t, touched)
	w.tool("delete", o.store, thumbprint, "key")
}

// unreserve takes a port's URL reservation away.
func (w *windows) unreserve(port int) {
	w.t.Helper()
	all := w.table()
	all.Reservations = slices.DeleteFunc(all.Reservations, func(r reservation) bool { return r.URL == url(port) })
	w.write("netsh-table.json", all)
}
