package dotnet

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// in is how .NET finds certificates in a folder.
func in(pairs ...chain.Pair) (entries []entry) {
	for _, p := range pairs {
		e := entry{file: &file{path: "/my/x.pfx"}, der: p.Cert.Raw, key: p.Key}
		if len(p.Cert.RawTBSCertificate) > 0 { // else crypto/x509 refuses it
			e.cert = p.Cert
		}
		entries = append(entries, e)
	}
	return entries
}

func TestRivals(t *testing.T) {
	h := newHierarchy(t)
	ours := h.Leaf
	stranger, err := chain.New(chain.Options{Owner: "bob@pc", Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	former := newHierarchy(t)
	keyless := marked(t, nil, 7)
	keyless.Key = nil
	for _, row := range []struct {
		name    string
		entries []entry
		why     []string // of each rival
		choice  int
	}{
		{"alone", in(ours), nil, 0},
		{"the same version, first", in(marked(t, nil, 6), ours), []string{"Kestrel takes it: development certificate of the same version 6"}, 0},
		{"the same version, later", in(ours, marked(t, nil, 6)),
			[]string{"Kestrel may take it: development certificate of the same version 6, and only the folder's order has devcert's first"}, 0},
		{"a higher version", in(ours, marked(t, nil, 7)), []string{"Kestrel takes it: development certificate of version 7"}, 1},
		{"two of a higher version", in(ours, marked(t, nil, 7), marked(t, nil, 9)),
			[]string{"Kestrel prefers it: development certificate of version 7", "Kestrel takes it: development certificate of version 9"}, 2},
		{"a higher version without its key", in(ours, keyless),
			[]string{"Kestrel takes it: development certificate of version 7, and has no private key for it"}, 1},
		{"a lower version", in(marked(t, nil, 2), ours), nil, 1},
		{"a higher version that expired", in(marked(t, expired, 9), ours), nil, 1},
		{"a higher version that is yet to come", in(marked(t, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }, 9), ours), nil, 1},
		{"marked twice", in(ours, marked(t, nil, 1, 1)),
			[]string{"Kestrel fails over it and finds no certificate: marked twice as a development certificate"}, -1},
		{"marked twice, and expired", in(ours, marked(t, expired, 1, 1)), nil, 0},
		{"not marked", in(marked(t, nil), ours), nil, 1},
		{"our own former leaf is listed elsewhere", in(former.Leaf, ours), nil, 0},
		{"another user's leaf", in(stranger.Leaf, ours), []string{"Kestrel takes it: development certificate of the same version 6"}, 0},
		{"ours is not there", in(marked(t, nil, 6)), []string{"Kestrel takes it: development certificate of the same version 6"}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.choice, choice(row.entries, now))
			var why []string
			mayOnly := row.name == "the same version, later" || row.name == "ours is not there"
			for _, s := range rivals(row.entries, ours.Cert, now) {
				require.Equal(t, devcert.HarmRival, s.Harm)
				require.Equal(t, "localhost", s.Cert.Subject.CommonName)
				require.NotEmpty(t, s.Where)
				require.Equal(t, !mayOnly, s.TakesOver, s.Why)
				why = append(why, s.Why)
			}
			require.Equal(t, row.why, why)
		})
	}
}

func TestRivalsWhenTheLeafIsExpired(t *testing.T) {
	h := newHierarchy(t)
	old := marked(t, func(c *x509.Certificate) { c.NotAfter = h.Leaf.Cert.NotAfter.Add(time.Hour) }, 1)
	found := rivals(in(h.Leaf, old), h.Leaf.Cert, h.Leaf.Cert.NotAfter.Add(time.Minute))
	require.Len(t, found, 1)
	require.Equal(t, "Kestrel takes it: development certificate of version 1", found[0].Why)
}
