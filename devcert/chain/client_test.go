package chain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// clientVariant is a client certificate of every kind there is.
type clientVariant struct {
	o       ClientOptions
	root    bool // issued by the root itself
	purpose string
	crl     string
	sans    []string // after client.localhost
}

const (
	forClients = "300a06082b06010505070302"
	forBoth    = "301406082b0601050507030206082b06010505070301"
)

func clientVariants() map[string]clientVariant {
	return map[string]clientVariant{
		"rsa":             {o: ClientOptions{Name: "anna"}},
		"ecdsa":           {o: ClientOptions{Name: "anna", Key: ECDSA}},
		"first and last":  {o: ClientOptions{Name: "alice.smith", Key: ECDSA}},
		"unicode":         {o: ClientOptions{Name: "Пользователь Ä, #1/2+3=5", Key: ECDSA}},
		"64 characters":   {o: ClientOptions{Name: strings.Repeat("ä", 64), Key: ECDSA}},
		"permitted host":  {o: ClientOptions{Name: "billing.test", Key: ECDSA}},
		"e-mail as name":  {o: ClientOptions{Name: "anna@example.com", Key: ECDSA}},
		"a wildcard host": {o: ClientOptions{Name: "*.dev.localhost", Key: ECDSA}},
		"e-mail and URI": {
			o:    ClientOptions{Name: "anna", Key: ECDSA, Emails: []string{"Anna@Example.com", "anna+x@bücher.example", "Anna@example.com"}, URIs: []string{"spiffe://example.test/billing", "spiffe://b.test/a%20b", "SPIFFE://b.test/a%20b", "https://b.test:8443/?q#f"}},
			sans: []string{"email:Anna@example.com", "email:anna+x@xn--bcher-kva.example", "uri:spiffe://example.test/billing", "uri:spiffe://b.test/a%20b", "uri:https://b.test:8443/?q#f"},
		},
		"mail domain of this machine": {
			o: ClientOptions{Name: "anna", Key: ECDSA, Emails: []string{"a@localhost"}}, sans: []string{"email:a@localhost"},
		},
		"30 days":    {o: ClientOptions{Name: "anna", Key: ECDSA, Life: 30 * 24 * time.Hour}},
		"20 years":   {o: ClientOptions{Name: "anna", Key: ECDSA, Life: 20 * 365 * 24 * time.Hour}},
		"by root":    {o: ClientOptions{Name: "anna", Key: ECDSA}, root: true, crl: "root.crl"},
		"both, rsa":  {o: ClientOptions{Name: "anna", Server: []string{"App.test"}}, root: true, crl: "root.crl", purpose: forBoth, sans: []string{"dns:app.test"}},
		"both, host": {o: ClientOptions{Name: "app.test", Key: ECDSA, Server: []string{"app.test", "127.0.0.1", "client.localhost"}, Emails: []string{"a@b.test"}}, root: true, crl: "root.crl", purpose: forBoth, sans: []string{"dns:app.test", "email:a@b.test", "ip:127.0.0.1"}},
	}
}

func (v clientVariant) issuer(h *Hierarchy) Pair {
	if v.root {
		return Pair{h.Root, h.RootKey}
	}
	return h.ClientIntermediate
}

func (v clientVariant) make(t testing.TB, h *Hierarchy) Pair {
	t.Helper()
	v.o.Now = noon
	p, err := NewClient(v.issuer(h), v.o)
	require.NoError(t, err)
	return p
}

