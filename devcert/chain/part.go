package chain

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// PartOf says which part of a hierarchy of devcert's profile cert is, whoever
// made it, and "" for every other certificate. It is cheap for those.
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
	switch part {
	case PartRoot:
		err = checkRoot(cert)
	case PartIntermediate:
		v := values{owner: OwnerOf(cert), id: idInName(cert.Subject.CommonName), permits: PermitsOf(cert)}
		if err = v.permits.neverAllowed(); err == nil {
			err = checkIssued(serverProfile, cert, v)
		}
	case PartLeaf:
		err = checkIssued(leafProfile, cert, values{})
	default:
		err = errors.New("neither its name nor its issuer's is one that devcert gives")
	}
	if err != nil {
		return nil, "", fmt.Errorf("not a certificate of devcert's: %w", err)
	}
	return cert, part, nil
}

// checkIssued compares cert with its profile as if the issuer were the one that
// it names.
func checkIssued(p profile, cert *x509.Certificate, v values) error {
	named := &x509.Certificate{RawSubject: cert.RawIssuer, SubjectKeyId: cert.AuthorityKeyId}
	if reason := p.differs(cert, v, named); reason != "" {
		return errors.New(reason)
	}
	return nil
}

// claimedPart goes by names alone.
func claimedPart(cert *x509.Certificate) Part {
	switch {
	case ownerIn(rootProfile, cert.Subject.CommonName) != "":
		return PartRoot
	case ownerIn(serverProfile, cert.Subject.CommonName) != "":
		return PartIntermediate
	case cert.Subject.CommonName == leafProfile.cn && ownerIn(serverProfile, cert.Issuer.CommonName) != "":
		return PartLeaf
	}
	return ""
}

// OwnerOf is the USER@HOST, reduced as by [ReduceOwner], in the common name of a
// root or intermediate of ours, or of a leaf's issuer; "" when no name has that form.
func OwnerOf(cert *x509.Certificate) string {
	switch claimedPart(cert) {
	case PartRoot:
		return ownerIn(rootProfile, cert.Subject.CommonName)
	case PartIntermediate:
		return ownerIn(serverProfile, cert.Subject.CommonName)
	case PartLeaf:
		return ownerIn(serverProfile, cert.Issuer.CommonName)
	}
	return ""
}

// ownerIn takes the owner out of a common name as [profile.subject] writes it.
func ownerIn(p profile, cn string) string {
	words := strings.Split(cn, " ")
	if len(words) != 4 || words[0] != "devcert" || words[1] != p.title || words[2] != ReduceOwner(words[2]) {
		return ""
	}
	return words[2]
}

// idInName is the hierarchy's id at the end of such a name.
func idInName(cn string) string {
	return strings.ToLower(cn[strings.LastIndexByte(cn, ' ')+1:])
}
