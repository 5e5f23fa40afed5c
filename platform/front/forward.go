package front

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// dialLimit is how long an application may take to accept a connection, and
	// then for the handshake of TLS. Once a request is sent, nothing is limited: it
	// may stand at a breakpoint.
	dialLimit = 10 * time.Second
	// upstreamIdle is how long a connection to an application is kept for a next
	// request. It is below the two seconds of gunicorn and the five of Node and
	// uvicorn: a POST that meets the server's closing could not be sent again, and
	// a new connection costs little here.
	upstreamIdle = 1500 * time.Millisecond
	// upstreamIdlePerHost are kept at most. A load test's clients each use one.
	upstreamIdlePerHost = 1024
	// maxAnswerHeader bounds the memory that an answer's headers take. Go's own
	// server takes as much of requests.
	maxAnswerHeader = 1 << 20
	// copyBuffer is Go's own measure for copying.
	copyBuffer = 32 << 10
)

// upstreams makes the responders that forward. They share the connections.
type upstreams struct {
	transport *http.Transport
	dialer    *upstreamDialer
	buffers   *bufferPool
	mark      string // of what these forward
}

func newUpstreams(roots func() *x509.CertPool) *upstreams {
	dialer := &upstreamDialer{net.Dialer{Timeout: dialLimit}, roots, tls.NewLRUClientSessionCache(0)}
	return &upstreams{
		transport: &http.Transport{
			Proxy:                  nil, // the environment's is for the world outside
			DialContext:            dialer.dial,
			DialTLSContext:         dialer.dialTLS,
			DisableCompression:     true, // what the client accepts is asked for, and passed on as it is
			MaxIdleConnsPerHost:    upstreamIdlePerHost,
			IdleConnTimeout:        upstreamIdle,
			MaxResponseHeaderBytes: maxAnswerHeader,
			ExpectContinueTimeout:  time.Second,
		},
		dialer: dialer, buffers: &bufferPool{}, mark: newMark(),
	}
}

// responder forwards to u, as the flags say with option: "--to URL".
func (s *upstreams) responder(u *url.URL, option string) responder {
	f := &forwarder{upstreams: s, option: option, base: u, name: u.Scheme + "://" + u.Host + u.EscapedPath(), keepsHost: keepsHost(u)}
	// FlushInterval stays zero: the proxy flushes at once where the length of an
	// answer is not known, events among them. Flushing the others too makes two
	// records of each HTTP/1.1 answer, which BenchmarkForward shows.
	f.proxy = &httputil.ReverseProxy{
		Rewrite: f.rewrite, Transport: s.transport, BufferPool: s.buffers,
		ModifyResponse: refuseUpgrade, ErrorHandler: f.failed,
		ErrorLog: log.New(io.Discard, "", 0), //nolint:forbidigo // the access log tells it
	}
	return responder{f.name, f}
}

// forwarder hands requests to one application and its answers back.
type forwarder struct {
	upstreams *upstreams
	option    string
	base      *url.URL
	name      string // the base without anything secret
	keepsHost bool
	proxy     *httputil.ReverseProxy
}

func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, ok := w.(*exchange)
	if f.upstreams.forwarded(r.Header) {
		if ok {
			x.note = "forwards to itself"
		}
		answer{
			status: http.StatusLoopDetected, title: "devcert forwards to itself", url: f.name,
			reason: "this request came from here: that address leads back to devcert serve",
			remedy: "name the address on which the application itself listens",
		}.write(w, r)
		return
	}
	if ok {
		x.passes = true
	}
	if !ok || r.ContentLength == 0 {
		f.proxy.ServeHTTP(w, r)
		return
	}
	// An application may answer while it reads. Over HTTP/1.1, net/http would read
	// the body away when the answer begins.
	_ = http.NewResponseController(w).EnableFullDuplex()
	body := r.Body
	r.Body = &requestBody{body, x}
	f.proxy.ServeHTTP(w, r)
	x.linger(body)
}

// loopHeader names those that forwarded a request, so that one that comes back is
// known, by whichever name or detour. It is RFC 8586's, and not Via, for the reason
// given there in section 1: servers go without compression where they see a Via,
// nginx and IIS among them.
const loopHeader = "Cdn-Loop"

// forwarded says whether a request with these headers was forwarded by s. The mark
// is one that nobody guesses; who repeats it gets no answer, and harms nobody else.
func (s *upstreams) forwarded(h http.Header) bool {
	return slices.ContainsFunc(h[loopHeader], func(line string) bool { return strings.Contains(line, s.mark) })
}

// newMark is a pseudonym of RFC 8586, section 2, in which no word comes up by
// chance.
func newMark() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return "front-" + hex.EncodeToString(random[:])
}