func TestClientProfile(t *testing.T) {
	h := clientHierarchy(t)
	for name, v := range clientVariants() {
		t.Run(name, func(t *testing.T) {
			p, issuer := v.make(t, h), v.issuer(h).Cert
			c := p.Cert
			require.True(t, SameKey(c, p.Key))
			assertCommon(t, c, issuer, noon)
			assert.Equal(t, v.o.Name, c.Subject.CommonName)
			assert.Len(t, c.Subject.Names, 1)
			end := seconds(noon).Add(365 * 24 * time.Hour)
			if v.o.Life != 0 {
				end = seconds(noon).Add(v.o.Life)
			}
			if end.After(issuer.NotAfter) {
				end = issuer.NotAfter
			}
			assert.Equal(t, end, c.NotAfter)
			if v.crl == "" {
				v.crl, v.purpose = "clients.crl", forClients
			}
			if v.purpose == "" {
				v.purpose = forClients
			}
			usage := "03020780"
			if _, isRSA := c.PublicKey.(*rsa.PublicKey); isRSA && v.purpose == forBoth {
				usage = "030205a0"
			}
			assertExtensions(t, c, map[string]wantExtension{
				"2.5.29.19": {true, "3000"},
				"2.5.29.15": {true, usage},
				"2.5.29.37": {false, v.purpose},
				"2.5.29.14": {false, "0414" + hex.EncodeToString(KeyID(c.PublicKey))},
				"2.5.29.35": {false, "30168014" + hex.EncodeToString(KeyID(issuer.PublicKey))},
				"2.5.29.17": {false, sanHex(append([]string{"dns:client.localhost"}, v.sans...))},
				"2.5.29.31": {false, crlPointHex(t, "http://localhost:44298/"+h.ID+"/"+v.crl)},
			})
			assert.Equal(t, PartClient, PartOf(c))
			assert.Equal(t, "alice@pc", OwnerOf(c))
			assert.NoError(t, verifyClient(h, c, noon))
			if v.purpose == forBoth {
				for _, host := range v.o.Server {
					assert.NoError(t, VerifyServer(poolOf(h.Root), nil, c, host, noon))
				}
			} else {
				assert.Error(t, VerifyServer(poolOf(h.Root), []*x509.Certificate{h.ClientIntermediate.Cert}, c, "client.localhost", noon))
			}
		})
	}
}

// sanHex writes what stands before the colon as the kind of name.
func sanHex(names []string) string {
	tags := map[string]uint8{"email": 1, "dns": 2, "uri": 6, "ip": 7}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		// crypto/x509 puts DNS names first, then e-mail, addresses and URIs.
		for _, kind := range []string{"dns", "email", "ip", "uri"} {
			for _, name := range names {
				value, found := strings.CutPrefix(name, kind+":")
				if kind == "ip" && found {
					value = string(netip.MustParseAddr(value).AsSlice())
				}
				if found {
					b.AddASN1(asn1.Tag(tags[kind]).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(value)) })
				}
			}
		}
	})
	return hex.EncodeToString(b.BytesOrPanic())
}

