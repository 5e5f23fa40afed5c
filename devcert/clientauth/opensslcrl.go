package clientauth

import (
	"bytes"
	"crypto/x509"
)

const removeFromCRL = 8 // RFC 5280, 5.3.1: a hold that was lifted

// revocation is check_revocation: every certificate that it looks at must have a
// CRL of its issuer, one that is good now.
func (o opensslCheck) revocation(p *sslPath) {
	last := len(p.certs) - 1
	switch o.crlCheck {
	case CRLNone:
		return
	case CRLLeaf:
		last = 0
	}
	for i := 0; i <= last; i++ {
		issuer := p.certs[i]
		if i+1 < len(p.certs) {
			issuer = p.certs[i+1]
		} else if !selfSigned(issuer) {
			issuer = nil // a CRL is no use without its issuer
		}
		o.crl(p, i, issuer)
	}
}

func (o opensslCheck) crl(p *sslPath, i int, issuer *x509.Certificate) {
	c := p.certs[i]
	crl := o.bestCRL(c)
	if crl == nil || issuer == nil {
		p.add(noCRL, i)
		return
	}
	if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		p.add(noCRLSign, i)
	}
	switch {
	case o.at.Before(crl.ThisUpdate):
		p.add(crlNotYetValid, i)
	case !crl.NextUpdate.IsZero() && o.at.After(crl.NextUpdate):
		p.add(crlExpired, i)
	}
	if issuer.CheckSignature(crl.SignatureAlgorithm, crl.RawTBSRevocationList, crl.Signature) != nil {
		p.add(badCRLSignature, i)
	}
	if revokedBy(crl, c) {
		p.add(revoked, i)
	}
}

// bestCRL prefers one that is good now, and of those the newest.
func (o opensslCheck) bestCRL(c *x509.Certificate) *x509.RevocationList {
	var best *x509.RevocationList
	now := func(l *x509.RevocationList) bool {
		return !o.at.Before(l.ThisUpdate) && (l.NextUpdate.IsZero() || !o.at.After(l.NextUpdate))
	}
	for _, l := range o.crls {
		if !bytes.Equal(l.RawIssuer, c.RawIssuer) ||
			len(l.AuthorityKeyId) > 0 && len(c.AuthorityKeyId) > 0 && !bytes.Equal(l.AuthorityKeyId, c.AuthorityKeyId) {
			continue
		}
		if best == nil || now(l) && !now(best) || now(l) == now(best) && l.ThisUpdate.After(best.ThisUpdate) {
			best = l
		}
	}
	return best
}

func revokedBy(crl *x509.RevocationList, c *x509.Certificate) bool {
	for _, entry := range crl.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(c.SerialNumber) == 0 {
			return entry.ReasonCode != removeFromCRL
		}
	}
	return false
}
