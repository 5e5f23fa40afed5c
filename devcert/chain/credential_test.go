package chain

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// sesame is a password for tests.
const sesame = "sesame"

func says(password string) func() (string, error) {
	return func() (string, error) { return password, nil }
}

func pemOf(t testing.TB, kind string, der []byte) string {
	t.Helper()
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// keyForms are one key as everybody writes it.
func keyForms(t testing.TB, key *ecdsa.PrivateKey) (pkcs8, sec1 string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	ec, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	return pemOf(t, "PRIVATE KEY", der), pemOf(t, "EC PRIVATE KEY", ec)
}

func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

func utf16le(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

// stuff is what the rows below are put together from.
type stuff struct {
	h                            *Hierarchy
	leaf, between, root, stray   string
	key, sec1, betweenKey, other string
	pfx                          func(e *pkcs12.Encoder, password string) []byte
}

func newStuff(t testing.TB) stuff {
	t.Helper()
	h := standardHierarchy(t)
	s := stuff{
		h: h, leaf: string(EncodeCertificates(h.Leaf.Cert)), between: string(EncodeCertificates(h.Intermediate.Cert)),
		root: string(EncodeCertificates(h.Root)),
	}
	s.key, s.sec1 = keyForms(t, h.Leaf.Key.(*ecdsa.PrivateKey))
	s.betweenKey, _ = keyForms(t, h.Intermediate.Key.(*ecdsa.PrivateKey))
	strange := newP256(t)
	s.other, _ = keyForms(t, strange)
	self := signCertificate(t, &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}, Pair{Key: strange}, strange.Public())
	s.stray = string(EncodeCertificates(self))
	s.pfx = func(e *pkcs12.Encoder, password string) []byte {
		t.Helper()
		data, err := e.WithIterations(1).Encode(h.Leaf.Key, h.Leaf.Cert, []*x509.Certificate{h.Intermediate.Cert}, password)
		require.NoError(t, err)
		return data
	}
	return s
}

// rsaLeaf is the one certificate with an RSA key: making one takes long.
var rsaLeaf = sync.OnceValues(func() (crypto.Signer, error) { return newKey(RSA) })

func TestReadCredential(t *testing.T) {
	s := newStuff(t)
	key, err := rsaLeaf()
	require.NoError(t, err)
	pkcs1 := pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey)))
	rsaCert := signCertificate(t, &x509.Certificate{SerialNumber: big.NewInt(5), NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}, Pair{Key: key}, key.Public())
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edCert := signCertificate(t, &x509.Certificate{SerialNumber: big.NewInt(6), NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}, Pair{Key: edKey}, edKey.Public())
	edDER, err := x509.MarshalPKCS8PrivateKey(edKey)
	require.NoError(t, err)
	leaf, between, root := s.h.Leaf.Cert, s.h.Intermediate.Cert, s.h.Root
	aux := append(slices.Clone(leaf.Raw), 0x30, 0x00) // trust settings, none
	for _, row := range []struct {
		name   string
		data   string
		leaf   *x509.Certificate
		chain  []*x509.Certificate
		hasKey bool
	}{
		{"a certificate", s.leaf, leaf, nil, false},
		{"DER", string(leaf.Raw), leaf, nil, false},
		{"with its key", s.leaf + s.key, leaf, nil, true},
		{"key first", s.key + s.leaf, leaf, nil, true},
		{"SEC 1", s.leaf + "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + s.sec1, leaf, nil, true},
		{"PKCS#1", string(EncodeCertificates(rsaCert)) + pkcs1, rsaCert, nil, true},
		{"Ed25519", string(EncodeCertificates(edCert)) + pemOf(t, "PRIVATE KEY", edDER), edCert, nil, true},
		{"the chain behind it", s.leaf + s.between + s.root + s.key, leaf, []*x509.Certificate{between, root}, true},
		{"the chain before it", s.root + s.between + s.leaf + s.key, leaf, []*x509.Certificate{root, between}, true},
		{"the chain before it, without a key", s.root + s.between + s.leaf, leaf, []*x509.Certificate{root, between}, false},
		{"authorities alone", s.between + s.root, between, []*x509.Certificate{root}, false},
		{"an authority with its key", s.root + s.between + s.betweenKey, between, []*x509.Certificate{root}, true},
		{"an authority's key too", s.between + s.betweenKey + s.leaf + s.key, leaf, []*x509.Certificate{between}, true},
		{"a key of none of them too", s.leaf + s.key + s.other, leaf, nil, true},
		{"everything twice", s.leaf + s.leaf + s.between + s.between + s.key + s.sec1, leaf, []*x509.Certificate{between}, true},
		{"text around it", "Bag Attributes\n    friendlyName: anna\nsubject=CN = anna\n" + s.leaf + "\nKey Attributes: <No Attributes>\n" + s.key + "the end", leaf, nil, true},
		{"CRLF", crlf("text\n" + s.leaf + s.between + s.key), leaf, []*x509.Certificate{between}, true},
		{"a mark before UTF-8", "\ufeff" + s.leaf + s.key, leaf, nil, true},
		{"no newline at its end", strings.TrimSpace(s.leaf + s.key), leaf, nil, true},
		{"X509 CERTIFICATE", strings.ReplaceAll(s.leaf, "CERTIFICATE", "X509 CERTIFICATE"), leaf, nil, false},
		{"TRUSTED CERTIFICATE", pemOf(t, "TRUSTED CERTIFICATE", aux), leaf, nil, false},
		{"a key called by another name", s.leaf + strings.ReplaceAll(s.sec1, "EC PRIVATE", "PRIVATE"), leaf, nil, true},
		{"PFX, modern", string(s.pfx(pkcs12.Modern2023, sesame)), leaf, []*x509.Certificate{between}, true},
		{"PFX, triple DES", string(s.pfx(pkcs12.LegacyDES, sesame)), leaf, []*x509.Certificate{between}, true},
		{"PFX, RC2", string(s.pfx(pkcs12.LegacyRC2, sesame)), leaf, []*x509.Certificate{between}, true},
		{"PFX, PBMAC1", string(s.pfx(pkcs12.Modern2026, sesame)), leaf, []*x509.Certificate{between}, true},
		{"PFX, empty password", string(s.pfx(pkcs12.Modern2023, "")), leaf, []*x509.Certificate{between}, true},
		{"PFX, no password", string(s.pfx(pkcs12.Passwordless, "")), leaf, []*x509.Certificate{between}, true},
		{"PFX, the chain first", string(barePFX(t, [][]byte{between.Raw, leaf.Raw}, s.h.Leaf.Key)), leaf, []*x509.Certificate{between}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := ReadCredential([]byte(row.data), says(sesame))
			require.NoError(t, err)
			require.True(t, row.leaf.Equal(c.Leaf), "%s", c.Leaf.Subject)
			require.Equal(t, row.hasKey, c.HasKey)
			require.Equal(t, row.hasKey, SameKey(c.Leaf, c.Key))
			require.Len(t, c.Chain, len(row.chain))
			for i, want := range row.chain {
				assert.True(t, want.Equal(c.Chain[i]), "%d: %s", i, c.Chain[i].Subject)
			}
		})
	}
}

