package front

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the application sees of a request.
func TestForwardedRequest(t *testing.T) {
	type seen struct {
		Line   string
		Host   string
		Header http.Header
		Body   string
	}
	upstream := startApp(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(seen{r.Method + " " + r.RequestURI + " " + r.Proto, r.Host, r.Header, string(body)})
	})
	tests := []struct {
		name    string
		base    string
		method  string
		target  string
		line    string
		headers map[string]string // sent
		want    map[string]string // "" for none
	}{
		{"a plain one", "", "GET", "/", "GET / HTTP/1.1", nil, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.test:44300",
			"Accept-Encoding": "", "Forwarded": "", "Via": "",
		}},
		{"the path as it was escaped", "", "GET", "/a%2Fb/%E2%82%AC%20c", "GET /a%2Fb/%E2%82%AC%20c HTTP/1.1", nil, nil},
		{"a query that Go cannot parse", "", "GET", "/?a=1;b=2&c=%zz&", "GET /?a=1;b=2&c=%zz& HTTP/1.1", nil, nil},
		{"an empty query", "", "GET", "/?", "GET /? HTTP/1.1", nil, nil},
		{"below a path", "/app", "GET", "/x?y=z", "GET /app/x?y=z HTTP/1.1", nil, nil},
		{"another method", "", "PROPFIND", "/x", "PROPFIND /x HTTP/1.1", nil, nil},
		{"what the client said of itself", "", "GET", "/", "GET / HTTP/1.1",
			map[string]string{
				"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "http", "Forwarded": "for=1.2.3.4",
				"X_Forwarded_For": "1.2.3.4", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Client-Cert": "Cert=x",
			},
			map[string]string{
				"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "app.test:44300", "X-Forwarded-Proto": "https", "Forwarded": "",
				"X_forwarded_for": "", "X-Forwarded-Prefix": "", "X-Forwarded-Client-Cert": "",
			}},
		{"what is the application's", "", "POST", "/", "POST / HTTP/1.1",
			map[string]string{"Cookie": "a=b", "Authorization": "Bearer x", "Accept-Encoding": "br, gzip", "User-Agent": "me", "X-Own": "1"},
			map[string]string{"Cookie": "a=b", "Authorization": "Bearer x", "Accept-Encoding": "br, gzip", "User-Agent": "me", "X-Own": "1"}},
		{"what is between two only", "", "GET", "/", "GET / HTTP/1.1",
			map[string]string{"Proxy-Authorization": "Basic x", "Te": "trailers"},
			map[string]string{"Proxy-Authorization": "", "Te": "trailers"}},
	}
	for _, test := range tests {
		f := handled(t, forwarding(t, upstream+test.base), nil)
		for _, protocol := range spoken {
			t.Run(test.name+" over "+protocol, func(t *testing.T) {
				var body io.Reader
				if test.method == "POST" {
					body = strings.NewReader("body")
				}
				r := newRequest(t, test.method, f.URL, body)
				r.URL.Opaque, r.URL.RawQuery, r.URL.ForceQuery = strings.Cut(test.target, "?")
				r.Host = "app.test:44300"
				for name, value := range test.headers {
					r.Header[name] = []string{value}
				}
				_, text := fetchAll(t, f.client(protocol), r)
				var got seen
				require.NoError(t, json.Unmarshal([]byte(text), &got), text)
				assert.Equal(t, test.line, got.Line)
				assert.Equal(t, "app.test:44300", got.Host)
				for name, value := range test.want {
					assert.Equal(t, value, strings.Join(got.Header[name], "|"), name)
				}
				if body != nil {
					assert.Equal(t, "body", got.Body)
				}
			})
		}
	}
}

