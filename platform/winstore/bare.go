package winstore

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"time"
)

// bare is as much of a certificate as the judgements need. crypto/x509 refuses
// certificates that Windows stores hold and .NET reads: negative serial numbers,
// the same extension twice.
type bare struct {
	issuer, subject     []byte // DER
	notBefore, notAfter time.Time
	extensions          []pkix.Extension
}

// parseBare reads a certificate as loosely as RFC 5280's syntax allows.
func parseBare(der []byte) (bare, error) {
	var outer struct {
		TBS struct {
			Version    asn1.RawValue `asn1:"optional,tag:0"`
			Serial     asn1.RawValue
			Algorithm  asn1.RawValue
			Issuer     asn1.RawValue
			Validity   asn1.RawValue
			Subject    asn1.RawValue
			Key        asn1.RawValue
			IssuerID   asn1.RawValue    `asn1:"optional,tag:1"`
			SubjectID  asn1.RawValue    `asn1:"optional,tag:2"`
			Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &outer)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes after the certificate")
	}
	if err != nil {
		return bare{}, err
	}
	b := bare{issuer: outer.TBS.Issuer.FullBytes, subject: outer.TBS.Subject.FullBytes, extensions: outer.TBS.Extensions}
	var validity struct{ NotBefore, NotAfter time.Time }
	if _, err := asn1.Unmarshal(outer.TBS.Validity.FullBytes, &validity); err == nil {
		b.notBefore, b.notAfter = validity.NotBefore, validity.NotAfter // else never valid
	}
	return b, nil
}

func (b bare) validAt(now time.Time) bool {
	return !now.Before(b.notBefore) && !now.After(b.notAfter)
}

// IsSelfSigned says whether a certificate is its own issuer: issuer and subject
// have the same bytes, and the signature is not proven to be by another key. A
// signature that cannot be checked any more (MD5, a short key: Windows' Root has
// such) is believed. An error means that the certificate cannot be read.
func IsSelfSigned(der []byte) (bool, error) {
	b, err := parseBare(der)
	if err != nil {
		return false, err
	}
	if string(b.issuer) != string(b.subject) {
		return false, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return true, nil // the names say so, and nothing says otherwise
	}
	return !disproved(cert), nil
}

// disproved says whether the signature of a certificate was checked against its
// own key and is not by it.
func disproved(cert *x509.Certificate) bool {
	err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	var weak x509.InsecureAlgorithmError
	if err == nil || errors.As(err, &weak) || errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return false
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		// A key under 1024 bits is refused before the signature is looked at. An
		// algorithm of another kind of key gives an error of its own.
		return errors.Is(err, rsa.ErrVerification) || key.N.BitLen() >= 1024
	case *ecdsa.PublicKey:
		return true
	}
	return cert.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm
}
