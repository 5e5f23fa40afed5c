package chain

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartOf(t *testing.T) {
	h := clientHierarchy(t)
	for _, row := range []struct {
		name string
		cert *x509.Certificate
		part Part
	}{
		{"root", h.Root, PartRoot},
		{"intermediate", h.Intermediate.Cert, PartIntermediate},
		{"client intermediate", h.ClientIntermediate.Cert, PartClientIntermediate},
		{"leaf", h.Leaf.Cert, PartLeaf},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Equal(t, row.part, PartOf(row.cert))
			assert.Equal(t, "alice@pc", OwnerOf(row.cert))
			again, part, err := CheckPart(row.cert.Raw)
			require.NoError(t, err)
			assert.Equal(t, row.part, part)
			assert.Equal(t, row.cert.Raw, again.Raw)
		})
	}
}

// What only looks like ours by its name stays where it is.
func TestPartOfOthers(t *testing.T) {
	h := clientHierarchy(t)
	f := newForgery(t, newP256(t))
	f.PermittedDNSDomains = append(f.PermittedDNSDomains, "com")
	forged, err := x509.ParseCertificate(f.sign(t))
	require.NoError(t, err)
	changed := *h.Root
	changed.Raw = forged.Raw
	for _, row := range []struct {
		name string
		cert *x509.Certificate
	}{
		{"a root of ours that permits more", forged},
		{"parsed fields that are not those of the bytes", &changed},
		{"an intermediate that may sign for clients too", forge(t, h, h.Intermediate.Cert, func(c *x509.Certificate) {
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		})},
		{"an intermediate without constraints", forge(t, h, h.Intermediate.Cert, func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedIPRanges = nil, nil
		})},
		{"a client intermediate that may sign for servers", forge(t, h, h.ClientIntermediate.Cert, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})},
		{"a client intermediate without constraints", forge(t, h, h.ClientIntermediate.Cert, func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedIPRanges = nil, nil
		})},
		{"a client intermediate with another list", forge(t, h, h.ClientIntermediate.Cert, func(c *x509.Certificate) {
			c.CRLDistributionPoints = []string{CRLBase + "/" + h.ID + "/clients.crl"}
		})},
		{"a leaf without ASP.NET Core's mark", forge(t, h, h.Leaf.Cert, func(c *x509.Certificate) { c.ExtraExtensions = nil })},
		{"somebody else's localhost", &x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}, Issuer: pkix.Name{CommonName: "localhost"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			assert.Empty(t, PartOf(row.cert))
			_, _, err := CheckPart(row.cert.Raw)
			assert.Error(t, err)
		})
	}
}

// forge makes a certificate with the names of like, changed, signed by the root.
func forge(t *testing.T, h *Hierarchy, like *x509.Certificate, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := *like
	template.ExtraExtensions = leafProfile.extra
	if like.IsCA {
		template.ExtraExtensions = nil
	}
	change(&template)
	issuer := &x509.Certificate{RawSubject: like.RawIssuer, SubjectKeyId: like.AuthorityKeyId}
	der, err := x509.CreateCertificate(nil, &template, issuer, like.PublicKey, newP256(t))
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func TestOwnerOf(t *testing.T) {
	for cn, want := range map[string]string{
		"":                                  "",
		"devcert root":                      "",
		"devcert root x":                    "",
		"devcert root x ":                   "",
		"mkcert root x y":                   "",
		"devcert root a b c":                "",
		"devcert root ä y":                  "",
		"devcert root a@b 1F3A9C2E":         "a@b",
		"devcert intermediate a@b 1F3A9C2E": "a@b",
		"devcert client a@b 1F3A9C2E":       "",
		"devcert client intermediate a@b 1F3A9C2E":                             "a@b",
		"devcert client intermediate a@b":                                      "",
		"devcert client intermediate " + strings.Repeat("a", 27) + " 1F3A9C2E": strings.Repeat("a", 27),
		"devcert client intermediate " + strings.Repeat("a", 28) + " 1F3A9C2E": "",
	} {
		assert.Equal(t, want, OwnerOf(&x509.Certificate{Subject: pkix.Name{CommonName: cn}}), cn)
	}
}

// An owner of whom nothing readable is left after the cut has a hierarchy that
// is recognised all the same.
func TestOwnerUnreadableWhereItIsCut(t *testing.T) {
	h := newHierarchy(t, Options{Key: ECDSA, ClientCerts: true, Owner: strings.Repeat(".", 30) + "anna"})
	assert.Equal(t, strings.Repeat(".", 30)+"anna", OwnerOf(h.Root))
	assert.Equal(t, "unknown", OwnerOf(h.ClientIntermediate.Cert))
	assert.Empty(t, Check(h.parts(), DefaultNames(), noon))
	h = newHierarchy(t, Options{Key: ECDSA, ClientCerts: true, Owner: strings.Repeat(".", 34) + "anna"})
	assert.Equal(t, "unknown", OwnerOf(h.Root))
	assert.Empty(t, Check(h.parts(), DefaultNames(), noon))
}
