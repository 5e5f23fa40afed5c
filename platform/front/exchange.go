package front

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// exchange is one request and its answer, as the access log tells of it. It is the
// ResponseWriter of everything behind the front.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	conn    *connection
	started time.Time
	to      string // what answered
	note    string // why it went wrong, in a few words
	status  int
	bytes   atomic.Int64 // of the body; after an upgrade, both ways
	taken   bool         // the connection is no longer HTTP's
	passes  bool         // the answer is the application's
	whole   bool         // the handler ended of itself

	bodyEnded atomic.Bool // of the client's body nothing is left to be read
	badBody   atomic.Bool // the client failed to send it
}

// Unwrap is for [http.ResponseController], by which the proxy flushes.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// errStopped is why requests end that are left when the front is to stop.
var errStopped = errors.New("devcert serve was stopped")

// stopped says that it was the front that ended the request, and not its client.
func (x *exchange) stopped() bool {
	return errors.Is(context.Cause(x.request.Context()), errStopped)
}

// WriteHeader notes the status; those below 200 announce another.
func (x *exchange) WriteHeader(status int) {
	if x.passes && status >= http.StatusOK {
		h := x.Header()
		if _, typed := h["Content-Type"]; !typed {
			h["Content-Type"] = nil // net/http would guess one
		}
	}
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes.Add(int64(n))
	return n, err
}

// Hijack gives the connection away, still counted.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(x.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	x.taken, x.status = true, http.StatusSwitchingProtocols
	return &countedConn{c, &x.bytes}, rw, nil
}

// countedConn counts what goes through a connection after an upgrade.
type countedConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// CloseWrite tells the client that no more comes, by which the proxy passes on
// that the application closed its half.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