// A front that forwards to itself, straight or by way of another front that
// forwards to it.
func TestForwardingToItself(t *testing.T) {
	var f, other *served
	var asked atomic.Int32
	leadsTo := func(f **served) string {
		return startApp(t, func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) > 10 {
				t.Error("it goes round")
				return
			}
			(*f).Config.Handler.ServeHTTP(w, r)
		})
	}
	back := leadsTo(&f)
	other = handled(t, forwarding(t, back), nil)
	for name, upstream := range map[string]string{"straight": back, "by another": leadsTo(&other)} {
		f = handled(t, forwarding(t, upstream), nil)
		for _, protocol := range spoken {
			for _, headers := range []http.Header{{}, {"Cdn-Loop": {"front-", "front-forged, a; b=c"}}, {"Connection": {"Cdn-Loop"}}} {
				t.Run(name+" over "+protocol, func(t *testing.T) {
					asked.Store(0)
					r := newRequest(t, "GET", f.URL, nil)
					if protocol == "HTTP/1.1" || headers.Get("Connection") == "" {
						r.Header = headers.Clone()
					}
					answer, body := fetchAll(t, f.client(protocol), r)
					assert.Equal(t, 508, answer.StatusCode, body)
					assert.Contains(t, body, "devcert: 508 devcert forwards to itself: "+upstream)
					assert.EqualValues(t, strings.Count(name, " ")+1, asked.Load())
				})
			}
		}
		assert.Contains(t, f.logged(), " forwards to itself\n")
	}
}

// What others marked reaches the application; a forged mark is one of others.
func TestOthersLoopMarks(t *testing.T) {
	seen := make(chan []string, 1)
	f := handled(t, forwarding(t, startApp(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header["Cdn-Loop"] })), nil)
	for _, theirs := range [][]string{nil, {"cdn.test; v=1, foo", "front-forged"}} {
		r := newRequest(t, "GET", f.URL, nil)
		if theirs != nil {
			r.Header["Cdn-Loop"] = theirs
		}
		answer, _ := fetchAll(t, f.client("HTTP/1.1"), r)
		assert.Equal(t, 200, answer.StatusCode)
		got := <-seen
		require.Len(t, got, len(theirs)+1)
		assert.Equal(t, strings.Join(theirs, "|"), strings.Join(got[:len(theirs)], "|"))
		assert.Regexp(t, `^front-[0-9a-f]{32}$`, got[len(theirs)])
	}
}

func TestKeepsHost(t *testing.T) {
	for name, want := range map[string]bool{
		"http://localhost:5000": true, "http://LOCALHOST": true, "http://app.localhost:1": true, "http://127.0.0.1:5000": true,
		"http://[::1]:5000": true, "http://172.17.0.2": true,
		"https://example.com": false, "http://notlocalhost:1": false, "http://host.docker.internal:5000": false,
	} {
		u, err := url.Parse(name)
		require.NoError(t, err)
		assert.Equal(t, want, keepsHost(u), name)
	}
}

