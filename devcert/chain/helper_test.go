package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is when everything is made unless a test is about time.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 987654321, time.FixedZone("CET", 3600))

func permits(t testing.TB, entries ...string) Permits {
	t.Helper()
	p := DefaultPermits()
	for _, e := range entries {
		q, err := ParsePermit(e)
		require.NoError(t, err)
		p = p.With(q)
	}
	return p
}

func newHierarchy(t testing.TB, o Options) *Hierarchy {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = noon
	}
	if o.Owner == "" {
		o.Owner = "alice@pc"
	}
	h, err := New(o)
	require.NoError(t, err)
	return h
}

// standard is one hierarchy for all tests that only read it.
var standard = sync.OnceValues(func() (*Hierarchy, error) {
	return New(Options{Owner: "alice@pc", Key: ECDSA, Now: noon})
})

func standardHierarchy(t testing.TB) *Hierarchy {
	t.Helper()
	h, err := standard()
	require.NoError(t, err)
	return h
}

// withClients is the same with a client intermediate.
var withClients = sync.OnceValues(func() (*Hierarchy, error) {
	return New(Options{Owner: "alice@pc", Key: ECDSA, Now: noon, ClientCerts: true})
})

func clientHierarchy(t testing.TB) *Hierarchy {
	t.Helper()
	h, err := withClients()
	require.NoError(t, err)
	return h
}

func (h *Hierarchy) parts() Parts {
	return Parts{
		Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert,
		IntermediateKey: h.Intermediate.Key, LeafKey: h.Leaf.Key,
		ClientIntermediate: h.ClientIntermediate.Cert, ClientIntermediateKey: h.ClientIntermediate.Key,
	}
}

func newP256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// signCertificate signs any template, for certificates that devcert would not make.
func signCertificate(t testing.TB, template *x509.Certificate, issuer Pair, pub crypto.PublicKey) *x509.Certificate {
	t.Helper()
	if issuer.Cert == nil {
		issuer.Cert = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Cert, pub, issuer.Key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func poolOf(certs ...*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

// openssl runs the real tool with a private folder as its working directory.
type openssl struct {
	path, dir string
}

func newOpenSSL(t testing.TB) openssl {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	return openssl{path: path, dir: t.TempDir()}
}

func (o openssl) write(t testing.TB, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(o.dir, name), data, 0o600))
}

func (o openssl) run(args ...string) (string, error) {
	cmd := exec.Command(o.path, args...)
	cmd.Dir = o.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
