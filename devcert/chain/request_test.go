package chain

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newRequest(t testing.TB, key crypto.Signer, r x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &r, key)
	require.NoError(t, err)
	return der
}

func TestRequestNames(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	rsa3072, err := rsa.GenerateKey(rand.Reader, 3072)
	require.NoError(t, err)
	for _, row := range []struct {
		name string
		key  crypto.Signer
		csr  x509.CertificateRequest
		want []string
	}{
		{"names and addresses", newP256(t), x509.CertificateRequest{DNSNames: []string{"App.test", "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}},
			[]string{"app.test", "localhost", "127.0.0.1", "::1"}},
		{"P-384", p384, x509.CertificateRequest{DNSNames: []string{"localhost"}}, []string{"localhost"}},
		{"RSA-3072", rsa3072, x509.CertificateRequest{DNSNames: []string{"localhost"}}, []string{"localhost"}},
		{"common name alone", newP256(t), x509.CertificateRequest{Subject: pkix.Name{CommonName: "app.test"}}, []string{"app.test"}},
		{"common name beside names", newP256(t), x509.CertificateRequest{Subject: pkix.Name{CommonName: "Alice Smith"}, DNSNames: []string{"app.test"}}, []string{"app.test"}},
		{"a name twice", newP256(t), x509.CertificateRequest{DNSNames: []string{"app.test", "APP.test"}}, []string{"app.test"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			pub, names, err := RequestNames(newRequest(t, row.key, row.csr))
			require.NoError(t, err)
			assert.Equal(t, row.key.Public(), pub)
			assert.Equal(t, row.want, names)
			cert, err := IssueServer(standardHierarchy(t).Intermediate, pub, LeafOptions{Names: names, Now: noon})
			require.NoError(t, err)
			assert.True(t, SameKey(cert, row.key))
			assertServer(t, standardHierarchy(t), cert, names, noon)
		})
	}
}

// TestRequestCannotChooseItsProfile: mkcert copied CA:TRUE from a request.
func TestRequestCannotChooseItsProfile(t *testing.T) {
	h, key := standardHierarchy(t), newP256(t)
	der := newRequest(t, key, x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: "my own CA", Organization: []string{"ACME"}},
		DNSNames: []string{"app.test"},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 1, 6}},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: []byte{0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0}},
		},
	})
	pub, names, err := RequestNames(der)
	require.NoError(t, err)
	cert, err := IssueServer(h.Intermediate, pub, LeafOptions{Names: names, Now: noon})
	require.NoError(t, err)
	assert.False(t, cert.IsCA)
	assert.Equal(t, x509.KeyUsageDigitalSignature, cert.KeyUsage)
	assert.Equal(t, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, cert.ExtKeyUsage)
	assert.Equal(t, "CN=app.test", cert.Subject.String())
	assert.Equal(t, []string{"app.test"}, cert.DNSNames)
	assert.Empty(t, cert.EmailAddresses)
}

// twoNames is a subject in which nobody can tell who is meant.
var twoNames = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidCommonName, Value: "anna"}, {Type: oidCommonName, Value: "bob"}}}

// withOtherName asks for a user principal name, as Active Directory has them.
func withOtherName(t testing.TB, r x509.CertificateRequest) x509.CertificateRequest {
	t.Helper()
	upn, err := asn1.MarshalWithParams(struct {
		ID    asn1.ObjectIdentifier
		Value string `asn1:"tag:0,explicit,utf8"`
	}{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}, "anna@example.test"}, "tag:0")
	require.NoError(t, err)
	san, err := asn1.Marshal([]asn1.RawValue{{FullBytes: upn}})
	require.NoError(t, err)
	r.ExtraExtensions = append(r.ExtraExtensions, pkix.Extension{Id: oidSAN, Value: san})
	return r
}

func TestRequestNamesRefuses(t *testing.T) {
	key := newP256(t)
	good := newRequest(t, key, x509.CertificateRequest{DNSNames: []string{"app.test"}})
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ask := func(key crypto.Signer, names ...string) []byte {
		return newRequest(t, key, x509.CertificateRequest{DNSNames: names})
	}
	spoilt := append([]byte{}, good...)
	spoilt[len(spoilt)-1] ^= 1
	for _, row := range []struct {
		name   string
		der    []byte
		reason string
	}{
		{"nothing", nil, "certificate request"},
		{"byte after the end", append(append([]byte{}, good...), 0), "it is damaged, or something else than PKCS#10"},
		{"cut off", good[:len(good)-9], "it is damaged, or something else than PKCS#10"},
		{"an e-mail address", newRequest(t, key, x509.CertificateRequest{DNSNames: []string{"app.test"}, EmailAddresses: []string{"a@example.com"}}), "names an e-mail address, and a server's certificate has none"},
		{"an otherName", newRequest(t, key, withOtherName(t, x509.CertificateRequest{})), "names an otherName, and"},
		{"two common names", newRequest(t, key, x509.CertificateRequest{Subject: twoNames}), `several common names, "anna", "bob", and`},
		{"a certificate", standardHierarchy(t).Leaf.Cert.Raw, "certificate request"},
		{"signature spoilt", spoilt, "signature"},
		{"RSA-1024", ask(weak, "app.test"), "1024 bits"},
		{"P-521", ask(p521, "app.test"), "P-521"},
		{"Ed25519", ask(ed, "app.test"), "ed25519"},
		{"no names", ask(key), "names no server"},
		{"underscore", ask(key, "my_app.test"), "underscore"},
		{"wildcard that clients refuse", ask(key, "*.test"), "wildcard"},
		{"name that is a flag", ask(key, "-x.test"), "flag"},
		{"common name that is no host", newRequest(t, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: "Alice Smith"}}), "space"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pub, names, err := RequestNames(row.der)
			assert.ErrorContains(t, err, row.reason)
			assert.Nil(t, pub)
			assert.Nil(t, names)
		})
	}
}

