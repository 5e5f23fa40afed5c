package chain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forgery is a root of our profile before it is signed; a test row spoils it.
type forgery struct {
	*x509.Certificate
	key    crypto.Signer // whose public key goes in
	signer crypto.Signer // whose signature goes on
}

func newForgery(t testing.TB, key crypto.Signer) *forgery {
	v := values{
		owner: "alice@pc", id: idOf(key.Public()), key: key.Public(), serial: big.NewInt(0x1234567890abcdef),
		notBefore: seconds(noon).Add(-Backdate), notAfter: seconds(noon).AddDate(RootYears, 0, 0), permits: DefaultPermits(),
	}
	return &forgery{Certificate: rootProfile.template(v), key: key, signer: key}
}

// override puts an extension in the place of the one that the template makes.
func (f *forgery) override(id string, critical bool, value []byte) {
	var oid asn1.ObjectIdentifier
	for _, e := range [][]int{{2, 5, 29, 14}, {2, 5, 29, 15}, {2, 5, 29, 19}, {2, 5, 29, 30}, {2, 5, 29, 35}, {2, 5, 29, 37}, {1, 2, 3, 4}} {
		if asn1.ObjectIdentifier(e).String() == id {
			oid = e
		}
	}
	f.ExtraExtensions = append(f.ExtraExtensions, pkix.Extension{Id: oid, Critical: critical, Value: value})
}

func (f *forgery) sign(t testing.TB) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, f.Certificate, f.Certificate, f.key.Public(), f.signer)
	require.NoError(t, err)
	return der
}

