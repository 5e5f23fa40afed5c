package front

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// conns are the connections that are open, so that they can be closed in the
// end: net/http no longer knows one once it was upgraded.
type conns struct {
	mu     sync.Mutex
	all    map[*conn]struct{}
	ending bool // no more are taken
}

// conn is one connection, below TLS.
type conn struct {
	net.Conn
	of     *conns
	looked bool        // the first bytes were looked at; used by the one who reads
	asked  atomic.Bool // it brought at least the beginning of a request
}

// listener gives each connection that it takes to conns.
type listener struct {
	net.Listener
	conns *conns
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.conns.add(c), nil
}

func (s *conns) add(c net.Conn) *conn {
	added := &conn{Conn: c, of: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*conn]struct{}{}
	}
	if s.all[added] = struct{}{}; s.ending { // a listener that closes may still have had one
		_ = c.Close()
	}
	return added
}

func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// Read hands a client that does not begin with TLS to the redirect. That is done
// here, in the goroutine of the connection and within the limits of its
// handshake, so that a slow client costs nothing but its own connection.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.looked || n == 0 {
		return n, err
	}
	c.looked = true
	if !startsPlainRequest(p[0]) {
		return n, err
	}
	return 0, redirectPlain(c.Conn, p[:n])
}

// note is for [http.Server.ConnState].
func (s *conns) note(c net.Conn, state http.ConnState) {
	if state == http.StateNew {
		return
	}
	if over, ok := c.(*tls.Conn); ok {
		if c, ok := over.NetConn().(*conn); ok {
			c.asked.Store(true)
		}
	}
}

// closeSilent closes the connections that never asked for anything, as browsers
// open ahead of need, and those that may yet come: net/http waits five seconds for
// their first byte before it shuts down.
func (s *conns) closeSilent() {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.closeIf(func(c *conn) bool { return !c.asked.Load() })
}

func (s *conns) closeAll() { s.closeIf(func(*conn) bool { return true }) }

func (s *conns) closeIf(when func(*conn) bool) {
	s.mu.Lock()
	var found []*conn
	for c := range s.all {
		if when(c) {
			found = append(found, c)
		}
	}
	s.mu.Unlock()
	for _, c := range found {
		_ = c.Close()
	}
}
