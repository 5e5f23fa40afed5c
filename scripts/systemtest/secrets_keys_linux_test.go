package systemtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// secret is a private key, and in which forms some of it would be seen.
type secret struct {
	path  string
	forms []string
}

// secrets are the private keys in files below the folders.
func secrets(t *testing.T, folders ...string) []secret {
	t.Helper()
	var all []secret
	for _, folder := range folders {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "-key.pem") || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			block, _ := pem.Decode(data)
			require.NotNil(t, block, path)
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			require.NoError(t, err, path)
			all = append(all, secret{path, formsOf(key)})
			return nil
		}))
	}
	return all
}

// formsOf are parts of each secret number of a key, as bytes, in hex, and as
// base64 has them wherever a group of three bytes begins. A PEM file breaks its
// lines: half a line is looked for.
func formsOf(key any) (forms []string) {
	var numbers [][]byte
	switch key := key.(type) {
	case *rsa.PrivateKey:
		numbers = [][]byte{key.D.Bytes(), key.Primes[0].Bytes(), key.Primes[1].Bytes(), key.Precomputed.Dp.Bytes(), key.Precomputed.Dq.Bytes()}
	case *ecdsa.PrivateKey:
		raw, err := key.Bytes()
		if err != nil {
			panic(err) // it was parsed a moment ago
		}
		numbers = [][]byte{raw}
	}
	for _, number := range numbers {
		for _, part := range [][]byte{number[:16], number[len(number)-16:]} {
			text := hex.EncodeToString(part)
			forms = append(forms, string(part), text, strings.ToUpper(text))
			for skip := range 3 {
				whole := base64.StdEncoding.EncodeToString(part[skip : skip+12])
				forms = append(forms, whole, strings.NewReplacer("+", "-", "/", "_").Replace(whole))
			}
		}
	}
	return forms
}

// in says whether some of the key is in the text; PEM's line ends do not hide it.
func (s secret) in(text string) bool {
	joined := strings.NewReplacer("\r", "", "\n", "").Replace(text)
	for _, form := range s.forms {
		if strings.Contains(text, form) || strings.Contains(joined, form) {
			return true
		}
	}
	return false
}

// publicIn is the public key of the private one that a text has in PEM, if any.
func publicIn(t *testing.T, text string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return ""
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	return publicKey(t, key.(crypto.Signer).Public())
}

func publicKey(t *testing.T, key crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(der)
}

// roots are the public keys of the roots of all generations.
func (m *machine) roots() (all []string) {
	m.t.Helper()
	paths, err := filepath.Glob(m.state("generations/*/root.pem"))
	require.NoError(m.t, err)
	for _, path := range paths {
		for _, root := range m.certificates(path) {
			all = append(all, publicKey(m.t, root.PublicKey))
		}
	}
	return all
}