// lingerLimit is Kestrel's and nginx's too.
const lingerLimit = 5 * time.Second

// linger reads away what is left of a body that the application did not want, as
// an upload that is too large for it. A connection that is closed with something
// unread is reset, and the client never sees the answer (RFC 9112, section 9.6).
// An answer without a length ends only when the handler does, and cannot wait; a
// client that asked whether to send may never do so.
func (x *exchange) linger(body io.Reader) {
	r := x.request
	if x.bodyEnded.Load() || r.ProtoMajor != 1 || x.taken || x.Header().Get("Content-Length") == "" || r.Header.Get("Expect") != "" {
		return
	}
	c := http.NewResponseController(x.ResponseWriter)
	if c.Flush() != nil || c.SetReadDeadline(time.Now().Add(lingerLimit)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, body)
	_ = c.SetReadDeadline(time.Time{})
}

// rewrite makes the request that the application gets. What the client said of
// itself in headers is gone by now.
func (f *forwarder) rewrite(p *httputil.ProxyRequest) {
	p.SetURL(f.base)
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came: the proxy drops what Go cannot parse
	if f.keepsHost {
		p.Out.Host = p.In.Host
	}
	p.Out.Trailer = p.In.Trailer // the very map, which is filled when the body has been read
	h := p.Out.Header
	if host, _, err := net.SplitHostPort(p.In.RemoteAddr); err == nil {
		h["X-Forwarded-For"] = []string{host}
	}
	if p.In.Host != "" { // HTTP/1.0 has none
		h["X-Forwarded-Host"] = []string{p.In.Host}
	}
	h["X-Forwarded-Proto"] = forwardedHTTPS
	if p.In.TLS == nil {
		h["X-Forwarded-Proto"] = forwardedHTTP
	}
	h[loopHeader] = append(slices.Clone(h[loopHeader]), f.upstreams.mark)
	connectionOf(p.In).setHeaders(h)
}

var forwardedHTTPS, forwardedHTTP = []string{"https"}, []string{"http"}

// keepsHost says whether the application is to see the Host that the client asked
// for. On this machine it is, as behind IIS Express and HTTP.sys: links, redirects
// and cookies made of it are right, also where forwarded headers are not looked
// at. What has a name of its own elsewhere is a virtual host, and found by that
// name.
func keepsHost(u *url.URL) bool {
	_, err := netip.ParseAddr(u.Hostname())
	return err == nil || isLocalhost(u.Hostname())
}

// errUpgrade is an answer that switches to a protocol nobody asked for. The proxy
// would notice too, but leave the connection open.
var errUpgrade = errors.New("the answer switches to a protocol that was not asked for")

func refuseUpgrade(r *http.Response) error {
	if r.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	asked := r.Request.Header.Get("Upgrade")
	if asked == "" || !strings.EqualFold(asked, r.Header.Get("Upgrade")) {
		return errUpgrade
	}
	return nil
}

// requestBody tells a client that fails to send its body from an application that
// fails to take it.
type requestBody struct {
	io.ReadCloser
	x *exchange
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil { // the transport reads, and may go on after its failure
		b.x.bodyEnded.Store(true)
		b.x.badBody.Store(err != io.EOF)
	}
	return n, err
}

// failed answers where the application did not.
func (f *forwarder) failed(w http.ResponseWriter, r *http.Request, err error) {
	x, ok := w.(*exchange)
	if !ok || x.taken {
		return // the connection is not HTTP's any more
	}
	var a answer
	switch {
	case x.stopped():
		a = answer{status: http.StatusServiceUnavailable, note: "stopped",
			title: "devcert was stopped", reason: "the application had not answered by then",
			remedy: "start devcert serve again, and then send the request again"}
	case x.request.Context().Err() != nil:
		x.note, x.status = "client left", statusClientLeft
		return
	case x.badBody.Load():
		a = answer{status: http.StatusBadRequest, note: "body broke off",
			title: "The request is incomplete", reason: "its body broke off, or is not as its headers say",
			remedy: "send it again"}
	default:
		a = upstreamFailure(err, f.option)
	}
	x.note, a.url = a.note, f.tried(r.URL)
	a.write(x, x.request)
}

// statusClientLeft is what nginx logs where there was nobody left to answer.
const statusClientLeft = 499

// tried is the URL that was asked, without what may be secret in it.
func (f *forwarder) tried(u *url.URL) string {
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// bufferPool keeps buffers for copying bodies.
type bufferPool struct{ sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.Pool.Get().(*[copyBuffer]byte); ok {
		return b[:]
	}
	return make([]byte, copyBuffer)
}

func (p *bufferPool) Put(b []byte) {
	if len(b) == copyBuffer {
		p.Pool.Put((*[copyBuffer]byte)(b)) // a pointer: a slice would be allocated again
	}
}
