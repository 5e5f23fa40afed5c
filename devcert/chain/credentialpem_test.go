package chain

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

func TestReadKeyAndCertificates(t *testing.T) {
	s := newStuff(t)
	keyDER, err := x509.MarshalPKCS8PrivateKey(s.h.Leaf.Key)
	require.NoError(t, err)
	for name, data := range map[string]string{"PEM": s.key, "SEC 1": crlf(s.sec1), "DER": string(keyDER), "beside a certificate": s.leaf + s.key, "twice": s.key + s.sec1} {
		key, err := ReadKey([]byte(data))
		require.NoError(t, err, name)
		require.True(t, SameKey(s.h.Leaf.Cert, key), name)
	}
	for problem, data := range map[string]string{
		"it holds no private key": s.leaf, "it holds 2 private keys": s.key + s.other, "it is empty": "", "a PEM block in it is damaged": s.key[:40],
	} {
		_, err := ReadKey([]byte(data))
		refusedAs(t, err, problem, "")
	}
	certs, err := ReadCertificates([]byte("text\n" + s.root + s.between + s.key))
	require.NoError(t, err)
	require.Len(t, certs, 2)
	certs, err = ReadCertificates(s.h.Root.Raw)
	require.NoError(t, err)
	require.True(t, certs[0].Equal(s.h.Root))
	_, err = ReadCertificates([]byte(s.key))
	refusedAs(t, err, "it holds no certificate", nameFile)
	_, err = ReadCertificates(s.pfx(pkcs12.Modern2023, ""))
	refusedAs(t, err, "it is a PFX, and certificates in PEM or DER are expected", viaPEM)
}

func TestReadRevocationLists(t *testing.T) {
	h := standardHierarchy(t)
	twice := append(EncodeCRL(h.RootCRL), EncodeCRL(h.RootCRL)...)
	for n, data := range map[int][]byte{1: h.RootCRL, 2: append([]byte("text\n"), twice...)} {
		lists, err := ReadRevocationLists(data)
		require.NoError(t, err)
		require.Len(t, lists, n)
	}
	for problem, data := range map[string][]byte{
		"it holds no revocation list": EncodeCertificates(h.Root), "its revocation list cannot be read: ": h.Root.Raw, "it is empty": nil,
	} {
		_, err := ReadRevocationLists(data)
		refusedAs(t, err, problem, "")
	}
}

func TestAKeyFromElsewhere(t *testing.T) {
	s := newStuff(t)
	c, err := ReadCredential([]byte(s.between+s.root), nil)
	require.NoError(t, err)
	_, err = c.WithKey(s.h.Leaf.Key)
	refusedAs(t, err, "the private key is not that of the certificate of ", "made with")
	c, err = ReadCredential([]byte(s.stray+s.leaf), nil)
	require.NoError(t, err)
	require.False(t, c.HasKey)
	c, err = c.WithKey(s.h.Leaf.Key)
	require.NoError(t, err)
	require.True(t, c.HasKey && c.Leaf.Equal(s.h.Leaf.Cert))
	require.Len(t, c.Chain, 1)
}
