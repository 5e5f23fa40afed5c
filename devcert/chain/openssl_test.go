package chain

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// verify asks openssl, as strictly as it can, whether leaf is a server for name.
func (o openssl) verify(t testing.TB, root *x509.Certificate, chain []*x509.Certificate, leaf *x509.Certificate, name string) (string, error) {
	t.Helper()
	if base, wildcard := strings.CutPrefix(name, "*."); wildcard {
		name = "any." + base
	}
	kind := "-verify_hostname"
	if strings.ContainsAny(name[len(name)-1:], "0123456789") || strings.Contains(name, ":") {
		kind = "-verify_ip"
	}
	return o.judge(t, root, chain, leaf, leaf.NotBefore.Add(Backdate), "-purpose", "sslserver", kind, name)
}

// verifyClient asks the same of a client.
func (o openssl) verifyClient(t testing.TB, root *x509.Certificate, chain []*x509.Certificate, leaf *x509.Certificate) (string, error) {
	t.Helper()
	return o.judge(t, root, chain, leaf, leaf.NotBefore.Add(Backdate), "-purpose", "sslclient")
}

func (o openssl) judge(t testing.TB, root *x509.Certificate, chain []*x509.Certificate, leaf *x509.Certificate, at time.Time, more ...string) (string, error) {
	t.Helper()
	o.write(t, "root.pem", EncodeCertificates(root))
	o.write(t, "leaf.pem", EncodeCertificates(leaf))
	args := []string{"verify", "-x509_strict", "-check_ss_sig",
		"-attime", strconv.FormatInt(at.Unix(), 10),
		"-no-CAfile", "-no-CApath", "-no-CAstore", "-CAfile", "root.pem"}
	if len(chain) > 0 {
		o.write(t, "chain.pem", EncodeCertificates(chain...))
		args = append(args, "-untrusted", "chain.pem")
	}
	return o.run(append(append(args, more...), "leaf.pem")...)
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

func TestOpenSSLVerifiesIssued(t *testing.T) {
	o, h := newOpenSSL(t), clientHierarchy(t)
	for title, v := range clientVariants() {
		t.Run(title, func(t *testing.T) {
			c := v.make(t, h).Cert
			out, err := o.verifyClient(t, h.Root, []*x509.Certificate{h.ClientIntermediate.Cert}, c)
			assert.NoError(t, err, out)
			for _, name := range v.o.Server {
				out, err := o.verify(t, h.Root, nil, c, name)
				assert.NoError(t, err, "%s: %s", name, out)
			}
			if len(v.o.Server) == 0 {
				out, err := o.verify(t, h.Root, []*x509.Certificate{h.ClientIntermediate.Cert}, c, clientHost)
				assert.ErrorContains(t, err, "exit status", out)
				assert.Contains(t, out, "purpose")
			}
		})
	}
	for title, v := range serverVariants() {
		t.Run("server, "+title, func(t *testing.T) {
			v.o.Now = noon
			p, err := NewServer(h.Intermediate, v.o)
			require.NoError(t, err)
			for _, name := range ServerNames(p.Cert) {
				out, err := o.verify(t, h.Root, []*x509.Certificate{h.Intermediate.Cert}, p.Cert, name)
				assert.NoError(t, err, "%s: %s", name, out)
			}
		})
	}
	t.Run("self-signed", func(t *testing.T) {
		p, err := NewSelfSigned(ClientOptions{Name: "www.example.com", Key: ECDSA, Now: noon})
		require.NoError(t, err)
		out, err := o.verifyClient(t, p.Cert, nil, p.Cert)
		assert.NoError(t, err, out)
	})
}

// TestOpenSSLReadsCommonNames is why client.localhost is in every client
// certificate: without it, OpenSSL holds the common name against the constraints.
func TestOpenSSLReadsCommonNames(t *testing.T) {
	o, h := newOpenSSL(t), clientHierarchy(t)
	p := clientVariants()["first and last"].make(t, h)
	template := *p.Cert
	template.DNSNames = nil
	bare := signCertificate(t, &template, h.ClientIntermediate, p.Cert.PublicKey)
	out, err := o.verifyClient(t, h.Root, []*x509.Certificate{h.ClientIntermediate.Cert}, bare)
	require.Error(t, err)
	assert.Contains(t, out, "permitted subtree violation")
}

func TestOpenSSLReadsRevocations(t *testing.T) {
	o, h := newOpenSSL(t), clientHierarchy(t)
	c := clientVariants()["ecdsa"].make(t, h).Cert
	for _, row := range []struct {
		name    string
		revoked []Revoked
		at      time.Time
		want    string
	}{
		{"nothing revoked", nil, noon, "OK"},
		{"another revoked", []Revoked{{Serial: h.Root.SerialNumber, At: noon}}, noon, "OK"},
		{"revoked this minute", []Revoked{{Serial: c.SerialNumber, At: noon}}, noon, "certificate revoked"},
		{"list out of date", nil, noon.Add(11 * time.Minute), "CRL has expired"},
	} {
		t.Run(row.name, func(t *testing.T) {
			der, err := SignCRL(h.ClientIntermediate, row.revoked, noon, 10*time.Minute)
			require.NoError(t, err)
			o.write(t, "clients.crl", EncodeCRL(der))
			o.write(t, "root.crl", EncodeCRL(h.RootCRL))
			out, err := o.judge(t, h.Root, []*x509.Certificate{h.ClientIntermediate.Cert}, c, row.at,
				"-purpose", "sslclient", "-crl_check_all", "-CRLfile", "clients.crl", "-CRLfile", "root.crl")
			assert.Equal(t, row.want == "OK", err == nil, out)
			assert.Contains(t, out, row.want)
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
			cert, err := IssueServer(standardHierarchy(t).Intermediate, pub, LeafOptions{Names: names, Now: noon})
			require.NoError(t, err)
			assert.False(t, cert.IsCA)
		})
	}
}

func TestOpenSSLClientRequests(t *testing.T) {
	o := newOpenSSL(t)
	for _, row := range []struct {
		name string
		args []string
		want ClientOptions
	}{
		{"common name", []string{"-subj", "/CN=Anna Müller"}, ClientOptions{Name: "Anna Müller"}},
		{"e-mail in the subject", []string{"-subj", "/C=DE/O=ACME/CN=anna/emailAddress=a@Example.com"}, ClientOptions{Name: "anna", Emails: []string{"a@example.com"}}},
		{"names", []string{"-subj", "/CN=anna", "-addext", "subjectAltName=email:a@b.test,URI:spiffe://a.test/b"},
			ClientOptions{Name: "anna", Emails: []string{"a@b.test"}, URIs: []string{"spiffe://a.test/b"}}},
		{"asks to be a CA", []string{"-subj", "/CN=anna", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"}, ClientOptions{Name: "anna"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := o.run(append([]string{"req", "-new", "-utf8", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-outform", "PEM"}, row.args...)...)
			require.NoError(t, err, out)
			block, _ := pem.Decode([]byte(out[strings.Index(out, "-----BEGIN"):]))
			require.NotNil(t, block)
			pub, got, err := RequestClient(block.Bytes)
			require.NoError(t, err)
			assert.Equal(t, row.want, got)
			got.Now = noon
			cert, err := IssueClient(clientHierarchy(t).ClientIntermediate, pub, got)
			require.NoError(t, err)
			assert.Equal(t, PartClient, PartOf(cert))
		})
	}
}