// TestClientRequestCannotChooseItsProfile: nothing but the key and names.
func TestClientRequestCannotChooseItsProfile(t *testing.T) {
	h, key := clientHierarchy(t), newP256(t)
	pub, o, err := RequestClient(newRequest(t, key, x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: "anna", Organization: []string{"ACME"}},
		DNSNames: []string{"client.localhost"}, EmailAddresses: []string{"a@example.com"},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 1, 6}},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: []byte{0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0}},
		},
	}))
	require.NoError(t, err)
	assert.Equal(t, key.Public(), pub)
	assert.Equal(t, ClientOptions{Name: "anna", Emails: []string{"a@example.com"}}, o)
	o.Now = noon
	cert, err := IssueClient(h.ClientIntermediate, pub, o)
	require.NoError(t, err)
	assert.Equal(t, PartClient, PartOf(cert), "it has the profile and nothing else")
	assert.True(t, SameKey(cert, key))
}

func TestRequestClientRefuses(t *testing.T) {
	key := newP256(t)
	named := func(key crypto.Signer, cn string) []byte {
		return newRequest(t, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: cn}})
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	spoilt := named(key, "anna")
	spoilt[len(spoilt)-1] ^= 1
	for _, row := range []struct {
		name   string
		der    []byte
		reason string
	}{
		{"nothing", nil, "certificate request"},
		{"a certificate", standardHierarchy(t).Leaf.Cert.Raw, "certificate request"},
		{"signature spoilt", spoilt, "signature"},
		{"RSA-1024", named(weak, "anna"), "1024 bits"},
		{"RSA-512", rsa512Request, "512 bits"},
		{"Ed25519", named(ed, "anna"), "ed25519"},
		{"no common name", newRequest(t, key, x509.CertificateRequest{DNSNames: []string{"app.test"}}), "no common name"},
		{"hosts", newRequest(t, key, x509.CertificateRequest{
			Subject: pkix.Name{CommonName: "anna"}, DNSNames: []string{"www.example.com", "client.localhost"}, IPAddresses: []net.IP{{8, 8, 8, 8}},
		}), `it names "www.example.com", "8.8.8.8", and`},
		{"an otherName", newRequest(t, key, withOtherName(t, x509.CertificateRequest{Subject: pkix.Name{CommonName: "anna"}})), "names an otherName, and a client's certificate has none"},
		{"two common names", newRequest(t, key, x509.CertificateRequest{Subject: twoNames}), `several common names, "anna", "bob", and`},
		{"two lists of names", newRequest(t, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: "anna"}, ExtraExtensions: []pkix.Extension{
			{Id: oidSAN, Value: []byte("\x30\x08\x81\x06a@a.io")}, {Id: oidSAN, Value: []byte("\x30\x08\x81\x06b@a.io")},
		}}), "duplicate requested extensions"},
		{"control character", named(key, "an\x07na"), "cannot be printed"},
		{"65 characters", named(key, strings.Repeat("a", 65)), "longer than 64"},
		{"e-mail", newRequest(t, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: "anna"}, EmailAddresses: []string{"anna"}}), "not an e-mail address"},
		{"URI", newRequest(t, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: "anna"}, URIs: []*url.URL{{Opaque: "a:b", Scheme: "urn"}}}), "without a host name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pub, o, err := RequestClient(row.der)
			assert.ErrorContains(t, err, row.reason)
			assert.Nil(t, pub)
			assert.Zero(t, o)
		})
	}
}

// rsa512Request is what openssl req -newkey rsa:512 makes; Go refuses to.
var rsa512Request = func() []byte {
	der, err := base64.StdEncoding.DecodeString("" +
		"MIHIMHQCAQAwDzENMAsGA1UEAwwEYW5uYTBcMA0GCSqGSIb3DQEBAQUAA0sAMEgCQQDcQ8P/elpL" +
		"wnzL5HeMVChg6OYEMNNRCQecub+03+au/6chritEN6KZ8zjhTjwlR94t/6byM7RATQHntfZHLcnB" +
		"AgMBAAGgADANBgkqhkiG9w0BAQsFAANBAGKsXKRqJxjrOgzQkp7zYGlLvobEVQ5sUMj0H0BcALJN" +
		"hbbS7nJ/GwY1ru/B/QlvA87EE+WtsPRGLsLKEacjpGg=")
	if err != nil {
		panic(err)
	}
	return der
}()
