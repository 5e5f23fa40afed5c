package devcert

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// memServer serves nothing and remembers what it was to serve.
type memServer struct{ asked []Serving }

func (m *memServer) Serve(_ context.Context, s Serving) error {
	m.asked = append(m.asked, s)
	return nil
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := ParseUpstream(text)
	require.NoError(t, err)
	return u
}

func TestServe(t *testing.T) {
	m := setUp(t)
	server := &memServer{}
	m.host.Server = server
	before := m.picture()
	e := m.engine()
	e.Projects = []Project{{Path: "a", SSLPort: 5443, AppURL: "http://localhost:5002"}}
	require.NoError(t, e.Serve(t.Context(), Serving{ClientCert: NoClientCert}))
	require.Len(t, server.asked, 1)
	r, err := server.asked[0].Report(t.Context())
	require.NoError(t, err)
	assert.Empty(t, r.Findings, "the project's port is served, bound or not")
	assert.Equal(t, before, m.picture(), "serving changes nothing")
}

func TestForward(t *testing.T) {
	s := Serving{Map: map[int]*url.URL{44301: mustURL(t, "http://localhost:9")}}
	require.NoError(t, s.Forward([]Project{
		{Path: "a", SSLPort: 44301, AppURL: "http://localhost:5001"}, {Path: "b", SSLPort: 5443, AppURL: "http://localhost:5002"},
	}))
	assert.Equal(t, "http://localhost:9", s.Map[44301].String(), "what was said of the port wins")
	assert.Equal(t, "http://localhost:5002", s.Map[5443].String())
}

func TestServeRefuses(t *testing.T) {
	for _, row := range []struct {
		name    string
		serving Serving
		arrange func(*machine)
		problem string
	}{
		{"its own port", Serving{To: mustURL(t, "https://localhost:44300")}, nil, "devcert itself is to serve there"},
		{"its own port by address", Serving{To: mustURL(t, "https://127.0.0.2:44300")}, nil, "devcert itself is to serve there"},
		{"its own port by number", Serving{Ports: []int{8443}, To: mustURL(t, "http://[::1]:8443")}, nil, "devcert itself is to serve there"},
		{"its own port in a map", Serving{Map: map[int]*url.URL{443: mustURL(t, "https://localhost")}}, nil, "devcert itself is to serve there"},
		{"the revocation lists' port", Serving{Ports: []int{44297, CRLPort}}, nil, "is for the revocation lists"},
		{"their port in a map", Serving{Map: map[int]*url.URL{CRLPort: mustURL(t, "http://localhost:1")}}, nil, "is for the revocation lists"},
		{"two sources", Serving{To: mustURL(t, "http://localhost:5000"), Static: "/site"}, nil, "contradict each other"},
		{"a header for nothing", Serving{CertHeaders: []CertHeader{{"X-Ssl-Cert", CertHex}}}, nil, "none is asked for"},
		{"nothing bound", Serving{}, func(m *machine) { clear(m.binder.table) }, "no port is bound"},
		{"served by the system", Serving{}, func(m *machine) { m.host.Binder = machineBinder{m.binder} }, "served by this system itself"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t)
			server := &memServer{}
			m.host.Server = server
			if row.arrange != nil {
				row.arrange(m)
			}
			row.serving.ClientCert = NoClientCert
			requireUsage(t, m.engine().Serve(t.Context(), row.serving), row.problem)
			assert.Empty(t, server.asked)
		})
	}
}

// machineBinder says that its table is the system's.
type machineBinder struct{ *memBinder }

func (b machineBinder) Table(ctx context.Context) (PortTable, error) {
	table, err := b.memBinder.Table(ctx)
	table.Machine = true
	return table, err
}

func TestForwardAProjectThatDoesNotSayEnough(t *testing.T) {
	for problem, p := range map[string]Project{
		"names no sslPort":        {Path: "a", AppURL: "http://localhost:5000"},
		"names no applicationUrl": {Path: "a", SSLPort: 44300},
	} {
		requireUsage(t, new(Serving).Forward([]Project{p}), problem)
	}
}

func TestWhereIsServed(t *testing.T) {
	v4, v6, lan := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("192.0.2.1")
	l := Listening{Ports: []int{1, 9}, Addresses: []netip.Addr{v4, v6, lan}, Failed: []PortFailure{
		{Port: 2}, {Port: 3, Address: v6}, {Port: 4, Address: v4}, {Port: 4, Address: lan}, {Port: 5, Address: v6},
	}}
	assert.Equal(t, []PortsOn{{[]int{1, 9}, l.Addresses}, {[]int{3, 5}, []netip.Addr{v4, lan}}, {[]int{4}, []netip.Addr{v6}}}, l.Served())
	l.Ports = nil
	assert.Len(t, l.Served(), 2)
}

func TestListeningErr(t *testing.T) {
	taken := errors.New("taken")
	require.NoError(t, Listening{Failed: []PortFailure{{Port: 1, Err: taken}}}.Err(), "it was only bound")
	err := Listening{Failed: []PortFailure{{Port: 1, Err: taken, Asked: true}}}.Err()
	require.ErrorIs(t, err, taken)
	require.ErrorAs(t, err, new(*PartialError))
}
