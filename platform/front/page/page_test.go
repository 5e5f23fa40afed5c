package page

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestRoutes(t *testing.T) {
	h := newHandler(setUp(t).report, time.Now)
	tests := []struct {
		name, method, path string
		status             int
		kind, caching      string
	}{
		{"the page", http.MethodGet, "/", 200, "text/html; charset=utf-8", "no-store"},
		{"the page with a query", http.MethodGet, "/?a=b", 200, "text/html; charset=utf-8", "no-store"},
		{"the page's head", http.MethodHead, "/", 200, "text/html; charset=utf-8", "no-store"},
		{"the style sheet", http.MethodGet, h.stylePath, 200, "text/css; charset=utf-8", "public, max-age=31536000, immutable"},
		{"the icon", http.MethodGet, "/favicon.svg", 200, "image/svg+xml", "public, max-age=86400"},
		{"another style sheet", http.MethodGet, "/style-0123456789abcdef.css", 404, "text/plain; charset=utf-8", "no-store"},
		{"an embedded file by its name", http.MethodGet, "/signs.svg", 404, "text/plain; charset=utf-8", "no-store"},
		{"a file of the machine", http.MethodGet, "/../../etc/passwd", 404, "text/plain; charset=utf-8", "no-store"},
		{"another path", http.MethodGet, "/status.json", 404, "text/plain; charset=utf-8", "no-store"},
		{"POST", http.MethodPost, "/", 405, "text/plain; charset=utf-8", "no-store"},
		{"OPTIONS, as before a request from another origin", http.MethodOptions, "/", 405, "text/plain; charset=utf-8", "no-store"},
		{"DELETE of the icon", http.MethodDelete, "/favicon.svg", 405, "text/plain; charset=utf-8", "no-store"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := ask(t, h, test.method, "https://localhost:44300"+test.path)
			assert.Equal(t, test.status, r.Code)
			assert.Equal(t, test.kind, r.Header().Get("Content-Type"))
			assert.Equal(t, test.caching, r.Header().Get("Cache-Control"))
			if test.status == 405 {
				assert.Equal(t, "GET, HEAD", r.Header().Get("Allow"))
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
					"form-action 'none'; frame-ancestors 'none'",
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security":    "",
				"Access-Control-Allow-Origin":  "",
				"Set-Cookie":                   "",
			} {
				assert.Equal(t, want, r.Header().Get(name), name)
			}
			if test.status != 200 {
				assert.Equal(t, 1, strings.Count(r.Body.String(), "\n"), "one line")
			}
		})
	}
}

func TestHosts(t *testing.T) {
	m := setUp(t)
	tests := []struct {
		host string
		want int
	}{
		{"localhost", 200},
		{"localhost:44300", 200},
		{"LocalHost:44300", 200},
		{"localhost.", 200},
		{"127.0.0.1", 200},
		{"127.1.2.3:44300", 200},
		{"[::1]:44300", 200},
		{"[::1]", 200},
		{"[::ffff:127.0.0.1]:44300", 200},
		{"api.dev.localhost:44300", 200},
		{"host.docker.internal", 200},
		{"", 421},
		{":44300", 421},
		{"evil.example", 421},
		{"evil.example:44300", 421},
		{"localhost.evil.example", 421},
		{"notlocalhost", 421},
		{"foo.localhost", 421},
		{"127.0.0.1.evil.example", 421},
		{"127.0.0.1.nip.io", 421},
		{"0.0.0.0:44300", 421},
		{"[::]:44300", 421},
		{"192.168.1.5", 421},
		{"10.0.0.1:44300", 421},
		{"2130706433", 421},
		{"localhost\x00.evil.example", 421},
		{"a.b.dev.localhost", 421},
	}
	h := newHandler(m.report, time.Now)
	for _, test := range tests {
		t.Run(test.host, func(t *testing.T) {
			for _, path := range []string{"/", h.stylePath, "/nothing"} {
				r := ask(t, h, http.MethodGet, "https://localhost:44300"+path, func(r *http.Request) { r.Host = test.host })
				want := test.want
				if want == 200 && path == "/nothing" {
					want = 404
				}
				assert.Equal(t, want, r.Code, path)
				if want == 421 {
					text := r.Body.String()
					assert.Equal(t, 1, strings.Count(text, "\n"), "one line")
					assert.NotContains(t, text, "birch", "nothing is told of the machine")
				}
			}
		})
	}
}

