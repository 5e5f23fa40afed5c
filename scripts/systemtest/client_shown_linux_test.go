package systemtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// shown is what a client has to show a server.
type shown struct {
	name string
	file string           // what check-client is given; "" where there is nothing
	key  string           // and with --key
	pair *tls.Certificate // nil: the client sends none
}

// der is a file with the certificate alone, as .NET's handler gets it.
func (s shown) der(m *machine) string {
	m.t.Helper()
	path := filepath.Join(m.home(), s.name+".cer")
	m.write(path, string(s.pair.Certificate[0]))
	return path
}

func (s shown) leaf(t *testing.T) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(s.pair.Certificate[0])
	require.NoError(t, err)
	return cert
}

// allShown is everything that devcert issues to clients, sound and with each flaw,
// and what only a thief of its keys would make.
func (m *machine) allShown() []shown {
	m.t.Helper()
	issues := func(name string, args ...string) shown {
		m.t.Helper()
		m.devcert(0, append([]string{"issue", name, "--client"}, args...)...)
		return m.shows(name, name, "")
	}
	all := []shown{
		{name: "none"},
		issues("alice"),
		issues("bob", "--key", "ecdsa"),
		issues("robot", "--email", "robot@example.org", "--uri", "spiffe://example.test/robot"),
		issues("oneself", "--self-signed"),
		issues("both.test", "--server"),
		m.requested("carol"),
		{name: "alice, no key", file: m.issued("alice", ".crt")},
	}
	for _, flaw := range chain.Flaws() {
		all = append(all, issues("flawed-"+string(flaw), "--flaw", string(flaw)))
	}
	return append(all, m.stolen()...)
}

// shows reads the certificate and the key that check-client is told of.
func (m *machine) shows(name, file, key string) shown {
	m.t.Helper()
	s := shown{name: name, file: file, key: key}
	if file == name {
		file, key = m.issued(name, ".pem"), m.issued(name, "-key.pem")
		if s.key != "" {
			key = s.key
		}
	}
	pair, err := tls.X509KeyPair([]byte(m.read(file)), []byte(m.read(key)))
	require.NoError(m.t, err, name)
	s.pair = &pair
	return s
}

// requested is for a key of P-384 that devcert never sees.
func (m *machine) requested(name string) shown {
	m.t.Helper()
	key, request := filepath.Join(m.home(), name+"-key.pem"), filepath.Join(m.home(), name+".csr")
	m.must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes", "-keyout", key, "-subj", "/CN="+name, "-out", request)
	m.devcert(0, "issue", "--csr", request, "--client")
	return m.shows(name, name, key)
}

// holder is a certificate with its key and those above it.
type holder struct {
	certs []*x509.Certificate
	key   crypto.Signer
}

func (h holder) issue(t *testing.T, name string, edit func(*x509.Certificate)) holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificateFor(name)
	template.ExtKeyUsage, template.DNSNames = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, []string{"client.localhost"}
	edit(template)
	der, err := x509.CreateCertificate(rand.Reader, template, h.certs[0], key.Public(), h.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return holder{append([]*x509.Certificate{cert}, h.certs...), key}
}

// stolen are what devcert never issues, and whoever has the client intermediate's
// key can: each is refused by a check that nothing of devcert's own fails.
func (m *machine) stolen() []shown {
	m.t.Helper()
	key, err := chain.ParseKey([]byte(m.read(m.generation("client-intermediate-key.pem"))))
	require.NoError(m.t, err)
	thief := holder{m.certificates(m.state("client-intermediate.pem")), key}
	nothing := func(*x509.Certificate) {}
	below := thief.issue(m.t, "below", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign })
	return []shown{
		m.keeps("issued-by-a-leaf", thief.issue(m.t, "leaf", nothing).issue(m.t, "issued by a leaf", nothing)),
		m.keeps("path-too-long", below.issue(m.t, "path too long", nothing)),
		m.keeps("unknown-extension", thief.issue(m.t, "unknown extension", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 7}, Critical: true, Value: []byte{5, 0}}}
		})),
		m.keeps("leaf-that-signs", thief.issue(m.t, "leaf that signs", func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
		})),
	}
}

// keeps writes it into one file.
func (m *machine) keeps(name string, h holder) shown {
	m.t.Helper()
	secret, err := x509.MarshalPKCS8PrivateKey(h.key)
	require.NoError(m.t, err)
	path := filepath.Join(m.home(), name+".pem")
	m.write(path, pemOf(h.certs...)+string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return m.shows(name, path, path)
}

func (m *machine) certificates(path string) []*x509.Certificate {
	m.t.Helper()
	certs, err := chain.ParseCertificates([]byte(m.read(path)))
	require.NoError(m.t, err)
	return certs
}

func pemOf(certs ...*x509.Certificate) (text string) {
	for _, c := range certs {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return text
}

// throwAways are the roots that were made for flaws which no sound authority signs.
func throwAways(t *testing.T, all []shown, flaws ...chain.Flaw) (roots []*x509.Certificate) {
	t.Helper()
	for _, s := range all {
		if !slices.ContainsFunc(flaws, func(f chain.Flaw) bool { return s.name == "flawed-"+string(f) }) {
			continue
		}
		root, err := x509.ParseCertificate(s.pair.Certificate[len(s.pair.Certificate)-1])
		require.NoError(t, err)
		roots = append(roots, root)
	}
	require.Len(t, roots, len(flaws))
	return roots
}
