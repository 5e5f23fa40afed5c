package chain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// variants are the hierarchies that every test of the profile goes through.
func variants(t testing.TB) map[string]Options {
	long := strings.Repeat("a", 63) + "." + strings.Repeat("b", 63) + ".test"
	many := DefaultNames()
	for i := range 60 {
		many = append(many, "service-"+string(rune('a'+i%26))+strings.Repeat("x", i/26)+".test")
	}
	return map[string]Options{
		"rsa, all defaults":       {},
		"ecdsa, all defaults":     {Key: ECDSA},
		"no host in the owner":    {Key: ECDSA, Owner: "bob"},
		"longest owner":           {Key: ECDSA, Owner: strings.Repeat("long.", 20) + "@host"},
		"unreadable owner":        {Key: ECDSA, Owner: "пользователь"},
		"permits of all kinds":    {Key: ECDSA, Permits: permits(t, "app.example.com", "corp", "bücher.example", "192.168.0.0/16", "fd12:3456::/32", "10.1.2.3")},
		"rsa, many names":         {Names: many},
		"host name of 64":         {Key: ECDSA, Names: []string{"localhost", strings.Repeat("h", 59) + ".test"}},
		"host name beyond 64":     {Key: ECDSA, Names: []string{"localhost", long}},
		"international name":      {Key: ECDSA, Names: []string{"localhost", "bücher.test", "xn--bcher-kva.dev.internal"}},
		"addresses only":          {Key: ECDSA, Names: []string{"127.0.0.1", "::1", "127.1.2.3"}},
		"one name":                {Key: ECDSA, Names: []string{"foo.localhost"}},
		"made on a leap day":      {Key: ECDSA, Now: time.Date(2028, 2, 29, 0, 30, 0, 0, time.UTC)},
		"root ends beyond 2050":   {Key: ECDSA, Now: time.Date(2041, 6, 1, 0, 0, 0, 0, time.UTC)},
		"leaf crosses 2050":       {Key: ECDSA, Now: time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)},
		"made just after 2050":    {Key: ECDSA, Now: time.Date(2050, 1, 1, 0, 30, 0, 0, time.UTC)},
		"for clients too":         {Key: ECDSA, ClientCerts: true},
		"clients, longest owner":  {Key: ECDSA, ClientCerts: true, Owner: strings.Repeat("long.", 20) + "@host"},
		"clients, other permits":  {Key: ECDSA, ClientCerts: true, Permits: permits(t, "app.example.com", "192.168.0.0/16")},
		"made in a far time zone": {Key: ECDSA, Now: time.Date(2026, 1, 1, 3, 0, 0, 0, time.FixedZone("", 14*3600))},
	}
}

// wantExtension is written by hand, so that it does not repeat the code's idea.
type wantExtension struct {
	critical bool
	value    string // hex of the DER
}

func TestProfiles(t *testing.T) {
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHierarchy(t, o)
			permits, names, now := o.Permits, o.Names, o.Now
			if len(permits.Domains) == 0 {
				permits = DefaultPermits()
			}
			if len(names) == 0 {
				names = DefaultNames()
			}
			if now.IsZero() {
				now = noon
			}
			t.Run("root", func(t *testing.T) { assertRoot(t, h, permits, now) })
			t.Run("intermediate", func(t *testing.T) {
				assertIntermediate(t, h, h.Intermediate.Cert, permits, "intermediate", "300a06082b06010505070301")
			})
			if o.ClientCerts {
				t.Run("client intermediate", func(t *testing.T) {
					assertIntermediate(t, h, h.ClientIntermediate.Cert, permits, "client intermediate", "300a06082b06010505070302")
				})
			} else {
				assert.Zero(t, h.ClientIntermediate)
			}
			t.Run("leaf", func(t *testing.T) { assertLeaf(t, h, names, now) })
			t.Run("revocation list", func(t *testing.T) { assertCRL(t, h) })

			_, err := CheckRoot(h.Root.Raw)
			assert.NoError(t, err)
			canonical, err := NormalNames(names)
			require.NoError(t, err)
			assert.Empty(t, Check(h.parts(), canonical, now))
			for _, n := range canonical {
				assert.NoError(t, VerifyServer(poolOf(h.Root), []*x509.Certificate{h.Intermediate.Cert}, h.Leaf.Cert, n, now))
			}
		})
	}
}

func assertRoot(t *testing.T, h *Hierarchy, p Permits, now time.Time) {
	assertCommon(t, h.Root, h.Root, now)
	assertAuthority(t, h.Root, "root", h)
	assert.Equal(t, now.UTC().Truncate(time.Second).AddDate(10, 0, 0), h.Root.NotAfter)
	assertExtensions(t, h.Root, map[string]wantExtension{
		"2.5.29.19": {true, "30060101ff020101"},
		"2.5.29.15": {true, "03020106"},
		"2.5.29.30": {true, constraintsHex(t, p)},
		"2.5.29.14": {false, "0414" + hex.EncodeToString(KeyID(h.Root.PublicKey))},
	})
}

func assertIntermediate(t *testing.T, h *Hierarchy, c *x509.Certificate, p Permits, title, purpose string) {
	assertCommon(t, c, h.Root, h.Root.NotBefore.Add(time.Hour))
	assertAuthority(t, c, title, h)
	assert.Equal(t, h.Root.NotAfter, c.NotAfter)
	assertExtensions(t, c, map[string]wantExtension{
		"2.5.29.19": {true, "30060101ff020100"},
		"2.5.29.15": {true, "03020106"},
		"2.5.29.37": {false, purpose},
		"2.5.29.30": {true, constraintsHex(t, p)},
		"2.5.29.14": {false, "0414" + hex.EncodeToString(KeyID(c.PublicKey))},
		"2.5.29.35": {false, "30168014" + hex.EncodeToString(KeyID(h.Root.PublicKey))},
		"2.5.29.31": {false, crlPointHex(t, "http://localhost:44298/"+h.ID+"/root.crl")},
	})
}

