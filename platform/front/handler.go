package front

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"

	"devcert/devcert"
)

// frontHandler answers every request of the front: it judges the client's certificate,
// takes away the headers that only the front may set, and hands the request to
// what serves the port that it came in on.
type frontHandler struct {
	serving devcert.Serving
	page    http.Handler
	roots   func() *x509.CertPool
}

// newHandler is what answers for s. Where nothing is forwarded and no folder is
// served, page answers. Clients' certificates must come from clientRoots where s
// names nobody; it is asked again and again, and may give another pool each time.
func newHandler(s devcert.Serving, page http.Handler, clientRoots func() *x509.CertPool) http.Handler {
	return &frontHandler{serving: s, page: page, roots: clientRoots}
}

func (h *frontHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.page.ServeHTTP(w, r)
}

// connKey is where a request's context has its *connection.
type connKey struct{}

// connection is what the front knows of one connection, once for all its requests.
type connection struct {
	port int
}

// connContext is for [http.Server.ConnContext].
func connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, &connection{port: portOf(c.LocalAddr())})
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}
