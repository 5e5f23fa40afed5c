package chain

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// verify asks openssl, as strictly as it can, whether leaf is a server for name.
func (o openssl) verify(t testing.TB, root *x509.Certificate, chain []*x509.Certificate, leaf *x509.Certificate, name string) (string, error) {
	t.Helper()
	o.write(t, "root.pem", EncodeCertificates(root))
	o.write(t, "leaf.pem", EncodeCertificates(leaf))
	args := []string{"verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver",
		"-attime", strconv.FormatInt(leaf.NotBefore.Add(Backdate).Unix(), 10),
		"-no-CAfile", "-no-CApath", "-no-CAstore", "-CAfile", "root.pem"}
	if len(chain) > 0 {
		o.write(t, "chain.pem", EncodeCertificates(chain...))
		args = append(args, "-untrusted", "chain.pem")
	}
	if base, wildcard := strings.CutPrefix(name, "*."); wildcard {
		name = "any." + base
	}
	kind := "-verify_hostname"
	if strings.ContainsAny(name[len(name)-1:], "0123456789") || strings.Contains(name, ":") {
		kind = "-verify_ip"
	}
	return o.run(append(args, kind, name, "leaf.pem")...)
}

func TestOpenSSLVerifies(t *testing.T) {
	newOpenSSL(t)
	for title, options := range variants(t) {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			o := newOpenSSL(t)
			h := newHierarchy(t, options)
			chain := []*x509.Certificate{h.Intermediate.Cert}
			for _, name := range ServerNames(h.Leaf.Cert)[:min(7, len(ServerNames(h.Leaf.Cert)))] {
				out, err := o.verify(t, h.Root, chain, h.Leaf.Cert, name)
				assert.NoError(t, err, "%s: %s", name, out)
			}
			o.write(t, "root.crl", EncodeCRL(h.RootCRL))
			out, err := o.run("crl", "-in", "root.crl", "-CAfile", "root.pem", "-noout")
			assert.NoError(t, err, out)
			assert.Contains(t, out, "verify OK")
		})
	}
}

// TestOpenSSLRefuses is the negative control of the test above.
func TestOpenSSLRefuses(t *testing.T) {
	o := newOpenSSL(t)
	h := standardHierarchy(t)
	for title, m := range misissued(t, h) {
		t.Run(title, func(t *testing.T) {
			out, err := o.verify(t, h.Root, m.chain, m.leaf, m.name)
			assert.Error(t, err, out)
			assert.Contains(t, out, "error")
		})
	}
}

func TestOpenSSLReadsKeys(t *testing.T) {
	o := newOpenSSL(t)
	for _, kind := range []KeyType{RSA, ECDSA} {
		key, err := newKey(kind)
		require.NoError(t, err)
		file, err := EncodeKey(key)
		require.NoError(t, err)
		o.write(t, "key.pem", file)
		out, err := o.run("pkey", "-in", "key.pem", "-check", "-noout")
		assert.NoError(t, err, out)
	}
}

func TestOpenSSLReadsPFX(t *testing.T) {
	o := newOpenSSL(t)
	h := standardHierarchy(t)
	password, err := NewPassword(rand.Reader)
	require.NoError(t, err)
	for _, style := range []PFXStyle{PFXModern, PFXLegacy} {
		for _, password := range []string{password, ""} {
			t.Run(fmt.Sprintf("%s, password of %d", style, len(password)), func(t *testing.T) {
				file, err := EncodePFX(style, h.Leaf, []*x509.Certificate{h.Intermediate.Cert}, password)
				require.NoError(t, err)
				o.write(t, "leaf.pfx", file)
				out, err := o.run("pkcs12", "-in", "leaf.pfx", "-nodes", "-passin", "pass:"+password)
				require.NoError(t, err, out)
				var kinds []string
				for block, rest := pem.Decode([]byte(out)); block != nil; block, rest = pem.Decode(rest) {
					kinds = append(kinds, block.Type)
				}
				assert.ElementsMatch(t, []string{"CERTIFICATE", "CERTIFICATE", "PRIVATE KEY"}, kinds)

				_, err = o.run("pkcs12", "-in", "leaf.pfx", "-nodes", "-passin", "pass:wrong")
				assert.Error(t, err)
			})
		}
	}
}

// TestOpenSSLRequests: what people send is made by openssl.
func TestOpenSSLRequests(t *testing.T) {
	o := newOpenSSL(t)
	for _, row := range []struct {
		name string
		args []string
		want []string
	}{
		{"common name alone", []string{"-subj", "/CN=app.test"}, []string{"app.test"}},
		{"names", []string{"-subj", "/", "-addext", "subjectAltName=DNS:app.test,IP:127.0.0.1"}, []string{"app.test", "127.0.0.1"}},
		{"asks to be a CA", []string{"-subj", "/CN=app.test", "-addext", "basicConstraints=critical,CA:TRUE"}, []string{"app.test"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := o.run(append([]string{"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-outform", "PEM"}, row.args...)...)
			require.NoError(t, err, out)
			block, _ := pem.Decode([]byte(out[strings.Index(out, "-----BEGIN"):]))
			require.NotNil(t, block)
			pub, names, err := RequestNames(block.Bytes)
			require.NoError(t, err)
			assert.Equal(t, row.want, names)
			cert, err := IssueServer(standardHierarchy(t).Intermediate, pub, names, noon)
			require.NoError(t, err)
			assert.False(t, cert.IsCA)
		})
	}
}