func TestCheckRootRefuses(t *testing.T) {
	other := newP256(t)
	constraints := func() []byte {
		return find(standardHierarchy(t).Root.Extensions, asn1.ObjectIdentifier{2, 5, 29, 30}).Value
	}
	for _, row := range []struct {
		name   string
		spoil  func(f *forgery)
		reason string
	}{
		{"signed by another key", func(f *forgery) { f.signer = other }, "signature"},
		{"ID of another key", func(f *forgery) {
			f.Subject.CommonName = "devcert root alice@pc " + strings.ToUpper(idOf(other.Public()))
		}, "subject"},
		{"ID in lower case", func(f *forgery) { f.Subject.CommonName = "devcert root alice@pc " + idOf(f.key.Public()) }, "subject"},
		{"no owner", func(f *forgery) { f.Subject.CommonName = strings.Replace(f.Subject.CommonName, "alice@pc", "", 1) }, "common name"},
		{"owner with a slash", func(f *forgery) { f.Subject.CommonName = strings.Replace(f.Subject.CommonName, "alice", "../a", 1) }, "common name"},
		{"owner too long", func(f *forgery) {
			f.Subject.CommonName = strings.Replace(f.Subject.CommonName, "alice", strings.Repeat("a", 35), 1)
		}, "common name"},
		{"another program's name", func(f *forgery) { f.Subject.CommonName = "mkcert alice@pc" }, "common name"},
		{"intermediate's name", func(f *forgery) {
			f.Subject.CommonName = strings.Replace(f.Subject.CommonName, "root", "intermediate", 1)
		}, "common name"},
		{"words after the name", func(f *forgery) { f.Subject.CommonName += " x" }, "common name"},
		{"another organization", func(f *forgery) { f.Subject.Organization = []string{"ACME"} }, "subject"},
		{"two organizations", func(f *forgery) { f.Subject.Organization = append(f.Subject.Organization, "ACME") }, "subject"},
		{"no organization", func(f *forgery) { f.Subject.Organization = nil }, "subject"},
		{"a country besides", func(f *forgery) { f.Subject.Country = []string{"DE"} }, "subject"},
		{"serial of 128 bits", func(f *forgery) { f.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 127) }, "serial"},
		{"not a CA", func(f *forgery) { f.IsCA, f.MaxPathLen = false, 0 }, "basic constraints"},
		{"path length 0", func(f *forgery) { f.MaxPathLen, f.MaxPathLenZero = 0, true }, "basic constraints"},
		{"path length 2", func(f *forgery) { f.MaxPathLen = 2 }, "basic constraints"},
		{"no path length", func(f *forgery) { f.MaxPathLen = -1 }, "basic constraints"},
		{"no basic constraints", func(f *forgery) { f.BasicConstraintsValid = false }, "basic constraints: missing"},
		{"basic constraints not critical", func(f *forgery) {
			f.override("2.5.29.19", false, []byte{0x30, 6, 1, 1, 0xff, 2, 1, 1})
		}, "basic constraints: not critical"},
		{"usage for signatures besides", func(f *forgery) { f.KeyUsage |= x509.KeyUsageDigitalSignature }, "key usage"},
		{"no usage for CRLs", func(f *forgery) { f.KeyUsage = x509.KeyUsageCertSign }, "key usage"},
		{"no key usage", func(f *forgery) { f.KeyUsage = 0 }, "key usage: missing"},
		{"key usage not critical", func(f *forgery) { f.override("2.5.29.15", false, []byte{3, 2, 1, 6}) }, "key usage: not critical"},
		{"extended key usage", func(f *forgery) { f.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, "extended key usage: not in the profile"},
		{"usage for code", func(f *forgery) { f.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }, "extended key usage"},
		{"another key id", func(f *forgery) { f.SubjectKeyId = KeyID(other.Public()) }, "subject key identifier"},
		{"key id critical", func(f *forgery) {
			f.override("2.5.29.14", true, append([]byte{4, 20}, KeyID(f.key.Public())...))
		}, "subject key identifier"},
		{"authority key id", func(f *forgery) { f.AuthorityKeyId = KeyID(f.key.Public()) }, "authority key identifier"},
		{"names", func(f *forgery) { f.DNSNames = []string{"localhost"} }, "subject alternative name"},
		{"CRL point", func(f *forgery) { f.CRLDistributionPoints = []string{"http://localhost:44298/x/root.crl"} }, "CRL distribution points"},
		{"policies", func(f *forgery) { f.Policies = []x509.OID{mustOID(t)} }, "2.5.29.32"},
		{"unknown extension", func(f *forgery) { f.override("1.2.3.4", false, []byte{5, 0}) }, "1.2.3.4"},
		{"unknown critical extension", func(f *forgery) { f.override("1.2.3.4", true, []byte{5, 0}) }, "1.2.3.4"},
		{"no constraints", func(f *forgery) { f.PermittedDNSDomains, f.PermittedIPRanges = nil, nil }, "no domain"},
		{"no constraints on domains", func(f *forgery) { f.PermittedDNSDomains = nil }, "no domain"},
		{"no constraints on networks", func(f *forgery) { f.PermittedIPRanges = nil }, "no network"},
		{"constraints not critical", func(f *forgery) { f.PermittedDNSDomainsCritical = false }, "name constraints: not critical"},
		{"constraints with a maximum", func(f *forgery) { f.override("2.5.29.30", true, withMaximum(t, constraints())) }, "name constraints"},
		{"exclusions", func(f *forgery) { f.ExcludedDNSDomains = []string{"dev.localhost"} }, "name constraints"},
		{"excluded networks", func(f *forgery) { f.ExcludedIPRanges = f.PermittedIPRanges[:1] }, "name constraints"},
		{"e-mail permitted", func(f *forgery) { f.PermittedEmailAddresses = []string{"a@example.com"} }, "name constraints"},
		{"URIs permitted", func(f *forgery) { f.PermittedURIDomains = []string{"example.com"} }, "name constraints"},
		{"permits com", func(f *forgery) { f.PermittedDNSDomains = append(f.PermittedDNSDomains, "com") }, "public suffix"},
		{"permits everything", func(f *forgery) { f.PermittedDNSDomains = append(f.PermittedDNSDomains, "") }, "empty"},
		{"permits with a dot", func(f *forgery) { f.PermittedDNSDomains = append(f.PermittedDNSDomains, ".example.com") }, "starts with a dot"},
		{"permits in upper case", func(f *forgery) { f.PermittedDNSDomains = append(f.PermittedDNSDomains, "Example.com") }, "canonical"},
		{"permits all of IPv4", func(f *forgery) { f.PermittedIPRanges = append(f.PermittedIPRanges, network("0.0.0.0/0")) }, "every address"},
		{"permits all of IPv6", func(f *forgery) { f.PermittedIPRanges = append(f.PermittedIPRanges, network("::/0")) }, "every address"},
		{"permits half of IPv4", func(f *forgery) { f.PermittedIPRanges = append(f.PermittedIPRanges, network("128.0.0.0/1")) }, "too wide"},
		{"permits host bits", func(f *forgery) {
			f.override("2.5.29.30", true, bytes.Replace(constraints(), []byte{127, 0, 0, 0, 255}, []byte{127, 0, 0, 1, 255}, 1))
		}, "canonical"},
		{"valid for eleven years", func(f *forgery) { f.NotAfter = f.NotAfter.AddDate(1, 0, 0) }, "more than 10 years"},
		{"valid for two days too long", func(f *forgery) { f.NotAfter = f.NotAfter.AddDate(0, 0, 2) }, "more than 10 years"},
		{"ends before it starts", func(f *forgery) { f.NotAfter = f.NotBefore.Add(-time.Second) }, "ends before"},
		{"weaker signature algorithm", func(f *forgery) { f.SignatureAlgorithm = x509.ECDSAWithSHA384 }, "signature algorithm"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newForgery(t, newKeyWithLetter(t))
			_, err := CheckRoot(f.sign(t))
			require.NoError(t, err, "the forgery is a root of ours before it is spoilt")
			row.spoil(f)
			cert, err := CheckRoot(f.sign(t))
			assert.ErrorContains(t, err, row.reason)
			assert.True(t, cert == nil, "no certificate is returned")
		})
	}
}

