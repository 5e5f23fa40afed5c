package front

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// listsAt has fronts publish lists at port, instead of where all of this machine's do.
func listsAt(port int) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		return net.Listen(network, strings.Replace(address, ":"+strconv.Itoa(devcert.CRLPort), ":"+strconv.Itoa(port), 1))
	}
}

func TestTheListIsWhereTheCertificateSays(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports[0])
	f := s.front(devcert.Serving{})
	f.sockets.listen = listsAt(ports[1])
	begin(t, f, hello)
	points := s.made.Intermediate.Cert.CRLDistributionPoints
	require.Len(t, points, 1)
	point, err := url.Parse(points[0])
	require.NoError(t, err)
	assert.Equal(t, strconv.Itoa(devcert.CRLPort), point.Port())
	assert.Equal(t, chain.CRLBase, point.Scheme+"://"+point.Host)
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		response, err := http.Get("http://" + host + ":" + strconv.Itoa(ports[1]) + point.Path)
		require.NoError(t, err)
		der, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, "application/pkix-crl", response.Header.Get("Content-Type"))
		list, err := x509.ParseRevocationList(der)
		require.NoError(t, err)
		require.NoError(t, list.CheckSignatureFrom(s.made.Root))
	}
}

func TestNothingButLists(t *testing.T) {
	t.Parallel()
	handler := listHandler(func(path string) []byte { return map[string][]byte{"0a1b2c3d/root.crl": []byte("list")}[path] })
	for _, row := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/0a1b2c3d/root.crl", 200, "list"},
		{"GET", "/0a1b2c3d/root.crl?x=y", 200, "list"},
		{"HEAD", "/0a1b2c3d/root.crl", 200, ""},
		{"POST", "/0a1b2c3d/root.crl", 404, "404 page not found\n"},
		{"GET", "/", 404, "404 page not found\n"},
		{"GET", "/root.crl", 404, "404 page not found\n"},
		{"GET", "//root.crl", 404, "404 page not found\n"},
		{"GET", "/0a1b2c3d", 404, "404 page not found\n"},
		{"GET", "/0a1b2c3d/root.pem", 404, "404 page not found\n"},
		{"GET", "/ffffffff/root.crl", 404, "404 page not found\n"},
		{"GET", "/../0a1b2c3d/root.crl", 404, "404 page not found\n"},
		{"GET", "/%2e%2e/leaf-key.pem", 404, "404 page not found\n"},
	} {
		w := httptest.NewServer(handler)
		request, err := http.NewRequestWithContext(t.Context(), row.method, w.URL+row.target, nil)
		require.NoError(t, err)
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		_ = response.Body.Close()
		w.Close()
		assert.Equal(t, row.status, response.StatusCode, "%s %s", row.method, row.target)
		assert.Equal(t, row.body, string(body), "%s %s", row.method, row.target)
	}
}

func TestTheListsOfAFormerHierarchy(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	k := newKeyring(s.folder, s.binder, 0, &teller{say: s.say})
	k.read(true)
	former := chain.HierarchyID(s.made.Root)
	s.setup(t)
	assert.NotEmpty(t, k.list(former+"/root.crl", time.Now()), "its leaf may still be served")
	assert.Equal(t, s.made.RootCRL, k.list(chain.HierarchyID(s.made.Root)+"/root.crl", time.Now()))
	assert.Nil(t, k.list("00000000/root.crl", time.Now()))
	assert.Nil(t, k.list(chain.HierarchyID(s.made.Root)+"/clients.crl", time.Now()), "there is no authority for clients")
}

