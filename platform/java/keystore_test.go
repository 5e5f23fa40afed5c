package java

import (
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"devcert/scripts/fuzzlimit"
)

// sample is a file of testdata.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

// sampleCert is the certificate in a file of testdata.
func sampleCert(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(sample(t, name))
	require.NotNil(t, block)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return cert
}

// The samples were made by the keytool of Java 25 and, unmarked.p12, by OpenSSL 3.
func TestParseKeystore(t *testing.T) {
	root, other := sampleCert(t, "root.pem"), sampleCert(t, "other.pem")
	const hooks = "debian:devcert-ünï.pem"
	for _, row := range []struct {
		name    string
		aliases []string
		has     bool
		roots   int
		locked  bool
		err     error
	}{
		{name: "usual.jks", aliases: []string{hooks}, has: true, roots: 2},
		{name: "another-password.jks", aliases: []string{hooks}, has: true, roots: 2, locked: true},
		{name: "passwordless.p12", aliases: []string{hooks}, has: true, roots: 2},
		{name: "mac.p12", aliases: []string{hooks}, has: true, roots: 2},
		{name: "unmarked.p12", has: true},
		{name: "encrypted.p12", err: errEncrypted},
		{name: "root.pem", err: errNoKeystore},
	} {
		t.Run(row.name, func(t *testing.T) {
			k, err := parseKeystore(sample(t, row.name))
			require.ErrorIs(t, err, row.err)
			require.Equal(t, row.aliases, lower(k.aliases(root)))
			require.Equal(t, row.has, k.has(root))
			require.Equal(t, row.roots, k.roots())
			require.Equal(t, row.locked, k.locked)
			require.Equal(t, row.roots > 0, len(k.aliases(other)) == 1)
			if row.roots > 0 {
				require.Equal(t, []*x509.Certificate{root}, k.ours())
			}
		})
	}
}

func lower(texts []string) []string {
	for i := range texts {
		texts[i] = strings.ToLower(texts[i]) // Java keeps the case in PKCS#12 and not in JKS
	}
	return texts
}

// What the library for PKCS#12 takes for a trust store has the same roots in it.
func TestPKCS12AsTheLibraryReadsIt(t *testing.T) {
	for name, password := range map[string]string{"passwordless.p12": "", "mac.p12": password} {
		data := sample(t, name)
		certs, err := pkcs12.DecodeTrustStore(data, password)
		require.NoError(t, err, name)
		k, err := parseKeystore(data)
		require.NoError(t, err, name)
		require.Len(t, certs, k.roots(), name)
		for _, cert := range certs {
			require.Len(t, k.aliases(cert), 1, name)
		}
	}
}

func TestDamagedKeystores(t *testing.T) {
	jks, p12 := sample(t, "usual.jks"), sample(t, "passwordless.p12")
	with := func(data []byte, at int, number uint32) []byte {
		data = append([]byte{}, data...)
		binary.BigEndian.PutUint32(data[at:], number)
		return data
	}
	for _, row := range []struct {
		name string
		data []byte
		says string
	}{
		{"empty", nil, "not a keystore"},
		{"text", []byte("-----BEGIN CERTIFICATE-----"), "not a keystore"},
		{"magic alone", jksMagic, "cut short"},
		{"as long as a digest", append(jksMagic[:4:4], make([]byte, digestSize-4)...), "cut short"},
		{"cut in an entry", jks[:len(jks)/2], "cut short"},
		{"cut at the end", jks[:len(jks)-digestSize], "cut short"},
		{"version 3", with(jks, 4, 3), "version 3"},
		{"four thousand million entries", with(jks, 8, 1<<32-1), "cut short"},
		{"one entry too few", with(jks, 8, 1), "something follows"},
		{"an entry of another kind", with(jks, 12, 3), "unknown kind 3"},
		{"JCEKS", append([]byte{0xce, 0xce, 0xce, 0xce}, jks[4:]...), "not a keystore"},
		{"PKCS#12 cut", p12[:len(p12)-1], "read as PKCS#12"},
		{"PKCS#12 and more", append(append([]byte{}, p12...), 0), "something follows"},
		{"a certificate", sampleCert(t, "root.pem").Raw, "PKCS#12"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := parseKeystore(row.data)
			require.ErrorContains(t, err, row.says)
		})
	}
}

// A flipped bit in what JKS protects by its digest alone cannot be told from
// another password, and is never read as the usual one.
func TestJKSDigest(t *testing.T) {
	data := sample(t, "usual.jks")
	data[len(data)-digestSize-1] ^= 1
	k, err := parseKeystore(data)
	require.NoError(t, err)
	require.True(t, k.locked)
}

func FuzzParseKeystore(f *testing.F) {
	samples, err := filepath.Glob("testdata/*.[jp]*")
	require.NoError(f, err)
	require.NotEmpty(f, samples)
	for _, path := range samples {
		f.Add(sample(f, filepath.Base(path)))
	}
	root := sampleCert(f, "root.pem")
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		k, err := parseKeystore(data)
		if err != nil {
			require.Empty(t, k.entries)
			return
		}
		size := 0
		for _, e := range k.entries {
			size += len(e.der)
		}
		require.LessOrEqual(t, size, len(data), "more certificates than the file has bytes")
		require.LessOrEqual(t, len(k.aliases(root)), k.roots())
		require.True(t, sameEntries(k.entries, k.entries))
		_ = k.ours()
	})
}
