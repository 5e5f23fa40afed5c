package dotnet

import (
	"bytes"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"devcert/devcert/chain"
)

func TestParsePFX(t *testing.T) {
	pair := marked(t, nil, 6)
	encode := func(e *pkcs12.Encoder, password string) []byte {
		data, err := e.Encode(pair.Key, pair.Cert, nil, password)
		require.NoError(t, err)
		return data
	}
	good := encode(pkcs12.LegacyDES, "")
	for _, row := range []struct {
		name     string
		data     []byte
		password string
		want     error
	}{
		{"triple DES, as devcert writes it", good, "", nil},
		{"AES", encode(pkcs12.Modern2023, ""), "", nil},
		{"nothing encrypted", encode(pkcs12.Passwordless, ""), "", nil},
		{"a password that is known", encode(pkcs12.Modern2023, "geheim"), "geheim", nil},
		{"an old file's password that is known", encode(pkcs12.LegacyDES, "gehäim"), "gehäim", nil},
		{"a password that is not", encode(pkcs12.Modern2023, "geheim"), "", errPassword},
		{"the wrong password", encode(pkcs12.LegacyDES, "geheim"), "geraten", errPassword},
		{"as many rounds as .NET does", encode(pkcs12.Modern2023.WithIterations(maxRounds), ""), "", nil},
		{"more rounds than .NET does", encode(pkcs12.Modern2023.WithIterations(maxRounds+1), ""), "", errCostly},
		{"RC2", encode(pkcs12.LegacyRC2, ""), "", nil},
		{"PBMAC1, which .NET 9 does not read", encode(pkcs12.Modern2026, ""), "", errEncoding},
		{"BER of indefinite length", []byte{0x30, 0x80, 0, 0}, "", errEncoding},
		{"a bare certificate, which .NET 9 leaves out", pair.Cert.Raw, "", errNoPFX},
		{"its end is missing", good[:len(good)-1], "", errNoPFX},
		{"something follows it", append(bytes.Clone(good), 0), "", errNoPFX},
		{"empty", nil, "", errNoPFX},
		{"text", []byte("hello"), "", errNoPFX},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, err := parsePFX(row.data, row.password)
			require.ErrorIs(t, err, row.want)
			if row.want != nil {
				require.Nil(t, b)
				return
			}
			der, cert, key := b.taken()
			require.Equal(t, pair.Cert.Raw, der)
			require.True(t, cert.Equal(pair.Cert))
			require.True(t, chain.SameKey(cert, key))
		})
	}
}

// What X509Store.Add of .NET 9 wrote: a password of no bytes at all, and one part
// only where there is no key.
func TestWhatDotNetWrote(t *testing.T) {
	for name, keyed := range map[string]bool{"dotnet9-my.pfx": true, "dotnet9-ca.pfx": false} {
		b, _, err := readFile(filepath.Join("testdata", name), "")
		require.NoError(t, err, name)
		der, cert, key := b.taken()
		require.NotEmpty(t, der, name)
		require.Equal(t, keyed, key != nil, name)
		require.NotEmpty(t, chain.PartOf(cert), name)
	}
}

func TestTakenOfSeveral(t *testing.T) {
	one, two, twice := marked(t, nil, 6), marked(t, nil, 7), marked(t, nil, 6, 6)
	for _, row := range []struct {
		name string
		data []byte
		want *x509.Certificate
		key  bool
	}{
		{"the last, without keys", withoutKey(t, one.Cert, two.Cert), two.Cert, false},
		{"that with the key, wherever it is", withKey(t, one, two.Cert), one.Cert, true},
		{"a key that is none's", withKey(t, chain.Pair{Cert: one.Cert, Key: two.Key}), one.Cert, false},
		{"one that crypto/x509 refuses", withKey(t, twice), twice.Cert, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, err := parsePFX(row.data, "")
			require.NoError(t, err)
			der, _, key := b.taken()
			require.Equal(t, row.want.Raw, der)
			require.Equal(t, row.key, key != nil)
		})
	}
}

func TestIsOf(t *testing.T) {
	h, stranger := newHierarchy(t), marked(t, nil, 6)
	for _, row := range []struct {
		name string
		data []byte
		want bool
	}{
		{"alone", withoutKey(t, h.Leaf.Cert), true},
		{"with its chain", withKey(t, h.Leaf, h.Intermediate.Cert, h.Root), true},
		{"with somebody else's certificate", withKey(t, h.Leaf, stranger.Cert), false},
		{"somebody else's, with ours beside it", withKey(t, stranger, h.Leaf.Cert), false},
		{"somebody else's", withKey(t, stranger), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, err := parsePFX(row.data, "")
			require.NoError(t, err)
			require.Equal(t, row.want, b.isOf(h.Leaf.Cert))
		})
	}
}

// What OpenSSL writes is read like what the library writes.
func TestOpenSSLWrote(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	dir, pair := t.TempDir(), marked(t, nil, 6)
	key, err := chain.EncodeKey(pair.Key)
	require.NoError(t, err)
	in := filepath.Join(dir, "in.pem")
	require.NoError(t, os.WriteFile(in, append(chain.EncodeCertificates(pair.Cert), key...), 0o600))
	for name, args := range map[string][]string{
		"its own choice": nil,
		"SHA-512":        {"-macalg", "sha512"},
		"triple DES":     {"-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"},
		"RC2":            {"-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-RC2-40", "-macalg", "sha1", "-legacy"},
		"nothing":        {"-certpbe", "NONE", "-keypbe", "NONE", "-nomac"},
		"without a key":  {"-nokeys"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.pfx")
			args := append([]string{"pkcs12", "-export", "-in", in, "-out", out, "-passout", "pass:"}, args...)
			said, err := exec.Command(tool, args...).CombinedOutput()
			require.NoError(t, err, "%s", said)
			b, _, err := readFile(out, "")
			require.NoError(t, err)
			der, _, found := b.taken()
			require.Equal(t, pair.Cert.Raw, der)
			require.Equal(t, name != "without a key", found != nil)
		})
	}
}
