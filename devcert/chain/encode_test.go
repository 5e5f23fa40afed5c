package chain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

func TestCertificatesRoundTrip(t *testing.T) {
	h := standardHierarchy(t)
	file := EncodeCertificates(h.Leaf.Cert, h.Intermediate.Cert)
	for name, data := range map[string][]byte{
		"as written":   file,
		"blank around": append([]byte("\n \n"), append(file, "\n\n"...)...),
		"CRLF":         bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n")),
	} {
		got, err := ParseCertificates(data)
		require.NoError(t, err, name)
		require.Len(t, got, 2, name)
		assert.True(t, got[0].Equal(h.Leaf.Cert), name)
		assert.True(t, got[1].Equal(h.Intermediate.Cert), name)
	}
}

func TestParseCertificatesRefuses(t *testing.T) {
	h := standardHierarchy(t)
	file := string(EncodeCertificates(h.Leaf.Cert))
	key, err := EncodeKey(h.Leaf.Key)
	require.NoError(t, err)
	for _, row := range []struct{ name, data, reason string }{
		{"empty", "", "empty"},
		{"blank", " \n\n", "empty"},
		{"text", "hello", "no PEM block"},
		{"text before", "subject=CN\n" + file, "no PEM block"},
		{"text after", file + "x", "no PEM block"},
		{"text between", file + "x\n" + file, "no PEM block"},
		{"null bytes after, as a crash leaves them", file + "\x00\x00", "no PEM block"},
		{"private key", string(key), `"PRIVATE KEY"`},
		{"private key after", file + string(key), `"PRIVATE KEY"`},
		{"cut short", file[:len(file)/2], "damaged"},
		{"damaged one before a good one", strings.Replace(file, "MII", "M!!", 1) + file, "damaged"},
		{"headers", strings.Replace(file, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1), "headers"},
		{"not a certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}})), "certificate 1"},
		{"byte after the certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: append(append([]byte{}, h.Leaf.Cert.Raw...), 0)})), "certificate 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseCertificates([]byte(row.data))
			assert.ErrorContains(t, err, row.reason)
			assert.Nil(t, got)
		})
	}
}

func TestKeyRoundTrip(t *testing.T) {
	for _, kind := range []KeyType{RSA, ECDSA} {
		key, err := newKey(kind)
		require.NoError(t, err)
		file, err := EncodeKey(key)
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(file, []byte("-----BEGIN PRIVATE KEY-----\n")))
		got, err := ParseKey(file)
		require.NoError(t, err)
		assert.Equal(t, key.Public(), got.Public())
	}
}

func TestParseKeyRefuses(t *testing.T) {
	h := standardHierarchy(t)
	encode := func(key crypto.Signer) []byte {
		file, err := EncodeKey(key)
		require.NoError(t, err)
		return file
	}
	good := encode(h.Leaf.Key)
	block, _ := pem.Decode(good)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	sec1, err := x509.MarshalECPrivateKey(h.Leaf.Key.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	for _, row := range []struct {
		name   string
		data   []byte
		reason string
	}{
		{"empty", nil, "empty"},
		{"certificate", EncodeCertificates(h.Leaf.Cert), `"CERTIFICATE"`},
		{"two keys", append(append([]byte{}, good...), good...), "2 private keys"},
		{"SEC 1", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}), `"EC PRIVATE KEY"`},
		{"encrypted", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: block.Bytes}), `"ENCRYPTED PRIVATE KEY"`},
		{"damaged", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: block.Bytes[:20]}), "private key"},
		{"byte after the key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: append(append([]byte{}, block.Bytes...), 0)}), "private key"},
		{"RSA-1024", encode(weak), "1024 bits"},
		{"P-384", encode(p384), "P-256"},
		{"Ed25519", encode(ed), "RSA or ECDSA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseKey(row.data)
			assert.ErrorContains(t, err, row.reason)
			assert.True(t, got == nil)
		})
	}
	_, err = EncodeKey(nil)
	assert.Error(t, err)
}