func TestTheListsPortIsTaken(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		taken []string
		where string
	}{
		{"everywhere", []string{"127.0.0.1", "::1"}, ""},
		{"on 127.0.0.1 alone", []string{"127.0.0.1"}, " on 127.0.0.1"},
		{"on ::1 alone", []string{"::1"}, " on ::1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ports := free(t, 2)
			s := setUp(t, ports[0])
			var release []func()
			for _, address := range row.taken {
				release = append(release, take(t, address, ports[1]))
			}
			f := s.front(devcert.Serving{})
			f.sockets.listen, f.dial = listsAt(ports[1]), dialsListsAt(ports[1])
			r := begin(t, f, hello)
			assert.Equal(t, s.thumbprint(), s.presented(t, ports[0], "localhost"))
			eventually(t, "it is said", func() bool { return len(s.lines()) == 1 })
			time.Sleep(2 * followEvery)
			require.Len(t, s.lines(), 1)
			assert.Contains(t, s.lines()[0], "revocation lists are not published: port 44298"+row.where+" is taken by")
			for _, release := range release {
				release()
			}
			eventually(t, "the place is taken over", func() bool { return s.heard("revocation lists are published now") == 1 })
			assert.Equal(t, s.made.RootCRL, listAt(t, ports[1], chain.HierarchyID(s.made.Root)))
			require.NoError(t, r.end())
			assert.Len(t, s.lines(), 2)
		})
	}
}

// dialsListsAt is listsAt for who asks for a list.
func dialsListsAt(port int) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		address = strings.Replace(address, ":"+strconv.Itoa(devcert.CRLPort), ":"+strconv.Itoa(port), 1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// listAt is the list that is published at port, or nothing.
func listAt(t *testing.T, port int, id string) []byte {
	t.Helper()
	response, err := http.Get("http://" + target4(port) + "/" + id + "/root.crl")
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	der, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return der
}

func TestAnotherDevcertPublishesTheLists(t *testing.T) {
	t.Parallel()
	ports := free(t, 3)
	s, foreign := setUp(t, ports[:2]...), setUp(t, ports[0])
	begun := func(of *stage, port int) *running {
		f := of.front(devcert.Serving{Ports: []int{port}})
		f.sockets.listen, f.dial = listsAt(ports[2]), dialsListsAt(ports[2])
		return begin(t, f, hello)
	}
	first := begun(s, ports[0])
	second := begun(s, ports[1])
	time.Sleep(2 * followEvery)
	assert.Empty(t, s.lines(), "the same lists are published")
	require.NoError(t, first.end())
	id := chain.HierarchyID(s.made.Root)
	eventually(t, "the second takes over", func() bool { return len(listAt(t, ports[2], id)) > 0 })
	assert.Empty(t, s.lines())

	third := begun(foreign, ports[0])
	eventually(t, "other lists are none of its own", func() bool { return foreign.heard("revocation lists are not published") == 1 })
	require.NoError(t, third.end())
	require.NoError(t, second.end())
	assert.Empty(t, s.lines())
}

// A look names the addresses that cannot be had, and behind them those of them where
// another devcert publishes.
func TestWhatLooksSayOfTheLists(t *testing.T) {
	const both, four, mended = "not published: port 44298 is", "not published: port 44298 on 127.0.0.1 is", "are published now"
	for _, row := range []struct {
		name  string
		looks []string
		said  []string // after the look of the same number; "" for nothing
	}{
		{"taken", []string{"4 6", "4 6", "4 6", ""}, []string{"", both, "", mended}},
		{"taken by another devcert", []string{"4 6 = 4 6", "4 6 = 4 6"}, []string{"", ""}},
		{"a connection passes", []string{"4", "", "4", "", "4"}, []string{"", "", "", "", ""}},
		{"an answer is late", []string{"4 6 = 6", "4 6 = 4 6", "4 6 = 4 6"}, []string{"", "", ""}},
		{"answers are late by turns", []string{"4 6", "4 6 = 6", "4 6 = 6"}, []string{"", four, ""}},
		{"one more is taken", []string{"4 6 = 6", "4 6 = 6", "4"}, []string{"", four, ""}},
		{"a connection passes where it was taken", []string{"4", "4", "", "4", ""}, []string{"", four, mended, "", ""}},
		{"another one is taken meanwhile", []string{"4", "4 6", "4 6"}, []string{"", "", both}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := httptest.NewServer(listHandler(func(string) []byte { return []byte("list") }))
			defer w.Close()
			var said []string
			published := ""
			p := &publisher{
				sockets: &sockets{addresses: loopback(), holders: func([]netip.AddrPort) map[netip.AddrPort]string { return nil }},
				teller:  &teller{say: func(line string) { said = append(said, line) }},
				lists:   func() map[string][]byte { return map[string][]byte{"0a1b2c3d/root.crl": []byte("list")} },
				dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					if !strings.Contains(published, map[bool]string{true: "4", false: "6"}[strings.HasPrefix(address, "127.0.0.1:")]) {
						return nil, os.ErrDeadlineExceeded
					}
					return new(net.Dialer).DialContext(ctx, network, w.Listener.Addr().String())
				},
			}
			for i, look := range row.looks {
				var lacked string
				lacked, published, _ = strings.Cut(look, "=")
				p.sockets.failed = map[netip.AddrPort]error{}
				for at, name := range []string{"4", "6"} {
					if strings.Contains(lacked, name) {
						p.sockets.failed[netip.AddrPortFrom(loopback()[at], devcert.CRLPort)] = syscall.EADDRINUSE
					}
				}
				said = nil
				p.say()
				if row.said[i] == "" {
					require.Empty(t, said, "look %d", i+1)
					continue
				}
				require.Len(t, said, 1, "look %d", i+1)
				require.Contains(t, said[0], row.said[i])
			}
		})
	}
}

