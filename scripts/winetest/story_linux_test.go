package winetest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The whole story: a machine with Visual Studio, each way in which trust and
// ports are lost, and the machine as it was at the end.
func TestStory(t *testing.T) {
	w := newWindows(t)
	own := w.visualStudio()
	before, tableBefore := w.all(), w.ports()

	w.setup("--json")
	starts, touched := w.started()
	require.Len(t, touched, 100)
	require.LessOrEqual(t, starts, 3, "to rebind a hundred ports")
	healthy := w.status(0)
	require.Empty(t, healthy.kinds())
	m := machine{own: own, leaf: healthy.Hierarchy.Leaf.Thumbprint, root: healthy.Hierarchy.Root.Thumbprint}
	m.intermediate = healthy.Hierarchy.Intermediates[0].Thumbprint
	require.Equal(t, 100, w.bound(m.leaf))
	require.Equal(t, []string{m.root}, w.ours(rootStore))
	require.Equal(t, []string{m.intermediate}, w.ours(caStore))
	require.Equal(t, []string{m.leaf}, w.ours(myStore, m.leaf))
	require.Equal(t, []string{m.leaf}, w.ours(userStore, m.leaf))
	_, _ = w.started()

	served := w.leaf()
	require.True(t, w.trusts(served))
	w.part("again", func() {
		r := w.devcert(0, "setup")
		require.Contains(w.t, r.out, "Nothing to do")
		_, touched := w.started()
		require.Empty(w.t, touched)
	})
	stores, table := w.all(), w.ports()
	for _, b := range breaks {
		w.part(b.name, func() { b.prove(w, m, stores, table) })
	}
	for _, o := range others {
		w.part(o.name, func() { o.prove(w) })
	}
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.all())
	// The reservation that was lost was not there when devcert made it.
	requireSame(t, slices.DeleteFunc(tableBefore, func(line string) bool { return strings.Contains(line, "localhost:44355") }), w.ports())
	require.False(t, w.trusts(served))
	require.Contains(t, w.devcert(0, "uninstall", "--yes").out, "Nothing to remove")
}

// leaf is what devcert made for servers.
func (w *windows) leaf() tls.Certificate {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.users(), "*", "AppData", "Local", "devcert", "localhost.pem"))
	require.NoError(w.t, err)
	require.Len(w.t, found, 1)
	pair, err := tls.LoadX509KeyPair(found[0], strings.Replace(found[0], "localhost.pem", "localhost-key.pem", 1))
	require.NoError(w.t, err)
	return pair
}

// trusts says whether a Go program in another Windows process accepts a server
// that presents leaf. The server runs outside: both share the loopback addresses.
func (w *windows) trusts(leaf tls.Certificate) bool {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	server := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		_ = server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{leaf}}))
	}()
	defer server.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(w.t, err)
	return w.run(binary("goclient.exe"), "https://localhost:"+port+"/").code == 0
}

// A port that another application has is a warning, and its own until it is
// taken over; then it is put back.
func TestForeignPort(t *testing.T) {
	w := newWindows(t)
	own := w.iisExpress(44300, 44303)
	w.rebind(own, another, 44302)
	before := w.ports()
	w.setup("--ports", "44300-44303")
	require.Equal(t, []string{"warning binding-foreign"}, w.status(0).kinds())
	w.devcert(0, "repair")
	_, touched := w.started()
	require.Equal(t, []int{44300, 44301, 44303}, touched)
	w.devcert(5, "setup", "--take-over", "--non-interactive")
	w.devcert(0, "setup", "--take-over", "--yes")
	require.Empty(t, w.status(0).kinds())
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.ports())
}

// A dry run prints netsh's own lines, and runs none of them.
func TestDryRun(t *testing.T) {
	w := newWindows(t)
	w.visualStudio()
	before, stores := w.ports(), w.all()
	r := w.devcert(3, "setup", "--dry-run")
	require.Contains(t, r.out, "http add sslcert ipport=0.0.0.0:44300")
	requireSame(t, before, w.ports())
	requireSame(t, stores, w.all())
}
