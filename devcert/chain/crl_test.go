package chain

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSignCRL(t *testing.T) {
	h := clientHierarchy(t)
	earlier, start, later := noon.Add(-48*time.Hour), noon.Add(-time.Hour), noon.Add(time.Hour)
	one, two := big.NewInt(0x1234), new(big.Int).Lsh(big.NewInt(1), 126)
	type entry struct {
		serial *big.Int
		at     time.Time
		reason int
	}
	for _, row := range []struct {
		name    string
		issuer  Pair
		revoked []Revoked
		want    []entry
	}{
		{"nothing revoked", h.ClientIntermediate, nil, nil},
		{"two", h.ClientIntermediate, []Revoked{{Serial: one, At: earlier}, {Serial: two, At: noon}}, []entry{{one, earlier, 0}, {two, start, 0}}},
		{"one twice", h.ClientIntermediate, []Revoked{{Serial: one, At: earlier}, {Serial: big.NewInt(0x1234), At: noon}}, []entry{{one, earlier, 0}}},
		{"by a clock that was ahead", h.ClientIntermediate, []Revoked{{Serial: one, At: later}}, []entry{{one, start, 0}}},
		{"by the server intermediate", h.Intermediate, []Revoked{{Serial: one, At: earlier}}, []entry{{one, earlier, 0}}},
		{"by the root", Pair{h.Root, h.RootKey}, []Revoked{{Serial: h.ClientIntermediate.Cert.SerialNumber, At: earlier}},
			[]entry{{h.ClientIntermediate.Cert.SerialNumber, earlier, 0}}},
		{"a group on hold", Pair{h.Root, h.RootKey}, []Revoked{{Serial: one, At: earlier, Hold: true}}, []entry{{one, earlier, 6}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			der, err := SignCRL(row.issuer, row.revoked, noon, 10*time.Minute)
			require.NoError(t, err)
			list, err := ParseCRL(EncodeCRL(der))
			require.NoError(t, err)
			require.NoError(t, list.CheckSignatureFrom(row.issuer.Cert))
			assert.Equal(t, row.issuer.Cert.SubjectKeyId, list.AuthorityKeyId)
			assert.Equal(t, big.NewInt(noon.Unix()), list.Number)
			assert.Equal(t, seconds(noon).Add(-time.Hour), list.ThisUpdate)
			assert.Equal(t, seconds(noon).Add(10*time.Minute), list.NextUpdate)
			assert.Len(t, list.Extensions, 2, "the issuer's key and the number")
			require.Len(t, list.RevokedCertificateEntries, len(row.want))
			for i, e := range list.RevokedCertificateEntries {
				assert.Equal(t, row.want[i].serial, e.SerialNumber)
				assert.Equal(t, seconds(row.want[i].at), e.RevocationTime)
				assert.Equal(t, row.want[i].reason, e.ReasonCode)
				assert.Len(t, e.Extensions, min(1, row.want[i].reason), "no reason but the one that lets it leave")
			}
		})
	}
}

func TestCRLNumberGrows(t *testing.T) {
	h := clientHierarchy(t)
	root, err := ParseCRL(EncodeCRL(h.RootCRL))
	require.NoError(t, err)
	last := root.Number
	for _, when := range []time.Time{noon, noon.Add(time.Second), noon.AddDate(9, 0, 0)} {
		der, err := SignCRL(Pair{h.Root, h.RootKey}, nil, when, time.Minute)
		require.NoError(t, err)
		list, err := x509.ParseRevocationList(der)
		require.NoError(t, err)
		assert.Positive(t, list.Number.Cmp(last))
		last = list.Number
	}
}

