package chain

import (
	"crypto/x509"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moments are the times at which clocks and calendars are known to be got wrong.
var moments = map[string]time.Time{
	"a clock that lost its battery":      time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC),
	"the year 2000":                      time.Date(2000, 1, 1, 0, 30, 0, 0, time.UTC),
	"a leap day":                         time.Date(2028, 2, 29, 23, 59, 59, 999_999_999, time.UTC),
	"a leap day ten years before none":   time.Date(2032, 2, 29, 12, 0, 0, 0, time.UTC),
	"after 32 bits of seconds":           time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
	"the root ends in 2049":              time.Date(2039, 12, 31, 23, 59, 59, 0, time.UTC),
	"the root ends in 2050":              time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	"the leaf ends in 2050":              time.Date(2049, 1, 1, 12, 0, 0, 0, time.UTC),
	"from 2049 into 2050":                time.Date(2050, 1, 1, 0, 30, 0, 0, time.UTC),
	"2050":                               time.Date(2050, 1, 1, 1, 0, 0, 0, time.UTC),
	"2100, which is no leap year":        time.Date(2100, 2, 28, 23, 0, 0, 0, time.UTC),
	"the root would end in 10000":        time.Date(9995, 6, 1, 0, 0, 0, 0, time.UTC),
	"the leaf would end in 10000":        time.Date(9999, 6, 1, 0, 0, 0, 0, time.UTC),
	"next year already, east of all":     time.Date(2050, 1, 1, 2, 0, 0, 0, time.FixedZone("LINT", 14*3600)),
	"last year still, west of all":       time.Date(2049, 12, 31, 23, 0, 0, 0, time.FixedZone("AoE", -12*3600)),
	"in the hour that summer time omits": time.Date(2027, 3, 28, 2, 30, 0, 0, time.FixedZone("CET", 3600)),
}

// Whenever a hierarchy is made, it is right then, from its first second to its
// last, and its times are written as RFC 5280, 4.1.2.5 wants them.
func TestMoments(t *testing.T) {
	t.Logf("moments tried: %d, of which each makes five certificates and a list", len(moments))
	for name, now := range moments {
		t.Run(name, func(t *testing.T) {
			h, err := New(Options{Owner: "alice@pc", Key: ECDSA, Now: now, ClientCerts: true})
			require.NoError(t, err)
			require.Empty(t, Check(h.parts(), DefaultNames(), now))
			client, err := NewClient(h.ClientIntermediate, ClientOptions{Name: "alice", Key: ECDSA, Now: now})
			require.NoError(t, err)
			for _, c := range []*x509.Certificate{h.Root, h.Intermediate.Cert, h.ClientIntermediate.Cert, h.Leaf.Cert, client.Cert} {
				assert.Equal(t, seconds(now).Add(-Backdate), c.NotBefore)
				assert.False(t, c.NotAfter.After(h.Root.NotAfter), "outlives the root")
				assert.True(t, c.NotAfter.After(now), "lives")
				assertEncodedTimes(t, c)
			}
			ten := seconds(now).AddDate(10, 0, 0)
			if ten.Year() > 9999 {
				ten = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
			}
			assert.Equal(t, ten, h.Root.NotAfter)
			assertCRLAt(t, h, now)
			for _, at := range []time.Time{h.Leaf.Cert.NotBefore, now, h.Leaf.Cert.NotAfter} {
				assert.Empty(t, Check(h.parts(), DefaultNames(), at))
				_, err := h.Leaf.Cert.Verify(x509.VerifyOptions{
					Roots: poolOf(h.Root), Intermediates: poolOf(h.Intermediate.Cert), CurrentTime: at, DNSName: "localhost",
				})
				assert.NoError(t, err, at)
			}
			assert.Equal(t, []Fault{FaultNotYetValid}, faultsAt(h, h.Root.NotBefore.Add(-time.Second)))
			assert.Equal(t, []Fault{FaultExpired}, faultsAt(h, h.Root.NotAfter.Add(time.Second)))
		})
	}
}

