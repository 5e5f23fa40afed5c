package page

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// with is a request on a connection that was answered with cert.
func with(cert *x509.Certificate) func(*http.Request) {
	return func(r *http.Request) {
		*r = *r.WithContext(WithPresented(r.Context(), func() *x509.Certificate { return cert }))
	}
}

func byHost(host string) func(*http.Request) {
	return func(r *http.Request) { r.Host = host }
}

func atPort(port int) func(*http.Request) {
	return func(r *http.Request) {
		addr := &net.TCPAddr{IP: net.IPv6loopback, Port: port}
		*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
	}
}

// issued is a leaf of the machine's own for another name, as `devcert issue` makes.
func issued(t *testing.T, m *machine, name string) *x509.Certificate {
	t.Helper()
	pair, err := chain.NewOutside(m.mustReport().Seen.Folder.Hierarchy.Intermediate, name, noon)
	require.NoError(t, err)
	return pair.Cert
}

const (
	opens  = "No warning? Then this browser trusts localhost."
	warns  = "A browser must warn before it shows this page."
	others = "This page came with another certificate than devcert’s."
)

func TestVerdict(t *testing.T) {
	well := setUp(t)
	leaf := well.mustReport().Seen.Folder.Hierarchy.Leaf.Cert
	nobody := setUp(t)
	for _, s := range nobody.host.Stores {
		for i := range s.(*store).places {
			s.(*store).places[i].State = devcert.Missing
		}
	}
	broken := broken(t)
	tests := []struct {
		name  string
		m     *machine
		edits []func(*http.Request)
		tone  string
		title string
		words string
	}{
		{"the leaf", well, []func(*http.Request){with(leaf)}, "good", opens, "with the certificate that devcert made"},
		{"the leaf, by the binding", well, nil, "good", opens, "with the certificate that devcert made"},
		{"before anything was presented", well, []func(*http.Request){with(nil)}, "good", opens, ""},
		{"by an address", well, []func(*http.Request){byHost("127.0.0.1:44300")}, "good", "No warning? Then this browser trusts 127.0.0.1.", ""},
		{"by IPv6", well, []func(*http.Request){byHost("[::1]:44300")}, "good", "No warning? Then this browser trusts ::1.", ""},
		{"by a name below a wildcard", well, []func(*http.Request){byHost("api.dev.localhost")}, "good", "No warning? Then this browser trusts api.dev.localhost.", ""},
		{"by an address that the leaf has not", well, []func(*http.Request){byHost("127.0.0.2")}, "bad", warns, "it is not for 127.0.0.2"},
		{"at a port of which nothing is known", well, []func(*http.Request){atPort(50000)}, "warn", opens, "With which certificate is not known here"},
		{"at another's port", broken, []func(*http.Request){atPort(44378)}, "warn", others, "says nothing about devcert’s root"},
		{"another's certificate", well, []func(*http.Request){with(selfSigned(t, "localhost"))}, "warn", others, "says nothing"},
		{"another's certificate for another name", well, []func(*http.Request){with(selfSigned(t, "other.test"))}, "bad", warns, "it is not for localhost"},
		{"one that was issued for another name", well, []func(*http.Request){with(issued(t, well, "example.com"))}, "bad", warns, "it is not for localhost"},
		{"an expired leaf", expired(t), nil, "bad", warns, "it ended on 2027-11-21"},
		{"a clock before the leaf", early(t), nil, "bad", warns, "it is not valid before 2026-11-21"},
		{"no store trusts it", nobody, nil, "warn", "This browser should have warned.", "no store of this machine"},
		{"a lost intermediate", lost(t), nil, "warn", opens, "lost on this machine"},
		{"never set up", newMachine(t), nil, "warn", others, ""},
		{"never set up, and presented", newMachine(t), []func(*http.Request){with(selfSigned(t, "localhost"))}, "warn", others, ""},
		{"nothing can be seen", blind(t), []func(*http.Request){with(leaf)}, "warn", opens, "could not be looked at"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hero := one(t, test.m.page(test.edits...), "header")
			assert.Equal(t, "hero "+test.tone, attr(hero, "class"))
			assert.Equal(t, test.title, text(one(t, hero, "h1")))
			assert.Contains(t, text(hero), test.words)
			admits := strings.Contains(text(hero), "What no page can see")
			assert.Equal(t, strings.HasPrefix(test.title, "No warning?") || test.name == "no store trusts it", admits)
		})
	}
}

func early(t *testing.T) *machine {
	t.Helper()
	m := setUp(t)
	m.now = noon.AddDate(0, 0, -3)
	return m
}

func selfSigned(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}
