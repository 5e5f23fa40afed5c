package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// upstreamDialer connects to applications.
type upstreamDialer struct {
	net.Dialer
	roots    func() *x509.CertPool
	sessions tls.ClientSessionCache
}

// dial connects to an address. localhost is both loopback addresses (RFC 6761,
// section 6.3), also where the system knows but one: an application that says it
// listens there may do so on either.
func (d *upstreamDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.DialContext(ctx, network, address)
	host, port, _ := net.SplitHostPort(address)
	if err == nil || !isLocalhost(host) {
		return c, err
	}
	tried, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if len(tried) == 0 {
		err = nil // it said no more than that
	}
	for _, a := range []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})} {
		if slices.ContainsFunc(tried, func(t netip.Addr) bool { return t.Unmap() == a }) {
			continue
		}
		c, other := d.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if other == nil {
			return c, nil
		}
		err = errors.Join(err, other)
	}
	return nil, err
}

func isLocalhost(name string) bool {
	name = strings.ToLower(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// dialTLS verifies an https application against the system's roots, and against
// this machine's own. The handshake has the limit of connecting. An application at
// a breakpoint is asked over the connections it has; where it needs a new one, and
// stands still as a whole, the answer says so and a browser asks again.
func (d *upstreamDialer) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address)
	secure := tls.Client(c, &tls.Config{
		ServerName: host, ClientSessionCache: d.sessions, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it, with two sets of roots
		VerifyConnection:   func(s tls.ConnectionState) error { return d.verify(s, host) },
	})
	if d.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, d.Timeout)
		defer cancel()
		ctx = limited
	}
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, &handshakeError{err}
	}
	return secure, nil
}

func (d *upstreamDialer) verify(s tls.ConnectionState, host string) error {
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	options := x509.VerifyOptions{DNSName: host, Intermediates: between}
	_, err := s.PeerCertificates[0].Verify(options)
	if options.Roots = d.roots(); err == nil || options.Roots == nil {
		return err
	}
	_, own := s.PeerCertificates[0].Verify(options)
	var unknown x509.UnknownAuthorityError
	if errors.As(own, &unknown) {
		return err
	}
	return own // of a certificate that is ours: nil, or what else is wrong with it
}

// handshakeError is what went wrong in the TLS handshake with an application.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }
