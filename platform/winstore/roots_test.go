package winstore

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

func TestJudgeRoots(t *testing.T) {
	h, others := newHierarchy(t, chain.ECDSA), newHierarchy(t, chain.ECDSA)
	older, err := chain.NewLeaf(h.Intermediate, chain.LeafOptions{Names: []string{"localhost"}, Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	authority := selfSigned(t, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid = "Company CA", true, true
	})
	issued := signed(t, nil, authority)
	// the names of an intermediate of ours, and nothing of ours behind them
	pretender := signed(t, func(c *x509.Certificate) {
		c.Subject, c.IsCA, c.BasicConstraintsValid = h.Intermediate.Cert.Subject, true, true
	}, chain.Pair{Cert: &x509.Certificate{Subject: h.Root.Subject}, Key: newKey(t)})
	// issuer and subject are the same, the signature is another key's
	impostor := signed(t, func(c *x509.Certificate) { c.Subject.CommonName = "Twin" },
		chain.Pair{Cert: &x509.Certificate{Subject: pkix.Name{CommonName: "Twin"}}, Key: newKey(t)})

	const kb = "it is not self-signed"
	for _, row := range []struct {
		name      string
		cert      *x509.Certificate
		kind      Kind
		exact     bool
		proven    bool
		misplaced string
	}{
		{"our root", h.Root, RootKind, true, true, ""},
		{"our intermediate: 403.16", h.Intermediate.Cert, IntermediateKind, true, true, "it is a devcert intermediate, which is not self-signed"},
		{"our leaf, after dev-certs --trust", h.Leaf.Cert, LeafKind, true, true, "it is a devcert leaf, which is not self-signed"},
		{"an older leaf of ours", older.Cert, LeafKind, false, true, "it is a devcert leaf, which is not self-signed"},
		{"a former root", others.Root, RootKind, false, true, ""},
		{"its intermediate, proven by it", others.Intermediate.Cert, IntermediateKind, false, true, "it is a devcert intermediate, which is not self-signed"},
		{"its leaf, proven by both", others.Leaf.Cert, LeafKind, false, true, "it is a devcert leaf, which is not self-signed"},
		{"our names, another key", pretender.Cert, IntermediateKind, false, false, "it is a devcert intermediate, which is not self-signed"},
		{"a company's root", authority.Cert, Other, false, false, ""},
		{"KB 2802568: a company's leaf", issued.Cert, Other, false, false, kb},
		{"same names, another key's signature", impostor.Cert, Other, false, false, kb},
	} {
		t.Run(row.name, func(t *testing.T) {
			// the leaf stands before what proves it, as a store's order may be
			list := entries(row.cert, others.Leaf.Cert, others.Intermediate.Cert, others.Root)
			j := JudgeRoots(list, h.Root, nil, h.Intermediate.Cert, h.Leaf.Cert)[0]
			require.Equal(t, row.kind, j.Kind)
			require.Equal(t, row.exact, j.Exact)
			require.Equal(t, row.proven, j.Proven)
			require.Equal(t, row.misplaced, j.Misplaced)
		})
	}
	require.False(t, JudgeRoots(entries(h.Leaf.Cert))[0].Proven, "with nobody to vouch for it")
	require.Contains(t, JudgeRoots([]Entry{{DER: []byte("\x30\x03abc")}})[0].Misplaced, "cannot be read")
	require.Empty(t, JudgeRoots(nil))
}

func TestIsSelfSigned(t *testing.T) {
	negative := selfSigned(t, nil).Cert.Raw
	for _, row := range []struct {
		name string
		der  []byte
		self bool
	}{
		{"MD5 and 512 bits, as old roots have", decode(t, weakRoot), true},
		{"version 1, no extensions", decode(t, versionOne), true},
		{"the same extension twice", selfSigned(t, func(c *x509.Certificate) { c.ExtraExtensions = kestrel("\x06", "\x06") }).Cert.Raw, true},
		{"a negative serial number", withNegativeSerial(t, negative), true},
		{"another's", newHierarchy(t, chain.ECDSA).Leaf.Cert.Raw, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			self, err := IsSelfSigned(row.der)
			require.NoError(t, err)
			require.Equal(t, row.self, self)
		})
	}
	_, err := IsSelfSigned(append(negative, 0))
	require.Error(t, err)
	_, err = IsSelfSigned(nil)
	require.Error(t, err)
}

// withNegativeSerial sets the top bit of the first byte of the serial number,
// which CreateCertificate would not do.
func withNegativeSerial(t *testing.T, der []byte) []byte {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	serial := cert.SerialNumber.Bytes()
	at := indexOf(der, serial)
	der = append([]byte(nil), der...)
	der[at] |= 0x80
	_, err = x509.ParseCertificate(der)
	require.ErrorContains(t, err, "serial", "crypto/x509 refuses it, Windows does not")
	return der
}

func indexOf(in, what []byte) int {
	for i := range in {
		if string(in[i:i+len(what)]) == string(what) {
			return i
		}
	}
	return -1
}

func decode(t *testing.T, s string) []byte {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(s)
	require.NoError(t, err)
	return der
}

func FuzzJudge(f *testing.F) {
	h := newHierarchy(f, chain.ECDSA)
	for _, c := range []*x509.Certificate{h.Root, h.Intermediate.Cert, h.Leaf.Cert} {
		f.Add(c.Raw, IISExpressName)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, der []byte, name string) {
		list := []Entry{{DER: der, FriendlyName: name}}
		require.Len(t, JudgeRoots(list, h.Root), 1)
		Rivals(list, h.Leaf.Cert, now)
		Rivals(list, nil, now)
	})
}
