package clientauth

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"
)

// ageless verifies a client's certificates with the time left aside: signatures,
// constraints and use alone. There need not be any moment at which all of a chain
// is valid: a client's certificate may have ended before its authority's was
// renewed.
type ageless struct {
	leaf           *x509.Certificate
	roots, between *x509.CertPool
	at             []time.Time
	original       map[*x509.Certificate]*x509.Certificate // by the copy
}

// eternal is past whatever a certificate can say: RFC 5280, section 4.1.2.5.
var eternal = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// ageless copies what s and the client know, valid at all times. What is verified
// stays the same: it goes by the bytes that were signed, but for the time.
func (s Serve) ageless(sent []*x509.Certificate, now time.Time) *ageless {
	a := &ageless{
		roots: s.Roots, between: x509.NewCertPool(), at: []time.Time{now},
		original: map[*x509.Certificate]*x509.Certificate{},
	}
	a.leaf = a.copy(sent[0])
	others := slices.Concat(sent[1:], s.Intermediates)
	for _, c := range others {
		a.between.AddCert(a.copy(c))
	}
	switch {
	case s.Roots == nil:
		a.roots = x509.NewCertPool() // nil would be the system's
	case len(s.Anchors) > 0:
		a.roots = x509.NewCertPool()
		for _, c := range s.Anchors {
			if c.Equal(sent[0]) || slices.ContainsFunc(append(others, sent[0]), func(o *x509.Certificate) bool {
				return bytes.Equal(o.RawIssuer, c.RawSubject)
			}) {
				a.roots.AddCert(a.copy(c))
			}
		}
	default:
		a.at = append(a.at, instants(slices.Concat(sent, s.Intermediates))...)
	}
	return a
}

func (a *ageless) copy(c *x509.Certificate) *x509.Certificate {
	other := *c
	other.NotBefore, other.NotAfter = time.Time{}, eternal
	a.original[&other] = c
	return &other
}

// maxInstants bounds the work that a client can ask for with a long chain.
const maxInstants = 12

// instants are when a root of which nothing is known may have been valid: when it
// issued something, or when that ended.
func instants(certs []*x509.Certificate) []time.Time {
	var all []time.Time
	for _, c := range certs {
		all = append(all, c.NotBefore, c.NotAfter)
	}
	return all[:min(len(all), maxInstants)]
}

// chains are those that lead to a root. The error is that of now.
func (a *ageless) chains(use x509.ExtKeyUsage) ([][]*x509.Certificate, error) {
	var first error
	for _, at := range a.at {
		chains, err := verify(a.leaf, a.roots, a.between, at, use)
		if err == nil {
			return a.originals(chains), nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func (a *ageless) originals(chains [][]*x509.Certificate) [][]*x509.Certificate {
	for _, chain := range chains {
		for i, c := range chain {
			if original := a.original[c]; original != nil {
				chain[i] = original
			}
		}
	}
	return chains
}