// What the client sees of an answer.
func TestForwardedAnswer(t *testing.T) {
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch r.URL.Path {
		case "/cookies":
			h.Add("Set-Cookie", "a=1")
			h.Add("Set-Cookie", "b=2")
			h.Set("Content-Encoding", "br")
			_, _ = w.Write([]byte("not really"))
		case "/moved":
			h.Set("Location", "http://elsewhere.test/")
			w.WriteHeader(302)
		case "/nothing":
			w.WriteHeader(204)
		case "/unchanged":
			h.Set("Etag", `"1"`)
			w.WriteHeader(304)
		case "/hints":
			h.Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(200)
		case "/untyped":
			h["Content-Type"] = nil
			_, _ = w.Write([]byte("<script>"))
		case "/untyped-hints":
			h.Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(103)
			h["Content-Type"] = nil
			_, _ = w.Write([]byte("<script>"))
		case "/empty-type":
			h.Set("Content-Type", "")
			_, _ = w.Write([]byte("<script>"))
		case "/length":
			h.Set("Content-Length", "12345")
		case "/failed":
			w.WriteHeader(500)
			_, _ = w.Write([]byte("its own page"))
		}
	})), nil)
	tests := []struct {
		method, path string
		status       int
		body         string
		header       string
		want         []string
	}{
		{"GET", "/cookies", 200, "not really", "Set-Cookie", []string{"a=1", "b=2"}},
		{"GET", "/cookies", 200, "not really", "Content-Encoding", []string{"br"}},
		{"GET", "/moved", 302, "", "Location", []string{"http://elsewhere.test/"}},
		{"GET", "/nothing", 204, "", "Content-Length", nil},
		{"GET", "/unchanged", 304, "", "Etag", []string{`"1"`}},
		{"GET", "/hints", 200, "", "Link", []string{"</a.css>; rel=preload"}},
		{"GET", "/untyped", 200, "<script>", "Content-Type", nil},
		{"GET", "/untyped-hints", 200, "<script>", "Content-Type", nil},
		{"GET", "/empty-type", 200, "<script>", "Content-Type", []string{""}},
		{"HEAD", "/length", 200, "", "Content-Length", []string{"12345"}},
		{"GET", "/failed", 500, "its own page", "X-Content-Type-Options", nil},
	}
	for _, test := range tests {
		for _, protocol := range spoken {
			t.Run(test.method+" "+test.path+" "+test.header+" "+protocol, func(t *testing.T) {
				c := f.client(protocol)
				c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				answer, body := fetchAll(t, c, newRequest(t, test.method, f.URL+test.path, nil))
				assert.Equal(t, test.status, answer.StatusCode)
				assert.Equal(t, test.body, body)
				assert.Equal(t, test.want, answer.Header[test.header])
			})
		}
	}
}

// An application that listens on one of localhost's addresses is found. There is
// no front here: it might have the same port on the other address.
func TestLocalhostIsEveryAddress(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Skip("this machine has no such address: ", err)
			}
			t.Cleanup(func() { _ = l.Close() })
			_, port, err := net.SplitHostPort(l.Addr().String())
			require.NoError(t, err)
			for _, name := range []string{"localhost", "LOCALHOST", "app.localhost"} {
				c, err := new(upstreamDialer).dial(t.Context(), "tcp", net.JoinHostPort(name, port))
				require.NoError(t, err, name)
				assert.Equal(t, l.Addr().String(), c.RemoteAddr().String())
				_ = c.Close()
			}
			require.NoError(t, l.Close())
			_, err = new(upstreamDialer).dial(t.Context(), "tcp", net.JoinHostPort("localhost", port))
			assert.Equal(t, "connection refused", upstreamFailure(err, "").note)
		})
	}
}

// Trailers pass both ways, as gRPC-like applications want them.
func TestTrailers(t *testing.T) {
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-After")
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
		w.Header().Set("X-After", "got "+r.Trailer.Get("X-Sum"))
		w.Header().Set(http.TrailerPrefix+"X-Unannounced", "too")
	})), nil)
	for _, protocol := range spoken {
		t.Run(protocol, func(t *testing.T) {
			r := newRequest(t, "POST", f.URL, io.MultiReader(strings.NewReader("body")))
			r.Trailer = http.Header{"X-Sum": {"42"}}
			answer, body := fetchAll(t, f.client(protocol), r)
			assert.Equal(t, "body", body)
			assert.Equal(t, http.Header{"X-After": {"got 42"}, "X-Unannounced": {"too"}}, answer.Trailer)
		})
	}
}

// An https application is believed on the word of this machine's root, and of
// nobody else.
func TestSecureApplication(t *testing.T) {
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	app.Config.ErrorLog = log.New(io.Discard, "", 0)
	app.StartTLS()
	t.Cleanup(app.Close)
	own := x509.NewCertPool()
	own.AddCert(app.Certificate())
	port := app.Listener.Addr().(*net.TCPAddr).String()
	_, number, err := net.SplitHostPort(port)
	require.NoError(t, err)
	tests := []struct {
		name   string
		url    string
		roots  *x509.CertPool
		status int
		want   string
	}{
		{"own root", app.URL, own, 200, "app.test"},
		{"unknown", app.URL, x509.NewCertPool(), 502, "its certificate comes from nobody whom this machine trusts"},
		{"no own root", app.URL, nil, 502, "its certificate comes from nobody whom this machine trusts"},
		{"another name", "https://localhost:" + number, own, 502, "its certificate is for another name"},
		{"https named as http", "http://" + port, own, 400, "HTTP request to an HTTPS server"}, // Go's own courtesy
		{"http named as https", strings.Replace(startApp(t, func(http.ResponseWriter, *http.Request) {}), "http", "https", 1), own, 502, "it listens there, but not for https"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := handled(t, forwarding(t, test.url), test.roots)
			r := newRequest(t, "GET", f.URL, nil)
			r.Host = "app.test"
			answer, body := fetchAll(t, f.client("HTTP/1.1"), r)
			assert.Equal(t, test.status, answer.StatusCode)
			assert.Contains(t, body, test.want)
		})
	}
}