// TestARootPermitsWhatBecameASuffix: the list of public suffixes has grown since
// the root was made. It must be removable, and nobody is to trust it anew.
func TestARootPermitsWhatBecameASuffix(t *testing.T) {
	f := newForgery(t, newP256(t))
	f.PermittedDNSDomains = append(f.PermittedDNSDomains, "github.io")
	der := f.sign(t)
	_, err := CheckRoot(der)
	assert.NoError(t, err)
	cert, err := CheckNewRoot(der)
	assert.ErrorContains(t, err, "public suffix")
	assert.Nil(t, cert)
	_, err = CheckNewRoot(newForgery(t, newP256(t)).sign(t))
	assert.NoError(t, err)
}

// newKeyWithLetter makes a key whose ID has an upper and a lower case: one in 43
// is digits only.
func newKeyWithLetter(t testing.TB) *ecdsa.PrivateKey {
	for {
		if key := newP256(t); strings.ContainsAny(idOf(key.Public()), "abcdef") {
			return key
		}
	}
}

func mustOID(t *testing.T) x509.OID {
	oid, err := x509.OIDFromInts([]uint64{2, 23, 140, 1, 2, 1})
	require.NoError(t, err)
	return oid
}

func network(s string) *net.IPNet {
	_, n, _ := net.ParseCIDR(s)
	return n
}

// withMaximum adds "maximum 5" to the first permitted subtree, which
// crypto/x509 reads over.
func withMaximum(t *testing.T, constraints []byte) []byte {
	type subtree struct {
		Base asn1.RawValue
		Max  int `asn1:"optional,tag:1"`
	}
	var nc struct {
		Permitted []subtree `asn1:"tag:0"`
	}
	_, err := asn1.Unmarshal(constraints, &nc)
	require.NoError(t, err)
	nc.Permitted[0].Max = 5
	der, err := asn1.Marshal(nc)
	require.NoError(t, err)
	return der
}

func TestCheckRootRefusesKeys(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]crypto.Signer{"P-384": p384, "RSA": rsaKey, "Ed25519": ed} {
		_, err := CheckRoot(newForgery(t, key).sign(t))
		assert.ErrorContains(t, err, "P-256", name)
	}
}

// rawTBS is a certificate's signed part, for what crypto/x509 cannot make.
type rawTBS struct {
	Version         int `asn1:"explicit,tag:0,optional"`
	Serial          *big.Int
	Algorithm       asn1.RawValue
	Issuer          asn1.RawValue
	Validity        asn1.RawValue
	Subject         asn1.RawValue
	Key             asn1.RawValue
	IssuerUniqueID  asn1.BitString   `asn1:"optional,tag:1"`
	SubjectUniqueID asn1.BitString   `asn1:"optional,tag:2"`
	Extensions      []pkix.Extension `asn1:"optional,explicit,tag:3"`
}

