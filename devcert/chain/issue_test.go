package chain

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewLeafRefusesNames(t *testing.T) {
	h := newHierarchy(t, Options{Key: ECDSA, Permits: permits(t, "192.168.1.0/24")})
	for _, row := range []struct{ name, in, reason, hint string }{
		{"another domain", "example.com", "outside", "devcert setup --permit example.com"},
		{"wildcard of another domain", "*.app.example.com", "outside", "devcert setup --permit app.example.com"},
		{"end of a permitted name", "internal", "outside", "devcert setup --permit internal"},
		{"begins like a permitted name", "localhost.example.com", "outside", "devcert setup --permit localhost.example.com"},
		{"address", "8.8.8.8", "outside", "devcert setup --permit 8.8.8.8"},
		{"address beside the network", "192.168.2.1", "outside", "devcert setup --permit 192.168.2.1"},
		{"IPv6 address", "fd00::1", "outside", "devcert setup --permit fd00::1"},
		{"public suffix", "github.io", "public suffix", "permit your own domain, as in app.github.io"},
		{"bare host", "mypc", "top-level domain", "use a name below test or internal, as in mypc.test"},
		{"not a name", "a..b", "empty label", "write one dot between labels and none at the ends"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := NewLeaf(h.Intermediate, LeafOptions{Names: []string{"localhost", row.in}, Key: ECDSA, Now: noon})
			assertNameError(t, err, row.in, row.reason)
			var refusal *NameError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, row.hint, refusal.Hint)

			_, err = New(Options{Key: ECDSA, Now: noon, Permits: PermitsOf(h.Root), Names: []string{row.in}})
			assertNameError(t, err, row.in, row.reason)
			_, err = IssueServer(h.Intermediate, newP256(t).Public(), LeafOptions{Names: []string{row.in}, Now: noon})
			assertNameError(t, err, row.in, row.reason)
		})
	}
}

