package clients

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// patience is how long a connection may take to say what it wants.
const patience = 10 * time.Second

// server is for one question: whoever comes is the client that is being asked. It
// speaks TLS, and is the proxy that leads there by name, on the same port.
type server struct {
	name, path string
	port       int
	listeners  []net.Listener
	http       *http.Server
	ready      chan net.Conn // handshakes that are done
	asked      chan struct{} // closed when the page was asked for
	request    sync.Once     // that
	refused    chan struct{} // closed when the client sent an alert
	refusal    sync.Once     // that
	done       chan struct{}
	wait       sync.WaitGroup

	mu      sync.Mutex
	seen    sight
	open    map[net.Conn]bool
	shaking int // of them, those whose handshake goes on
}

// listen opens a server that presents cert for name, on loopback alone.
func listen(cert tls.Certificate, name, path string) (*server, error) {
	s := &server{
		name: name, path: path, open: map[net.Conn]bool{},
		ready: make(chan net.Conn), asked: make(chan struct{}), refused: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.claim(); err != nil {
		return nil, fmt.Errorf("listen for a client: %w", err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"},
		// Whoever comes for another name came for something else.
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if hello.ServerName != "" && !strings.EqualFold(hello.ServerName, name) {
				return nil, errors.New("another server was asked for")
			}
			s.see(func(seen *sight) { seen.reached = true })
			return nil, nil
		},
	}
	s.http = &http.Server{
		Handler: http.HandlerFunc(s.answer), TLSConfig: config.Clone(), // it is changed there
		ReadHeaderTimeout: patience, ErrorLog: log.New(io.Discard, "", 0), //nolint:forbidigo // it keeps http from writing to standard error
	}
	s.wait.Go(func() { _ = s.http.Serve(&shaken{s}) })
	for _, l := range s.listeners {
		s.wait.Go(func() { s.accept(l, config) })
	}
	return s, nil
}

// claim takes a port of 127.0.0.1, and the same of ::1, where many clients knock
// first, when that is to be had.
func (s *server) claim() error {
	four, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.listeners = []net.Listener{four}
	s.port = four.Addr().(*net.TCPAddr).Port
	if six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(s.port))); err == nil {
		s.listeners = append(s.listeners, six)
	}
	return nil
}

func (s *server) accept(l net.Listener, config *tls.Config) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if s.keep(conn) {
			s.wait.Go(func() { s.greet(conn, config) })
		}
	}
}

// keep remembers a connection for close, which may have come before it.
func (s *server) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		_ = conn.Close()
		return false
	default:
		s.open[conn] = true
		s.shaking++
		return true
	}
}

// greet shakes hands with a connection that begins with TLS, or after it has asked
// for this very server as a proxy, and hands it on.
func (s *server) greet(conn net.Conn, config *tls.Config) {
	secure := s.shake(conn, config)
	s.mu.Lock()
	s.shaking--
	s.mu.Unlock()
	if secure == nil {
		s.drop(conn)
		return
	}
	_ = conn.SetDeadline(time.Time{})
	select {
	case s.ready <- secure:
	case <-s.done:
	}
}

// shake is nil where nothing came of it.
func (s *server) shake(conn net.Conn, config *tls.Config) net.Conn {
	_ = conn.SetDeadline(time.Now().Add(patience))
	reader := bufio.NewReader(conn)
	first, err := reader.Peek(1)
	const handshake = 22 // RFC 8446, section 5.1
	if err != nil || first[0] != handshake && !s.tunnel(reader, conn) {
		return nil
	}
	secure := tls.Server(&buffered{conn, reader}, config)
	if err := secure.Handshake(); err != nil {
		s.fail(err)
		return nil
	}
	return secure
}

// fail remembers how a handshake failed. An alert of the client's is its verdict:
// RFC 8446, section 6.2, knows no other reason for one at this point than our
// certificate or what we offer, which is what every server offers.
func (s *server) fail(err error) {
	var failed *net.OpError
	alert := errors.As(err, &failed) && failed.Op == "remote error" // as crypto/tls marks alerts
	s.see(func(seen *sight) {
		seen.broken = plain(err.Error())
		seen.refused = seen.refused || alert
	})
	if alert {
		s.refusal.Do(func() { close(s.refused) })
	}
}

// tunnel answers a client that takes this for its proxy: it leads to the one
// server, whatever the port, and nowhere else.
func (s *server) tunnel(reader *bufio.Reader, conn net.Conn) bool {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return false
	}
	if request.Method != http.MethodConnect || !strings.EqualFold(request.URL.Hostname(), s.name) {
		_, _ = io.WriteString(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return false
	}
	_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	return err == nil
}

// answer remembers a request for the page, or for something below it.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if path != s.path && !strings.HasPrefix(path, s.path+"/") {
		http.NotFound(w, r)
		return
	}
	s.see(func(seen *sight) { seen.asked = true })
	s.request.Do(func() { close(s.asked) })
	kind, text := page(strings.TrimPrefix(path, s.path))
	w.Header().Set("Content-Type", kind)
	_, _ = io.WriteString(w, text)
}

// page is what clients get: git an empty repository, go a module's version, others
// something to show.
func page(below string) (contentType, text string) {
	switch {
	case strings.HasSuffix(below, "/info/refs"):
		return "text/plain", ""
	case strings.HasSuffix(below, "/@v/v1.0.0.info"):
		return "application/json", `{"Version":"v1.0.0"}`
	}
	return "text/html; charset=utf-8", "<!doctype html><title>devcert</title><p>devcert\n"
}

func (s *server) see(what func(*sight)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what(&s.seen)
}

// saw is what was seen of a client that has ended. Its last words may not have been
// read yet: they are waited for.
func (s *server) saw() sight {
	for end := time.Now().Add(second); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		seen, shaking := s.seen, s.shaking
		s.mu.Unlock()
		if seen.asked || seen.refused || shaking == 0 || time.Now().After(end) {
			return seen
		}
	}
}

// second is how long a client that sent an alert may take to try again, and how long
// what an ended one has sent may take to be read.
const second = 2 * time.Second

// decided ends a client from which nothing more can be learned.
func (s *server) decided(ctx context.Context, end func()) {
	select {
	case <-ctx.Done():
		return
	case <-s.asked:
	case <-s.refused:
		select {
		case <-ctx.Done():
		case <-s.asked:
		case <-time.After(second):
		}
	}
	end()
}

func (s *server) drop(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

// close ends everything and waits for it.
func (s *server) close() {
	close(s.done)
	for _, l := range s.listeners {
		_ = l.Close()
	}
	_ = s.http.Close()
	s.mu.Lock()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

// shaken is a listener whose connections have done their handshake.
type shaken struct{ s *server }

func (l *shaken) Accept() (net.Conn, error) {
	select {
	case conn := <-l.s.ready:
		return conn, nil
	case <-l.s.done:
		return nil, net.ErrClosed
	}
}

func (l *shaken) Close() error   { return nil }
func (l *shaken) Addr() net.Addr { return l.s.listeners[0].Addr() }

// buffered is a connection of which something was read already.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }
