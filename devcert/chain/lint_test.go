// zcrypto, zlint's parser, does not compile for Windows. The certificates are
// the same everywhere.
//go:build !windows

package chain

import (
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// The sources that apply to any certificate; the others (CA/Browser Forum,
// root programs) are rules for public CAs.
var lintSources = lint.SourceList{lint.RFC5280, lint.RFC5480, lint.RFC5891, lint.RFC8813, lint.Community}

// How many lints must have had an opinion, so that a filter or a parser that
// went wrong cannot pass for a clean certificate.
const (
	leastCALints   = 50
	leastLeafLints = 60
	leastCRLLints  = 8
)

func registry(t *testing.T) lint.Registry {
	t.Helper()
	r, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: lintSources})
	require.NoError(t, err)
	return r
}

func TestLint(t *testing.T) {
	r := registry(t)
	for name, o := range variants(t) {
		t.Run(name, func(t *testing.T) {
			h := newHierarchy(t, o)
			for _, c := range []struct {
				name  string
				cert  *x509.Certificate
				least int
			}{
				{"root", h.Root, leastCALints}, {"intermediate", h.Intermediate.Cert, leastCALints},
				{"client intermediate", h.ClientIntermediate.Cert, leastCALints}, {"leaf", h.Leaf.Cert, leastLeafLints},
			} {
				if c.cert == nil {
					continue
				}
				cert, err := zx509.ParseCertificate(c.cert.Raw)
				require.NoError(t, err)
				assertClean(t, c.name, zlint.LintCertificateEx(cert, r), c.least)
			}
			list, err := zx509.ParseRevocationList(h.RootCRL)
			require.NoError(t, err)
			assertClean(t, "revocation list", zlint.LintRevocationListEx(list, r), leastCRLLints)
		})
	}
}

func assertClean(t *testing.T, what string, set *zlint.ResultSet, least int) {
	t.Helper()
	judged := 0
	for name, result := range set.Results {
		if result.Status >= lint.Warn {
			t.Errorf("%s: %s says %s: %s", what, name, result.Status, result.Details)
		}
		if result.Status == lint.Pass {
			judged++
		}
	}
	assert.GreaterOrEqual(t, judged, least, "%s: lints that passed, of %d run", what, len(set.Results))
}

func TestLintIssued(t *testing.T) {
	h, r := clientHierarchy(t), registry(t)
	lint := func(t *testing.T, c *x509.Certificate) {
		cert, err := zx509.ParseCertificate(c.Raw)
		require.NoError(t, err)
		assertClean(t, c.Subject.String(), zlint.LintCertificateEx(cert, r), leastLeafLints)
	}
	for name, v := range clientVariants() {
		t.Run(name, func(t *testing.T) { lint(t, v.make(t, h).Cert) })
	}
	for name, v := range serverVariants() {
		t.Run("server, "+name, func(t *testing.T) {
			v.o.Now = noon
			p, err := NewServer(h.Intermediate, v.o)
			require.NoError(t, err)
			lint(t, p.Cert)
		})
	}
	t.Run("group", func(t *testing.T) {
		cert, err := zx509.ParseCertificate(newGroup(t, h, "ops").Cert.Raw)
		require.NoError(t, err)
		assertClean(t, "group", zlint.LintCertificateEx(cert, r), leastCALints)
	})
	t.Run("self-signed", func(t *testing.T) {
		p, err := NewSelfSigned(ClientOptions{Name: "anna", Key: ECDSA, Emails: []string{"a@b.test"}, Now: noon})
		require.NoError(t, err)
		lint(t, p.Cert)
	})
}

func TestLintSignedCRL(t *testing.T) {
	h := clientHierarchy(t)
	for name, revoked := range map[string][]Revoked{
		"nothing revoked": nil,
		"two revoked":     {{Serial: big.NewInt(4711), At: noon.AddDate(0, 0, -3)}, {Serial: big.NewInt(4712), At: noon}},
	} {
		der, err := SignCRL(h.ClientIntermediate, revoked, noon, 10*time.Minute)
		require.NoError(t, err)
		list, err := zx509.ParseRevocationList(der)
		require.NoError(t, err)
		assertClean(t, name, zlint.LintRevocationListEx(list, registry(t)), leastCRLLints)
	}
}

// TestLintNotices is the control: a certificate with a fault is found out.
func TestLintNotices(t *testing.T) {
	h := standardHierarchy(t)
	bad := *h.Intermediate.Cert
	bad.PermittedDNSDomainsCritical = false
	cert, err := zx509.ParseCertificate(signCertificate(t, &bad, Pair{h.Root, h.RootKey}, bad.PublicKey).Raw)
	require.NoError(t, err)
	set := zlint.LintCertificateEx(cert, registry(t))
	assert.True(t, set.ErrorsPresent || set.WarningsPresent)
}
