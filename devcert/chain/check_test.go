package chain

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brief is a problem without its text.
type brief struct {
	part  Part
	fault Fault
}

func TestCheck(t *testing.T) {
	h := standardHierarchy(t)
	foreign := newHierarchy(t, Options{Key: ECDSA})
	// remake issues a certificate of h anew, with one thing changed.
	remake := func(c *x509.Certificate, issuer Pair, change func(*x509.Certificate)) *x509.Certificate {
		template := *c
		template.ExtraExtensions = nil
		if c == h.Leaf.Cert {
			template.ExtraExtensions = leafProfile.extra
		}
		change(&template)
		return signCertificate(t, &template, issuer, c.PublicKey)
	}
	root := Pair{h.Root, h.RootKey}
	leaf := func(change func(*x509.Certificate)) func(*Parts) {
		return func(p *Parts) { p.Leaf = remake(h.Leaf.Cert, h.Intermediate, change) }
	}
	inter := func(change func(*x509.Certificate)) func(*Parts) {
		return func(p *Parts) { p.Intermediate = remake(h.Intermediate.Cert, root, change) }
	}
	for _, row := range []struct {
		name   string
		spoil  func(*Parts)
		names  []string
		now    time.Time
		want   []brief
		reason string // of the first
	}{
		{name: "right"},
		{name: "right, remade", spoil: leaf(func(*x509.Certificate) {})},
		{name: "right, intermediate remade", spoil: inter(func(*x509.Certificate) {})},
		{name: "names below a wildcard", names: []string{"foo.dev.localhost", "*.dev.internal"}},
		{name: "nothing there", spoil: func(p *Parts) { *p = Parts{} }, want: []brief{
			{PartRoot, FaultMissing}, {PartIntermediate, FaultMissing}, {PartLeaf, FaultMissing}}, reason: "is missing"},
		{name: "no keys", spoil: func(p *Parts) { p.IntermediateKey, p.LeafKey = nil, nil }, want: []brief{
			{PartIntermediate, FaultMissing}, {PartLeaf, FaultMissing}}, reason: "no private key"},
		{name: "keys exchanged", spoil: func(p *Parts) { p.IntermediateKey, p.LeafKey = p.LeafKey, p.IntermediateKey }, want: []brief{
			{PartIntermediate, FaultKey}, {PartLeaf, FaultKey}}, reason: "another certificate's"},
		{name: "another root", spoil: func(p *Parts) { p.Root = foreign.Root }, want: []brief{{PartIntermediate, FaultChain}}, reason: "was issued by"},
		{name: "another intermediate", spoil: func(p *Parts) {
			p.Intermediate, p.IntermediateKey = foreign.Intermediate.Cert, foreign.Intermediate.Key
		},
			want: []brief{{PartIntermediate, FaultChain}, {PartLeaf, FaultChain}}, reason: "was issued by"},
		{name: "leaf signed by a stranger with the right name", spoil: func(p *Parts) {
			p.Leaf = signCertificate(t, leafOf(h), Pair{&x509.Certificate{RawSubject: h.Intermediate.Cert.RawSubject}, foreign.Intermediate.Key}, h.Leaf.Cert.PublicKey)
		}, want: []brief{{PartLeaf, FaultChain}}, reason: "no valid signature"},
		{name: "root signed by a stranger", spoil: func(p *Parts) {
			f := newForgery(t, newP256(t))
			f.signer = newP256(t)
			p.Root, _ = x509.ParseCertificate(f.sign(t))
		}, want: []brief{{PartRoot, FaultChain}, {PartIntermediate, FaultChain}}, reason: "signature"},
		{name: "root of another kind", spoil: func(p *Parts) { p.Root = h.Intermediate.Cert }, want: []brief{
			{PartRoot, FaultChain}, {PartIntermediate, FaultChain}}, reason: "not a devcert root"},
		{name: "intermediate without constraints", spoil: inter(func(c *x509.Certificate) { c.PermittedDNSDomains, c.PermittedIPRanges = nil, nil }),
			want: []brief{{PartIntermediate, FaultProfile}, {PartLeaf, FaultProfile}}, reason: "name constraints: missing"},
		{name: "intermediate permits more", spoil: inter(func(c *x509.Certificate) { c.PermittedDNSDomains = append(c.PermittedDNSDomains[:5:5], "com") }),
			want: []brief{{PartIntermediate, FaultProfile}}, reason: "name constraints: differs"},
		{name: "intermediate for clients", spoil: inter(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
			want: []brief{{PartIntermediate, FaultProfile}}, reason: "extended key usage"},
		{name: "intermediate with another list", spoil: inter(func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://example.com/"} }),
			want: []brief{{PartIntermediate, FaultProfile}}, reason: "CRL distribution points"},
		{name: "intermediate ends after the root", spoil: inter(func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(time.Second) }),
			want: []brief{{PartIntermediate, FaultProfile}}, reason: "ends after its issuer"},
		{name: "leaf without serverAuth", spoil: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), want: []brief{{PartLeaf, FaultProfile}}, reason: "extended key usage: missing"},
		{name: "leaf without Kestrel's mark", spoil: leaf(func(c *x509.Certificate) { c.ExtraExtensions = nil }), want: []brief{{PartLeaf, FaultProfile}}, reason: "1.3.6.1.4.1.311.84.1.1: missing"},
		{name: "leaf is a CA", spoil: leaf(func(c *x509.Certificate) { c.IsCA = true }), want: []brief{{PartLeaf, FaultProfile}}, reason: "basic constraints"},
		{name: "leaf with another subject", spoil: leaf(func(c *x509.Certificate) { c.Subject.CommonName, c.RawSubject = "other", nil }), want: []brief{{PartLeaf, FaultProfile}}, reason: "subject"},
		{name: "leaf ends after its issuer", spoil: leaf(func(c *x509.Certificate) { c.NotAfter = h.Root.NotAfter.Add(time.Hour) }), want: []brief{{PartLeaf, FaultProfile}}, reason: "ends after its issuer"},
		{name: "leaf for two years", spoil: leaf(func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(1, 0, 0) }), want: []brief{{PartLeaf, FaultProfile}}, reason: "more than 365 days"},
		{name: "leaf outside the constraints", spoil: leaf(func(c *x509.Certificate) { c.DNSNames = append(DefaultNames()[:5:5], "example.com") }),
			want: []brief{{PartLeaf, FaultProfile}}, reason: "example.com"},
		{name: "leaf with a name twice", spoil: leaf(func(c *x509.Certificate) { c.DNSNames = append(DefaultNames()[:5:5], "localhost") }),
			want: []brief{{PartLeaf, FaultProfile}}, reason: "twice"},
		{name: "leaf with an e-mail address", spoil: leaf(func(c *x509.Certificate) { c.EmailAddresses = []string{"a@localhost"} }),
			want: []brief{{PartLeaf, FaultProfile}}, reason: "subject alternative name"},
		{name: "leaf expired", now: h.Leaf.Cert.NotAfter.Add(time.Second), want: []brief{{PartLeaf, FaultExpired}}, reason: "expired on 2027-11-21"},
		{name: "last second of the leaf", now: h.Leaf.Cert.NotAfter},
		{name: "all expired", now: h.Root.NotAfter.Add(time.Second), want: []brief{
			{PartRoot, FaultExpired}, {PartIntermediate, FaultExpired}, {PartLeaf, FaultExpired}}, reason: "expired on 2036-11-21"},
		{name: "clock went back", now: h.Root.NotBefore.Add(-time.Second), want: []brief{
			{PartRoot, FaultNotYetValid}, {PartIntermediate, FaultNotYetValid}, {PartLeaf, FaultNotYetValid}}, reason: "not valid before 2026-11-21 10:00:00 UTC"},
		{name: "name missing", names: []string{"localhost", "app.test", "127.0.0.2"}, want: []brief{{PartLeaf, FaultName}, {PartLeaf, FaultName}}, reason: "is not for app.test"},
		{name: "name that the root does not permit", names: []string{"example.com"}, want: []brief{{PartRoot, FaultName}, {PartLeaf, FaultName}}, reason: "does not permit example.com"},
		{name: "name two levels below a wildcard", names: []string{"a.b.dev.localhost"}, want: []brief{{PartLeaf, FaultName}}, reason: "is not for"},
		{name: "structure before time and names", spoil: func(p *Parts) { p.LeafKey = nil }, names: []string{"app.test"}, now: h.Root.NotAfter.Add(time.Second), want: []brief{
			{PartLeaf, FaultMissing}, {PartRoot, FaultExpired}, {PartIntermediate, FaultExpired}, {PartLeaf, FaultExpired}, {PartLeaf, FaultName}}, reason: "no private key"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, names, now := h.parts(), row.names, row.now
			if row.spoil != nil {
				row.spoil(&p)
			}
			if names == nil {
				names = DefaultNames()
			}
			if now.IsZero() {
				now = noon
			}
			got := Check(p, names, now)
			assert.Equal(t, got, Check(p, names, now), "deterministic")
			var briefly []brief
			for _, problem := range got {
				briefly = append(briefly, brief{problem.Part, problem.Fault})
			}
			require.Equal(t, row.want, briefly, "%v", got)
			if row.reason != "" {
				assert.Contains(t, got[0].Reason, row.reason)
			}
		})
	}
}

