package winstore

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// listBy is a list that is good until end.
func listBy(t testing.TB, issuer chain.Pair, end time.Time, revoked ...*big.Int) []byte {
	t.Helper()
	var named []chain.Revoked
	for _, serial := range revoked {
		named = append(named, chain.Revoked{Serial: serial, At: now})
	}
	der, err := chain.SignCRL(issuer, named, now, end.Sub(now))
	require.NoError(t, err)
	return der
}

// twinOf has the names and key id of an authority, and another key.
func twinOf(t testing.TB, like *x509.Certificate, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: like.RawSubject, SubjectKeyId: like.SubjectKeyId,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign, NotBefore: like.NotBefore, NotAfter: like.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return must(t, der)
}

func must(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// strangersList has nothing to do with us.
func strangersList(t testing.TB) []byte {
	t.Helper()
	ca := selfSigned(t, func(c *x509.Certificate) {
		c.Subject, c.SubjectKeyId = pkix.Name{CommonName: "somebody's CA"}, []byte{1, 2, 3}
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCRLSign
	})
	der, err := chain.SignCRL(ca, nil, now, time.Hour)
	require.NoError(t, err)
	return der
}

func TestLacking(t *testing.T) {
	h, other := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	end, serial := h.Intermediate.Cert.NotAfter, big.NewInt(4711)
	long := listBy(t, h.Intermediate, end)
	naming := listBy(t, h.Intermediate, end, big.NewInt(1), serial)
	rootless := materialOf(h)
	rootless.RootCRL = nil
	revoking := materialOf(h)
	revoking.Revoked = []chain.Revoked{{Serial: serial, At: now}}
	for _, row := range []struct {
		name string
		m    devcert.Material
		has  [][]byte
		now  time.Time
		want lacks
		says string
	}{
		{"both", materialOf(h), [][]byte{strangersList(t), long, h.RootCRL}, now, lacks{}, ""},
		{"none", materialOf(h), nil, now, lacks{true, true}, "the root's and the intermediate's is missing or out of date"},
		{"the root's alone", materialOf(h), [][]byte{h.RootCRL}, now, lacks{servers: true}, "the intermediate's is missing or out of date"},
		{"the intermediate's alone", materialOf(h), [][]byte{long}, now, lacks{root: true}, "the root's is missing or out of date"},
		{"another hierarchy's", materialOf(h), [][]byte{other.RootCRL, listBy(t, other.Intermediate, end)}, now, lacks{true, true}, "the root's and"},
		{"what a key that is kept may revoke", rootless, [][]byte{long}, now, lacks{}, ""},
		{"one that ends before the leaf", materialOf(h), [][]byte{h.RootCRL, listBy(t, h.Intermediate, now.Add(10*time.Minute))}, now, lacks{servers: true}, "the intermediate's"},
		{"one past its end", materialOf(h), [][]byte{h.RootCRL, long}, end, lacks{servers: true}, "the intermediate's"},
		{"one from the future", materialOf(h), [][]byte{h.RootCRL, long}, now.Add(-2 * time.Hour), lacks{servers: true}, "the intermediate's"},
		{"one without what was revoked", revoking, [][]byte{h.RootCRL, long}, now, lacks{servers: true}, "the intermediate's"},
		{"one with it", revoking, [][]byte{h.RootCRL, long, naming}, now, lacks{}, ""},
		{"nothing is wanted", devcert.Material{}, nil, now, lacks{}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := lacking(row.m, row.has, row.now)
			require.Equal(t, row.want, got)
			if row.says == "" {
				require.Empty(t, got.String())
			}
			require.Contains(t, got.String(), row.says)
		})
	}
	m := materialOf(h)
	require.Equal(t, [][]byte{h.RootCRL}, lacks{true, true}.of(m), "none can be signed")
	m.ServersCRL = long
	require.Equal(t, [][]byte{h.RootCRL, long}, lacks{true, true}.of(m))
	require.Equal(t, [][]byte{long}, lacks{servers: true}.of(m))
}

func TestListsGoWith(t *testing.T) {
	h, other := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	ca, thief := h.Intermediate.Cert, newKey(t)
	own, newer := listBy(t, h.Intermediate, now.Add(time.Hour)), listBy(t, h.Intermediate, now.Add(2*time.Hour))
	for _, row := range []struct {
		name                string
		list                []byte
		leaves, overwritten bool
	}{
		{"the root's", h.RootCRL, true, false},
		{"the intermediate's", own, true, true},
		{"a newer one", newer, true, false},
		{"another root's", other.RootCRL, false, false},
		{"another intermediate's", listBy(t, other.Intermediate, now.Add(time.Hour)), false, false},
		{"somebody's", strangersList(t), false, false},
		{"one by another key", listBy(t, chain.Pair{Cert: twinOf(t, ca, thief), Key: thief}, now.Add(time.Hour)), false, false},
		{"none", []byte("x"), false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.leaves, goesWith(ca, row.list))
			require.Equal(t, row.overwritten, supersedes(newer, row.list, ca))
			require.False(t, supersedes(h.RootCRL, row.list, ca))
		})
	}
}

// Lists that are lost make the place of the intermediate stale, and no other; that it
// is distrusted or missing comes first.
func TestPlaceWithoutLists(t *testing.T) {
	h := newHierarchy(t, chain.ECDSA)
	look := func(k kind, change func(*sight)) devcert.Place {
		cert := materialOf(h).Part(k.part)
		s := sight{kind: k, store: Store{LocalMachine, k.in, false}, entries: entries(cert), merged: entries(cert), now: now,
			lacks: lacks{servers: true}}
		change(&s)
		return s.place(materialOf(h), ruling{})
	}
	p := look(kinds[1], func(*sight) {})
	require.Equal(t, devcert.Stale, p.State)
	require.Equal(t, "the intermediate's is missing or out of date", p.Evidence)
	require.Equal(t, devcert.Denied, look(kinds[1], func(s *sight) { s.banned = `LocalMachine\Disallowed` }).State)
	require.Equal(t, devcert.Missing, look(kinds[1], func(s *sight) { s.merged = nil }).State)
	require.Equal(t, devcert.Trusted, look(kinds[1], func(s *sight) { s.lacks = lacks{} }).State)
	require.Equal(t, devcert.Trusted, look(kinds[0], func(*sight) {}).State)
}