func TestNobodyIsAskedForAPasswordThatIsNotThere(t *testing.T) {
	s := newStuff(t)
	asked := func() (string, error) { return "", errors.New("asked") }
	for _, data := range [][]byte{[]byte(s.leaf + s.key), s.pfx(pkcs12.Modern2023, ""), s.pfx(pkcs12.Passwordless, "")} {
		_, err := ReadCredential(data, asked)
		require.NoError(t, err)
	}
	_, err := ReadCredential(s.pfx(pkcs12.Modern2023, sesame), asked)
	require.EqualError(t, err, "asked")
	_, err = ReadCredential(s.pfx(pkcs12.Modern2023, sesame), nil)
	require.EqualError(t, err, "the PFX has a password")
}

func TestReadCredentialRefuses(t *testing.T) {
	s := newStuff(t)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, s.h.Leaf.Key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(s.h.Leaf.Key)
	require.NoError(t, err)
	signed, err := asn1.Marshal(struct {
		Kind asn1.ObjectIdentifier
		Rest asn1.RawValue
	}{oidSignedData, asn1.RawValue{Class: 2, IsCompound: true, Bytes: []byte{5, 0}}})
	require.NoError(t, err)
	pfx := s.pfx(pkcs12.Modern2023, sesame)
	damaged := bytes.Clone(pfx)
	damaged[len(damaged)/2] ^= 1
	modern := s.pfx(pkcs12.Modern2026, sesame)
	// The length of PBMAC1's key, 32, is optional in PBKDF2, and RFC 9579 requires it.
	unkeyed := bytes.Replace(modern, []byte{2, 1, 1, 2, 1, 32}, []byte{2, 1, 1, 2, 1, 16}, 1)
	require.NotEqual(t, modern, unkeyed)
	encrypted := "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"
	hollow := mustDER(t, struct{ TBS, Algorithm, Signature asn1.RawValue }{
		asn1.RawValue{FullBytes: []byte{0x30, 0}}, asn1.RawValue{FullBytes: []byte{0x30, 0}}, asn1.RawValue{FullBytes: []byte{3, 1, 0}},
	})
	for _, row := range []struct {
		name, data, problem, remedy string
	}{
		{"nothing", "", "it is empty", nameFile},
		{"blanks", " \r\n", "it is empty", nameFile},
		{"100 MB", strings.Repeat("x", 100<<20), "it is larger than 1024 KiB, and no file of certificates is", nameFile},
		{"text", "hello", "it is neither a certificate in PEM or DER nor a PFX", nameFile},
		{"UTF-16", string(utf16le(s.leaf)), "it is text in UTF-16, which nothing that reads certificates understands", "Set-Content"},
		{"cut off", s.leaf[:len(s.leaf)/2], "a PEM block in it is damaged, after 0 good ones", "-----END"},
		{"the second cut off", s.leaf + s.between[:len(s.between)/2], "a PEM block in it is damaged, after 1 good ones", "-----END"},
		{"indented", strings.ReplaceAll(s.leaf, "\n", "\n  "), "a PEM block in it is damaged, after 0 good ones", "start of a line"},
		{"no certificate", pemOf(t, "CERTIFICATE", []byte("nonsense")), "certificate 1 in it cannot be read: malformed certificate", "anew"},
		{"hollow", string(hollow), "its certificate cannot be read: ", "anew"},
		{"a key alone", s.key, "it holds a private key and no certificate", "--key"},
		{"a key alone, DER", string(keyDER), "it holds a private key and no certificate", "--key"},
		{"a public key", pemOf(t, "PUBLIC KEY", []byte{1}), "it holds no certificate", nameFile},
		{"a request", pemOf(t, "CERTIFICATE REQUEST", csr), "it is a certificate request, and no certificate", "issued"},
		{"a request, DER", string(csr), "it is a certificate request, and no certificate", "issued"},
		{"PKCS#7", pemOf(t, "PKCS7", signed), "it is a PKCS#7 file, which is not read", "openssl pkcs7"},
		{"PKCS#7, DER", string(signed), "it is a PKCS#7 file, which is not read", "openssl pkcs7"},
		{"BER", "\x30\x80\x02\x01\x03\x00\x00", "it is in BER, as Firefox writes a PFX, and only DER is read", "openssl pkcs12"},
		{"an encrypted key", s.leaf + pemOf(t, "ENCRYPTED PRIVATE KEY", []byte{1}), "the private key in it is encrypted, and such PEM files are not read", "openssl pkey"},
		{"an encrypted key of old", s.leaf + encrypted, "the private key in it is encrypted, and such PEM files are not read", "openssl pkey"},
		{"a broken key", s.leaf + pemOf(t, "PRIVATE KEY", []byte{0x30, 0}), "the private key in it cannot be read: ", "openssl pkey"},
		{"a key without end", s.leaf + pemOf(t, "PRIVATE KEY", make([]byte, maxKey+1)), "the private key in it cannot be read: it has 16385 bytes", "openssl pkey"},
		{"another's key", s.leaf + s.other, `the private key is not that of the certificate of "localhost"`, "made with"},
		{"two with their keys", s.leaf + s.key + s.stray + s.other, "it holds several certificates with their keys", keepAlone},
		{"PFX, wrong password", string(s.pfx(pkcs12.Modern2023, "other")), "the password is not the one of the PFX", "right one"},
		{"PFX, PBMAC1, wrong password", string(s.pfx(pkcs12.Modern2026, "other")), "the password is not the one of the PFX", "right one"},
		{"PFX, PBMAC1 with a short key", string(unkeyed), "the PFX is damaged: PBMAC1 key length 16 is too short", "again"},
		{"PFX without a key", string(barePFX(t, [][]byte{s.h.Leaf.Cert.Raw})), "the PFX holds no private key", "together with its private key"},
		{"PFX without a certificate", string(barePFX(t, nil, s.h.Leaf.Key)), "the PFX holds no certificate", "together with its certificate"},
		{"PFX with several keys", string(barePFX(t, [][]byte{s.h.Leaf.Cert.Raw}, s.h.Leaf.Key, s.h.Intermediate.Key)), "the PFX holds several private keys", "of its own"},
		{"PFX with another's key", string(barePFX(t, [][]byte{s.h.Root.Raw}, s.h.Leaf.Key)), "the private key is not that of the certificate of ", "made with"},
		{"PFX, cut off", string(pfx[:len(pfx)/2]), "it is neither a certificate in PEM or DER nor a PFX", nameFile},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ReadCredential([]byte(row.data), says(sesame))
			refusedAs(t, err, row.problem, row.remedy)
		})
	}
	_, err = ReadCredential(damaged, says(sesame))
	require.Error(t, err)
	_, err = ReadCredential(pfx, says("🔑"))
	refusedAs(t, err, "the password has a character that none of a PFX can have, such as an emoji", "right one")
}

