package chain

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"devcert/scripts/fuzzlimit"
)

var (
	oidData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidKeyBag  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidCertBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
)

type kindOf struct {
	Kind  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// explicit is [0] EXPLICIT around DER.
func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}
}

// barePFX has certificates and keys as they are, however many: neither encrypted
// nor with a MAC.
func barePFX(t testing.TB, certs [][]byte, keys ...crypto.Signer) []byte {
	t.Helper()
	var bags []kindOf
	for _, der := range certs {
		bags = append(bags, kindOf{oidCertBag, explicit(mustDER(t, kindOf{oidX509, explicit(mustDER(t, der))}))})
	}
	for _, key := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		bags = append(bags, kindOf{oidKeyBag, explicit(der)})
	}
	safe := mustDER(t, []kindOf{{oidData, explicit(mustDER(t, mustDER(t, bags)))}})
	return mustDER(t, struct {
		Version int
		Safe    kindOf
	}{3, kindOf{oidData, explicit(mustDER(t, safe))}})
}

// made is a file that the tool wrote.
func (o openssl) made(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(o.dir, name))
	require.NoError(t, err)
	return data
}

// TestOpenSSLsFiles: what the real tool writes is read, and told from what is not.
func TestOpenSSLsFiles(t *testing.T) {
	tool := newOpenSSL(t)
	s := newStuff(t)
	tool.write(t, "cert.pem", []byte(s.leaf))
	tool.write(t, "key.pem", []byte(s.key))
	tool.write(t, "chain.pem", []byte(s.between+s.root))
	export := []string{"pkcs12", "-export", "-in", "cert.pem", "-out", "out", "-passout", "pass:" + sesame}
	for _, row := range []struct {
		name, problem string
		args          []string
	}{
		{"PFX", "", append(export, "-inkey", "key.pem", "-certfile", "chain.pem", "-name", "anna")},
		{"PFX with many rounds", "", append(export, "-inkey", "key.pem", "-iter", "20000")},
		{"PFX without a key", "the PFX holds no private key", append(export, "-nokeys")},
		{"PFX without a MAC", "the PFX has a password and nothing that proves it", append(export, "-inkey", "key.pem", "-nomac")},
		{"PFX with nothing encrypted", "", append(export, "-inkey", "key.pem", "-keypbe", "NONE", "-certpbe", "NONE")},
		{"PFX with Camellia", "the PFX is made in a way that is not read: ", append(export, "-inkey", "key.pem", "-keypbe", "CAMELLIA-256-CBC")},
		{"PKCS#7", "it is a PKCS#7 file", []string{"crl2pkcs7", "-nocrl", "-certfile", "cert.pem", "-out", "out"}},
		{"PKCS#7 in DER", "it is a PKCS#7 file", []string{"crl2pkcs7", "-nocrl", "-certfile", "cert.pem", "-outform", "DER", "-out", "out"}},
		{"an encrypted key", "the private key in it is encrypted", []string{"pkey", "-in", "key.pem", "-aes256", "-passout", "pass:" + sesame, "-out", "out"}},
		{"an encrypted key of old", "the private key in it is encrypted", []string{"ec", "-in", "key.pem", "-aes256", "-passout", "pass:" + sesame, "-out", "out"}},
		{"the text of a certificate", "", []string{"x509", "-in", "cert.pem", "-text", "-out", "out"}},
		{"a trusted certificate", "", []string{"x509", "-in", "cert.pem", "-addtrust", "clientAuth", "-trustout", "-out", "out"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			said, err := tool.run(row.args...)
			require.NoError(t, err, said)
			c, err := ReadCredential(tool.made(t, "out"), says(sesame))
			if row.problem != "" {
				refusedAs(t, err, row.problem, "")
				return
			}
			require.NoError(t, err)
			require.True(t, c.Leaf.Equal(s.h.Leaf.Cert))
			require.Equal(t, strings.HasPrefix(row.name, "PFX"), c.HasKey)
		})
	}
}

// FuzzReadCredential: every file is read or refused in one line, and soon.
func FuzzReadCredential(f *testing.F) {
	s := newStuff(f)
	for _, e := range []*pkcs12.Encoder{pkcs12.Modern2023, pkcs12.Modern2026, pkcs12.LegacyDES, pkcs12.LegacyRC2} {
		f.Add(s.pfx(e, sesame))
		f.Add(s.pfx(e, ""))
	}
	f.Add(barePFX(f, [][]byte{s.h.Leaf.Cert.Raw}, s.h.Leaf.Key, s.h.Intermediate.Key))
	for _, text := range []string{s.leaf + s.key, crlf(s.root + s.between + s.sec1), "\ufeff" + s.leaf, string(s.h.Leaf.Cert.Raw), string(s.h.RootCRL),
		"\x30\x80", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"} {
		f.Add([]byte(text))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		c, err := ReadCredential(data, says(sesame))
		if err != nil {
			refusedAs(t, err, "", "")
			return
		}
		if c.Leaf == nil || c.HasKey != SameKey(c.Leaf, c.Key) {
			t.Fatalf("%+v", c)
		}
		for _, above := range c.Chain {
			if above == nil || above.Equal(c.Leaf) {
				t.Fatalf("%+v", c)
			}
		}
	})
}

// FuzzReadPEM is for what is read beside a certificate.
func FuzzReadPEM(f *testing.F) {
	s := newStuff(f)
	for _, text := range []string{s.key, s.sec1, s.leaf, string(EncodeCRL(s.h.RootCRL)), string(s.h.RootCRL), s.key + s.other, "-----BEGIN X509 CRL-----\n"} {
		f.Add([]byte(text))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		key, err := ReadKey(data)
		if (key == nil) == (err == nil) {
			t.Fatalf("%v, %v", key, err)
		}
		for _, read := range []func() (int, error){
			func() (int, error) { all, err := ReadCertificates(data); return len(all), err },
			func() (int, error) { all, err := ReadRevocationLists(data); return len(all), err },
		} {
			n, err := read()
			if err != nil {
				refusedAs(t, err, "", "")
			} else if n == 0 {
				t.Fatal("nothing, and no error")
			}
		}
	})
}
