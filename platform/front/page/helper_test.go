package page

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/securefile"
)

// noon is the time of the looks.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// store shows the places it is given; what it is asked to hold, it holds.
type store struct {
	name   string
	places []devcert.Place
}

func (s *store) Name() string { return s.name }

func (s *store) Look(context.Context, devcert.Material) []devcert.Place {
	return slices.Clone(s.places)
}

func (s *store) Ready(context.Context) error                       { return nil }
func (s *store) Deploy(context.Context, devcert.Material) error    { return nil }
func (s *store) Withdraw(context.Context, *x509.Certificate) error { return nil }

// binder keeps its table in memory.
type binder struct {
	mu      sync.Mutex
	table   map[int]devcert.Binding
	err     error
	answers func(ports []int) []devcert.Answer
	exclude []devcert.PortRange
}

func (b *binder) Table(context.Context) (devcert.PortTable, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := devcert.PortTable{Excluded: b.exclude, ClientCerts: true}
	for _, port := range slices.Sorted(maps.Keys(b.table)) {
		t.Bindings = append(t.Bindings, b.table[port])
	}
	return t, b.err
}

func (b *binder) Bind(_ context.Context, order devcert.BindOrder) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, port := range order.Ports {
		b.table[port] = devcert.Binding{Port: port, Thumbprint: order.Thumbprint}
	}
	return nil
}

func (b *binder) CanServe(string) error                                        { return nil }
func (b *binder) Preview(context.Context, devcert.BindOrder) ([]string, error) { return nil, nil }
func (b *binder) Unbind(context.Context, []int) error                          { return nil }
func (b *binder) Probe(_ context.Context, ports []int) []devcert.Answer {
	if b.answers == nil {
		return nil
	}
	return b.answers(ports)
}

// clients are found as they are given.
type clients []devcert.Client

func (c clients) Find(context.Context, devcert.Material) []devcert.Client { return c }
func (c clients) Ask(context.Context, []devcert.Client, devcert.Exam) ([]devcert.Asked, error) {
	return nil, nil
}

// machine is one that the engine looks at: real files, and stores, ports and
// programs in memory.
type machine struct {
	t       testing.TB
	host    *devcert.Host
	binder  *binder
	now     time.Time
	probe   bool
	clients clients
	edit    func(*devcert.Report) // what is seen
	blind   error                 // why nothing is
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	m := &machine{t: t, now: noon, binder: &binder{table: map[int]devcert.Binding{}}}
	m.host = &devcert.Host{
		Owner:     devcert.Owner{User: "anna", Host: "birch", Machine: "m1"},
		StateDir:  filepath.Join(t.TempDir(), "devcert"),
		Files:     securefile.Files{},
		Binder:    m.binder,
		Overrides: func(*x509.Certificate) []devcert.Override { return nil },
		Self:      "/usr/bin/devcert", Close: func() {},
	}
	return m
}

func (m *machine) engine() *devcert.Engine {
	m.host.Clients = m.clients
	return &devcert.Engine{
		Host: m.host, Command: "test", Now: func() time.Time { return m.now }, Timeout: time.Minute,
		Say: func(string) {}, Confirm: func(string) error { return nil },
	}
}

// setUp is a machine on which all is well, with a key that is made fast.
func setUp(t testing.TB) *machine {
	t.Helper()
	return setUpWith(t, chain.ECDSA)
}

func setUpWith(t testing.TB, key chain.KeyType) *machine {
	t.Helper()
	m := newMachine(t)
	m.host.Stores = healthyStores()
	m.clients = healthyClients()
	_, err := m.engine().Setup(context.Background(), devcert.Request{Stores: []string{"all"}, Key: string(key)})
	require.NoError(t, err)
	return m
}

func place(path string, part chain.Part, by string) devcert.Place {
	return devcert.Place{Path: path, Part: part, State: devcert.Trusted, VerifiedBy: by}
}

func healthyStores() []devcert.Store {
	return []devcert.Store{
		&store{"system", []devcert.Place{place("/usr/local/share/ca-certificates/devcert-1f3a9c2e.crt", chain.PartRoot, "chain built from /etc/ssl/certs/ca-certificates.crt")}},
		&store{"chromium", []devcert.Place{place("/home/anna/.local/share/pki/nssdb", chain.PartRoot, "trust bits read from cert9.db")}},
		&store{"firefox", []devcert.Place{
			place("/home/anna/.mozilla/firefox/k3v9x2aa.default-release", chain.PartRoot, "read from the profile"),
			place("/home/anna/.mozilla/firefox/p01zz3bq.work", chain.PartRoot, "read from the profile"),
		}},
		&store{"java", []devcert.Place{place("/etc/ssl/certs/java/cacerts", chain.PartRoot, "keystore read")}},
		&store{"dotnet", []devcert.Place{
			place("/home/anna/.dotnet/corefx/cryptography/x509stores/my", chain.PartLeaf, "files compared"),
			place("/home/anna/.dotnet/corefx/cryptography/x509stores/ca", chain.PartIntermediate, "files compared"),
		}},
	}
}

