package systemtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// presenter chooses the certificate for a handshake.
type presenter func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// serve starts a TLS server on 127.0.0.1 and returns its port. It answers like a
// web server that has a git repository at /repository.git.
func serve(t *testing.T, present presenter) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello\n") })
	mux.HandleFunc("/repository.git/info/refs", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("a", 40)+"\trefs/heads/main\n")
	})
	server := &http.Server{
		Handler: mux, ErrorLog: log.New(io.Discard, "", 0), // clients that refuse us are the purpose
		TLSConfig: &tls.Config{GetCertificate: present},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// copies presents localhost.pem and localhost-key.pem as they are at each
// handshake, like a server that notices when its files change. They are two
// files: a pair that does not match is one that is just being replaced. The
// folder is opened here, because the server's threads are not on the machine.
func (m *machine) copies() presenter {
	m.t.Helper()
	dir, err := os.OpenRoot(m.state())
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = dir.Close() })
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		var err error
		for range 100 {
			var pair tls.Certificate
			if pair, err = readPair(dir); err == nil {
				return &pair, nil
			}
			time.Sleep(2 * time.Millisecond)
		}
		return nil, err
	}
}

func readPair(dir *os.Root) (tls.Certificate, error) {
	cert, certErr := dir.ReadFile("localhost.pem")
	key, keyErr := dir.ReadFile("localhost-key.pem")
	if err := errors.Join(certErr, keyErr); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// byName presents the certificate that others has for the name asked for, and
// otherwise what usual does.
func byName(usual presenter, others map[string]*tls.Certificate) presenter {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if cert := others[hello.ServerName]; cert != nil {
			return cert, nil
		}
		return usual(hello)
	}
}

// steal issues a certificate for name with the key of the intermediate, as a
// thief of the state folder could: nothing of devcert's is asked.
func (m *machine) steal(name string) *tls.Certificate {
	m.t.Helper()
	ca, caKey := m.intermediate()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(m.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	require.NoError(m.t, err)
	return &tls.Certificate{Certificate: [][]byte{der, ca.Raw}, PrivateKey: key}
}

// intermediate reads the intermediate and its key from the current generation.
func (m *machine) intermediate() (*x509.Certificate, crypto.Signer) {
	m.t.Helper()
	certs, err := chain.ParseCertificates([]byte(m.read(m.generation("intermediate.pem"))))
	require.NoError(m.t, err)
	key, err := chain.ParseKey([]byte(m.read(m.generation("intermediate-key.pem"))))
	require.NoError(m.t, err)
	return certs[0], key
}

// generation is a path in the current generation.
func (m *machine) generation(name string) string {
	m.t.Helper()
	return m.state("generations", strings.TrimSpace(m.read(m.state("current"))), name)
}

func (m *machine) read(path string) string {
	m.t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(m.t, err)
	return string(data)
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile(path, []byte(text), 0o644))
}
