package clientauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// party is a certificate and its key, which unlike issued's may be of any kind.
type party struct {
	*x509.Certificate
	key crypto.Signer
}

// maker makes certificates around an instant: the fixed one of the tables, or now
// for those that real servers judge.
type maker struct {
	t   testing.TB
	now time.Time
}

type change = func(*x509.Certificate)

func ecKey(t testing.TB) crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// rsaKeys take long to make, and any will do.
var rsaKeys = map[int]func() (*rsa.PrivateKey, error){
	1024: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) }),
	2048: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	key, err := rsaKeys[bits]()
	require.NoError(t, err)
	return key
}

// with makes a certificate for key; a nil issuer makes it self-signed.
func (m maker) with(key crypto.Signer, issuer *party, name string, changes ...change) *party {
	m.t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(m.t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: m.now.AddDate(0, 0, -1), NotAfter: m.now.AddDate(0, 0, 1),
	}
	for _, change := range changes {
		change(template)
	}
	if issuer == nil {
		issuer = &party{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Certificate, key.Public(), issuer.key)
	require.NoError(m.t, err)
	return &party{parse(m.t, der), key}
}

func (m maker) leaf(issuer *party, name string, changes ...change) *party {
	m.t.Helper()
	return m.with(ecKey(m.t), issuer, name, changes...)
}

// authority is valid longer than what it issues.
func (m maker) authority(issuer *party, name string, changes ...change) *party {
	m.t.Helper()
	key := ecKey(m.t)
	return m.with(key, issuer, name, append([]change{m.isCA}, changes...)...)
}

func (m maker) isCA(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	m.days(-100, 100)(c)
}

func (m maker) days(from, to int) change {
	return func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = m.now.AddDate(0, 0, from), m.now.AddDate(0, 0, to)
	}
}

// crl is an authority's list of what it revoked.
func (m maker) crl(issuer *party, from, to int, gone ...*party) *x509.RevocationList {
	m.t.Helper()
	template := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: m.now.AddDate(0, 0, from), NextUpdate: m.now.AddDate(0, 0, to),
	}
	for _, p := range gone {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: p.SerialNumber, RevocationTime: template.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, issuer.Certificate, issuer.key)
	require.NoError(m.t, err)
	list, err := x509.ParseRevocationList(der)
	require.NoError(m.t, err)
	return list
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// broken is p with one bit of its signature turned.
func broken(t testing.TB, p *party) *party {
	der := append([]byte(nil), p.Raw...)
	der[len(der)-1] ^= 1
	return &party{parse(t, der), p.key}
}

func dns(names ...string) change { return func(c *x509.Certificate) { c.DNSNames = names } }

func keyUsage(u x509.KeyUsage) change { return func(c *x509.Certificate) { c.KeyUsage = u } }

func pathLen(n int) change {
	return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 }
}

func permit(names ...string) change {
	return func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = names, true
		_, loopback, _ := net.ParseCIDR("127.0.0.0/8")
		c.PermittedIPRanges = []*net.IPNet{loopback}
	}
}

func critical(c *x509.Certificate) {
	c.ExtraExtensions = append(c.ExtraExtensions,
		pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 55555, 7}, Critical: true, Value: []byte{5, 0}})
}

// candidate is what a client shows in the tests against real servers.
type candidate struct {
	name string
	*party
	sent []*party
}

func (c candidate) presented() Presented {
	p := Presented{HasKey: true}
	if c.party != nil {
		p.Leaf = c.Certificate
	}
	for _, s := range c.sent {
		p.Sent = append(p.Sent, s.Certificate)
	}
	return p
}

// world is one hierarchy and everything that can be shown of it and beside it.
type world struct {
	roots      []*x509.Certificate
	crls       []*x509.RevocationList
	candidates []candidate
}

