package chain

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewOutside(t *testing.T) {
	h := standardHierarchy(t)
	out, err := NewOutside(h.Intermediate, "example.com", noon)
	require.NoError(t, err)
	assert.Equal(t, []string{"example.com"}, out.Cert.DNSNames)
	assert.Equal(t, seconds(noon).Add(OutsideLifetime), out.Cert.NotAfter)

	pools := func() (roots, between *x509.CertPool) {
		roots, between = x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(h.Root)
		between.AddCert(h.Intermediate.Cert)
		return roots, between
	}
	roots, between := pools()
	_, err = out.Cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: "example.com", CurrentTime: noon})
	var refused x509.CertificateInvalidError
	require.ErrorAs(t, err, &refused, "a verifier that honours the constraints refuses it")
	assert.Equal(t, x509.CANotAuthorizedForThisName, refused.Reason)
}

func TestNewOutsideRefuses(t *testing.T) {
	h := standardHierarchy(t)
	for _, row := range []struct {
		name, host string
		when       time.Time
		reason     string
	}{
		{"a permitted name", "app.test", noon, "is permitted"},
		{"no name", "a..b", noon, "empty label"},
		{"an expired issuer", "example.com", h.Root.NotAfter.Add(time.Second), "expired"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := NewOutside(h.Intermediate, row.host, row.when)
			require.ErrorContains(t, err, row.reason)
		})
	}
}
