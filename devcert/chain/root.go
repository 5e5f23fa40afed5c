package chain

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
)

// CheckRoot parses a DER certificate and says why it is not a root of devcert's
// profile; a nil error means that it is one. What may go out of the system's
// trust store is decided by this alone, and what may go into it by
// [CheckNewRoot], with rights that whoever wrote the bytes does not have: so it
// accepts what [New] makes, or once made, and nothing else.
//
// It looks neither at the clock nor at the list of public suffixes: a root of
// ours that is expired, or permits what has become a suffix, must be removable.
func CheckRoot(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("not a certificate: %w", err)
	}
	if err := checkRoot(cert); err != nil {
		return nil, fmt.Errorf("not a devcert root: %w", err)
	}
	return cert, nil
}

// CheckNewRoot is CheckRoot for a root that is about to be trusted: it permits
// nothing that [ParsePermit] would refuse today.
func CheckNewRoot(der []byte) (*x509.Certificate, error) {
	cert, err := CheckRoot(der)
	if err != nil {
		return nil, err
	}
	if err := PermitsOf(cert).refusedToday(); err != nil {
		return nil, fmt.Errorf("not a root to trust: name constraints: %w", err)
	}
	return cert, nil
}

func checkRoot(cert *x509.Certificate) error {
	return judgeOnce(kindRoot, func() error { return judgeRoot(cert) }, cert)
}

func judgeRoot(cert *x509.Certificate) error {
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return errors.New("its key is not ECDSA P-256")
	}
	owner := ownerIn(rootProfile, cert.Subject.CommonName)
	if owner == "" {
		return fmt.Errorf("its common name is not %q: %q", "devcert root USER@HOST ID", cert.Subject.CommonName)
	}
	permits := PermitsOf(cert)
	if err := permits.neverAllowed(); err != nil {
		return fmt.Errorf("name constraints: %w", err)
	}
	if err := checkLifetime(cert); err != nil {
		return err
	}
	v := values{owner: owner, id: HierarchyID(cert), permits: permits}
	if err := rootProfile.differs(cert, v, nil); err != nil {
		return err
	}
	if err := CheckSignature(cert, cert); err != nil {
		return fmt.Errorf("its signature is not by its own key: %w", err)
	}
	return nil
}

// checkLifetime leaves a day for leap days and for Backdate.
func checkLifetime(root *x509.Certificate) error {
	if !root.NotAfter.After(root.NotBefore) {
		return errors.New("it ends before it starts")
	}
	if root.NotAfter.After(root.NotBefore.AddDate(RootYears, 0, 1)) {
		return fmt.Errorf("it is valid for more than %d years", RootYears)
	}
	return nil
}
