package winstore

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestRivals(t *testing.T) {
	h := newHierarchy(t, chain.ECDSA)
	older, err := chain.NewLeaf(h.Intermediate, chain.LeafOptions{Names: []string{"localhost"}, Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	expired := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-48*time.Hour), now.Add(-24*time.Hour) }
	marked := func(values ...string) *x509.Certificate {
		return selfSigned(t, func(c *x509.Certificate) { c.ExtraExtensions = kestrel(values...) }).Cert
	}
	for _, row := range []struct {
		name    string
		cert    *x509.Certificate
		called  string
		effect  Effect
		version int
		iis     bool
	}{
		{"dotnet dev-certs of our version", marked("\x06"), "", Ties, 6, false},
		{"a newer dev-certs", marked("\x07"), "", Wins, 7, false},
		{"an older dev-certs", marked("\x02"), "", Loses, 2, false},
		{"IIS Express scripts: ASCII text reads as version 73", marked("IIS Express Development Certificate"), "", Wins, 'I', false},
		{"ASP.NET Core 2.0's text is version 0", marked(developmentText), "", Loses, 0, false},
		{"an empty value is version 0", marked(""), "", Loses, 0, false},
		{"marked, for another host", selfSigned(t, func(c *x509.Certificate) {
			c.DNSNames, c.Subject.CommonName, c.ExtraExtensions = nil, "other", kestrel("\x09")
		}).Cert, "", Wins, 9, false},
		{"marked and expired", selfSigned(t, func(c *x509.Certificate) { expired(c); c.ExtraExtensions = kestrel("\x09") }).Cert, "", Loses, 9, false},
		{"marked twice: Kestrel sees nothing at all", marked("\x06", "\x06"), "", Breaks, 6, false},
		{"marked twice and expired: not looked at", selfSigned(t, func(c *x509.Certificate) {
			expired(c)
			c.ExtraExtensions = kestrel("\x06", "\x06")
		}).Cert, "", Loses, 6, false},
		{"our older leaf", older.Cert, "", Ties, 6, false},
		{"self-made for localhost", selfSigned(t, nil).Cert, "", Loses, -1, false},
		{"IIS Express's own", selfSigned(t, nil).Cert, IISExpressName, Loses, -1, true},
		{"IIS Express's own, old: no SAN", selfSigned(t, func(c *x509.Certificate) { c.DNSNames = nil }).Cert, IISExpressName, Loses, -1, true},
		{"IIS Express's own, expired", selfSigned(t, expired).Cert, IISExpressName, Loses, -1, true},
		{"IIS Express's name, issued by somebody", signed(t, nil, selfSigned(t, nil)).Cert, IISExpressName, Loses, -1, false},
		{"our friendly name is not IIS Express's", selfSigned(t, nil).Cert, IISExpressName + " (devcert)", Loses, -1, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			list := []Entry{{DER: h.Leaf.Cert.Raw}, {DER: row.cert.Raw, FriendlyName: row.called}}
			rivals := Rivals(list, h.Leaf.Cert, now)
			require.Len(t, rivals, 1, "ours is not its own rival")
			r := rivals[0]
			require.Equal(t, row.effect, r.Effect, r.Reason)
			require.Equal(t, row.version, r.Version)
			require.Equal(t, row.iis, r.IISExpress)
			require.Equal(t, chain.Thumbprint(row.cert), r.Thumbprint)
			require.NotEmpty(t, r.Reason)
			if r.Cert != nil {
				require.Equal(t, r.Cert.NotAfter.After(now), r.Valid)
			}
		})
	}
}

func TestNoRivals(t *testing.T) {
	h := newHierarchy(t, chain.ECDSA)
	list := entries(
		h.Root, h.Intermediate.Cert,
		selfSigned(t, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = []string{"example.com"}, "example.com" }).Cert,
		selfSigned(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }).Cert,
	)
	require.Empty(t, Rivals(append(list, Entry{DER: []byte("no certificate")}), h.Leaf.Cert, now))

	other := newHierarchy(t, chain.ECDSA).Leaf.Cert
	require.Equal(t, Ties, Rivals(entries(other), h.Leaf.Cert, now)[0].Effect, "another user's leaf")
	require.Equal(t, Wins, Rivals(entries(other), nil, now)[0].Effect, "without one of ours")
	require.Equal(t, LeafKind, Rivals(entries(other), nil, now)[0].Kind)
	late := h.Leaf.Cert.NotAfter.Add(time.Minute)
	fresh := selfSigned(t, func(c *x509.Certificate) {
		c.NotAfter, c.ExtraExtensions = late.Add(time.Hour), kestrel("\x02")
	}).Cert
	require.Equal(t, Wins, Rivals(entries(fresh), h.Leaf.Cert, late)[0].Effect, "ours is expired")
}