// verifyClient asks Go's own verifier, as a server that trusts the root does.
func verifyClient(h *Hierarchy, c *x509.Certificate, now time.Time) error {
	_, err := c.Verify(x509.VerifyOptions{
		Roots: poolOf(h.Root), Intermediates: poolOf(h.ClientIntermediate.Cert), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

func TestNewClientRefusesNames(t *testing.T) {
	h := clientHierarchy(t)
	root := Pair{h.Root, h.RootKey}
	named := func(name string) ClientOptions { return ClientOptions{Name: name} }
	mail := func(address string) ClientOptions {
		return ClientOptions{Name: "anna", Emails: []string{"a@b.test", address}}
	}
	uri := func(uri string) ClientOptions { return ClientOptions{Name: "anna", URIs: []string{"x://a.test", uri}} }
	for _, row := range []struct {
		name    string
		o       ClientOptions
		refused string
		reason  string
	}{
		{"empty", named(""), "", "empty"},
		{"65 characters", named(strings.Repeat("ä", 65)), strings.Repeat("ä", 65), "longer than 64"},
		{"control character", named("an\nna"), "an\nna", "cannot be printed"},
		{"zero byte", named("anna\x00.example.com"), "anna\x00.example.com", "cannot be printed"},
		{"turned round", named("anna\u202egpj"), "anna\u202egpj", "cannot be printed"},
		{"invisible", named("an\u200bna"), "an\u200bna", "cannot be printed"},
		{"not UTF-8", named("an\xffna"), "an\xffna", "UTF-8"},
		{"space at the end", named("anna "), "anna ", "space"},
		{"a flag", named("--client"), "--client", "flag"},
		{"a CA's name", named("devcert root alice@pc 1F3A9C2E"), "devcert root alice@pc 1F3A9C2E", "names of its CAs"},
		{"a host", named("www.example.com"), "www.example.com", "host name outside"},
		{"a host in capitals", named("WWW.Example.COM"), "WWW.Example.COM", "host name outside"},
		{"a wildcard", named("*.example.com"), "*.example.com", "host name outside"},
		{"a host of a local network", named("printer.local"), "printer.local", "host name outside"},
		{"an international host", named("www.bücher.de"), "www.bücher.de", "host name outside"},
		{"an IPv4 address", named("8.8.8.8"), "8.8.8.8", "host name outside"},
		{"an IPv6 address", named("2001:db8::1"), "2001:db8::1", "host name outside"},
		{"no at", mail("anna"), "anna", "not an e-mail address"},
		{"no local part", mail("@example.com"), "@example.com", "not an e-mail address"},
		{"no domain", mail("anna@"), "anna@", "not an e-mail address"},
		{"two at", mail("a@b@example.com"), "a@b@example.com", "domain has the character"},
		{"with a name", mail("Anna <a@example.com>"), "Anna <a@example.com>", "certificate can hold"},
		{"quoted", mail(`"a b"@example.com`), `"a b"@example.com`, "certificate can hold"},
		{"two dots", mail("a..b@example.com"), "a..b@example.com", "certificate can hold"},
		{"not ASCII", mail("ä@example.com"), "ä@example.com", "certificate can hold"},
		{"line break", mail("a@example.com\nb"), "a@example.com\nb", "domain has the character"},
		{"an address as domain", mail("a@[127.0.0.1]"), "a@[127.0.0.1]", "domain has the character"},
		{"long local part", mail(strings.Repeat("a", 65) + "@b.test"), strings.Repeat("a", 65) + "@b.test", "too long"},
		{"empty URI", uri(""), "", "empty"},
		{"relative", uri("/billing"), "/billing", "not an absolute URI"},
		{"no scheme", uri("example.test/billing"), "example.test/billing", "not an absolute URI"},
		{"scheme alone", uri("spiffe:"), "spiffe:", "without a host name"},
		{"no host, which Go refuses", uri("urn:example:billing"), "urn:example:billing", "without a host name"},
		{"no host but a port", uri("https://:443/"), "https://:443/", "without a host name"},
		{"brackets as host, which Go refuses", uri("x://]:"), "x://]:", "without a host name"},
		{"an address as host, which Go refuses", uri("https://[::1]:443/"), "https://[::1]:443/", "without a host name"},
		{"a space in it", uri("urn:a b"), "urn:a b", "space"},
		{"not ASCII in it", uri("urn:ä:b"), "urn:ä:b", "a URI cannot hold"},
		{"not a URI", uri("http://[::1"), "http://[::1", "not a URI"},
		{"with a password", uri("https://a:b@c.test/"), "https://a:b@c.test/", "user or password"},
		{"host with a dot at its end", uri("https://c.test./"), "https://c.test./", "without a host name"},
		{"too long a URI", uri("x://a.test/" + strings.Repeat("b", 2048)), "x://a.test/" + strings.Repeat("b", 2048), "longer than 2048"},
		{"server outside", ClientOptions{Name: "anna", Server: []string{"example.com"}}, "example.com", "outside what the root permits"},
		{"no server's name", ClientOptions{Name: "anna", Server: []string{"a_b.test"}}, "a_b.test", "underscore"},
	} {
		t.Run(row.name, func(t *testing.T) {
			o := row.o
			o.Now, o.Key = noon, ECDSA
			p, err := NewClient(root, o)
			assertNameError(t, err, row.refused, row.reason)
			assert.Equal(t, Pair{}, p)
			cert, err := IssueClient(root, newP256(t).Public(), o)
			assertNameError(t, err, row.refused, row.reason)
			assert.Nil(t, cert)
		})
	}
}

func TestNewClientRefusesIssuers(t *testing.T) {
	h := clientHierarchy(t)
	o := ClientOptions{Name: "anna", Key: ECDSA, Now: noon}
	with := func(change func(*ClientOptions)) ClientOptions { o := o; change(&o); return o }
	narrow := newHierarchy(t, Options{Key: ECDSA, ClientCerts: true, Names: []string{"a.test"},
		Permits: Permits{Domains: []string{"test"}, Networks: DefaultPermits().Networks}})
	stranger := Pair{Key: newP256(t)}
	template := *h.ClientIntermediate.Cert
	template.RawSubject, template.Subject.CommonName = nil, "another CA"
	stranger.Cert = signCertificate(t, &template, Pair{h.Root, h.RootKey}, stranger.Key.Public())
	for _, row := range []struct {
		name   string
		issuer Pair
		o      ClientOptions
		reason string
	}{
		{"the server intermediate", h.Intermediate, o, "is not for clients"},
		{"a leaf", h.Leaf, o, "is no CA"},
		{"both below the client intermediate", h.ClientIntermediate, with(func(o *ClientOptions) { o.Server = []string{"app.test"} }), "is not for servers"},
		{"none", Pair{}, o, "key is not that"},
		{"another's key", Pair{h.ClientIntermediate.Cert, h.Intermediate.Key}, o, "key is not that"},
		{"another CA", stranger, o, "no CA of devcert's"},
		{"expired", h.ClientIntermediate, with(func(o *ClientOptions) { o.Now = h.Root.NotAfter.Add(time.Second) }), "expired on 2036-11-21"},
		{"no time", h.ClientIntermediate, with(func(o *ClientOptions) { o.Now = time.Time{} }), "is the clock right"},
		{"negative life", h.ClientIntermediate, with(func(o *ClientOptions) { o.Life = -time.Second }), "before it starts"},
		{"unknown key type", h.ClientIntermediate, with(func(o *ClientOptions) { o.Key = "dsa" }), `"dsa"`},
		{"constraints without localhost", narrow.ClientIntermediate, o, "client.localhost"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := NewClient(row.issuer, row.o)
			assert.ErrorContains(t, err, row.reason)
			assert.Equal(t, Pair{}, p)
		})
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for _, key := range []any{weak.Public(), nil, "no key"} {
		_, err := IssueClient(h.ClientIntermediate, key, o)
		assert.ErrorContains(t, err, "expected")
	}
}

func TestIssueClient(t *testing.T) {
	h := clientHierarchy(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	cert, err := IssueClient(h.ClientIntermediate, key.Public(), ClientOptions{Name: "anna", Now: noon})
	require.NoError(t, err)
	assert.True(t, SameKey(cert, key))
	assert.Equal(t, PartClient, PartOf(cert))
	assert.NoError(t, verifyClient(h, cert, noon))
}

func TestNewSelfSigned(t *testing.T) {
	for name, row := range map[string]struct {
		o       ClientOptions
		purpose string
		usage   string
		sans    []string
	}{
		"rsa":       {ClientOptions{Name: "anna"}, forClients, "03020780", nil},
		"ecdsa":     {ClientOptions{Name: "www.example.com", Key: ECDSA, Emails: []string{"a@b.test"}}, forClients, "03020780", []string{"email:a@b.test"}},
		"both, rsa": {ClientOptions{Name: "anna", Server: []string{"example.com", "8.8.8.8"}}, forBoth, "030205a0", []string{"dns:example.com", "ip:8.8.8.8"}},
	} {
		t.Run(name, func(t *testing.T) {
			row.o.Now = noon
			p, err := NewSelfSigned(row.o)
			require.NoError(t, err)
			c := p.Cert
			require.True(t, SameKey(c, p.Key))
			assert.Equal(t, c.RawSubject, c.RawIssuer)
			assert.Equal(t, "CN="+row.o.Name, c.Subject.String())
			assert.Equal(t, seconds(noon).Add(-time.Hour), c.NotBefore)
			assert.Equal(t, seconds(noon).Add(365*24*time.Hour), c.NotAfter)
			assert.NoError(t, c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature))
			assertExtensions(t, c, map[string]wantExtension{
				"2.5.29.19": {true, "3000"},
				"2.5.29.15": {true, row.usage},
				"2.5.29.37": {false, row.purpose},
				"2.5.29.14": {false, "0414" + hex.EncodeToString(KeyID(c.PublicKey))},
				"2.5.29.35": {false, "30168014" + hex.EncodeToString(KeyID(c.PublicKey))},
				"2.5.29.17": {false, sanHex(append([]string{"dns:client.localhost"}, row.sans...))},
			})
			assert.Empty(t, PartOf(c))
			_, err = c.Verify(x509.VerifyOptions{Roots: poolOf(c), CurrentTime: noon, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
			assert.NoError(t, err)
		})
	}
	_, err := NewSelfSigned(ClientOptions{Name: "anna", Key: ECDSA})
	assert.ErrorContains(t, err, "no time")
	_, err = NewSelfSigned(ClientOptions{Name: "an\tna", Key: ECDSA, Now: noon})
	assertNameError(t, err, "an\tna", "cannot be printed")
}

// What only looks like a client certificate of ours is none.
func TestPartOfOtherClients(t *testing.T) {
	h := clientHierarchy(t)
	below := func(issuer Pair, change func(*x509.Certificate)) *x509.Certificate {
		p, err := NewClient(issuer, ClientOptions{Name: "anna", Key: ECDSA, Emails: []string{"a@b.test"}, Now: noon})
		require.NoError(t, err)
		template := *p.Cert
		change(&template)
		template.RawSubject = nil
		return signCertificate(t, &template, issuer, p.Cert.PublicKey)
	}
	root := Pair{h.Root, h.RootKey}
	require.Equal(t, PartClient, PartOf(below(root, func(*x509.Certificate) {})), "the control")
	server, err := NewServer(h.Intermediate, LeafOptions{Names: []string{"app.test"}, Key: ECDSA, Now: noon})
	require.NoError(t, err)
	for name, cert := range map[string]*x509.Certificate{
		"a server's": server.Cert,
		"for servers too, below the client intermediate": below(h.ClientIntermediate, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
		}),
		"a server's name":       below(root, func(c *x509.Certificate) { c.DNSNames = append(c.DNSNames, "app.test") }),
		"no client.localhost":   below(root, func(c *x509.Certificate) { c.DNSNames = nil }),
		"an address twice":      below(root, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@b.test", "a@b.test"} }),
		"a domain in capitals":  below(root, func(c *x509.Certificate) { c.EmailAddresses = []string{"a@B.test"} }),
		"more in the subject":   below(root, func(c *x509.Certificate) { c.Subject.Organization = []string{"ACME"} }),
		"a CA":                  below(root, func(c *x509.Certificate) { c.IsCA = true }),
		"another list":          below(root, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{CRLBase + "/" + h.ID + "/clients.crl"} }),
		"signs other documents": below(root, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageContentCommitment }),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, PartOf(cert))
			_, _, err := CheckPart(cert.Raw)
			assert.Error(t, err)
		})
	}
}

func TestCRLName(t *testing.T) {
	h := clientHierarchy(t)
	assert.Equal(t, "root.crl", CRLName(h.Root))
	assert.Equal(t, "servers.crl", CRLName(h.Intermediate.Cert))
	assert.Equal(t, "clients.crl", CRLName(h.ClientIntermediate.Cert))
	assert.Empty(t, CRLName(h.Leaf.Cert))
}
