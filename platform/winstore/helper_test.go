package winstore

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
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// now is whole seconds, as certificates have them.
var now = time.Now().Truncate(time.Second)

func newHierarchy(t testing.TB, key chain.KeyType) *chain.Hierarchy {
	t.Helper()
	for {
		h, err := chain.New(chain.Options{Owner: "alice@pc", Key: key, Now: now})
		require.NoError(t, err)
		if verifiable(h.Root) && verifiable(h.Intermediate.Cert) && verifiable(h.Leaf.Cert) && importable(h.Leaf.Key) {
			return h
		}
	}
}

// verifiable says whether Wine can check the ECDSA signature of a certificate:
// neither of its numbers is shorter than the curve's, as one in 128 has it.
func verifiable(cert *x509.Certificate) bool {
	var signature struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(cert.Signature, &signature)
	return err == nil && len(signature.R.Bytes()) == 32 && len(signature.S.Bytes()) == 32
}

// importable says whether Wine imports a key as it is: no number of an RSA key is
// shorter than usual, as one key in 80 has it.
func importable(key crypto.Signer) bool {
	k, ok := key.(*rsa.PrivateKey)
	if !ok {
		return true
	}
	half := k.Size() / 2
	for _, n := range []*big.Int{k.Precomputed.Dp, k.Precomputed.Dq, k.Precomputed.Qinv} {
		if len(n.Bytes()) != half {
			return false
		}
	}
	return len(k.D.Bytes()) == k.Size()
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
