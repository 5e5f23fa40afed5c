package winstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// now is whole seconds, as certificates have them.
var now = time.Now().Truncate(time.Second)

func newHierarchy(t testing.TB, key chain.KeyType) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "alice@pc", Key: key, Now: now})
	require.NoError(t, err)
	return h
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// localhost is a template such as development tools make it.
func localhost() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(time.Hour),
		DNSNames:     []string{"localhost"},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func kestrel(values ...string) (extensions []pkix.Extension) {
	for _, v := range values {
		extensions = append(extensions, pkix.Extension{Id: developmentOID, Value: []byte(v)})
	}
	return extensions
}

// selfSigned makes a certificate, after change has had the template.
func selfSigned(t testing.TB, change func(*x509.Certificate)) chain.Pair {
	t.Helper()
	return signed(t, change, chain.Pair{})
}

// signed makes a certificate by another one's key; by its own if there is none.
func signed(t testing.TB, change func(*x509.Certificate), issuer chain.Pair) chain.Pair {
	t.Helper()
	template, key := localhost(), newKey(t)
	if change != nil {
		change(template)
	}
	if issuer.Cert == nil {
		issuer = chain.Pair{Cert: template, Key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Cert, key.Public(), issuer.Key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		cert = &x509.Certificate{Raw: der} // one that crypto/x509 makes and refuses
	}
	return chain.Pair{Cert: cert, Key: key}
}

func entries(certs ...*x509.Certificate) []Entry {
	list := make([]Entry, len(certs))
	for i, c := range certs {
		list[i] = Entry{DER: c.Raw}
	}
	return list
}
