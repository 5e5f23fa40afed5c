package winstore

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// Kind is what a certificate is in devcert's hierarchy.
type Kind string

// The kinds. All but Other are of devcert's profile, whoever made them.
const (
	RootKind         Kind = "root"
	IntermediateKind Kind = "intermediate"
	LeafKind         Kind = "leaf"
	Other            Kind = "other"
)

// Judged is a certificate of a Root store and what it does there.
type Judged struct {
	Entry
	Cert *x509.Certificate // nil where crypto/x509 refuses it
	// Kind goes by the profile: a root is one that chain.CheckRoot accepts. An
	// intermediate or leaf only says in its names that it is one: Proven tells.
	Kind Kind
	// Exact says that it is one of the certificates asked about, by its bytes.
	Exact bool
	// Proven says that it is of our profile for certain: exact, a root, or signed
	// by one of those. What is not proven is not devcert's to remove.
	Proven bool
	// Misplaced says why it must not be in a Root store; "" when it may. One that
	// is not self-signed makes IIS refuse every client certificate with 403.16,
	// or 403.7 (Microsoft KB 2802568), in LocalMachine above all.
	Misplaced string
}

// JudgeRoots judges every certificate of a Root store, in its order. Ours are
// the certificates of the present hierarchy, in any order; nil ones are skipped.
func JudgeRoots(entries []Entry, ours ...*x509.Certificate) []Judged {
	ours = slices.DeleteFunc(slices.Clone(ours), func(c *x509.Certificate) bool { return c == nil })
	judged := make([]Judged, len(entries))
	issuers := slices.Clone(ours)
	for i, e := range entries {
		judged[i] = judge(e, ours)
		if j := judged[i]; j.Proven && j.Kind == RootKind {
			issuers = append(issuers, j.Cert)
		}
	}
	// Intermediates first: they vouch for leaves in the same store.
	for _, kind := range []Kind{IntermediateKind, LeafKind} {
		for i := range judged {
			j := &judged[i]
			if j.Kind != kind {
				continue
			}
			j.Proven = j.Proven || slices.ContainsFunc(issuers, func(issuer *x509.Certificate) bool {
				return j.Cert.CheckSignatureFrom(issuer) == nil
			})
			if j.Proven && kind == IntermediateKind {
				issuers = append(issuers, j.Cert)
			}
		}
	}
	return judged
}

// judge looks at one certificate by itself.
func judge(e Entry, ours []*x509.Certificate) Judged {
	j := Judged{Entry: e, Kind: Other}
	if cert, err := x509.ParseCertificate(e.DER); err == nil {
		j.Cert, j.Kind = cert, kindOf(cert)
	}
	j.Exact = slices.ContainsFunc(ours, func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, e.DER) })
	j.Proven = j.Exact || j.Kind == RootKind
	j.Misplaced = misplaced(j)
	return j
}

func misplaced(j Judged) string {
	self, err := IsSelfSigned(j.DER)
	switch {
	case err != nil:
		return fmt.Sprintf("it cannot be read: %v", err)
	case !self && j.Kind == Other:
		return "it is not self-signed"
	case !self:
		return fmt.Sprintf("it is a devcert %s, which is not self-signed", j.Kind)
	}
	return ""
}

// The words that devcert's issuers start their names with, by what they issue.
const (
	rootWords               = "devcert root "
	intermediateWords       = "devcert intermediate "
	clientIntermediateWords = "devcert client intermediate "
)

func kindOf(cert *x509.Certificate) Kind {
	if chain.PartOf(cert) == chain.PartRoot {
		return RootKind
	}
	if !slices.Contains(cert.Issuer.Organization, chain.Organization) {
		return Other
	}
	issuer, subject := cert.Issuer.CommonName, cert.Subject.CommonName
	switch {
	case cert.IsCA && strings.HasPrefix(issuer, rootWords) && issues(subject):
		return IntermediateKind
	case !cert.IsCA && issues(issuer):
		return LeafKind
	}
	return Other
}

func issues(name string) bool {
	return strings.HasPrefix(name, intermediateWords) || strings.HasPrefix(name, clientIntermediateWords)
}
