package cli_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"
	"software.sslmate.com/src/go-pkcs12"

	"devcert/devcert/chain"
)

// clientCerts STATE writes clients' certificates that the root of the state folder
// issued, whose key was kept, and files in which something is wrong.
func clientCerts(ts *testscript.TestScript, _ bool, args []string) {
	c := certMaker{ts: ts, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), root: keptRoot(ts, ts.MkAbs(args[0]))}
	anna := c.issue(&c.root, "anna", nil)
	certPEM, keyPEM := anna.pem(ts)
	c.write("anna.pem", certPEM)
	c.write("anna-key.pem", keyPEM)
	c.write("anna.der", anna.cert.Raw)
	c.write("around.pem", bytes.ReplaceAll(bytes.Join([][]byte{[]byte("Bag Attributes\n"), keyPEM, certPEM, []byte("the end\n")}, nil), []byte("\n"), []byte("\r\n")))
	c.write("two.pem", bytes.Join([][]byte{chain.EncodeCertificates(c.root.cert), certPEM, keyPEM}, nil))
	for name, change := range map[string]func(*x509.Certificate){
		"expired": func(t *x509.Certificate) { t.NotAfter = c.now.AddDate(0, 0, -1) },
		"server":  func(t *x509.Certificate) { t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
		"nolist":  func(t *x509.Certificate) { t.CRLDistributionPoints = nil },
	} {
		c.writePair(name+".pem", c.issue(&c.root, name, change))
	}
	c.writePair("self.pem", c.issue(nil, "self", nil))
	c.write("both.pem", bytes.Join([][]byte{certPEM, keyPEM, c.pair(c.issue(&c.root, "bert", nil))}, nil))
	c.write("encrypted.pem", append(bytes.Clone(certPEM), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{48, 0}})...))
	c.write("cut.pem", certPEM[:len(certPEM)/2])
	c.write("wide.pem", utf16Of(string(certPEM)))
	c.pfxFiles(anna)
	huge := ts.MkAbs("huge.pem")
	ts.Check(os.WriteFile(huge, certPEM, 0o600))
	ts.Check(os.Truncate(huge, 100<<20))
	issued := filepath.Join(ts.MkAbs(args[0]), "issued", "carla")
	ts.Check(os.MkdirAll(issued, 0o700))
	cert, key := c.issue(&c.root, "carla", nil).pem(ts)
	ts.Check(os.WriteFile(filepath.Join(issued, "carla.pem"), cert, 0o600))
	ts.Check(os.WriteFile(filepath.Join(issued, "carla-key.pem"), key, 0o600))
}

// issued is a certificate and its key.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (i issued) pem(ts *testscript.TestScript) (cert, key []byte) {
	key, err := chain.EncodeKey(i.key)
	ts.Check(err)
	return chain.EncodeCertificates(i.cert), key
}

func keptRoot(ts *testscript.TestScript, state string) issued {
	names, err := filepath.Glob(filepath.Join(state, "generations", "*", "root-key.pem"))
	if err != nil || len(names) != 1 {
		ts.Fatalf("the root's key was not kept: %v, %v", names, err)
	}
	data, err := os.ReadFile(names[0])
	ts.Check(err)
	key, err := chain.ParseKey(data)
	ts.Check(err)
	data, err = os.ReadFile(filepath.Join(state, "root.pem"))
	ts.Check(err)
	certs, err := chain.ParseCertificates(data)
	ts.Check(err)
	return issued{certs[0], key}
}

type certMaker struct {
	ts   *testscript.TestScript
	now  time.Time
	root issued
}

// issue makes a client's certificate, changed; a nil issuer makes it self-signed.
func (c certMaker) issue(issuer *issued, name string, change func(*x509.Certificate)) issued {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.ts.Check(err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	c.ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{"client.localhost"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
		NotBefore: c.now.AddDate(0, -1, 0), NotAfter: c.now.AddDate(1, 0, 0),
		CRLDistributionPoints: []string{chain.CRLBase + "/" + chain.HierarchyID(c.root.cert) + "/root.crl"},
	}
	if change != nil {
		change(template)
	}
	if issuer == nil {
		issuer = &issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.cert, key.Public(), issuer.key)
	c.ts.Check(err)
	cert, err := x509.ParseCertificate(der)
	c.ts.Check(err)
	return issued{cert, key}
}

func (c certMaker) write(name string, data []byte) {
	c.ts.Check(os.WriteFile(c.ts.MkAbs(name), data, 0o600))
}

func (c certMaker) pair(i issued) []byte {
	cert, key := i.pem(c.ts)
	return append(cert, key...)
}

func (c certMaker) writePair(name string, i issued) { c.write(name, c.pair(i)) }

func (c certMaker) pfxFiles(anna issued) {
	const password = "sesame"
	for name, encoder := range map[string]*pkcs12.Encoder{"anna.pfx": pkcs12.Modern2023, "pbmac1.pfx": pkcs12.Modern2026} {
		data, err := encoder.Encode(anna.key, anna.cert, nil, password)
		c.ts.Check(err)
		c.write(name, data)
	}
	nokey, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{anna.cert}, password)
	c.ts.Check(err)
	c.write("nokey.pfx", nokey)
	c.write("twokeys.pfx", c.barePFX(anna.cert.Raw, anna.key, c.root.key))
}

// barePFX is a PFX without password that has several keys, which none of the usual
// programs makes.
func (c certMaker) barePFX(cert []byte, keys ...crypto.Signer) []byte {
	type content struct {
		Kind  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	data, bag := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 0}
	der := func(v any) []byte {
		out, err := asn1.Marshal(v)
		c.ts.Check(err)
		return out
	}
	as := func(kind asn1.ObjectIdentifier, last int, der []byte) content {
		kind = append(append(asn1.ObjectIdentifier{}, kind[:len(kind)-1]...), last)
		return content{kind, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}}
	}
	bags := []content{as(bag, 3, der(as(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 0}, 1, der(cert))))}
	for _, key := range keys {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		c.ts.Check(err)
		bags = append(bags, as(bag, 1, pkcs8))
	}
	safe := der([]content{as(data, 1, der(der(bags)))})
	return der(struct {
		Version int
		Safe    content
	}{3, as(data, 1, der(safe))})
}

func utf16Of(text string) []byte {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(u), byte(u >> 8)})
	}
	return []byte(b.String())
}