// The variables of the environment are for the world outside.
func TestNoProxyFromTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	s := newUpstreams(func() *x509.CertPool { return nil })
	assert.Nil(t, s.transport.Proxy)
}

// A protocol of the application's own: what goes in comes out, and the end of one
// half reaches the other side.
func TestUpgrade(t *testing.T) {
	var asked string
	f := handled(t, forwarding(t, startRawApp(t, func(c *net.TCPConn, r *bufio.Reader) {
		asked = readHeader(r)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nfirst")
		_, _ = io.Copy(c, r)
		_, _ = io.WriteString(c, "last")
	})), nil)
	c := f.raw()
	_, err := io.WriteString(c, "GET /socket?token=secret HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Key: k\r\nX-SSL-CERT: forged\r\nx_ssl_cert: forged\r\n\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	answer := readHeader(r)
	assert.True(t, strings.HasPrefix(answer, "HTTP/1.1 101 "), answer)
	assert.Contains(t, answer, "Sec-Websocket-Accept: x\r\n")
	assert.Equal(t, "first", readN(t, r, 5))
	for _, message := range []string{"hello", strings.Repeat("x", 100_000)} {
		go func() { _, _ = io.WriteString(c, message) }()
		assert.Equal(t, message, readN(t, r, len(message)))
	}
	require.NoError(t, c.CloseWrite())
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "last", string(rest))
	assert.Contains(t, asked, "Upgrade: websocket\r\n")
	assert.Contains(t, asked, "Sec-Websocket-Key: k\r\n")
	assert.NotContains(t, asked, "forged")
	// The server waits for no connection that was taken from it.
	require.Eventually(t, func() bool { return strings.HasSuffix(f.log.String(), "\n") }, 10*time.Second, 5*time.Millisecond)
	assert.Regexp(t, `GET /socket 101 2000\d\d `, f.log.String(), "both ways are counted")
}

func readN(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	return string(b)
}

// An upgrade that the application refuses is an answer like others.
func TestUpgradeRefused(t *testing.T) {
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(426) })), nil)
	c := f.raw()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(readHeader(bufio.NewReader(c)), "HTTP/1.1 426 "))
}

// A page that somebody has left holds nothing open at the application.
func TestClientLeaves(t *testing.T) {
	arrived, gone := make(chan struct{}, 1), make(chan bool, 1)
	f := handled(t, forwarding(t, startRawApp(t, func(_ *net.TCPConn, r *bufio.Reader) {
		readHeader(r)
		arrived <- struct{}{}
		_, err := r.ReadByte() // a breakpoint: until the front closes
		gone <- err == io.EOF
	})), nil)
	for _, protocol := range spoken {
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			<-arrived
			leave()
		}()
		r := newRequest(t, "GET", f.URL, nil).WithContext(ctx)
		_, err := f.client(protocol).Do(r)
		require.ErrorIs(t, err, context.Canceled)
		select {
		case closed := <-gone:
			assert.True(t, closed)
		case <-time.After(30 * time.Second):
			t.Fatal("the application still has the connection")
		}
	}
	// The application may see its connection end before the request is over.
	eventually(t, "both requests are logged as left", func() bool { return strings.Count(f.logged(), " 499 0 ") == 2 })
}