func assertLeaf(t *testing.T, h *Hierarchy, names []string, now time.Time) {
	c := h.Leaf.Cert
	assertCommon(t, c, h.Intermediate.Cert, now)
	assert.Equal(t, "CN=localhost", c.Subject.String())
	assert.Equal(t, now.UTC().Truncate(time.Second).Add(365*24*time.Hour), c.NotAfter)
	usage := "03020780"
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		usage = "030205a0"
		assert.Equal(t, 2048, key.N.BitLen())
		assert.Equal(t, 65537, key.E)
	case *ecdsa.PublicKey:
		assert.Equal(t, elliptic.P256(), key.Curve)
	}
	assertExtensions(t, c, map[string]wantExtension{
		"2.5.29.19":              {true, "3000"},
		"2.5.29.15":              {true, usage},
		"2.5.29.37":              {false, "300a06082b06010505070301"},
		"2.5.29.14":              {false, "0414" + hex.EncodeToString(KeyID(c.PublicKey))},
		"2.5.29.35":              {false, "30168014" + hex.EncodeToString(KeyID(h.Intermediate.Cert.PublicKey))},
		"2.5.29.17":              {false, namesHex(t, names)},
		"1.3.6.1.4.1.311.84.1.1": {false, "06"},
	})
}

func assertCommon(t *testing.T, c, issuer *x509.Certificate, now time.Time) {
	assert.Equal(t, 3, c.Version)
	assert.Equal(t, x509.ECDSAWithSHA256, c.SignatureAlgorithm)
	assert.Positive(t, c.SerialNumber.Sign())
	assert.LessOrEqual(t, c.SerialNumber.BitLen(), 127)
	assert.Greater(t, c.SerialNumber.BitLen(), 64, "2^-63 of failing by chance")
	assert.Equal(t, now.UTC().Truncate(time.Second).Add(-time.Hour), c.NotBefore)
	assert.Equal(t, issuer.RawSubject, c.RawIssuer)
	assert.NoError(t, c.CheckSignatureFrom(issuer))
}

func assertAuthority(t *testing.T, c *x509.Certificate, title string, h *Hierarchy) {
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	require.True(t, ok)
	assert.Equal(t, elliptic.P256(), key.Curve)
	assert.Regexp(t, `^devcert `+title+` [A-Za-z0-9.@-]{1,34} `+strings.ToUpper(h.ID)+`$`, c.Subject.CommonName)
	assert.LessOrEqual(t, len(c.Subject.CommonName), 64)
	assert.Equal(t, []string{"devcert development CA"}, c.Subject.Organization)
	assert.Len(t, c.Subject.Names, 2)
	assert.Regexp(t, `^[0-9a-f]{8}$`, h.ID)
	assert.Equal(t, h.ID, hex.EncodeToString(h.Root.SubjectKeyId)[:8])
}

func assertExtensions(t *testing.T, c *x509.Certificate, want map[string]wantExtension) {
	got := map[string]wantExtension{}
	for _, e := range c.Extensions {
		got[e.Id.String()] = wantExtension{e.Critical, hex.EncodeToString(e.Value)}
	}
	assert.Equal(t, want, got)
	assert.Len(t, c.Extensions, len(want))
	assert.Empty(t, c.UnhandledCriticalExtensions)
}

func assertCRL(t *testing.T, h *Hierarchy) {
	list, err := ParseCRL(EncodeCRL(h.RootCRL))
	require.NoError(t, err)
	assert.Equal(t, h.RootCRL, list.Raw)
	assert.NoError(t, list.CheckSignatureFrom(h.Root))
	assert.Equal(t, big.NewInt(1), list.Number)
	assert.Empty(t, list.RevokedCertificateEntries)
	assert.Equal(t, h.Root.NotBefore, list.ThisUpdate)
	assert.Equal(t, h.Root.NotAfter, list.NextUpdate)
}

func constraintsHex(t *testing.T, p Permits) string {
	p = p.With(Permits{})
	var b cryptobyte.Builder
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
			for _, d := range p.Domains {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(context(2), func(b *cryptobyte.Builder) { b.AddBytes([]byte(d)) })
				})
			}
			for _, n := range p.Networks {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(context(7), func(b *cryptobyte.Builder) {
						b.AddBytes(n.Addr().AsSlice())
						b.AddBytes(net.CIDRMask(n.Bits(), n.Addr().BitLen()))
					})
				})
			}
		})
	})
	return hex.EncodeToString(b.BytesOrPanic())
}

func crlPointHex(t *testing.T, url string) string {
	var b cryptobyte.Builder
	context := func(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific() }
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(context(6), func(b *cryptobyte.Builder) { b.AddBytes([]byte(url)) })
				})
			})
		})
	})
	return hex.EncodeToString(b.BytesOrPanic())
}

// namesHex puts DNS names before addresses, both in the order given.
func namesHex(t *testing.T, raw []string) string {
	names, err := NormalNames(raw)
	require.NoError(t, err)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range names {
			if _, err := netip.ParseAddr(n); err != nil {
				b.AddASN1(asn1.Tag(2).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(n)) })
			}
		}
		for _, n := range names {
			if a, err := netip.ParseAddr(n); err == nil {
				b.AddASN1(asn1.Tag(7).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(a.AsSlice()) })
			}
		}
	})
	return hex.EncodeToString(b.BytesOrPanic())
}
