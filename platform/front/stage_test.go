package front

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// stage is a state folder that has been set up, and fronts that serve it.
type stage struct {
	dir    string
	folder disk.Folder
	made   *chain.Hierarchy
	leaf   chain.Pair // the present one
	binder *Front

	mu   sync.Mutex
	said []string
}

// setUp makes a hierarchy and binds ports to its leaf.
func setUp(t testing.TB, ports ...int) *stage {
	t.Helper()
	s := &stage{dir: filepath.Join(t.TempDir(), "state")}
	s.folder = disk.Folder{Path: s.dir, Files: plainFiles{}}
	s.binder = New(s.dir, plainFiles{})
	s.setup(t)
	s.bind(t, ports...)
	return s
}

func (s *stage) setup(t testing.TB) {
	t.Helper()
	var err error
	s.made, err = chain.New(chain.Options{Owner: "a@b", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	s.leaf = s.made.Leaf
	require.NoError(t, s.folder.Make())
	if err := os.Mkdir(filepath.Join(s.dir, "generations"), 0o700); !os.IsExist(err) {
		require.NoError(t, err)
	}
	s.install(t)
}

// install makes the leaf the present one, as setup and renew do.
func (s *stage) install(t testing.TB) {
	t.Helper()
	h := &disk.Hierarchy{
		Root: s.made.Root, RootCRL: s.made.RootCRL,
		Intermediate: s.made.Intermediate, ClientIntermediate: s.made.ClientIntermediate, Leaf: s.leaf,
	}
	id, durable, err := s.folder.Install(h, []byte("{}\n"))
	require.NoError(t, err)
	require.NoError(t, durable())
	require.NoError(t, s.folder.Sweep(id))
}

// renew takes the order of devcert renew: a new generation, then the bindings.
func (s *stage) renew(t testing.TB, ports ...int) {
	t.Helper()
	s.leaf = s.issue(t, "localhost", "127.0.0.1", "::1")
	s.install(t)
	s.bind(t, ports...)
}

func (s *stage) issue(t testing.TB, names ...string) chain.Pair {
	t.Helper()
	leaf, err := chain.NewLeaf(s.made.Intermediate, chain.LeafOptions{Names: names, Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return leaf
}

func (s *stage) bind(t testing.TB, ports ...int) {
	t.Helper()
	require.NoError(t, s.binder.Bind(context.Background(), order(s.thumbprint(), ports...)))
}

func (s *stage) thumbprint() string { return chain.Thumbprint(s.leaf.Cert) }

// write puts a file into the folder.
func (s *stage) write(t testing.TB, name string, data []byte) {
	t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// issued puts a pair where devcert issue does.
func (s *stage) issued(t testing.TB, name string, cert []*x509.Certificate, key []byte) {
	t.Helper()
	s.write(t, issuedPair(name)[0], chain.EncodeCertificates(cert...))
	if key != nil {
		s.write(t, issuedPair(name)[1], key)
	}
}

func (s *stage) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, line)
}

func (s *stage) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

// heard counts the lines that were said with words in them.
func (s *stage) heard(words string) int {
	n := 0
	for _, line := range s.lines() {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// eventually waits for what a look at the folder every second brings about.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("this did not come about: " + what)
		}
	}
}

// running is a front that serves.
type running struct {
	*front
	listening devcert.Listening
	cancel    context.CancelFunc
	ended     chan error
}

// front makes one that does not run yet. Lists are published on another port than
// all fronts of this machine share.
func (s *stage) front(sv devcert.Serving) *front {
	sv.Say = s.say
	server := &Server{StateDir: s.dir, Files: plainFiles{}, Binder: s.binder}
	f := server.newFront(sv)
	f.sockets.listen = withoutLists
	return f
}

func withoutLists(network, address string) (net.Listener, error) {
	if strings.HasSuffix(address, ":"+strconv.Itoa(devcert.CRLPort)) {
		network, address = "tcp4", "127.0.0.1:0"
	}
	return net.Listen(network, address)
}

// begin has f serve, and fails if it does not come to listen.
func begin(t testing.TB, f *front, answer http.HandlerFunc) *running {
	t.Helper()
	r := &running{front: f, ended: make(chan error, 1)}
	listens := make(chan devcert.Listening, 1)
	f.Listening = func(l devcert.Listening) { listens <- l }
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	go func() { r.ended <- f.run(ctx, answer) }()
	select {
	case r.listening = <-listens:
	case err := <-r.ended:
		t.Fatal("does not serve:", err)
	}
	t.Cleanup(func() { _ = r.end() })
	return r
}

// end stops the front and returns what it said at last.
func (r *running) end() error {
	r.cancel()
	err := <-r.ended
	r.ended <- err
	return err
}

// hello answers every request.
func hello(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello over "+r.Proto) }

// client verifies as a browser does, and connects to address whatever the name.
func (s *stage) client(address string, http2 bool) *http.Client {
	transport := &http.Transport{
		TLSClientConfig:   s.trusting(),
		ForceAttemptHTTP2: http2,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	return &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

func (s *stage) trusting() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.made.Root)
	return &tls.Config{RootCAs: roots}
}

// presented is the thumbprint that a new client is shown, having verified it.
func (s *stage) presented(t testing.TB, port int, name string) string {
	t.Helper()
	config := s.trusting()
	config.ServerName = name
	c, err := tls.Dial("tcp", target4(port), config)
	require.NoError(t, err)
	defer c.Close()
	return chain.Thumbprint(c.ConnectionState().PeerCertificates[0])
}

func target4(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func answersAt(address string) bool {
	c, err := net.Dial("tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// free gives n ports that nobody has on either address, in ascending order.
func free(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for len(ports) < n {
		first, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		defer first.Close()
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		if err == nil {
			defer second.Close()
			ports = append(ports, port)
		} else if noSuchAddress(err) {
			t.Skip("this machine has no IPv6:", err)
		}
	}
	slices.Sort(ports)
	return ports
}

// dialTLS connects with TLS and HTTP/1.1.
func (s *stage) dialTLS(t testing.TB, port int) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, in, err := s.dial(port)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, in
}

func (s *stage) dial(port int) (net.Conn, *bufio.Reader, error) {
	config := s.trusting()
	config.ServerName = "localhost"
	c, err := tls.Dial("tcp", target4(port), config)
	if err != nil {
		return nil, nil, err
	}
	return c, bufio.NewReader(c), c.SetDeadline(time.Now().Add(30 * time.Second))
}
