package chain

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	csr, err := parseRequest(csrDER)
	if err != nil {
		return nil, nil, err
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

// RequestClient takes from a certificate request what a client may choose: the
// public key, the common name, e-mail addresses and URIs, each in its one
// spelling. E-mail addresses stand in the SAN or, as openssl req asks for them,
// in the subject. What else it asks for is ignored, host names too.
//
// Refused are a signature that is not by the key itself, keys that clients do
// not take, and, with a *NameError, a bad name; see [NewClient] for those, and
// for what only an issuer can tell.
func RequestClient(csrDER []byte) (crypto.PublicKey, ClientOptions, error) {
	csr, err := parseRequest(csrDER)
	if err != nil {
		return nil, ClientOptions{}, err
	}
	if csr.Subject.CommonName == "" {
		return nil, ClientOptions{}, errors.New("certificate request: it has no common name, which is whom or what the certificate is for")
	}
	if hosts := hostsIn(csr); len(hosts) > 0 {
		return nil, ClientOptions{}, fmt.Errorf("certificate request: it names %s, and a client's certificate has no host names", strings.Join(hosts, ", "))
	}
	o := ClientOptions{Name: csr.Subject.CommonName, Emails: csr.EmailAddresses}
	for _, attribute := range csr.Subject.Names {
		if address, ok := attribute.Value.(string); ok && attribute.Type.Equal(oidEmailAddress) {
			o.Emails = append(o.Emails, address)
		}
	}
	for _, uri := range csr.URIs {
		o.URIs = append(o.URIs, uri.String())
	}
	if o, err = o.normal(); err != nil {
		return nil, ClientOptions{}, err
	}
	return csr.PublicKey, o, nil
}

// oidEmailAddress is an attribute of a subject (PKCS#9, RFC 2985, 5.2.1).
var oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

// parseRequest reads a request whose key is good and has signed it.
func parseRequest(der []byte) (*x509.CertificateRequest, error) {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := checkPublicKey(csr.PublicKey); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: signature: %w", err)
	}
	return csr, nil
}

// hostsIn are the names and addresses of servers in a request, but for the one that
// every client's certificate has.
func hostsIn(csr *x509.CertificateRequest) []string {
	hosts := slices.DeleteFunc(slices.Clone(csr.DNSNames), func(name string) bool { return name == clientHost })
	for _, ip := range csr.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	for i := range hosts {
		hosts[i] = strconv.QuoteToASCII(hosts[i])
	}
	return hosts
}
