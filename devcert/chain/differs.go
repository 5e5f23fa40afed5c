package chain

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"sync"
)

// differs says in what cert is not the certificate that the profile gives for
// its key, its names and these values; nil when it is exactly that. It makes the
// certificate anew, signed by a key of its own, and compares: so there
// is one description of a profile, not one to issue by and one to judge by.
func (p profile) differs(cert *x509.Certificate, v values, issuer *x509.Certificate) error {
	v.key, v.serial, v.notBefore, v.notAfter = cert.PublicKey, cert.SerialNumber, cert.NotBefore, cert.NotAfter
	v.dnsNames, v.addresses, v.emails, v.uris = cert.DNSNames, cert.IPAddresses, cert.EmailAddresses, cert.URIs
	if err := checkPublicKey(v.key); err != nil {
		return err
	}
	if v.serial.Sign() <= 0 || v.serial.BitLen() > serialBits {
		return fmt.Errorf("its serial number is not positive and of at most %d bits", serialBits)
	}
	discarded, err := discardedKey()
	if err != nil {
		return fmt.Errorf("cannot be compared with its profile: %w", err)
	}
	if issuer != nil {
		// Only what goes into the certificate: with a public key, signing
		// would insist on the issuer's real private one.
		issuer = &x509.Certificate{RawSubject: issuer.RawSubject, SubjectKeyId: issuer.SubjectKeyId}
	}
	want, err := p.sign(v, issuer, discarded)
	if err != nil {
		return fmt.Errorf("cannot be compared with its profile: %w", err)
	}
	if difference := compare(cert, want); difference != "" {
		return errors.New(difference)
	}
	return nil
}

// discardedKey signs what is only compared. Nobody keeps it.
var discardedKey = sync.OnceValues(func() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
})

// compare says what is different between two certificates, signatures aside.
// The order of extensions is free, so that roots made by an older build stay
// recognisable whatever order crypto/x509 writes one day.
func compare(got, want *x509.Certificate) string {
	switch {
	case got.Version != want.Version:
		return fmt.Sprintf("its version is %d, not %d", got.Version, want.Version)
	case got.SignatureAlgorithm != want.SignatureAlgorithm:
		return fmt.Sprintf("its signature algorithm is %v, not %v", got.SignatureAlgorithm, want.SignatureAlgorithm)
	case !bytes.Equal(got.RawSubject, want.RawSubject):
		return fmt.Sprintf("its subject is %q, not %q", got.Subject, want.Subject)
	case !bytes.Equal(got.RawIssuer, want.RawIssuer):
		return fmt.Sprintf("its issuer is %q, not %q", got.Issuer, want.Issuer)
	}
	if reason := compareExtensions(got.Extensions, want.Extensions); reason != "" {
		return reason
	}
	// Whatever crypto/x509 skips while parsing (unique identifiers) shows in the
	// length; every field it does read is equal by now.
	if len(got.RawTBSCertificate) != len(want.RawTBSCertificate) {
		return "it holds fields that are not in the profile"
	}
	return ""
}

func compareExtensions(got, want []pkix.Extension) string {
	for _, g := range got {
		if find(want, g.Id) == nil {
			return extensionName(g.Id) + ": not in the profile"
		}
	}
	for _, w := range want {
		g := find(got, w.Id)
		switch {
		case g == nil:
			return extensionName(w.Id) + ": missing"
		case g.Critical && !w.Critical:
			return extensionName(w.Id) + ": critical"
		case !g.Critical && w.Critical:
			return extensionName(w.Id) + ": not critical"
		case !bytes.Equal(g.Value, w.Value):
			return extensionName(w.Id) + ": differs from the profile"
		}
	}
	return ""
}

func find(list []pkix.Extension, id asn1.ObjectIdentifier) *pkix.Extension {
	for i := range list {
		if list[i].Id.Equal(id) {
			return &list[i]
		}
	}
	return nil
}

// extensionName is what RFC 5280, section 4.2, calls an extension.
func extensionName(id asn1.ObjectIdentifier) string {
	switch id.String() {
	case "2.5.29.14":
		return "subject key identifier"
	case "2.5.29.15":
		return "key usage"
	case "2.5.29.17":
		return "subject alternative name"
	case "2.5.29.19":
		return "basic constraints"
	case "2.5.29.30":
		return "name constraints"
	case "2.5.29.31":
		return "CRL distribution points"
	case "2.5.29.35":
		return "authority key identifier"
	case "2.5.29.37":
		return "extended key usage"
	}
	return "extension " + id.String()
}