func TestSignCRLRefuses(t *testing.T) {
	h := clientHierarchy(t)
	for _, row := range []struct {
		name    string
		issuer  Pair
		revoked []Revoked
		now     time.Time
		life    time.Duration
		reason  string
	}{
		{"no key", Pair{Cert: h.Root}, nil, noon, time.Minute, "key is not that"},
		{"another's key", Pair{h.Root, h.Leaf.Key}, nil, noon, time.Minute, "key is not that"},
		{"no certificate", Pair{Key: h.RootKey}, nil, noon, time.Minute, "key is not that"},
		{"a leaf", h.Leaf, nil, noon, time.Minute, `"localhost" may not`},
		{"no time", h.ClientIntermediate, nil, time.Time{}, time.Minute, "no time"},
		{"no life", h.ClientIntermediate, nil, noon, 0, "out of date"},
		{"no serial number", h.ClientIntermediate, []Revoked{{At: noon}}, noon, time.Minute, "without serial number"},
		{"a serial number of zero", h.ClientIntermediate, []Revoked{{Serial: new(big.Int), At: noon}}, noon, time.Minute, "without serial number"},
		{"no date", h.ClientIntermediate, []Revoked{{Serial: big.NewInt(1)}}, noon, time.Minute, "date of revocation"},
	} {
		t.Run(row.name, func(t *testing.T) {
			der, err := SignCRL(row.issuer, row.revoked, row.now, row.life)
			assert.ErrorContains(t, err, row.reason)
			assert.Nil(t, der)
		})
	}
}

func TestCheckCRL(t *testing.T) {
	h := clientHierarchy(t)
	other, err := New(Options{Owner: "alice@pc", Key: ECDSA, Now: noon})
	require.NoError(t, err)
	sign := func(issuer Pair, change func(*x509.RevocationList)) []byte {
		list := x509.RevocationList{Number: big.NewInt(1), ThisUpdate: noon, NextUpdate: noon.Add(time.Hour)}
		if change != nil {
			change(&list)
		}
		der, err := x509.CreateRevocationList(rand.Reader, &list, issuer.Cert, issuer.Key)
		require.NoError(t, err)
		return der
	}
	more := []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}}
	twin := *h.Intermediate.Cert
	twin.PublicKey = other.Intermediate.Cert.PublicKey
	entries := func(n int) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) {
			for i := range n {
				l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(int64(i + 1)), RevocationTime: noon})
			}
		}
	}
	for _, row := range []struct {
		name   string
		der    []byte
		issuer *x509.Certificate
		reason string // "" when it is one
	}{
		{"the root's", h.RootCRL, h.Root, ""},
		{"the intermediate's", sign(h.Intermediate, nil), h.Intermediate.Cert, ""},
		{"one with entries", sign(h.Intermediate, entries(9)), h.Intermediate.Cert, ""},
		{"one with a hold", sign(h.Intermediate, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(1), RevocationTime: noon, ReasonCode: certificateHold}}
		}), h.Intermediate.Cert, ""},
		{"nothing", nil, h.Root, "not a revocation list"},
		{"a certificate", h.Root.Raw, h.Root, "not a revocation list"},
		{"something behind it", append(slices.Clone(h.RootCRL), 0), h.Root, "after the revocation list"},
		{"more than a few", sign(h.Intermediate, entries(1000)), h.Intermediate.Cert, "at most 16384"},
		{"the other authority's", sign(h.ClientIntermediate, nil), h.Intermediate.Cert, "not a revocation list of"},
		{"another root's", other.RootCRL, h.Root, "not a revocation list of"},
		{"another key's", sign(Pair{&twin, other.Intermediate.Key}, nil), h.Intermediate.Cert, "without valid signature"},
		{"one for some certificates only", sign(h.Intermediate, func(l *x509.RevocationList) { l.ExtraExtensions = more }), h.Intermediate.Cert, "extensions"},
		{"an entry that says more", sign(h.Intermediate, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(1), RevocationTime: noon, ReasonCode: 8}}
		}), h.Intermediate.Cert, "extensions"},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := CheckCRL(row.der, row.issuer)
			if row.reason == "" {
				require.NoError(t, err)
				require.Equal(t, row.der, list.Raw)
				return
			}
			require.ErrorContains(t, err, row.reason)
			require.Nil(t, list)
		})
	}
}
