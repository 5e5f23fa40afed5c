package clientauth

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// opensslCheck is how OpenSSL 3 verifies a client's certificate; nginx, s_server
// and .NET on Linux ask it with different settings. Its source is
// crypto/x509/x509_vfy.c.
type opensslCheck struct {
	trusted   []*x509.Certificate
	untrusted []*x509.Certificate // what the client sent, and what the server knows
	crls      []*x509.RevocationList
	crlCheck  CRLCheck
	depth     int              // how many authorities may stand between leaf and root
	level     int              // the security level, SSL_CTX_set_security_level(3)
	use       x509.ExtKeyUsage // what for; ExtKeyUsageAny asks nothing of the key usages
	partial   bool             // a trusted intermediate is as good as a root
	strict    bool             // X509_V_FLAG_X509_STRICT
	at        time.Time
}

// CRLCheck is for which certificates of a chain OpenSSL wants a CRL.
type CRLCheck int

// OpenSSL's -crl_check and -crl_check_all.
const (
	CRLNone CRLCheck = iota
	CRLLeaf
	CRLAll
)

// sslError is one of OpenSSL's errors about the certificate at depth, counted
// from the leaf.
type sslError struct{ code, depth int }

// sslPath is a chain in the making, leaf first.
type sslPath struct {
	certs     []*x509.Certificate
	untrusted int // so many at its beginning came from nowhere trusted
	errs      []sslError
}

func (p *sslPath) top() *x509.Certificate { return p.certs[len(p.certs)-1] }

func (p *sslPath) add(code, depth int) { p.errs = append(p.errs, sslError{code, depth}) }

// verify lists what OpenSSL finds wrong in the order in which it finds it, as
// though its callback let everything pass: servers differ in where they stop.
func (o opensslCheck) verify(leaf *x509.Certificate) sslPath {
	p := sslPath{certs: []*x509.Certificate{leaf}, untrusted: 1}
	if !o.strongKey(leaf) {
		p.add(weakLeafKey, 0)
	}
	o.build(&p)
	o.extensions(&p)
	o.strength(&p)
	o.revocation(&p)
	o.signatures(&p)
	o.names(&p)
	return p
}

// build goes from issuer to issuer, trusted ones first (X509_V_FLAG_TRUSTED_FIRST,
// the default since 1.1.0), until it meets one that ends the chain.
func (o opensslCheck) build(p *sslPath) {
	if o.partial && slices.ContainsFunc(o.trusted, p.top().Equal) {
		p.untrusted = 0
		return
	}
	for {
		if o.stepTrusted(p) {
			if o.anchored(p) {
				return
			}
			if !selfSigned(p.top()) {
				continue
			}
		}
		if p.untrusted < len(p.certs) || !o.stepUntrusted(p) {
			break
		}
	}
	last := len(p.certs) - 1
	if last > o.depth {
		p.add(tooLong, last) // and one of those below, since the search ended there
	}
	switch {
	case selfSigned(p.top()) && last == 0:
		p.add(selfSignedLeaf, 0)
	case selfSigned(p.top()):
		p.add(selfSignedRoot, last)
	case p.untrusted <= last:
		p.add(noIssuer, last)
	default:
		p.add(noLocalIssuer, last)
	}
}

// stepTrusted lengthens the chain by a trusted issuer. A self-signed certificate
// is its own, and must be the very one that is trusted.
func (o opensslCheck) stepTrusted(p *sslPath) bool {
	top := p.top()
	if len(p.certs)-1 > o.depth {
		return false
	}
	if selfSigned(top) {
		if p.untrusted < len(p.certs) || !slices.ContainsFunc(o.trusted, top.Equal) {
			return false
		}
		p.untrusted--
		return true
	}
	issuer := o.issuer(top, o.trusted, p.certs)
	if issuer == nil {
		return false
	}
	p.certs = append(p.certs, issuer)
	return true
}

func (o opensslCheck) stepUntrusted(p *sslPath) bool {
	if selfSigned(p.top()) || len(p.certs)-1 > o.depth {
		return false
	}
	issuer := o.issuer(p.top(), o.untrusted, p.certs)
	if issuer == nil {
		return false
	}
	p.certs = append(p.certs, issuer)
	p.untrusted++
	return true
}

// anchored says whether the trusted part of the chain ends it.
func (o opensslCheck) anchored(p *sslPath) bool {
	return o.partial || selfSigned(p.top())
}

// issuer is the best of those that may have issued c: one that is valid now before
// one that is not, and the one valid longest before others.
func (o opensslCheck) issuer(c *x509.Certificate, from, without []*x509.Certificate) *x509.Certificate {
	var best *x509.Certificate
	for _, candidate := range from {
		if !likelyIssued(candidate, c) || slices.ContainsFunc(without, candidate.Equal) {
			continue
		}
		switch {
		case best == nil, o.valid(candidate) && !o.valid(best):
			best = candidate
		case o.valid(candidate) == o.valid(best) && candidate.NotAfter.After(best.NotAfter):
			best = candidate
		}
	}
	return best
}

func (o opensslCheck) valid(c *x509.Certificate) bool {
	return !o.at.Before(c.NotBefore) && !o.at.After(c.NotAfter)
}

// likelyIssued compares names, key identifiers and kinds of key, and no signature
// (ossl_x509_likely_issued).
func likelyIssued(issuer, c *x509.Certificate) bool {
	if !bytes.Equal(issuer.RawSubject, c.RawIssuer) {
		return false
	}
	if len(c.AuthorityKeyId) > 0 && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(c.AuthorityKeyId, issuer.SubjectKeyId) {
		return false
	}
	kind := signerKind(c.SignatureAlgorithm)
	return kind == x509.UnknownPublicKeyAlgorithm || kind == issuer.PublicKeyAlgorithm
}

func selfSigned(c *x509.Certificate) bool { return likelyIssued(c, c) }

func signerKind(a x509.SignatureAlgorithm) x509.PublicKeyAlgorithm {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		return x509.RSA
	case x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return x509.ECDSA
	case x509.PureEd25519:
		return x509.Ed25519
	}
	return x509.UnknownPublicKeyAlgorithm
}
