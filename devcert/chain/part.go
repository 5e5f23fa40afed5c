package chain

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// PartOf says which part of a hierarchy of devcert's profile cert is, whoever
// made it, and "" for every other certificate, among them the leaves of servers
// other than localhost and what [NewSelfSigned] makes. It is cheap for those.
//
// A root proves by its own signature that whoever made it had its key. An
// intermediate or a leaf is recognised by its profile alone, as nobody knows
// here who issued it: that is enough to leave it out of a store and too little
// to trust it.
func PartOf(cert *x509.Certificate) Part {
	part := claimedPart(cert)
	if part == "" {
		return ""
	}
	if _, _, err := CheckPart(cert.Raw); err != nil {
		return ""
	}
	return part
}

// CheckPart parses a DER certificate and says why it is no part of a hierarchy
// of devcert's profile, or which part it is. See [PartOf] for what that proves,
// and [CheckRoot] for what it does not look at.
func CheckPart(der []byte) (*x509.Certificate, Part, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, "", fmt.Errorf("not a certificate: %w", err)
	}
	part := claimedPart(cert)
	if part == "" {
		err = errors.New("neither its name nor its issuer's is one that devcert gives")
	} else {
		err = judgeOnce("part ", func() error { return judgePart(cert, part) }, cert)
	}
	if err != nil {
		return nil, "", fmt.Errorf("not a certificate of devcert's: %w", err)
	}
	return cert, part, nil
}

func judgePart(cert *x509.Certificate, part Part) error {
	switch part {
	case PartRoot:
		return checkRoot(cert)
	case PartLeaf:
		return checkIssued(leafProfile, cert, values{})
	case PartClient:
		return checkClient(cert)
	}
	v := values{owner: OwnerOf(cert), id: idInName(cert.Subject.CommonName), permits: PermitsOf(cert)}
	if err := v.permits.neverAllowed(); err != nil {
		return err
	}
	p, _, _ := authorityIn(cert.Subject.CommonName)
	return checkIssued(p, cert, v)
}

// checkIssued compares cert with its profile as if the issuer were the one that
// it names.
func checkIssued(p profile, cert *x509.Certificate, v values) error {
	named := &x509.Certificate{RawSubject: cert.RawIssuer, SubjectKeyId: cert.AuthorityKeyId}
	return p.differs(cert, v, named)
}

// claimedPart goes by names alone.
func claimedPart(cert *x509.Certificate) Part {
	if _, part, owner := authorityIn(cert.Subject.CommonName); owner != "" {
		return part
	}
	_, issuer, _ := authorityIn(cert.Issuer.CommonName)
	switch {
	case issuer == PartIntermediate && cert.Subject.CommonName == leafProfile.cn:
		return PartLeaf
	case issuer == PartClientIntermediate, issuer == PartRoot:
		return PartClient
	}
	return ""
}

// OwnerOf is the USER@HOST, reduced as by [ReduceOwner], in the common name of a
// CA of ours, or of the issuer of a leaf of ours; "" when no name has that form.
// The longer name of a client intermediate has room for 27 characters of it, and
// that of a group for 20 at least.
func OwnerOf(cert *x509.Certificate) string {
	if _, _, owner := authorityIn(cert.Subject.CommonName); owner != "" {
		return owner
	}
	if claimedPart(cert) == "" {
		return ""
	}
	_, _, owner := authorityIn(cert.Issuer.CommonName)
	return owner
}

// authorityIn says which CA of ours a common name claims to be, and whose; all
// are empty when it has no such form.
func authorityIn(cn string) (p profile, part Part, owner string) {
	for _, ca := range []struct {
		profile
		part Part
	}{{rootProfile, PartRoot}, {serverProfile, PartIntermediate}, {clientProfile, PartClientIntermediate}} {
		if owner := ownerIn(ca.profile, cn); owner != "" {
			return ca.profile, ca.part, owner
		}
	}
	if group := groupIn(cn); group != "" {
		p := groupProfile(group)
		if owner := ownerIn(p, cn); owner != "" {
			return p, PartClientIntermediate, owner
		}
	}
	return profile{}, "", ""
}

// ownerIn takes the owner out of a common name as [profile.subject] writes it.
func ownerIn(p profile, cn string) string {
	rest, titled := strings.CutPrefix(cn, p.prefix())
	owner, id, found := strings.Cut(rest, " ")
	if !titled || !found || id == "" || strings.Contains(id, " ") || owner != p.ownerPart(owner) {
		return ""
	}
	return owner
}

// idInName is the hierarchy's id at the end of such a name.
func idInName(cn string) string {
	return strings.ToLower(cn[strings.LastIndexByte(cn, ' ')+1:])
}