// refusedAs demands one line that begins so, and a remedy.
func refusedAs(t *testing.T, err error, problem, remedy string) {
	t.Helper()
	var refused *CredentialError
	require.ErrorAs(t, err, &refused)
	assert.True(t, strings.HasPrefix(err.Error(), problem), "%s", err)
	assert.Contains(t, refused.Remedy(), remedy)
	assert.NotContains(t, err.Error()+refused.Remedy(), "\n")
	assert.NotContains(t, err.Error(), sesame)
}

func TestAPFXThatAsksForYearsIsRefused(t *testing.T) {
	for _, row := range []struct {
		name string
		data []byte
		want int
	}{
		{"certificates and a key, once each", newStuff(t).pfx(pkcs12.Modern2023, sesame), 2},
		{"in a MAC", mustDER(t, stretch{[]byte("salt"), big.NewInt(5_000_000)}), 5_000_000},
		{"beyond all", mustDER(t, stretch{[]byte("salt"), new(big.Int).Lsh(big.NewInt(1), 200)}), 1<<31 - 1},
		{"in several parts", mustDER(t, []any{stretch{[]byte("a"), big.NewInt(7)}, stretch{[]byte("b"), big.NewInt(70)}}), 77},
		{"inside an octet string", mustDER(t, []any{mustDER(t, stretch{[]byte("s"), big.NewInt(77)})}...), 77},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, stretched(row.data, 0)) })
	}
	type mac struct {
		Mac  asn1.RawValue
		Salt []byte
		N    int
	}
	data := mustDER(t, struct {
		Version int
		Safe    asn1.RawValue
		Mac     mac
	}{3, asn1.RawValue{FullBytes: mustDER(t, struct{ Kind asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}})},
		mac{asn1.RawValue{FullBytes: []byte{5, 0}}, []byte("salt"), maxStretch + 1}})
	_, err := ReadCredential(data, nil)
	refusedAs(t, err, fmt.Sprintf("the PFX wants its password hashed more than %d times", maxStretch), viaPEM)
	_, err = DecodePFX(data, "")
	require.ErrorContains(t, err, "hashed more than")
}

type stretch struct {
	Salt []byte
	N    *big.Int
}

func mustDER(t testing.TB, values ...any) []byte {
	t.Helper()
	var out []byte
	for _, v := range values {
		der, err := asn1.Marshal(v)
		require.NoError(t, err)
		out = append(out, der...)
	}
	return out
}

// What a certificate calls itself comes from whoever made it.
func TestNamesAreQuoted(t *testing.T) {
	for in, want := range map[string]string{"a\x1b[31m\n": `"a\x1b[31m\n"`, strings.Repeat("x", 80): `"` + strings.Repeat("x", 64) + `..."`, "é\u202e": `"é\u202e"`, strings.Repeat("é", 40): `"` + strings.Repeat("é", 32) + `..."`} {
		cert := &x509.Certificate{}
		cert.Subject.CommonName = in
		require.Equal(t, want, nameIn(cert))
	}
	require.Equal(t, "a?[31m?", readable(errors.New("x509: a\x1b[31m\n")))
}