func TestParseCRLRefuses(t *testing.T) {
	h := standardHierarchy(t)
	list := EncodeCRL(h.RootCRL)
	for name, data := range map[string][]byte{
		"empty": nil, "two lists": append(append([]byte{}, list...), list...),
		"certificate": EncodeCertificates(h.Root), "damaged": EncodeCRL(h.RootCRL[:30]),
	} {
		_, err := ParseCRL(data)
		assert.Error(t, err, name)
	}
}

func TestIdentities(t *testing.T) {
	h := standardHierarchy(t)
	assert.Regexp(t, `^[0-9A-F]{40}$`, Thumbprint(h.Leaf.Cert))
	assert.Regexp(t, `^[0-9A-F]{64}$`, Fingerprint(h.Leaf.Cert))
	assert.Equal(t, h.ID, HierarchyID(h.Root))
	assert.Len(t, KeyID(h.Root.PublicKey), 20)
	assert.Nil(t, KeyID("no key"))
	assert.Empty(t, HierarchyID(&x509.Certificate{}))
	assert.True(t, SameKey(h.Leaf.Cert, h.Leaf.Key))
	assert.False(t, SameKey(h.Leaf.Cert, h.RootKey))
	assert.False(t, SameKey(h.Leaf.Cert, nil))
	assert.False(t, SameKey(nil, h.Leaf.Key))
}

func TestPFXRoundTrip(t *testing.T) {
	rsaLeaf, err := NewLeaf(standardHierarchy(t).Intermediate, LeafOptions{Names: DefaultNames(), Now: noon})
	require.NoError(t, err)
	chain := []*x509.Certificate{standardHierarchy(t).Intermediate.Cert}
	for _, style := range []PFXStyle{PFXModern, PFXLegacy} {
		for _, pair := range []Pair{rsaLeaf, standardHierarchy(t).Leaf} {
			for _, password := range []string{"", "secret", "pässwörd ☃"} {
				file, err := EncodePFX(style, pair, chain, password)
				require.NoError(t, err)
				key, cert, above, err := pkcs12.DecodeChain(file, password)
				require.NoError(t, err)
				assert.True(t, cert.Equal(pair.Cert))
				assert.Equal(t, pair.Key, key)
				require.Len(t, above, 1)
				assert.True(t, above[0].Equal(chain[0]))
				read, err := DecodePFX(file, password)
				require.NoError(t, err)
				assert.True(t, read.Cert.Equal(pair.Cert) && SameKey(pair.Cert, read.Key))
				_, err = DecodePFX(file, password+"x")
				assert.ErrorIs(t, err, pkcs12.ErrIncorrectPassword)
			}
		}
	}
}

func TestEncodePFXRefuses(t *testing.T) {
	h := standardHierarchy(t)
	for _, row := range []struct {
		name     string
		style    PFXStyle
		pair     Pair
		password string
		reason   string
	}{
		{"another's key", PFXModern, Pair{h.Leaf.Cert, h.Intermediate.Key}, "x", "not the certificate's"},
		{"no key", PFXModern, Pair{Cert: h.Leaf.Cert}, "x", "not the certificate's"},
		{"unknown style", "rc2", h.Leaf, "x", `"rc2"`},
		{"emoji", PFXModern, h.Leaf, "pass🔑", "U+FFFF"},
		{"not UTF-8", PFXLegacy, h.Leaf, "\xff", "UTF-8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := EncodePFX(row.style, row.pair, nil, row.password)
			assert.ErrorContains(t, err, row.reason)
			assert.NotContains(t, err.Error(), "pass🔑")
		})
	}
}

func TestNewPassword(t *testing.T) {
	a, err := NewPassword(nil)
	require.NoError(t, err)
	b, err := NewPassword(nil)
	require.NoError(t, err)
	assert.NotEqual(t, a, b)
	assert.Regexp(t, `^([0-9a-hjkmnp-tv-z]{5}-){4}[0-9a-hjkmnp-tv-z]{5}$`, a)
	_, err = NewPassword(iotest.ErrReader(errors.New("no entropy")))
	assert.ErrorContains(t, err, "no entropy")
}
