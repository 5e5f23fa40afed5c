package clientauth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
)

// extensions looks at each certificate by itself, the leaf first (check_extensions).
func (o opensslCheck) extensions(p *sslPath) {
	below := 0 // authorities under this one that count for the path length
	for i, c := range p.certs {
		if len(unhandled(c)) > 0 {
			p.add(unknownCritical, i)
		}
		if i > 0 && !mayIssue(c) || i > 0 && o.strict && !c.IsCA {
			p.add(noAuthority, i)
		}
		if o.strict && len(p.certs) > 1 {
			o.strictly(p, i)
		}
		if o.use != x509.ExtKeyUsageAny && !fitFor(o.use, c, i > 0) {
			p.add(wrongPurpose, i)
		}
		if limit, ok := pathLength(c); i > 0 && ok && below > limit {
			p.add(tooDeep, i)
		}
		if i > 0 && !selfIssued(c) {
			below++
		}
	}
}

var nameConstraintsID = []int{2, 5, 29, 30}

// unhandled are critical extensions that OpenSSL does not know. Name constraints
// it knows in full, and Go in part.
func unhandled(c *x509.Certificate) [][]int {
	var all [][]int
	for _, id := range c.UnhandledCriticalExtensions {
		if !id.Equal(nameConstraintsID) {
			all = append(all, id)
		}
	}
	return all
}

// mayIssue is check_ca: the key usage first, then the basic constraints; without
// either, version 1 alone of old roots.
func mayIssue(c *x509.Certificate) bool {
	switch {
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return false
	case c.BasicConstraintsValid:
		return c.IsCA
	}
	return c.Version == 1 && selfSigned(c) || c.KeyUsage&x509.KeyUsageCertSign != 0
}

func pathLength(c *x509.Certificate) (int, bool) {
	if !c.BasicConstraintsValid || c.MaxPathLen < 0 || c.MaxPathLen == 0 && !c.MaxPathLenZero {
		return 0, false
	}
	return c.MaxPathLen, true
}

// fitFor is check_purpose_ssl_client and its twin for servers: unlike Go's,
// anyExtendedKeyUsage stands for no other, and a leaf's key usage must allow what
// its key does in TLS.
func fitFor(use x509.ExtKeyUsage, c *x509.Certificate, issuer bool) bool {
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.Contains(c.ExtKeyUsage, use) {
		return false
	}
	if issuer {
		return mayIssue(c)
	}
	needs := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	if use == x509.ExtKeyUsageServerAuth {
		needs |= x509.KeyUsageKeyEncipherment
	}
	return c.KeyUsage == 0 || c.KeyUsage&needs != 0
}

// strictly is what -x509_strict adds.
func (o opensslCheck) strictly(p *sslPath, i int) {
	c := p.certs[i]
	if c.IsCA && c.KeyUsage == 0 {
		p.add(noKeyUsage, i)
	}
	if !c.IsCA && c.KeyUsage&x509.KeyUsageCertSign != 0 {
		p.add(certSignOnLeaf, i)
	}
	if bytes.Equal(c.RawIssuer, emptyName) {
		p.add(emptyIssuer, i)
	}
	if bytes.Equal(c.RawSubject, emptyName) && (c.IsCA || !hasSAN(c)) {
		p.add(emptySubject, i)
	}
	if i+1 < len(p.certs) && len(c.AuthorityKeyId) == 0 {
		p.add(noAuthorityKeyID, i)
	}
	if c.IsCA && len(c.SubjectKeyId) == 0 {
		p.add(noSubjectKeyID, i)
	}
}

var emptyName = []byte{0x30, 0x00}

func hasSAN(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.Extensions, func(e extension) bool { return e.Id.Equal([]int{2, 5, 29, 17}) })
}

// strength is check_auth_level, after the leaf's key: issuers' keys, and the
// digests of all but the root.
func (o opensslCheck) strength(p *sslPath) {
	for i, c := range p.certs {
		if i > 0 && !o.strongKey(c) {
			p.add(weakIssuerKey, i)
		}
		if i < len(p.certs)-1 && digestBits(c.SignatureAlgorithm) < o.bits() {
			p.add(weakDigest, i)
		}
	}
}

// bits is the strength that each security level asks for.
func (o opensslCheck) bits() int {
	return []int{0, 80, 112, 128, 192, 256}[min(max(o.level, 0), 5)]
}

func (o opensslCheck) strongKey(c *x509.Certificate) bool { return keyBits(c) >= o.bits() }

// keyBits is a key's strength as NIST SP 800-57 counts it.
func keyBits(c *x509.Certificate) int {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		for _, s := range []struct{ modulus, bits int }{{15360, 256}, {7680, 192}, {3072, 128}, {2048, 112}, {1024, 80}} {
			if key.N.BitLen() >= s.modulus {
				return s.bits
			}
		}
		return 0
	case *ecdsa.PublicKey:
		return key.Params().N.BitLen() / 2
	case ed25519.PublicKey:
		return 128
	}
	return 256 // not known here: whoever can use it knows better
}

// digestBits is what OpenSSL counts for digests: SHA-1's and MD5's are what is left
// of them (crypto/x509/x509_set.c).
func digestBits(a x509.SignatureAlgorithm) int {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return 39
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return 63
	case x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256, x509.DSAWithSHA256, x509.PureEd25519:
		return 128
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return 192
	}
	return 256
}

// signatures is internal_verify: from the root down, each certificate's signature
// and then its time.
func (o opensslCheck) signatures(p *sslPath) {
	n := len(p.certs) - 1
	issuer := p.certs[n]
	anchored := selfSigned(issuer) || o.partial && p.untrusted <= n
	if !anchored {
		if n == 0 {
			p.add(unverifiableLeaf, 0)
			o.time(p, 0)
			return
		}
		n-- // the end of an incomplete chain is not looked at
	}
	for ; n >= 0; n-- {
		c := p.certs[n]
		if c != issuer {
			if issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0 {
				p.add(noCertSign, n+1)
			}
			if !signedBy(c, issuer) {
				p.add(badSignature, n)
			}
		}
		o.time(p, n)
		issuer = c
	}
}

func (o opensslCheck) time(p *sslPath, i int) {
	c := p.certs[i]
	if o.at.Before(c.NotBefore) {
		p.add(notYetValid, i)
	}
	if o.at.After(c.NotAfter) {
		p.add(expired, i)
	}
}

// signedBy holds what Go refuses to compute to be right: what is that weak fails
// for its weakness.
func signedBy(c, issuer *x509.Certificate) bool {
	if key, ok := issuer.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 1024 {
		return true
	}
	err := issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}
