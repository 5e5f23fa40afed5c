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
// not take, a request without names, one with names that a server's certificate
// does not have, or several common names where that is what counts, and, with a
// *NameError, a bad name.
func RequestNames(csrDER []byte) (crypto.PublicKey, []string, error) {
	csr, err := parseRequest(csrDER)
	if err != nil {
		return nil, nil, err
	}
	if err := otherNames(csr, "server", tagDNS, tagIP); err != nil {
		return nil, nil, err
	}
	raw := csr.DNSNames
	for _, ip := range csr.IPAddresses {
		raw = append(raw, ip.String())
	}
	if len(raw) == 0 && csr.Subject.CommonName != "" {
		if err := oneCommonName(csr); err != nil {
			return nil, nil, err
		}
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
// in the subject. What else it asks for is ignored.
//
// Refused are a signature that is not by the key itself, keys that clients do
// not take, names that a client's certificate does not have, hosts' among them,
// several common names, and, with a *NameError, a bad name; see [NewClient] for
// those, and for what only an issuer can tell.
func RequestClient(csrDER []byte) (crypto.PublicKey, ClientOptions, error) {
	csr, err := parseRequest(csrDER)
	if err != nil {
		return nil, ClientOptions{}, err
	}
	if csr.Subject.CommonName == "" {
		return nil, ClientOptions{}, errors.New("certificate request: it has no common name, which is whom or what the certificate is for")
	}
	if err := oneCommonName(csr); err != nil {
		return nil, ClientOptions{}, err
	}
	if err := otherNames(csr, "client", tagEmail, tagDNS, tagURI, tagIP); err != nil {
		return nil, ClientOptions{}, err
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

// Attributes of a subject (PKCS#9, RFC 2985, 5.2.1; X.520), and the extension of names.
var (
	oidEmailAddress = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	oidCommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSAN          = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// What a name can be, by its tag (GeneralName, RFC 5280, 4.2.1.6).
var nameKinds = []string{
	"an otherName", "an e-mail address", "a host name", "an X.400 address", "a directory name", "an EDI party name", "a URI", "an address", "a registered id",
}

// Those of them that Go reads.
const (
	tagEmail = 1
	tagDNS   = 2
	tagURI   = 6
	tagIP    = 7
)

// otherNames refuses a request for names that would be left out: who asked for
// them would find out only from a server.
func otherNames(csr *x509.CertificateRequest, of string, taken ...int) error {
	for _, e := range csr.Extensions {
		if !e.Id.Equal(oidSAN) {
			continue
		}
		var names, name asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &names); err != nil {
			return errDamagedRequest
		}
		for rest := names.Bytes; len(rest) > 0; {
			var err error
			if rest, err = asn1.Unmarshal(rest, &name); err != nil || name.Class != asn1.ClassContextSpecific || name.Tag >= len(nameKinds) {
				return errDamagedRequest
			}
			if !slices.Contains(taken, name.Tag) {
				return fmt.Errorf("certificate request: it names %s, and a %s's certificate has none", nameKinds[name.Tag], of)
			}
		}
	}
	return nil
}

// oneCommonName refuses a request in which it cannot be told what it is for.
func oneCommonName(csr *x509.CertificateRequest) error {
	var all []string
	for _, attribute := range csr.Subject.Names {
		if attribute.Type.Equal(oidCommonName) {
			all = append(all, strconv.Quote(fmt.Sprint(attribute.Value)))
		}
	}
	if len(all) > 1 {
		return fmt.Errorf("certificate request: it has several common names, %s, and a certificate has one", strings.Join(all, ", "))
	}
	return nil
}

var errDamagedRequest = errors.New("certificate request: it is damaged, or something else than PKCS#10")

// parseRequest reads a request whose key is good and has signed it.
func parseRequest(der []byte) (*x509.CertificateRequest, error) {
	csr, err := x509.ParseCertificateRequest(der)
	var structure asn1.StructuralError
	var syntax asn1.SyntaxError
	switch {
	case errors.As(err, &structure), errors.As(err, &syntax):
		return nil, errDamagedRequest // they tell of Go's types
	case err != nil:
		return nil, fmt.Errorf("certificate request: %s", readable(err))
	}
	if err := checkPublicKey(csr.PublicKey); err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request: its signature is not by the key in it: %s", readable(err))
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
		hosts[i] = strconv.Quote(hosts[i])
	}
	return hosts
}
