package winetest

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	rootStore = `LocalMachine\Root`
	caStore   = `LocalMachine\CA`
	myStore   = `LocalMachine\My`
	userStore = `CurrentUser\My`
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
	t.Logf("netsh was started %d times", starts)
	healthy := w.status(0)
	require.Empty(t, healthy.kinds())
	leaf, root := healthy.Hierarchy.Leaf.Thumbprint, healthy.Hierarchy.Root.Thumbprint
	intermediate := healthy.Hierarchy.Intermediates[0].Thumbprint
	require.Equal(t, 100, w.bound(leaf))
	require.Equal(t, []string{root}, w.ours(rootStore))
	require.Equal(t, []string{intermediate}, w.ours(caStore))
	require.Equal(t, []string{leaf}, w.ours(myStore, leaf))
	require.Equal(t, []string{leaf}, w.ours(userStore, leaf))
	_, _ = w.started()

	served := w.leaf()
	require.True(t, w.trusts(served))
	t.Run("again", func(t *testing.T) {
		r := w.devcert(0, "setup")
		require.Contains(t, r.out, "Nothing to do")
		_, touched := w.started()
		require.Empty(t, touched)
	})
	for _, b := range breaks(own, leaf, intermediate, root) {
		t.Run(b.name, func(t *testing.T) {
			w.t = t
			b.wreck(w)
			_, _ = w.started()
			require.Equal(t, b.kinds, w.status(3).kinds())
			_, touched := w.started()
			require.Empty(t, touched, "status changes nothing")
			w.devcert(0, "repair")
			_, touched = w.started()
			require.Equal(t, b.touched, touched, "and repair nothing else")
			require.Empty(t, w.status(0).kinds())
			require.Equal(t, 100, w.bound(leaf))
		})
		w.t = t
	}
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, before, w.all())
	requireSame(t, tableBefore, w.ports())
	require.False(t, w.trusts(served))
	require.Contains(t, w.devcert(0, "uninstall", "--yes").out, "Nothing to remove")
}

type loss struct {
	name    string
	wreck   func(*windows)
	kinds   []string
	touched []int
}

func breaks(own, leaf, intermediate, root string) []loss {
	port := func(n string) func(b binding) bool {
		return func(b binding) bool { return strings.HasSuffix(b.Place, ":"+n) }
	}
	var all []int
	for p := 44300; p <= 44399; p++ {
		all = append(all, p)
	}
	return []loss{
		{"a binding is lost", func(w *windows) {
			w.edit(func(b []binding) []binding { return slices.DeleteFunc(b, port("44333")) })
		}, []string{"error binding-missing"}, []int{44333}},
		{"every binding is lost", func(w *windows) {
			w.edit(func([]binding) []binding { return nil })
		}, []string{"error binding-missing"}, all},
		{"setupsslUrl bound IIS Express's own again", func(w *windows) {
			w.edit(func(b []binding) []binding {
				for i := range b {
					if port("44301")(b[i]) {
						b[i].Hash = strings.ToLower(own)
					}
				}
				return b
			})
		}, []string{"error binding-stale"}, []int{44301}},
		{"the root is gone", func(w *windows) { w.tool("delete", rootStore, root) }, []string{"error trust-missing"}, nil},
		{"the intermediate is gone", func(w *windows) { w.tool("delete", caStore, intermediate) },
			[]string{"error intermediate-missing"}, nil},
		{"the leaf is gone from the machine's store", func(w *windows) { w.tool("delete", myStore, leaf) },
			[]string{"error leaf-missing"}, nil},
		{"the leaf is gone from the user's store", func(w *windows) { w.tool("delete", userStore, leaf) },
			[]string{"error leaf-missing"}, nil},
		{"the intermediate is in Root", func(w *windows) { w.tool("copy", caStore, intermediate, rootStore) },
			[]string{"error intermediate-in-root"}, nil},
	}
}

// leaf is what devcert made for servers.
func (w *windows) leaf() tls.Certificate {
	w.t.Helper()
	users := filepath.Join(os.Getenv("WINEPREFIX"), "drive_c", "users")
	found, err := filepath.Glob(filepath.Join(users, "*", "AppData", "Local", "devcert", "localhost.pem"))
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
	return w.run("goclient.exe", "https://localhost:"+port+"/").code == 0
}

// A port that another application has is a warning, and its own until it is
// taken over; then it is put back.
func TestForeignPort(t *testing.T) {
	w := newWindows(t)
	w.visualStudio()
	const theirs = "{5d89a20c-beab-4389-9447-324788eb944a}"
	w.edit(func(b []binding) []binding {
		for i := range b {
			if strings.HasSuffix(b[i].Place, ":44378") {
				b[i].AppID = theirs
			}
		}
		return b
	})
	before := w.ports()
	w.setup()
	require.Equal(t, []string{"warning binding-foreign"}, w.status(0).kinds())
	w.devcert(0, "repair")
	_, touched := w.started()
	require.NotContains(t, touched, 44378)
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
