package front

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"devcert/devcert"
)

const (
	// handshakeLimit is how long a port may be silent once it has accepted.
	// Loopback answers in milliseconds, but a machine that builds something at the
	// same time needs more than a second for the two hundred handshakes of
	// `devcert serve`, and that is no reason to call its ports wrong.
	handshakeLimit = 5 * time.Second
	// atOnce bounds the ports asked at one time by the sockets they need. It is
	// above a hundred so that silent ports among the usual hundred cost the
	// limit once, not once each.
	atOnce = 128
)

// The errors of connecting where nobody listens, or where there is no IPv6, as
// Windows numbers them: its syscall package gives the names invented numbers.
const (
	wsaAddressNotAvailable = syscall.Errno(10049)
	wsaFamilyUnsupported   = syscall.Errno(10047)
	wsaNetUnreachable      = syscall.Errno(10051)
	wsaConnRefused         = syscall.Errno(10061)
)

// Probe is the func [Probe], as a binder has it.
func (f *Front) Probe(ctx context.Context, ports []int) []devcert.Answer { return Probe(ctx, ports) }

// Probe asks every port on 127.0.0.1 and on ::1. An answer with both a Listener
// and an Err says that the two addresses differ: Err tells what the other does,
// which matters because a browser that opens localhost may take either.
func Probe(ctx context.Context, ports []int) []devcert.Answer {
	return newProber().ask(ctx, ports)
}

func newProber() *prober {
	return &prober{scoutLimit: scoutLimit, scouted: make(chan struct{})}
}

func (p *prober) ask(ctx context.Context, ports []int) []devcert.Answer {
	answers := make([]devcert.Answer, len(ports))
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i, port := range ports {
		slots <- struct{}{}
		wait.Go(func() {
			answers[i] = p.port(ctx, port)
			<-slots
		})
	}
	wait.Wait()
	return answers
}

// prober is one probe of many ports.
type prober struct {
	scouting   atomic.Bool   // the scout is out
	scoutLimit time.Duration // pulled out for testing
	scouted    chan struct{} // closed when it is back
	known      atomic.Pointer[tls.ClientSessionState]
}

// port asks both addresses at the same time.
func (p *prober) port(ctx context.Context, port int) devcert.Answer {
	addresses := [...]string{"127.0.0.1", "::1"}
	var answers [len(addresses)]devcert.Answer
	var wait sync.WaitGroup
	for i, address := range addresses {
		wait.Go(func() { answers[i] = p.address(ctx, port, address) })
	}
	wait.Wait()
	return merge(answers[0], answers[1])
}

// merge makes one answer of what the two addresses of a port said.
func merge(v4, v6 devcert.Answer) devcert.Answer {
	first, second := v4, v6
	if first.Listener == "" && (second.Listener != "" || first.Err == nil) {
		first, second = second, first
	}
	switch {
	case first.Listener == "" || second.Listener == first.Listener:
	case second.Listener != "":
		first.Err = fmt.Errorf("%s presents another certificate, %s", target(second.Address, second.Port), second.Listener)
	default:
		first.Err = second.Err
	}
	return first
}

// address does one handshake. The certificate is noted as it arrives: a
// server that then insists on a client certificate has presented its own.
func (p *prober) address(ctx context.Context, port int, address string) devcert.Answer {
	answer := devcert.Answer{Port: port, Address: address}
	started := time.Now()
	conn, err := dial(ctx, address, port)
	if err != nil {
		answer.Took = time.Since(started)
		if !nobodyListens(err) {
			answer.Err = fmt.Errorf("cannot connect to %s: %w", target(address, port), err)
		}
		return answer
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	session := p.newSession(ctx, conn)
	defer session.close()
	secure := tls.Client(conn, &tls.Config{
		ServerName:         "localhost",
		NextProtos:         []string{probeProtocol, "h2", "http/1.1"},
		ClientSessionCache: session,
		CurvePreferences:   curves,
		InsecureSkipVerify: true, //nolint:gosec // whatever is presented is reported; nothing is sent
		VerifyConnection: func(state tls.ConnectionState) error {
			answer.Listener = fmt.Sprintf("%X", sha1.Sum(state.PeerCertificates[0].Raw))
			return nil
		},
	})
	err = secure.HandshakeContext(ctx)
	answer.Took = time.Since(started)
	if err == nil {
		session.learn(secure)
	}
	if answer.Listener == "" {
		answer.Err = fmt.Errorf("%s %w", target(address, port), explain(err))
	}
	return answer
}

// curves leaves out ML-KEM, which would be a tenth of what a handshake costs both
// sides: there is no secret that somebody could keep until he can break it.
var curves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}

func dial(ctx context.Context, address string, port int) (net.Conn, error) {
	dialer := net.Dialer{Timeout: handshakeLimit}
	if runtime.GOOS == "windows" {
		// Windows tries a refused connection three times, half a second apart,
		// before it says so: a shorter limit would hide that nobody listens.
		dialer.Timeout = 3 * time.Second
	}
	return dialer.DialContext(ctx, "tcp", target(address, port))
}

func target(address string, port int) string {
	return net.JoinHostPort(address, strconv.Itoa(port))
}

// nobodyListens covers a machine without IPv6: no server can be at ::1 there.
func nobodyListens(err error) bool {
	for _, known := range []error{
		syscall.ECONNREFUSED, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.ENETUNREACH,
		wsaConnRefused, wsaAddressNotAvailable, wsaFamilyUnsupported, wsaNetUnreachable,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// explain says in words what kept the certificate from arriving.
func explain(err error) error {
	var notTLS tls.RecordHeaderError
	var operation *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("accepts but does not answer a TLS handshake in time: %w", err)
	case errors.As(err, &notTLS):
		return fmt.Errorf("answers, but not with TLS: %w", err)
	case errors.As(err, &operation) && operation.Op == "remote error": // how crypto/tls marks an alert
		return fmt.Errorf("refuses the TLS handshake: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.Errno(10054)):
		return fmt.Errorf("accepts and ends the connection without a certificate: %w", err)
	default:
		return fmt.Errorf("accepts, but the TLS handshake fails: %w", err)
	}
}
