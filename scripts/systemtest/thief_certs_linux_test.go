package systemtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// What a certificate is shown for.
const (
	asServer = "server"
	asClient = "client"
	asCode   = "code"  // the signature of a program
	asMail   = "email" // the signature of a message
)

// loot is what a thief of the state folder has, and the root, which everybody has.
type loot struct {
	root, counterfeit     *x509.Certificate // the latter is the thief's: the root's name, another key
	server, client, leaf  chain.Pair
	keptRoot              chain.Pair // with the key that setup keeps only where it is asked to
	key, otherKey         *ecdsa.PrivateKey
	ownServer, ownClients []*x509.Certificate // chains of devcert's own making
	ownClientKey          crypto.Signer
}

// deceit is a certificate that a thief makes, or a sound one to compare with.
type deceit struct {
	name, as, host string // the host is for as server only
	sound          bool
	// chain is the leaf, and what is sent with it.
	chain []*x509.Certificate
	key   crypto.Signer // the leaf's
	port  string        // where it is served
	file  string        // the chain, in PEM
}

// sanType are the choices of a GeneralName (RFC 5280, 4.2.1.6).
const (
	sanOther = iota
	sanEmail
	sanDNS
	_
	_
	_
	sanURI
	sanIP
)

// san is one name, whatever is in it; Go's own encoder refuses most of these.
type san struct {
	kind  int
	value []byte
}

func dns(name string) san   { return san{sanDNS, []byte(name)} }
func email(name string) san { return san{sanEmail, []byte(name)} }
func uri(name string) san   { return san{sanURI, []byte(name)} }

// address is written with four bytes where it is given so, and else with sixteen.
func address(text string, size int) san {
	ip := net.ParseIP(text).To16()
	return san{sanIP, ip[16-size:]}
}

// otherName is a name of a type of its own, here a user principal name.
func otherName(t *testing.T, text string) san {
	t.Helper()
	id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3})
	require.NoError(t, err)
	value, err := asn1.MarshalWithParams(text, "utf8")
	require.NoError(t, err)
	explicit, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: value})
	require.NoError(t, err)
	return san{sanOther, append(id, explicit...)}
}

// sanExtension is the extension with these names, even with none.
func sanExtension(t *testing.T, names ...san) pkix.Extension {
	t.Helper()
	var content []byte
	for _, name := range names {
		der, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: name.kind, IsCompound: name.kind == sanOther, Bytes: name.value})
		require.NoError(t, err)
		content = append(content, der...)
	}
	value, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
	require.NoError(t, err)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

// plunder reads what lies in the user's state folder after `setup --client-certs`,
// maybe with `--keep-root-key`, and
// the client certificate of that name, issued into the home.
func (m *machine) plunder(name string) *loot {
	m.t.Helper()
	t := m.t
	pair := func(cert, key string) chain.Pair {
		certs, err := chain.ParseCertificates([]byte(m.read(cert)))
		require.NoError(t, err)
		parsed, err := chain.ParseKey([]byte(m.read(key)))
		require.NoError(t, err)
		return chain.Pair{Cert: certs[0], Key: parsed}
	}
	l := &loot{
		server: pair(m.generation("intermediate.pem"), m.generation("intermediate-key.pem")),
		client: pair(m.generation("client-intermediate.pem"), m.generation("client-intermediate-key.pem")),
		leaf:   pair(m.state("localhost.pem"), m.state("localhost-key.pem")),
	}
	roots, err := chain.ParseCertificates([]byte(m.read(m.state("root.pem"))))
	require.NoError(t, err)
	l.root = roots[0]
	if path := m.generation("root-key.pem"); exists(path) {
		l.keptRoot = pair(m.state("root.pem"), path)
	}
	l.ownServer = []*x509.Certificate{l.leaf.Cert, l.server.Cert}
	own := pair(filepath.Join(m.home(), name+".pem"), filepath.Join(m.home(), name+"-key.pem"))
	l.ownClients, l.ownClientKey = []*x509.Certificate{own.Cert, l.client.Cert}, own.Key
	for _, key := range []**ecdsa.PrivateKey{&l.key, &l.otherKey} {
		*key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
	}
	counterfeit := *l.root
	counterfeit.PublicKey, counterfeit.PermittedDNSDomains, counterfeit.PermittedIPRanges = l.otherKey.Public(), nil, nil
	l.counterfeit = sign(t, &counterfeit, chain.Pair{Cert: &counterfeit, Key: l.otherKey}, l.otherKey.Public())
	return l
}

// sign makes a certificate of any kind.
func sign(t *testing.T, template *x509.Certificate, issuer chain.Pair, pub crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.Cert, pub, issuer.Key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	if err != nil { // Go cannot read it; others may
		return &x509.Certificate{Raw: der}
	}
	return cert
}

// forge makes a leaf for use as what is said, with the common name and the names
// given; nil names leave the extension out.
func (l *loot) forge(t *testing.T, issuer chain.Pair, cn string, names []san, purposes ...x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	template := bare(t, cn)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, purposes
	if names != nil {
		extension := sanExtension(t, names...)
		extension.Critical = cn == "" // as RFC 5280, 4.2.1.6, has it, so that nobody refuses for that
		template.ExtraExtensions = []pkix.Extension{extension}
	}
	return sign(t, template, issuer, l.key.Public())
}

// subCA is a CA of the thief's own below an issuer; change makes it special.
func (l *loot) subCA(t *testing.T, issuer chain.Pair, cn string, change func(*x509.Certificate)) chain.Pair {
	t.Helper()
	template := bare(t, cn)
	template.IsCA, template.MaxPathLen, template.KeyUsage = true, -1, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	template.SubjectKeyId = chain.KeyID(l.otherKey.Public())
	if change != nil {
		change(template)
	}
	return chain.Pair{Cert: sign(t, template, issuer, l.otherKey.Public()), Key: l.otherKey}
}

func bare(t *testing.T, cn string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
	}
	if cn != "" {
		c.Subject.CommonName = cn
	}
	return c
}

// stage serves what is shown as a server, and writes every chain into a folder
// with what clients need to show theirs.
func (m *machine) stage(all []*deceit) {
	m.t.Helper()
	folder := m.newThiefFolder()
	for i, d := range all {
		d.file = filepath.Join(folder, big.NewInt(int64(i)).String()+".pem")
		m.write(d.file, string(chain.EncodeCertificates(d.chain...)))
		if d.as != asServer {
			continue
		}
		d.port = serve(m.t, present(d.pair()))
	}
}

// pair is what a server shows.
func (d *deceit) pair() *tls.Certificate {
	pair := &tls.Certificate{PrivateKey: d.key}
	for _, c := range d.chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	return pair
}

func (m *machine) newThiefFolder() string {
	m.t.Helper()
	folder := filepath.Join(m.home(), "thief")
	require.NoError(m.t, os.MkdirAll(folder, 0o755))
	return folder
}