// A peer on the network chooses the name that it asks by. Nothing is looked at for
// it.
func TestOnlyThisMachineIsTold(t *testing.T) {
	m := setUp(t)
	at := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 44300} }
	tests := []struct {
		name   string
		local  net.Addr
		remote string
		want   int
	}{
		{"here", at("127.0.0.1"), "127.0.0.1:50000", 200},
		{"here, by another loopback address", at("127.0.0.2"), "127.0.0.3:50000", 200},
		{"here, by IPv6", at("::1"), "[::1]:50000", 200},
		{"here, IPv4 within IPv6", at("::ffff:127.0.0.1"), "[::ffff:127.0.0.1]:50000", 200},
		{"from the network", at("192.168.1.5"), "192.168.1.9:50000", 403},
		{"from the network, by IPv6", at("fe80::1"), "[fe80::2%eth0]:50000", 403},
		{"this machine by its address in the network", at("192.168.1.5"), "192.168.1.5:50000", 403},
		{"a remote address that claims loopback", at("192.168.1.5"), "127.0.0.1:50000", 403},
		{"led to loopback by a router", at("127.0.0.1"), "192.168.1.9:50000", 403},
		{"no local address is known", nil, "127.0.0.1:50000", 403},
		{"no remote address is known", at("127.0.0.1"), "", 403},
		{"a remote address without a port", at("127.0.0.1"), "127.0.0.1", 403},
		{"another kind of address", &net.UnixAddr{Name: "@", Net: "unix"}, "@", 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			looked := false
			h := newHandler(func(ctx context.Context) (*devcert.Report, error) { looked = true; return m.report(ctx) }, time.Now)
			for _, path := range []string{"/", h.stylePath, "/nothing"} {
				for _, host := range []string{"localhost", "127.0.0.1:44300", "api.dev.localhost"} {
					r := ask(t, h, http.MethodGet, "https://localhost:44300"+path, func(r *http.Request) {
						r.Host, r.RemoteAddr = host, test.remote
						*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, test.local))
					})
					want := test.want
					if want == 200 && path == "/nothing" {
						want = 404
					}
					assert.Equal(t, want, r.Code, path)
					if want == 403 {
						assert.Equal(t, "devcert's own page is shown on this machine only: open https://localhost there\n", r.Body.String())
					}
				}
			}
			assert.Equal(t, test.want == 200, looked)
		})
	}
}

// Who may not be told is not told either where the machine cannot be looked at.
func TestHostsWhenNothingCanBeSeen(t *testing.T) {
	h := newHandler(blind(t).report, time.Now)
	for host, want := range map[string]int{"localhost": 500, "127.0.0.1:44300": 500, "api.dev.localhost": 421, "evil.example": 421} {
		r := ask(t, h, http.MethodGet, home, func(r *http.Request) { r.Host = host })
		assert.Equal(t, want, r.Code, host)
	}
}

// forbidden lists what the policy would stop, and what leads elsewhere.
func forbidden(doc *html.Node, stylePath string) []string {
	var found []string
	known := map[string]string{"link": stylePath, "icon": iconPath}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "style", "iframe", "object", "embed", "form", "base", "img", "audio", "video", "input", "button":
			found = append(found, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			name := strings.ToLower(a.Key)
			address := name == "href" || name == "src" || name == "srcset" || name == "action" || name == "xlink:href"
			switch {
			case name == "style" || strings.HasPrefix(name, "on") || name == "srcdoc" || name == "http-equiv":
				found = append(found, n.Data+" "+name)
			case address && !strings.HasPrefix(a.Val, "#") && a.Val != "/" && a.Val != known["link"] && a.Val != known["icon"]:
				found = append(found, n.Data+" "+name+"="+a.Val)
			}
		}
	}
	return found
}

func TestNothingThatThePolicyForbids(t *testing.T) {
	for name, m := range machines(t) {
		t.Run(name, func(t *testing.T) {
			h := newHandler(m.report, time.Now)
			doc := shown(t, ask(t, h, http.MethodGet, home))
			assert.Empty(t, forbidden(doc, h.stylePath))
			links := all(doc, "link")
			require.Len(t, links, 2)
			assert.Equal(t, h.stylePath, attr(links[0], "href"))
			sheet := ask(t, h, http.MethodGet, "https://localhost:44300"+attr(links[0], "href")).Body.String()
			assert.NotContains(t, sheet, "url(", "the style sheet loads nothing")
			assert.NotContains(t, sheet, "@import")
		})
	}
	doc, err := html.Parse(strings.NewReader(`<p style="a" onclick=x><a href="https://evil.example">y</a><script></script>`))
	require.NoError(t, err)
	assert.Len(t, forbidden(doc, ""), 4, "the test sees what it looks for")
}

// Every page has what those need who do not see it.
func TestStructure(t *testing.T) {
	for name, m := range machines(t) {
		t.Run(name, func(t *testing.T) {
			doc := m.page()
			assert.Equal(t, "en", attr(one(t, doc, "html"), "lang"))
			assert.NotEmpty(t, text(one(t, doc, "title")))
			one(t, doc, "header")
			one(t, doc, "main")
			one(t, doc, "footer")
			one(t, doc, "h1")
			ids := map[string]int{}
			for n := range doc.Descendants() {
				if id := attr(n, "id"); id != "" {
					ids[id]++
				}
			}
			level := 1
			for n := range doc.Descendants() {
				if id := attr(n, "id"); id != "" {
					assert.Equal(t, 1, ids[id], "the id %s is there once", id)
				}
				if to := attr(n, "href"); strings.HasPrefix(to, "#") {
					assert.Equal(t, 1, ids[to[1:]], "%s leads somewhere", to)
				}
				if by := attr(n, "aria-labelledby"); by != "" {
					assert.Equal(t, 1, ids[by], by)
				}
				if n.Type == html.ElementNode && len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
					next := int(n.Data[1] - '0')
					assert.LessOrEqual(t, next, level+1, "no level of headings is left out: %s", text(n))
					level = next
				}
				if n.Data == "section" {
					assert.NotEmpty(t, attr(n, "aria-labelledby"))
				}
				if n.Data == "svg" {
					assert.Equal(t, "true", attr(n, "aria-hidden"), "a word says what a drawing does")
				}
			}
		})
	}
}