func TestCheckClientIntermediate(t *testing.T) {
	h, foreign := clientHierarchy(t), newHierarchy(t, Options{Key: ECDSA, ClientCerts: true})
	remade := func(change func(*x509.Certificate)) func(*Parts) {
		return func(p *Parts) {
			template := *h.ClientIntermediate.Cert
			change(&template)
			p.ClientIntermediate = signCertificate(t, &template, Pair{h.Root, h.RootKey}, template.PublicKey)
		}
	}
	for _, row := range []struct {
		name   string
		spoil  func(*Parts)
		want   []brief
		reason string // of the first
	}{
		{name: "right", spoil: func(*Parts) {}},
		{name: "right, remade", spoil: remade(func(*x509.Certificate) {})},
		{name: "none", spoil: func(p *Parts) { p.ClientIntermediate, p.ClientIntermediateKey = nil, nil }},
		{name: "without a root to judge it by", spoil: func(p *Parts) { p.Root = nil }, want: []brief{{PartRoot, FaultMissing}}},
		{name: "no key", spoil: func(p *Parts) { p.ClientIntermediateKey = nil }, want: []brief{{PartClientIntermediate, FaultMissing}}, reason: "no private key"},
		{name: "the server intermediate's key", spoil: func(p *Parts) { p.ClientIntermediateKey = p.IntermediateKey },
			want: []brief{{PartClientIntermediate, FaultKey}}, reason: "another certificate's"},
		{name: "the server intermediate", spoil: func(p *Parts) { p.ClientIntermediate, p.ClientIntermediateKey = p.Intermediate, p.IntermediateKey },
			want: []brief{{PartClientIntermediate, FaultProfile}}, reason: "subject"},
		{name: "another root's", spoil: func(p *Parts) {
			p.ClientIntermediate, p.ClientIntermediateKey = foreign.ClientIntermediate.Cert, foreign.ClientIntermediate.Key
		}, want: []brief{{PartClientIntermediate, FaultChain}}, reason: "was issued by"},
		{name: "for servers too", spoil: remade(func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage[:1:1], x509.ExtKeyUsageServerAuth) }),
			want: []brief{{PartClientIntermediate, FaultProfile}}, reason: "extended key usage"},
		{name: "permits more", spoil: remade(func(c *x509.Certificate) { c.PermittedDNSDomains = append(c.PermittedDNSDomains[:5:5], "com") }),
			want: []brief{{PartClientIntermediate, FaultProfile}}, reason: "name constraints: differs"},
		{name: "ends after the root", spoil: remade(func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(time.Second) }),
			want: []brief{{PartClientIntermediate, FaultProfile}}, reason: "ends after its issuer"},
		{name: "expired", spoil: remade(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) }),
			want: []brief{{PartClientIntermediate, FaultExpired}}, reason: "expired on 2026-11-21"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := h.parts()
			row.spoil(&p)
			got := Check(p, DefaultNames(), noon)
			var briefly []brief
			for _, problem := range got {
				briefly = append(briefly, brief{problem.Part, problem.Fault})
			}
			require.Equal(t, row.want, briefly, "%v", got)
			if row.reason != "" {
				assert.Contains(t, got[0].Reason, row.reason)
			}
		})
	}
}

func leafOf(h *Hierarchy) *x509.Certificate {
	c := h.Leaf.Cert
	return leafProfile.template(values{key: c.PublicKey, serial: c.SerialNumber, notBefore: c.NotBefore, notAfter: c.NotAfter, dnsNames: c.DNSNames, addresses: c.IPAddresses})
}

func TestProblemReadsAsASentence(t *testing.T) {
	h := standardHierarchy(t)
	problems := Check(h.parts(), nil, h.Root.NotAfter.Add(time.Hour))
	require.NotEmpty(t, problems)
	assert.Equal(t, "root expired on 2036-11-21", problems[0].String())
}
