package chain

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newGroup(t testing.TB, h *Hierarchy, name string) Pair {
	t.Helper()
	g, err := NewGroup(Pair{h.Root, h.RootKey}, name, noon, nil)
	require.NoError(t, err)
	return g
}

func TestGroupProfile(t *testing.T) {
	for _, row := range []struct{ name, owner, ownerLeft string }{
		{"ops", "alice@pc", "alice@pc"},
		{"a", strings.Repeat("o", 40), strings.Repeat("o", 34)},
		{"partner-2-abcdefghij", strings.Repeat("o", 40), strings.Repeat("o", 20)},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHierarchy(t, Options{Key: ECDSA, Owner: row.owner})
			g := newGroup(t, h, row.name)
			require.True(t, SameKey(g.Cert, g.Key))
			assertIntermediate(t, h, g.Cert, DefaultPermits(), "group "+row.name, forClients)
			assert.Equal(t, PartClientIntermediate, PartOf(g.Cert))
			assert.Equal(t, row.name, GroupOf(g.Cert))
			assert.Equal(t, row.ownerLeft, OwnerOf(g.Cert))
			assert.Equal(t, "group-"+row.name+".crl", CRLName(g.Cert))

			for _, problem := range Check(Parts{Root: h.Root, ClientIntermediate: g.Cert, ClientIntermediateKey: g.Key}, nil, noon) {
				assert.Equal(t, FaultMissing, problem.Fault, problem.String())
			}

			p, err := NewClient(g, ClientOptions{Name: "anna", Key: ECDSA, Now: noon})
			require.NoError(t, err)
			assert.Equal(t, PartClient, PartOf(p.Cert))
			assert.Equal(t, row.ownerLeft, OwnerOf(p.Cert))
			assert.Equal(t, []string{"http://localhost:44298/" + h.ID + "/group-" + row.name + ".crl"}, p.Cert.CRLDistributionPoints)
			_, err = p.Cert.Verify(x509.VerifyOptions{Roots: poolOf(h.Root), Intermediates: poolOf(g.Cert), CurrentTime: noon,
				KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
			assert.NoError(t, err)
		})
	}
}

func TestNewGroupRefuses(t *testing.T) {
	h := clientHierarchy(t)
	root := Pair{h.Root, h.RootKey}
	for _, name := range []string{"", "-x", "x-", "a--b", "Ops", "a b", "a/b", "ä", "..", strings.Repeat("a", 21)} {
		_, err := NewGroup(root, name, noon, nil)
		var refusal *NameError
		require.ErrorAs(t, err, &refusal, name)
		assert.Equal(t, name, refusal.Name)
	}
	for _, row := range []struct {
		name   string
		issuer Pair
		now    time.Time
		reason string
	}{
		{"no key", Pair{Cert: h.Root}, noon, "key is not that"},
		{"the client intermediate", h.ClientIntermediate, noon, "not a devcert root"},
		{"no time", root, time.Time{}, "no time"},
		{"expired root", root, h.Root.NotAfter.Add(time.Second), "expired on 2036-11-21"},
		{"root of tomorrow", root, h.Root.NotBefore.Add(-time.Second), "not valid before"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, err := NewGroup(row.issuer, "ops", row.now, nil)
			assert.ErrorContains(t, err, row.reason)
			assert.Zero(t, g)
		})
	}
}

func TestGroupOf(t *testing.T) {
	h := clientHierarchy(t)
	assert.Empty(t, GroupOf(h.ClientIntermediate.Cert))
	assert.Empty(t, GroupOf(h.Root))
	for cn, want := range map[string]string{
		"devcert group ops a@b 1F3A9C2E":   "ops",
		"devcert group Ops a@b 1F3A9C2E":   "",
		"devcert group ops 1F3A9C2E":       "",
		"devcert group  a@b 1F3A9C2E":      "",
		"devcert group ops a@b 1F3A9C2E x": "",
	} {
		assert.Equal(t, want, GroupOf(&x509.Certificate{Subject: pkix.Name{CommonName: cn}}), cn)
	}
	g := newGroup(t, h, "ops")
	for name, cert := range map[string]*x509.Certificate{
		"for servers too": forge(t, h, g.Cert, func(c *x509.Certificate) {
			c.ExtKeyUsage = append(c.ExtKeyUsage[:1:1], x509.ExtKeyUsageServerAuth)
		}),
		"permits everything": forge(t, h, g.Cert, func(c *x509.Certificate) { c.PermittedDNSDomains, c.PermittedIPRanges = nil, nil }),
	} {
		assert.Empty(t, PartOf(cert), name)
	}
}

// TestOpenSSLDisablesGroups: one group goes, and the others stay.
func TestOpenSSLDisablesGroups(t *testing.T) {
	o, h := newOpenSSL(t), clientHierarchy(t)
	root := Pair{h.Root, h.RootKey}
	ops, partners := newGroup(t, h, "ops"), newGroup(t, h, "partners")
	list := func(issuer Pair, revoked ...*big.Int) []byte {
		var all []Revoked
		for _, serial := range revoked {
			all = append(all, Revoked{Serial: serial, At: noon})
		}
		der, err := SignCRL(issuer, all, noon, 10*time.Minute)
		require.NoError(t, err)
		return EncodeCRL(der)
	}
	for _, row := range []struct {
		name     string
		disabled []*big.Int
		group    Pair
		want     string
	}{
		{"none disabled", nil, ops, "OK"},
		{"disabled", []*big.Int{ops.Cert.SerialNumber}, ops, "error 23 at 1"},
		{"the other one disabled", []*big.Int{ops.Cert.SerialNumber}, partners, "OK"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := NewClient(row.group, ClientOptions{Name: "anna", Key: ECDSA, Now: noon})
			require.NoError(t, err)
			o.write(t, "root.crl", list(root, row.disabled...))
			o.write(t, "group.crl", list(row.group))
			out, err := o.judge(t, h.Root, []*x509.Certificate{row.group.Cert}, p.Cert, noon,
				"-purpose", "sslclient", "-crl_check_all", "-CRLfile", "root.crl", "-CRLfile", "group.crl")
			assert.Equal(t, row.want == "OK", err == nil, out)
			assert.Contains(t, out, row.want)
		})
	}
}
