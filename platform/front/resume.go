package front

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// probeProtocol is what only the front chooses of what a probe offers (RFC 7301),
// before HTTP. It tells a probe that sessions of this server can be resumed
// without being deceived: each certificate has its own key for them, see
// newIdentity, so that a port that resumes presents the very same. Of others
// nothing is known: many servers have one key for all their certificates.
//
// It is worth that: signing with RSA two hundred times keeps two processors busy
// for as long as a person notices, and the front from its clients.
const probeProtocol = "devcert-probe"

const (
	// scoutLimit is how long others wait for the first handshake of a probe.
	scoutLimit = 200 * time.Millisecond
	// ticketLimit is how long a front may take to send a ticket after a handshake.
	ticketLimit = 200 * time.Millisecond
)

// session is the [tls.ClientSessionCache] of one handshake of a probe. The first
// is the scout: what it learns from a front, the others offer.
type session struct {
	*prober
	conn  net.Conn
	scout bool
	got   *tls.ClientSessionState
	back  sync.Once
}

// newSession waits for the scout, unless it is to be that.
func (p *prober) newSession(ctx context.Context, conn net.Conn) *session {
	s := &session{prober: p, conn: conn, scout: p.scouting.CompareAndSwap(false, true)}
	if !s.scout {
		wait := time.NewTimer(p.scoutLimit)
		defer wait.Stop()
		select {
		case <-p.scouted:
		case <-wait.C:
		case <-ctx.Done():
		}
	}
	return s
}

func (s *session) Get(string) (*tls.ClientSessionState, bool) {
	known := s.known.Load()
	return known, known != nil
}

// Put is called while what the server sends is read; nothing more is wanted then.
func (s *session) Put(_ string, state *tls.ClientSessionState) {
	if s.scout && state != nil {
		s.got = state
		_ = s.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// learn keeps the session for others, where the server is a front. With TLS 1.3 a
// ticket comes after the handshake, and is taken by reading.
func (s *session) learn(c *tls.Conn) {
	if s.scout && c.ConnectionState().NegotiatedProtocol == probeProtocol {
		_ = s.conn.SetReadDeadline(time.Now().Add(ticketLimit))
		_, _ = c.Read(make([]byte, 1))
		s.known.Store(s.got)
	}
	s.close()
}

// close lets the others go on.
func (s *session) close() {
	if s.scout {
		s.back.Do(func() { close(s.scouted) })
	}
}