// newWorld has each flaw once, and what is good beside it.
func newWorld(t testing.TB, now time.Time) world {
	m := maker{t, now}
	client, server := use(x509.ExtKeyUsageClientAuth), use(x509.ExtKeyUsageServerAuth)
	san := dns("client.localhost")
	root := m.authority(nil, "test root", pathLen(1), permit("localhost", "test"))
	between := m.authority(root, "between", pathLen(0), client, permit("localhost", "test"))
	forServers := m.authority(root, "for servers", server)
	past := m.authority(root, "past", m.days(-50, -2))
	second := m.authority(between, "second")
	free := m.authority(nil, "free root")
	upper := m.authority(free, "upper")
	lower := m.authority(upper, "lower")
	noSign := m.authority(free, "no sign", keyUsage(x509.KeyUsageCRLSign))
	noUsage := m.authority(free, "no usage", keyUsage(0))
	avoiding := m.authority(free, "avoiding", func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"bad.test"} })
	mail := m.authority(free, "mail", func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"dev.test"} })
	other := m.authority(nil, "other root")
	twin := m.authority(nil, "free root")
	small := m.with(rsaKey(t, 1024), free, "small", m.isCA)
	strong := m.with(rsaKey(t, 2048), free, "strong", m.isCA)
	plain := m.leaf(free, "no authority")

	revokedLeaf := m.leaf(between, "revoked", client, san)
	noCRL := m.authority(free, "without CRL")
	w := world{
		roots: []*x509.Certificate{root.Certificate, free.Certificate},
		crls: []*x509.RevocationList{
			m.crl(root, -1, 9), m.crl(free, -1, 9), m.crl(between, -1, 9, revokedLeaf), m.crl(upper, -9, -1),
		},
	}
	add := func(name string, p *party, sent ...*party) {
		w.candidates = append(w.candidates, candidate{name, p, sent})
	}
	add("good", m.leaf(between, "good", client, san), between)
	add("none", nil)
	add("no extended key usage", m.leaf(between, "plain", san), between)
	add("for both", m.leaf(between, "both", use(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth), san), between)
	add("straight from the root", m.leaf(free, "straight", client))
	add("root sent too", m.leaf(between, "rooted", client, san), between, root)
	add("anyExtendedKeyUsage", m.leaf(free, "any", use(x509.ExtKeyUsageAny)))
	add("for servers", m.leaf(free, "server", server))
	add("issuer for servers", m.leaf(forServers, "anna", client, san), forServers)
	add("key usage without signing", m.leaf(free, "anna", client, keyUsage(x509.KeyUsageKeyEncipherment)))
	add("key usage for key agreement", m.leaf(free, "anna", client, keyUsage(x509.KeyUsageKeyAgreement)))
	add("expired", m.leaf(between, "old", client, san, m.days(-9, -1)), between)
	add("not yet valid", m.leaf(between, "new", client, san, m.days(1, 2)), between)
	add("issuer expired", m.leaf(past, "anna", client, san), past)
	add("missing intermediate", m.leaf(between, "lonely", client, san))
	add("missing upper intermediate", m.leaf(lower, "anna", client), lower)
	add("other root", m.leaf(other, "stranger", client))
	add("other root, sent", m.leaf(other, "stranger", client), other)
	add("root's twin of another key", m.leaf(twin, "anna", client))
	add("self-signed", m.leaf(nil, "self", client))
	add("self-signed and expired", m.leaf(nil, "self", client, m.days(-9, -1)))
	add("self-signed for servers", m.leaf(nil, "self", server))
	add("DNS name outside", m.leaf(between, "anna", client, dns("example.com")), between)
	add("common name outside", m.leaf(between, "alice.smith", client), between)
	add("common name is no host", m.leaf(between, "alice", client), between)
	add("common name outside beside a DNS name", m.leaf(between, "alice.smith", client, san), between)
	add("IP address outside", m.leaf(between, "anna", client, san, func(c *x509.Certificate) { c.IPAddresses = []net.IP{{10, 0, 0, 1}} }), between)
	add("IP address inside", m.leaf(between, "anna", client, san, func(c *x509.Certificate) { c.IPAddresses = []net.IP{{127, 0, 0, 9}} }), between)
	add("excluded name", m.leaf(avoiding, "anna", client, dns("a.bad.test")), avoiding)
	add("next to the excluded name", m.leaf(avoiding, "anna", client, dns("abad.test")), avoiding)
	add("mail inside", m.leaf(mail, "anna", client, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@dev.test"} }), mail)
	add("mail outside", m.leaf(mail, "anna", client, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@b.dev.test"} }), mail)
	add("weak key", m.with(rsaKey(t, 1024), free, "weak", client))
	add("weak issuer", m.leaf(small, "anna", client), small)
	add("SHA-1", m.leaf(strong, "anna", client, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }), strong)
	add("RSA", m.leaf(strong, "anna", client), strong)
	add("issued by a leaf", m.leaf(plain, "anna", client), plain)
	add("issuer may not sign", m.leaf(noSign, "anna", client), noSign)
	add("path too long", m.leaf(second, "anna", client, san), second, between)
	add("two intermediates", m.leaf(lower, "deep", client), lower, upper)
	add("broken signature", broken(t, m.leaf(between, "anna", client, san)), between)
	add("broken signature, sent alone", broken(t, m.leaf(between, "anna", client, san)))
	add("unknown critical extension", m.leaf(free, "anna", client, critical))
	add("issuer without key usage", m.leaf(noUsage, "anna", client), noUsage)
	add("revoked", revokedLeaf, between)
	add("its issuer's CRL expired", m.leaf(upper, "anna", client), upper)
	add("its issuer has no CRL", m.leaf(noCRL, "anna", client), noCRL)
	return w
}

// smallKey is a public key of 512 bits.
func smallKey() *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 512), big.NewInt(1)), E: 65537}
}
