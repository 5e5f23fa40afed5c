package front

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/platform/front/page"
)

// frontHandler answers every request of the front: it takes away the headers that
// only the front may set, judges the client's certificate, and hands the request
// to what serves the port that it came in on.
type frontHandler struct {
	now      func() time.Time
	judge    *judge
	strip    *stripper
	fallback responder
	mapped   map[int]responder
	log      *accessLog // nil for none
}

// responder is what answers for a port.
type responder struct {
	name string // as the access log names it
	http.Handler
}

// newHandler is what answers for s, and shows nobody the folder stateDir. Where
// nothing is forwarded and no folder is served, page answers. Clients'
// certificates must be as known says where s names nobody; so may an https
// application's. It is asked again and again; nil trusts nobody.
//
// Closing it, once the last request has ended, waits a moment for the access log's
// last lines to be written.
func newHandler(s devcert.Serving, stateDir string, page http.Handler, known func() *trust) *frontHandler {
	if known == nil {
		known = func() *trust { return nobody }
	}
	h := &frontHandler{
		now:    s.Now,
		judge:  newJudge(s, known),
		strip:  newStripper(s.CertHeaders),
		mapped: make(map[int]responder, len(s.Map)),
	}
	if h.now == nil {
		h.now = time.Now
	}
	if s.Log != nil {
		h.log = newAccessLog(s.Log, s.LogJSON)
	}
	upstreams := newUpstreams(func() *x509.CertPool { return known().roots })
	for port, u := range s.Map {
		h.mapped[port] = upstreams.responder(u, fmt.Sprintf("--map %d=URL", port))
	}
	switch {
	case s.To != nil:
		h.fallback = upstreams.responder(s.To, "--to URL")
	case s.Static != "":
		h.fallback = responder{"static", staticFiles{s.Static, stateDir}}
	case page != nil:
		h.fallback = responder{"page", page}
	default:
		h.fallback = responder{"-", http.HandlerFunc(notFound)}
	}
	return h
}

func (h *frontHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := connectionOf(r)
	to, ok := h.mapped[c.port]
	if !ok {
		to = h.fallback
	}
	x := &exchange{ResponseWriter: w, conn: c, request: r, started: time.Now(), to: to.name}
	if h.log != nil {
		defer h.log.ended(x) // also where the answer is cut off by a panic
	}
	h.strip.clean(r)
	ignoreUpgrade(r.Header)
	h.answer(x, r, to)
	x.whole = true
	if x.status == 0 {
		x.status = http.StatusOK // net/http's, where a handler says nothing
	}
}

func (h *frontHandler) answer(x *exchange, r *http.Request, to responder) {
	if !isToken(r.Method) { // over HTTP/2 net/http takes any
		x.to, x.note = "-", "bad method"
		answer{
			status: http.StatusBadRequest, title: "Not a request", reason: "its method has signs that no method may have",
			remedy: "mend the client",
		}.write(x, r)
		return
	}
	if verdict := h.judge.verdict(x.conn, r, h.now()); verdict.Refused() {
		x.to = "-"
		refuseCert(x, r, verdict)
		return
	}
	if r.Method == http.MethodConnect { // the front is nobody's forward proxy
		x.to = "-"
		answer{
			status: http.StatusMethodNotAllowed, title: "devcert forwards to one application",
			reason: "it opens no tunnels to others", remedy: "take this address out of the client's proxy settings",
		}.write(x, r)
		return
	}
	to.ServeHTTP(x, r)
}

// isToken is RFC 9110, section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if fold(s[i]) == '_' && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// Close waits for the log.
func (h *frontHandler) Close() error {
	if h.log != nil {
		return h.log.Close()
	}
	return nil
}

var _ io.Closer = (*frontHandler)(nil)

// connKey is where a request's context has its *connection.
type connKey struct{}

// connection is what the front knows of one connection, once for all its requests.
type connection struct {
	port int
	// presented is the leaf that the handshake ended with; set before the first
	// request, and nil without TLS.
	presented *x509.Certificate
	cert      connCert
}

// connContext is for [http.Server.ConnContext].
func connContext(ctx context.Context, c net.Conn) context.Context {
	conn := &connection{port: portOf(c.LocalAddr())}
	ctx = page.WithPresented(ctx, func() *x509.Certificate { return conn.presented })
	return context.WithValue(ctx, connKey{}, conn)
}

// connectionOf finds the request's connection; without connContext every request
// is taken for one on a connection of its own.
func connectionOf(r *http.Request) *connection {
	if c, ok := r.Context().Value(connKey{}).(*connection); ok {
		return c
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return &connection{port: portOf(local)}
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