// It has the machine to itself: an answer that is late again would be said.
func TestAnotherDevcertAnswersLateOnce(t *testing.T) {
	ports := free(t, 2)
	s := setUp(t, ports[0])
	path := chain.HierarchyID(s.made.Root) + "/root.crl"
	lists := listHandler(func(asked string) []byte { return map[string][]byte{path: s.made.RootCRL}[asked] })
	var asked atomic.Int32
	serveAt(t, "127.0.0.1", ports[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			<-r.Context().Done() // it does not wait for ever
		}
		lists.ServeHTTP(w, r)
	}))
	f := s.front(devcert.Serving{})
	f.sockets.listen, f.dial = listsAt(ports[1]), dialsListsAt(ports[1])
	r := begin(t, f, hello)
	eventually(t, "it is asked again", func() bool { return asked.Load() == 2 })
	time.Sleep(2 * followEvery)
	require.NoError(t, r.end())
	assert.Equal(t, 0, s.heard("revocation lists are not published"))
	assert.Equal(t, int32(2), asked.Load(), "who has answered is believed")
}

// serveAt serves on a loopback address until the test ends.
func serveAt(t *testing.T, address string, port int, handler http.Handler) {
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	require.NoError(t, err)
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}}
	server.Start()
	t.Cleanup(server.Close)
}

// A server that asks localhost for a list may be sent to either address.
func TestListsAreAskedForOnBothAddresses(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	ask := func() []devcert.ListAnswer { return listAnswers(t.Context(), "0a1b2c3d/clients.crl", uint16(port)) }
	assert.Empty(t, ask(), "nobody listens")
	serveAt(t, "::1", port, listHandler(func(path string) []byte { return map[string][]byte{"0a1b2c3d/clients.crl": []byte("list")}[path] }))
	found := ask()
	require.Len(t, found, 1)
	assert.Equal(t, "::1", found[0].Address)
	assert.Equal(t, []byte("list"), found[0].DER)

	serveAt(t, "127.0.0.1", port, http.NotFoundHandler())
	found = ask()
	require.Len(t, found, 2)
	assert.Equal(t, "127.0.0.1", found[0].Address)
	require.EqualError(t, found[0].Err, "answers 404 not found")
	require.NoError(t, found[1].Err)
	if runtime.GOOS == "linux" {
		assert.Equal(t, self(), found[0].Holder)
	}
}
