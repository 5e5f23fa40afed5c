package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// patience is how long after the end of a run an answer may still be waited for.
const patience = 10 * time.Second

// target is the server that is measured, and what is asked of it.
type target struct {
	options
	config *tls.Config
}

// newTarget verifies the server's certificate once, as every client would. From
// then on it must be the very same, which costs next to nothing to tell.
func newTarget(ctx context.Context, o options) (*target, error) {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", o.ca)
	}
	protocol := "http/1.1"
	if o.mode == modeH2 {
		protocol = "h2"
	}
	// No session cache: no handshake is a resumption.
	t := &target{options: o, config: &tls.Config{ServerName: "localhost", RootCAs: roots, NextProtos: []string{protocol}}}
	conn, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	leaf := conn.ConnectionState().PeerCertificates[0].Raw
	t.config.InsecureSkipVerify = true // see VerifyConnection
	t.config.VerifyConnection = func(s tls.ConnectionState) error {
		switch {
		case !bytes.Equal(s.PeerCertificates[0].Raw, leaf):
			return errors.New("it presents another certificate than before")
		case s.NegotiatedProtocol != protocol:
			return fmt.Errorf("it speaks %q, not %s", s.NegotiatedProtocol, protocol)
		case s.DidResume:
			return errors.New("it resumed a session")
		}
		return nil
	}
	return t, nil
}

// connect does a handshake. It asks 127.0.0.1, whatever localhost is first: all
// servers are to be asked alike.
func (t *target) connect(ctx context.Context) (*tls.Conn, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", t.url.Port()))
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(t.warm + t.length + patience))
	conn := tls.Client(raw, t.config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return conn, nil
}
