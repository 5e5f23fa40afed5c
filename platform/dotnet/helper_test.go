package dotnet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"devcert/devcert/chain"
)

// now is whole seconds, as certificates have them.
var now = time.Now().Truncate(time.Second)

func newHierarchy(t testing.TB) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	return h
}

// withKey and withoutKey are PKCS#12 as devcert writes it.
func withKey(t testing.TB, p chain.Pair, others ...*x509.Certificate) []byte {
	t.Helper()
	data, err := pkcs12.LegacyDES.Encode(p.Key, p.Cert, others, "")
	require.NoError(t, err)
	return data
}

func withoutKey(t testing.TB, certs ...*x509.Certificate) []byte {
	t.Helper()
	data, err := pkcs12.LegacyDES.EncodeTrustStore(certs, "")
	require.NoError(t, err)
	return data
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

var developmentOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 84, 1, 1}

// marked is a development certificate such as dotnet dev-certs makes it, after
// change has had the template; each version marks it once.
func marked(t testing.TB, change func(*x509.Certificate), versions ...byte) chain.Pair {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, v := range versions {
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: developmentOID, Value: []byte{v}})
	}
	if change != nil {
		change(template)
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		cert = &x509.Certificate{Raw: der} // one that crypto/x509 makes and refuses
	}
	return chain.Pair{Cert: cert, Key: key}
}

func expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = now.Add(-48*time.Hour), now.Add(-24*time.Hour)
}