func TestNewLeafRefusesIssuers(t *testing.T) {
	h := standardHierarchy(t)
	o := LeafOptions{Names: []string{"localhost"}, Key: ECDSA, Now: noon}
	at := func(when time.Time) LeafOptions { o := o; o.Now = when; return o }
	for _, row := range []struct {
		name   string
		issuer Pair
		o      LeafOptions
		reason string
	}{
		{"expired", h.Intermediate, at(h.Root.NotAfter.Add(time.Second)), "expired on 2036-11-21"},
		{"not yet valid", h.Intermediate, at(h.Root.NotBefore.Add(-time.Second)), "valid from 2026-11-21"},
		{"no time", h.Intermediate, at(time.Time{}), "is the clock right"},
		{"another's key", Pair{h.Intermediate.Cert, h.Leaf.Key}, o, "key is not that"},
		{"no key", Pair{Cert: h.Intermediate.Cert}, o, "key is not that"},
		{"no certificate", Pair{Key: h.Intermediate.Key}, o, "key is not that"},
		{"leaf as issuer", h.Leaf, o, "is no CA"},
		{"client intermediate as issuer", clientHierarchy(t).ClientIntermediate, o, "is not for servers"},
		{"negative life", h.Intermediate, LeafOptions{Names: o.Names, Key: ECDSA, Now: noon, Life: -time.Second}, "before it starts"},
		{"no names", h.Intermediate, LeafOptions{Key: ECDSA, Now: noon}, "no names"},
		{"unknown key type", h.Intermediate, LeafOptions{Names: o.Names, Key: "dsa", Now: noon}, `"dsa"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := NewLeaf(row.issuer, row.o)
			assert.ErrorContains(t, err, row.reason)
			assert.Equal(t, Pair{}, p)
		})
	}
}

func TestNewLeafEndsWithItsIssuer(t *testing.T) {
	h := standardHierarchy(t)
	for _, row := range []struct {
		name string
		now  time.Time
		want time.Time
	}{
		{"a year", noon, seconds(noon).AddDate(0, 0, 365)},
		{"30 days before the end (mkcert went on for two years)", h.Root.NotAfter.AddDate(0, 0, -30), h.Root.NotAfter},
		{"in the last second", h.Root.NotAfter, h.Root.NotAfter},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := NewLeaf(h.Intermediate, LeafOptions{Names: DefaultNames(), Key: ECDSA, Now: row.now})
			require.NoError(t, err)
			assert.Equal(t, row.want, p.Cert.NotAfter)
			assert.True(t, SameKey(p.Cert, p.Key))
			parts := h.parts()
			parts.Leaf, parts.LeafKey = p.Cert, p.Key
			assert.Empty(t, Check(parts, DefaultNames(), row.now))
		})
	}
}

func TestNamesKeepTheirOrder(t *testing.T) {
	names := []string{"z.test", "127.0.0.9", "a.test", "::1", "Z.test"}
	p, err := NewLeaf(standardHierarchy(t).Intermediate, LeafOptions{Names: names, Key: ECDSA, Now: noon})
	require.NoError(t, err)
	assert.Equal(t, []string{"z.test", "a.test", "127.0.0.9", "::1"}, ServerNames(p.Cert))
}

func TestIssueServerRefusesKeys(t *testing.T) {
	h := standardHierarchy(t)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for _, key := range []any{p521.Public(), weak.Public(), nil, "no key"} {
		_, err := IssueServer(h.Intermediate, key, LeafOptions{Names: []string{"localhost"}, Now: noon})
		assert.ErrorContains(t, err, "expected")
	}
}

func TestNewRefusesNoTime(t *testing.T) {
	_, err := New(Options{Key: ECDSA})
	assert.ErrorContains(t, err, "no time")
}

func TestRandomness(t *testing.T) {
	_, err := New(Options{Key: ECDSA, Now: noon, Rand: iotest.ErrReader(errors.New("no entropy"))})
	assert.ErrorContains(t, err, "no entropy")
	_, err = New(Options{Key: ECDSA, Now: noon, Rand: bytes.NewReader(make([]byte, 1000))})
	assert.ErrorContains(t, err, "zeros only")
	_, err = New(Options{Key: ECDSA, Now: noon, Rand: bytes.NewReader(nil)})
	assert.ErrorIs(t, err, io.EOF)

	serial, err := newSerial(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	require.NoError(t, err)
	assert.Equal(t, 127, serial.BitLen())
	assert.Equal(t, 1, serial.Sign())
}

func TestHierarchiesShareNothing(t *testing.T) {
	a, b := newHierarchy(t, Options{Key: ECDSA}), newHierarchy(t, Options{Key: ECDSA})
	assert.NotEqual(t, a.ID, b.ID)
	assert.NotEqual(t, a.Root.Subject.String(), b.Root.Subject.String())
	serials := map[string]bool{}
	for _, c := range []*x509.Certificate{a.Root, a.Intermediate.Cert, a.Leaf.Cert, b.Root, b.Intermediate.Cert, b.Leaf.Cert} {
		serials[c.SerialNumber.String()] = true
	}
	assert.Len(t, serials, 6)
}

func TestParseKeyType(t *testing.T) {
	for _, k := range []KeyType{RSA, ECDSA} {
		got, err := ParseKeyType(string(k))
		require.NoError(t, err)
		assert.Equal(t, k, got)
	}
	for _, s := range []string{"", "RSA", "ed25519", "rsa2048"} {
		_, err := ParseKeyType(s)
		assert.ErrorContains(t, err, "rsa or ecdsa")
	}
}

// TestVerifierRefuses is the negative control: what a thief of the
// intermediate's key could sign is worth nothing to a client.
func TestVerifierRefuses(t *testing.T) {
	h := standardHierarchy(t)
	for name, f := range misissued(t, h) {
		t.Run(name, func(t *testing.T) {
			err := VerifyServer(poolOf(h.Root), f.chain, f.leaf, f.name, noon)
			assert.Error(t, err)
		})
	}
}

// misissue is a chain that devcert would not make, and the name it is for.
type misissue struct {
	leaf  *x509.Certificate
	chain []*x509.Certificate
	name  string
}

func misissued(t testing.TB, h *Hierarchy) map[string]misissue {
	key := newP256(t)
	leaf := func(names []string, spoil func(*x509.Certificate), issuer Pair) *x509.Certificate {
		v := values{key: key.Public(), serial: h.Leaf.Cert.SerialNumber, notBefore: h.Leaf.Cert.NotBefore, notAfter: h.Leaf.Cert.NotAfter, dnsNames: names}
		template := leafProfile.template(v)
		spoil(template)
		return signCertificate(t, template, issuer, key.Public())
	}
	nothing := func(*x509.Certificate) {}
	chain := []*x509.Certificate{h.Intermediate.Cert}
	subKey := newP256(t)
	v := values{owner: "alice@pc", id: h.ID, key: subKey.Public(), serial: h.Root.SerialNumber, notBefore: h.Root.NotBefore, notAfter: h.Root.NotAfter, permits: DefaultPermits()}
	sub := Pair{signCertificate(t, serverProfile.template(v), h.Intermediate, subKey.Public()), subKey}
	return map[string]misissue{
		"example.com": {leaf([]string{"example.com"}, nothing, h.Intermediate), chain, "example.com"},
		"8.8.8.8": {leaf(nil, func(c *x509.Certificate) {
			c.IPAddresses = append(c.IPAddresses, []byte{8, 8, 8, 8})
		}, h.Intermediate), chain, "8.8.8.8"},
		"one bad name among good": {leaf([]string{"localhost", "example.com"}, nothing, h.Intermediate), chain, "localhost"},
		"client only": {leaf([]string{"localhost"}, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}, h.Intermediate), chain, "localhost"},
		"CA below the intermediate": {leaf([]string{"localhost"}, nothing, sub), append(chain, sub.Cert), "localhost"},
		"below a leaf":              {leaf([]string{"localhost"}, nothing, h.Leaf), append(chain, h.Leaf.Cert), "localhost"},
		"expired": {leaf([]string{"localhost"}, func(c *x509.Certificate) {
			c.NotAfter = seconds(noon).Add(-time.Minute)
		}, h.Intermediate), chain, "localhost"},
		"without the intermediate": {h.Leaf.Cert, nil, "localhost"},
		"another name":             {h.Leaf.Cert, chain, "other.test"},
	}
}

func TestVerifyServerRefusesDefaults(t *testing.T) {
	h := standardHierarchy(t)
	chain := []*x509.Certificate{h.Intermediate.Cert}
	assert.ErrorContains(t, VerifyServer(nil, chain, h.Leaf.Cert, "localhost", noon), "needed")
	assert.ErrorContains(t, VerifyServer(poolOf(h.Root), chain, h.Leaf.Cert, "localhost", time.Time{}), "needed")
	var refusal *NameError
	assert.ErrorAs(t, VerifyServer(poolOf(h.Root), chain, h.Leaf.Cert, "", noon), &refusal)
	assert.Error(t, VerifyServer(poolOf(), chain, h.Leaf.Cert, "localhost", noon))
}
