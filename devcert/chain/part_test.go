package chain

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPartOf(t *testing.T) {
	h := standardHierarchy(t)
	for _, row := range []struct {
		name string
		cert *x509.Certificate
		part Part
	}{
		{"root", h.Root, PartRoot},
		{"intermediate", h.Intermediate.Cert, PartIntermediate},
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
	h := standardHierarchy(t)
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
	for _, cn := range []string{"", "devcert root", "devcert root x", "mkcert root x y", "devcert root a b c", "devcert root ä y"} {
		assert.Empty(t, OwnerOf(&x509.Certificate{Subject: pkix.Name{CommonName: cn}}), cn)
	}
}
