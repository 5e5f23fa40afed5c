package winstore

import (
	"crypto/x509"
	"slices"

	"devcert/devcert/chain"
)

// aboveOf is the certificate of devcert's organization that issued cert and is no
// root; nil where none of the entries is.
func aboveOf(cert *x509.Certificate, entries []Entry) *x509.Certificate {
	for _, c := range parsed(entries) {
		if c.IsCA && slices.Contains(c.Subject.Organization, chain.Organization) &&
			c.CheckSignatureFrom(c) != nil && cert.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

// needed says whether above issued one of the entries that has a key.
func needed(above *x509.Certificate, entries []Entry) bool {
	withKey := slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return !e.HasKey })
	return slices.ContainsFunc(parsed(withKey), func(c *x509.Certificate) bool { return c.CheckSignatureFrom(above) == nil })
}

// parsed are the certificates that crypto/x509 reads: those of devcert's are.
func parsed(entries []Entry) []*x509.Certificate {
	var all []*x509.Certificate
	for _, e := range entries {
		if cert, err := x509.ParseCertificate(e.DER); err == nil {
			all = append(all, cert)
		}
	}
	return all
}
