package chain

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
)

// RequestNames takes from a certificate request (PKCS#10, RFC 2986, DER) what a
// requester may choose: the public key and the server names, normalised. What
// else it asks for (to be a CA, other usages, other subjects) is ignored, for
// the profile decides that. The common name counts as a name only where there
// is no SAN, as openssl req makes them.
//
// Refused are a signature that is not by the key itself, keys that clients do
// not take, a request without names, and, with a *NameError, a bad name.
func RequestNames(csrDER []byte) (crypto.PublicKey, []string, error) {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := checkPublicKey(csr.PublicKey); err != nil {
		return nil, nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, nil, fmt.Errorf("certificate request: signature: %w", err)
	}
	raw := csr.DNSNames
	for _, ip := range csr.IPAddresses {
		raw = append(raw, ip.String())
	}
	if len(raw) == 0 && csr.Subject.CommonName != "" {
		raw = []string{csr.Subject.CommonName}
	}
	if len(raw) == 0 {
		return nil, nil, errors.New("certificate request: it names no server")
	}
	names, err := NormalNames(raw)
	if err != nil {
		return nil, nil, err
	}
	return csr.PublicKey, names, nil
}