func healthyClients() clients {
	return clients{
		{Name: "curl", Path: "/usr/bin/curl", Store: "system", Roots: "/etc/ssl/certs/ca-certificates.crt"},
		{Name: "git", Path: "/usr/bin/git", Store: "system", Roots: "/etc/ssl/certs/ca-certificates.crt"},
		{Name: "chromium", Path: "/usr/bin/chromium", Store: "chromium", Roots: "/home/anna/.local/share/pki/nssdb", Browser: true},
		{Name: "firefox: default-release", Path: "/usr/bin/firefox", Store: "firefox", Place: "/home/anna/.mozilla/firefox/k3v9x2aa.default-release", Roots: "profile default-release", Browser: true},
		{Name: "java 17", Path: "/usr/lib/jvm/java-17/bin/java", Store: "java", Roots: "/etc/ssl/certs/java/cacerts"},
		{Name: "kestrel", Path: "/usr/bin/dotnet", Store: "dotnet", Roots: "/home/anna/.dotnet/…/x509stores/my", Server: true, State: devcert.Trusted},
	}
}

// broken is a machine on which much is wrong at the same time.
func broken(t testing.TB) *machine {
	t.Helper()
	m := setUp(t)
	firefox := m.host.Stores[2].(*store)
	firefox.places[1].State, firefox.places[1].Evidence = devcert.Missing, "cert9.db has no such root"
	java := m.host.Stores[3].(*store)
	java.places[0].State, java.places[0].Evidence = devcert.Unknown, "open /etc/ssl/certs/java/cacerts: permission denied"
	m.clients = append(m.clients, devcert.Client{
		Name: "node 20", Path: "/usr/bin/node", Roots: "its own list", State: devcert.Missing,
		Evidence: "NODE_EXTRA_CA_CERTS is not set", Remedy: `eval "$(devcert env)"`,
	}, devcert.Client{
		Name: "wget", Path: "/usr/bin/wget", Roots: "/home/anna/.wgetrc", State: devcert.Denied,
		Override: "check_certificate = off", Careless: true, Remedy: "remove check_certificate = off from /home/anna/.wgetrc",
	})
	delete(m.binder.table, 44333)
	delete(m.binder.table, 44334)
	m.binder.table[44378] = devcert.Binding{
		Port: 44378, Thumbprint: "FEDCBA9876543210FEDCBA9876543210FEDCBA98", AppID: "{5d89a20c-beab-4389-9447-324788eb944a}",
	}
	m.binder.table[44390] = devcert.Binding{Port: 44390, Thumbprint: "0123456789ABCDEF0123456789ABCDEF01234567"}
	m.binder.exclude = []devcert.PortRange{{First: 44395, Last: 44396}}
	m.host.Overrides = func(*x509.Certificate) []devcert.Override {
		return []devcert.Override{{Name: "SSL_CERT_FILE", Value: "/opt/corp/roots.pem", Reason: "it does not have devcert's root", Remedy: "unset SSL_CERT_FILE"}}
	}
	return m
}

// report looks as the page does.
func (m *machine) report(ctx context.Context) (*devcert.Report, error) {
	if m.blind != nil {
		return nil, m.blind
	}
	r, err := m.engine().Status(ctx, m.probe)
	if err == nil && m.edit != nil {
		m.edit(r)
	}
	return r, err
}

func (m *machine) mustReport() *devcert.Report {
	m.t.Helper()
	r, err := m.report(context.Background())
	require.NoError(m.t, err)
	return r
}

// ask sends one request, as it arrives over TLS at port 44300 with the leaf.
func ask(t testing.TB, h http.Handler, method, target string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.TLS = &tls.ConnectionState{
		Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, CurveID: tls.X25519MLKEM768,
		NegotiatedProtocol: "h2", ServerName: "localhost", HandshakeComplete: true,
	}
	r.RemoteAddr = "127.0.0.1:50000" // httptest's is somebody else's
	r = r.WithContext(at44300(r.Context()))
	for _, e := range edit {
		e(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// at44300 is the context of a request that came to the port that people open.
func at44300(ctx context.Context) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 44300})
}

const home = "https://localhost:44300/"

// shown is the page as a browser reads it.
func shown(t testing.TB, response *httptest.ResponseRecorder) *html.Node {
	t.Helper()
	require.Equal(t, "text/html; charset=utf-8", response.Header().Get("Content-Type"))
	doc, err := html.Parse(response.Body)
	require.NoError(t, err)
	return doc
}

func (m *machine) page(edit ...func(*http.Request)) *html.Node {
	m.t.Helper()
	return shown(m.t, ask(m.t, newHandler(m.report, time.Now), http.MethodGet, home, edit...))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// all lists the elements that fit: "li", "#ports", ".finding", "td.lost".
func all(n *html.Node, selector string) []*html.Node {
	tag, class, _ := strings.Cut(selector, ".")
	tag, id, _ := strings.Cut(tag, "#")
	var found []*html.Node
	for d := range n.Descendants() {
		switch {
		case d.Type != html.ElementNode, tag != "" && d.Data != tag, id != "" && attr(d, "id") != id:
		case class != "" && !slices.Contains(strings.Fields(attr(d, "class")), class):
		default:
			found = append(found, d)
		}
	}
	return found
}

func one(t testing.TB, n *html.Node, selector string) *html.Node {
	t.Helper()
	found := all(n, selector)
	require.Len(t, found, 1, selector)
	return found[0]
}

// text is what is read, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type != html.TextNode {
			continue
		}
		b.WriteString(d.Data)
		if !unbroken(d.Parent) && !unbroken(d.NextSibling) {
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// unbroken says of a word in a sentence that it only must not be broken.
func unbroken(n *html.Node) bool { return n != nil && attr(n, "class") == "unbroken" }

func texts(nodes []*html.Node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, text(n))
	}
	return out
}
