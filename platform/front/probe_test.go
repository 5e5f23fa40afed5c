package front

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProbe(t *testing.T) {
	right, rightThumb := certificate(t)
	other, otherThumb := certificate(t)
	tests := []struct {
		name   string
		v4, v6 handler // nil: nobody listens
		listen string
		errs   string // part of the error; "" for none
	}{
		{"both present it", present(right), present(right), rightThumb, ""},
		{"only IPv4", present(right), nil, rightThumb, ""},
		{"only IPv6", nil, present(right), rightThumb, ""},
		{"nobody", nil, nil, "", ""},
		{"two certificates", present(right), present(other), rightThumb, "presents another certificate, " + otherThumb},
		{"plain on IPv6", present(right), plain, rightThumb, "not with TLS"},
		{"plain on IPv4", plain, present(right), rightThumb, "not with TLS"},
		{"plain http", plain, nil, "", "not with TLS"},
		{"plain http on IPv6 only", nil, plain, "", "not with TLS"},
		{"silent", silent, nil, "", "does not answer a TLS handshake in time"},
		{"hangs up", hangUp, nil, "", "without a certificate"},
		{"no certificate for the name", refuse, nil, "", "refuses the TLS handshake"},
		{"wants a client certificate", demand(right), nil, rightThumb, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			port := listen(t, test.v4, test.v6)
			answers := New(t.TempDir(), plainFiles{}).Probe(t.Context(), []int{port})
			require.Len(t, answers, 1)
			got := answers[0]
			assert.Equal(t, port, got.Port)
			assert.Equal(t, test.listen, got.Listener)
			assert.NotEmpty(t, got.Address)
			if test.errs == "" {
				assert.NoError(t, got.Err)
			} else {
				assert.ErrorContains(t, got.Err, test.errs)
			}
			assert.Less(t, got.Took, handshakeLimit+3*time.Second)
		})
	}
}

// A hundred ports, some of them dead in every way, are asked at once.
func TestProbeHundred(t *testing.T) {
	pair, thumb := certificate(t)
	var ports []int
	want := map[int]string{}
	for i := range 100 {
		serve := present(pair)
		if i%10 == 0 {
			serve = silent
		}
		port := listen(t, serve, nil)
		ports = append(ports, port)
		if i%10 != 0 {
			want[port] = thumb
		}
	}
	started := time.Now()
	for i, answer := range New(t.TempDir(), plainFiles{}).Probe(t.Context(), ports) {
		assert.Equal(t, ports[i], answer.Port, "answers stand in the order asked")
		assert.Equal(t, want[ports[i]], answer.Listener)
	}
	assert.Less(t, time.Since(started), 2*handshakeLimit+time.Second, "ten silent ports cost one limit, not ten")
}

func TestProbeCancelled(t *testing.T) {
	port := listen(t, silent, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	answers := New(t.TempDir(), plainFiles{}).Probe(ctx, []int{port})
	assert.Error(t, answers[0].Err, "not having been able to look is not nobody")
	assert.Less(t, time.Since(started), handshakeLimit)
}

func TestProbeNothing(t *testing.T) {
	assert.Empty(t, New(t.TempDir(), plainFiles{}).Probe(t.Context(), nil))
}

// A handler speaks to one accepted connection.
type handler func(net.Conn)

func plain(conn net.Conn) { _, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }

func silent(conn net.Conn) { _, _ = conn.Read(make([]byte, 1<<16)); _, _ = conn.Read(make([]byte, 1)) }

func hangUp(net.Conn) {}

func refuse(conn net.Conn) {
	_ = tls.Server(conn, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return nil, errors.New("none")
	}}).Handshake()
}

func present(pair tls.Certificate) handler {
	return func(conn net.Conn) {
		_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
	}
}

// demand is a server that ends a handshake without a client certificate, in the
// version where the client learns of it before its handshake is over.
func demand(pair tls.Certificate) handler {
	return func(conn net.Conn) {
		_ = tls.Server(conn, &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12,
		}).Handshake()
	}
}

// listen serves one port on both addresses, or on one, and returns it. Where a
// test wants nobody on an address, the port is at least free when it starts.
func listen(t *testing.T, v4, v6 handler) int {
	t.Helper()
	for range 50 {
		first, err := net.Listen("tcp4", "127.0.0.1:0")
		require.NoError(t, err)
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		if err != nil && v6 != nil {
			_ = first.Close()
			if nobodyListens(err) {
				t.Skip("this machine has no IPv6:", err)
			}
			continue // somebody else has the port there
		}
		serve(t, first, v4)
		if err == nil {
			serve(t, second, v6)
		}
		return port
	}
	t.Fatal("no port is free on both addresses")
	return 0
}

func serve(t *testing.T, listener net.Listener, handle handler) {
	t.Helper()
	if handle == nil {
		_ = listener.Close()
		return
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			}()
		}
	}()
}

// certificate makes a self-signed pair: what presents it is asked, not whether
// it is any good.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, fmt.Sprintf("%X", sha1.Sum(der))
}
