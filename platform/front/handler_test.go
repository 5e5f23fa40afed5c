package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// served is a front's handler behind TLS, as the listening side would have it.
type served struct {
	*httptest.Server
	t   testing.TB
	log *logLines
}

// logLines is a log that is read while it is written.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func handled(t testing.TB, s devcert.Serving, roots *x509.CertPool) *served {
	t.Helper()
	return handledBeside(t, s, "", roots)
}

// handledBeside has a folder of devcert's own.
func handledBeside(t testing.TB, s devcert.Serving, stateDir string, roots *x509.CertPool) *served {
	t.Helper()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") })
	f := &served{t: t, log: &logLines{}}
	s.Log = f.log
	f.Server = httptest.NewUnstartedServer(newHandler(s, stateDir, page, func() *trust { return &trust{roots: roots} }))
	f.EnableHTTP2 = true
	f.TLS = &tls.Config{}
	if s.ClientCert != "" && s.ClientCert != devcert.NoClientCert {
		f.TLS.ClientAuth = tls.RequestClientCert
	}
	f.Config.ConnContext = connContext
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

// forwarding is a Serving that forwards to an upstream's URL.
func forwarding(t testing.TB, upstream string) devcert.Serving {
	t.Helper()
	u, err := url.Parse(upstream)
	require.NoError(t, err)
	return devcert.Serving{To: u}
}

// spoken are the protocols of clients.
var spoken = []string{"HTTP/1.1", "HTTP/2.0"}

// client speaks one protocol, with certs where there are any.
func (f *served) client(protocol string, certs ...tls.Certificate) *http.Client {
	trust := f.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	transport := &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: trust, Certificates: certs},
		ForceAttemptHTTP2:  protocol == "HTTP/2.0",
		DisableCompression: true,
	}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// raw opens a connection that speaks HTTP/1.1 by hand.
func (f *served) raw(certs ...tls.Certificate) *tls.Conn {
	return f.dial(&tls.Config{Certificates: certs})
}

// raw2 is the same for HTTP/2.
func (f *served) raw2() *tls.Conn {
	return f.dial(&tls.Config{NextProtos: []string{"h2"}})
}

func (f *served) dial(config *tls.Config) *tls.Conn {
	f.t.Helper()
	config.RootCAs = f.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	config.ServerName = "example.com"
	c, err := tls.Dial("tcp", f.Listener.Addr().String(), config)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = c.Close() })
	require.NoError(f.t, c.SetDeadline(time.Now().Add(20*time.Second)))
	return c
}

// logged waits for the log's lines, once all that was asked has ended.
func (f *served) logged() string {
	f.t.Helper()
	f.Close()
	require.NoError(f.t, f.Config.Handler.(io.Closer).Close())
	return f.log.String()
}

// fetchAll asks and reads the answer whole.
func fetchAll(t *testing.T, c *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := c.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(body)
}

func newRequest(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	return r
}

// startApp makes an upstream that net/http serves.
func startApp(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// startRawApp makes an upstream that does with each connection what talk does, and
// closes it.
func startRawApp(t *testing.T, talk func(c *net.TCPConn, r *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); running.Wait() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				talk(c.(*net.TCPConn), bufio.NewReader(c))
			})
		}
	}()
	return "http://" + l.Addr().String()
}

// readHeader reads a request's header, up to the empty line.
func readHeader(r *bufio.Reader) string {
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		text.WriteString(line)
		if err != nil || strings.TrimSpace(line) == "" {
			return text.String()
		}
	}
}

func TestWhoAnswers(t *testing.T) {
	named := func(name string) *url.URL {
		u, err := url.Parse(startApp(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
		require.NoError(t, err)
		return u
	}
	all, one := named("all"), named("one")
	tests := []struct {
		name string
		s    devcert.Serving
		mine bool // the port asked is in the map
		want string
		who  string
	}{
		{"nothing was said", devcert.Serving{}, false, "page", "page"},
		{"all ports", devcert.Serving{To: all}, false, "all", all.String()},
		{"one port", devcert.Serving{To: all, Map: map[int]*url.URL{0: one}}, true, "one", one.String()},
		{"another port", devcert.Serving{To: all, Map: map[int]*url.URL{1: one}}, false, "all", all.String()},
		{"only another port", devcert.Serving{Map: map[int]*url.URL{1: one}}, false, "page", "page"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := handled(t, test.s, nil)
			if test.mine {
				f.Config.Handler.(*frontHandler).mapped[f.port()] = f.Config.Handler.(*frontHandler).mapped[0]
			}
			for _, protocol := range spoken {
				answer, body := fetchAll(t, f.client(protocol), newRequest(t, "GET", f.URL+"/", nil))
				assert.Equal(t, protocol, answer.Proto)
				assert.Equal(t, test.want, body)
			}
			log := f.logged()
			assert.Equal(t, 2, strings.Count(log, test.who+" -\n"), log)
			assert.Contains(t, log, " "+strconv.Itoa(f.port())+" GET / 200 ")
		})
	}
}

func (f *served) port() int { return f.Listener.Addr().(*net.TCPAddr).Port }

// Without connContext, as in a test of somebody else's, the port is still known.
func TestPortWithoutConnection(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	ctx := context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{Port: 44333})
	assert.Equal(t, 44333, connectionOf(r.WithContext(ctx)).port)
	assert.Equal(t, 0, connectionOf(r).port)
}

func TestNothingAnswers(t *testing.T) {
	w := httptest.NewRecorder()
	newHandler(devcert.Serving{}, "", nil, nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 404, w.Code)
	assert.Contains(t, w.Body.String(), "devcert serve --to URL")
}

func TestTunnelsAreRefused(t *testing.T) {
	f := handled(t, forwarding(t, startApp(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })), nil)
	c := f.raw()
	_, err := io.WriteString(c, "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	assert.Equal(t, 405, answer.StatusCode)
}

// Over HTTP/2 a method can be anything; the application is not to blame for it.
func TestWhatIsNoMethod(t *testing.T) {
	h := newHandler(forwarding(t, startApp(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })), "", nil, nil)
	for _, method := range []string{"GET / HTTP/1.1\r\nX: y", "G T", "", " ", "G\x00T", "G\u00e9T", "G/T", "GET,"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Method = method
		h.ServeHTTP(w, r)
		assert.Equal(t, 400, w.Code, method)
	}
	asked := ""
	h = newHandler(forwarding(t, startApp(t, func(_ http.ResponseWriter, r *http.Request) { asked = r.Method })), "", nil, nil)
	for _, method := range []string{"PROPFIND", "get", "M-SEARCH", "A!#$%&'*+-.^_`|~9"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		assert.Equal(t, 200, w.Code, method)
		assert.Equal(t, method, asked)
	}
}

// A handler that says nothing has said 200; one that failed has not.
func TestTheStatusThatIsLogged(t *testing.T) {
	for path, want := range map[string]string{"/silent": "/silent 200 0 ", "/panic": "/panic 0 0 "} {
		out := &logLines{}
		h := newHandler(devcert.Serving{Log: out}, "", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/panic" {
				panic(http.ErrAbortHandler)
			}
		}), nil)
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(discard{}, httptest.NewRequest("GET", path, nil))
		}()
		require.NoError(t, h.Close())
		assert.Contains(t, out.String(), want)
		assert.Equal(t, path == "/panic", strings.Contains(out.String(), "cut off"))
	}
}