func machines(t testing.TB) map[string]*machine {
	return map[string]*machine{
		"healthy": setUp(t), "live": live(t), "broken": broken(t), "new": newMachine(t),
		"expired": expired(t), "lost": lost(t), "hostile": hostile(t),
	}
}

func TestWhatCannotBeLookedAt(t *testing.T) {
	tests := []struct {
		name   string
		report func(context.Context) (*devcert.Report, error)
		want   []string
	}{
		{"a folder", blind(t).report, []string{"permission denied", "see that you may write there"}},
		{
			"a newer folder",
			func(context.Context) (*devcert.Report, error) {
				return nil, &devcert.UsageError{Problem: "schema 9 is newer", Hint: "use the devcert that wrote it"}
			},
			[]string{"schema 9 is newer", "use the devcert that wrote it"},
		},
		{
			"a panic", func(context.Context) (*devcert.Report, error) { panic("<b>index out of range") },
			[]string{"ended unexpectedly: <b>index out of range"},
		},
		{"nothing", func(context.Context) (*devcert.Report, error) { return nil, nil }, []string{"showed nothing"}},
		{
			"an error that is somebody else's", func(context.Context) (*devcert.Report, error) { return nil, errors.New(nasty) },
			[]string{"<script>alert(1)</script>"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHandler(test.report, time.Now)
			r := ask(t, h, http.MethodGet, home)
			assert.Equal(t, 500, r.Code)
			doc := shown(t, r)
			blind := text(one(t, doc, "section#blind"))
			for _, want := range test.want {
				assert.Contains(t, blind, want)
			}
			assert.NotContains(t, text(doc), "goroutine ")
			assert.NotContains(t, text(doc), ".go:")
			assert.Empty(t, forbidden(doc, h.stylePath))
			assert.Empty(t, all(doc, "section#chain"), "what was not seen is not shown")
			assert.Contains(t, text(one(t, doc, "section.connection")), "TLS 1.3", "the connection is known all the same")
		})
	}
}

// Who went away is not written to.
func TestRequestThatIsGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := newHandler(func(ctx context.Context) (*devcert.Report, error) { <-ctx.Done(); return nil, ctx.Err() }, time.Now)
	h.lookout.limit = time.Second
	r := ask(t, h, http.MethodGet, home, func(r *http.Request) { *r = *r.WithContext(at44300(ctx)) })
	assert.Empty(t, r.Body.String())
}

func TestNoPrivateKeyIsShown(t *testing.T) {
	m := setUp(t)
	h := m.mustReport().Seen.Folder.Hierarchy
	page := strings.ToLower(ask(t, newHandler(m.report, time.Now), http.MethodGet, home).Body.String())
	assert.Contains(t, page, strings.ToLower(chain.Thumbprint(h.Leaf.Cert)), "what is public is there")
	for _, key := range []crypto.Signer{h.Leaf.Key, h.Intermediate.Key} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		for at := 32; at+24 <= len(der); at += 24 { // past what all keys of a kind begin with
			part := der[at : at+24]
			assert.NotContains(t, page, hex.EncodeToString(part))
			assert.NotContains(t, page, strings.ToLower(base64.StdEncoding.EncodeToString(part)))
		}
	}
}

func TestOverHTTP(t *testing.T) {
	doc := setUp(t).page(func(r *http.Request) { r.TLS = nil })
	assert.Equal(t, "This page came without TLS.", text(one(t, doc, "h1")))
	assert.Contains(t, text(one(t, doc, "section.connection")), "without TLS")
}

func TestProtocolIsSaidOnce(t *testing.T) {
	for _, alpn := range []string{"h2", "http/1.1"} {
		doc := setUp(t).page(func(r *http.Request) { r.TLS.NegotiatedProtocol = alpn })
		assert.Contains(t, text(one(t, doc, "section.connection")), "ALPN "+alpn+" Server name")
	}
}

func TestConnection(t *testing.T) {
	cert := nastyCertificate(t)
	doc := setUp(t).page(func(r *http.Request) {
		r.TLS = &tls.ConnectionState{
			Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, CurveID: tls.X25519,
			PeerCertificates: []*x509.Certificate{cert},
		}
	})
	got := text(one(t, doc, "section.connection"))
	for _, want := range []string{
		"Protocol TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "X25519", "ALPN none agreed, HTTP/1.1",
		"Server name none sent, as for an address", "Client certificate </title><script>", "by the port's binding",
	} {
		assert.Contains(t, got, want)
	}
}