// resign takes a root apart, spoils it and signs it again.
func resign(t testing.TB, der []byte, key *ecdsa.PrivateKey, spoil func(*rawTBS)) []byte {
	t.Helper()
	var outer struct {
		TBS       rawTBS
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(der, &outer)
	require.NoError(t, err)
	spoil(&outer.TBS)
	tbs, err := asn1.Marshal(outer.TBS)
	require.NoError(t, err)
	digest := sha256.Sum256(tbs)
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	require.NoError(t, err)
	outer.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	out, err := asn1.Marshal(outer)
	require.NoError(t, err)
	return out
}

func TestCheckRootRefusesEncodings(t *testing.T) {
	h := standardHierarchy(t)
	good := h.Root.Raw
	remade := func(spoil func(*rawTBS)) []byte { return resign(t, good, h.RootKey, spoil) }
	_, err := CheckRoot(remade(func(*rawTBS) {}))
	require.NoError(t, err, "resigning alone spoils nothing")

	long, err := asn1.Marshal([]any{
		asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: []byte(h.Root.NotBefore.Format("20060102150405Z"))},
		asn1.RawValue{Tag: asn1.TagUTCTime, Bytes: []byte(h.Root.NotAfter.Format("060102150405Z"))},
	})
	require.NoError(t, err)
	name := func(n pkix.Name) asn1.RawValue {
		der, err := asn1.Marshal(n.ToRDNSequence())
		require.NoError(t, err)
		return asn1.RawValue{FullBytes: der}
	}
	for _, row := range []struct {
		name   string
		der    []byte
		reason string
	}{
		{"nothing", nil, "not a certificate"},
		{"PEM", EncodeCertificates(h.Root), "not a certificate"},
		{"byte after the end", append(append([]byte{}, good...), 0), "trailing data"},
		{"certificate after the end", append(append([]byte{}, good...), good...), "trailing data"},
		{"cut short", good[:len(good)-1], "not a certificate"},
		{"signature changed", append(append([]byte{}, good[:len(good)-1]...), good[len(good)-1]^1), "signature"},
		{"negative serial", remade(func(b *rawTBS) { b.Serial = big.NewInt(-5) }), ""},
		{"serial zero", remade(func(b *rawTBS) { b.Serial = big.NewInt(0) }), "serial"},
		{"version 1", remade(func(b *rawTBS) { b.Version, b.Extensions = 0, nil }), "no domain"},
		{"version 2 with extensions", remade(func(b *rawTBS) { b.Version = 1 }), ""},
		{"unique identifier", remade(func(b *rawTBS) { b.IssuerUniqueID = asn1.BitString{Bytes: []byte{1}, BitLength: 8} }), "fields"},
		{"start as GeneralizedTime", remade(func(b *rawTBS) { b.Validity = asn1.RawValue{FullBytes: long} }), "fields"},
		{"another issuer", remade(func(b *rawTBS) { b.Issuer = name(pkix.Name{CommonName: "somebody"}) }), "issuer"},
		{"extension twice", remade(func(b *rawTBS) { b.Extensions = append(b.Extensions, b.Extensions[0]) }), "duplicate"},
		{"intermediate", h.Intermediate.Cert.Raw, "common name"},
		{"leaf", h.Leaf.Cert.Raw, "common name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := CheckRoot(row.der)
			assert.ErrorContains(t, err, row.reason)
		})
	}
}

// TestCheckRootAcceptsAnyOrder: another order of extensions is still ours.
func TestCheckRootAcceptsAnyOrder(t *testing.T) {
	h := standardHierarchy(t)
	der := resign(t, h.Root.Raw, h.RootKey, func(b *rawTBS) {
		b.Extensions[0], b.Extensions[1] = b.Extensions[1], b.Extensions[0]
	})
	_, err := CheckRoot(der)
	assert.NoError(t, err)
}