// faultsAt are the kinds of what is wrong at a time.
func faultsAt(h *Hierarchy, now time.Time) []Fault {
	var all []Fault
	seen := map[Fault]bool{}
	for _, p := range Check(h.parts(), DefaultNames(), now) {
		if !seen[p.Fault] {
			all = append(all, p.Fault)
		}
		seen[p.Fault] = true
	}
	return all
}

// assertEncodedTimes: UTCTime up to 2049, GeneralizedTime from 2050, both in UTC
// to the second.
func assertEncodedTimes(t *testing.T, c *x509.Certificate) {
	t.Helper()
	var tbs struct {
		Version  int `asn1:"optional,explicit,default:0,tag:0"`
		Serial   asn1.RawValue
		Alg      asn1.RawValue
		Issuer   asn1.RawValue
		Validity struct{ NotBefore, NotAfter asn1.RawValue }
	}
	_, err := asn1.Unmarshal(c.RawTBSCertificate, &tbs)
	require.NoError(t, err)
	for raw, at := range map[*asn1.RawValue]time.Time{&tbs.Validity.NotBefore: c.NotBefore, &tbs.Validity.NotAfter: c.NotAfter} {
		if at.Year() < 2050 {
			assert.Equal(t, asn1.TagUTCTime, raw.Tag, at)
			assert.Equal(t, at.UTC().Format("060102150405Z"), string(raw.Bytes))
		} else {
			assert.Equal(t, asn1.TagGeneralizedTime, raw.Tag, at)
			assert.Equal(t, at.UTC().Format("20060102150405Z"), string(raw.Bytes))
		}
	}
}

func assertCRLAt(t *testing.T, h *Hierarchy, now time.Time) {
	t.Helper()
	list, err := x509.ParseRevocationList(h.RootCRL)
	require.NoError(t, err)
	assert.NoError(t, list.CheckSignatureFrom(h.Root))
	assert.False(t, list.ThisUpdate.After(now))
	assert.Equal(t, h.Root.NotAfter, list.NextUpdate)
}

// Leaves that are made near the root's end end with it; none is made outside its
// life, where nobody would take it.
func TestLeafAcrossTheRootsEnd(t *testing.T) {
	h := standardHierarchy(t)
	end, start := h.Root.NotAfter, h.Root.NotBefore
	for _, row := range []struct {
		name string
		now  time.Time
		want time.Time // the leaf's end; zero where none is made
		says string
	}{
		{"a day before the root is valid", start.Add(-24 * time.Hour), time.Time{}, "is the clock right?"},
		{"a second before", start.Add(-time.Second), time.Time{}, "is the clock right?"},
		{"its first second", start, start.Add(LeafLifetime), ""},
		{"in the middle", noon.AddDate(5, 0, 0), seconds(noon.AddDate(5, 0, 0)).Add(LeafLifetime), ""},
		{"to the second", end.Add(-LeafLifetime), end, ""},
		{"a second too late for a whole life", end.Add(time.Second - LeafLifetime), end, ""},
		{"a month before the end", end.AddDate(0, -1, 0), end, ""},
		{"its last second", end, end, ""},
		{"a second after", end.Add(time.Second), time.Time{}, "expired on"},
		{"years after", end.AddDate(40, 0, 0), time.Time{}, "expired on"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for what, make := range map[string]func() (Pair, error){
				"leaf": func() (Pair, error) {
					return NewLeaf(h.Intermediate, LeafOptions{Names: DefaultNames(), Key: ECDSA, Now: row.now})
				},
				"server": func() (Pair, error) {
					return NewServer(h.Intermediate, LeafOptions{Names: []string{"a.test"}, Key: ECDSA, Now: row.now})
				},
			} {
				p, err := make()
				if row.want.IsZero() {
					require.ErrorContains(t, err, row.says, what)
					continue
				}
				require.NoError(t, err, what)
				assert.Equal(t, row.want, p.Cert.NotAfter, what)
			}
		})
	}
}

// A clock in a year that no certificate can say is wrong, and is said to be.
func TestBeyondTheLastMoment(t *testing.T) {
	_, err := New(Options{Owner: "alice@pc", Key: ECDSA, Now: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorContains(t, err, "is the clock right?")
}
