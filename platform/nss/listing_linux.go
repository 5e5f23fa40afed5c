package nss

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"strings"

	"devcert/devcert/lazy"
)

// entry is one line of certutil -L.
type entry struct{ name, trust string }

// noName is what certutil prints for a certificate without a nickname.
const noName = "(NULL)"

// trustColumn is the last column: three groups of trust bits. The headings have
// commas too, and other letters.
var trustColumn = lazy.Regexp(`^(.*?) +([pPcCTuwgG]*,[pPcCTuwgG]*,[pPcCTuwgG]*) *$`)

// parseListing reads the lines of certutil -L, which pads the nicknames with
// blanks. Blanks at the end of a nickname are lost, and certutil finds it all the
// same.
func parseListing(output []byte) []entry {
	var all []entry
	for line := range strings.Lines(string(output)) {
		if m := trustColumn().FindStringSubmatch(strings.TrimRight(line, "\r\n")); m != nil && m[1] != "" {
			all = append(all, entry{name: m[1], trust: m[2]})
		}
	}
	return all
}

// certificates parses DER certificates one after the other. What Go does not
// take for a certificate cannot be one of ours, and is passed over.
func certificates(der []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for len(der) > 0 {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(der, &one)
		if err != nil {
			return all
		}
		if cert, err := x509.ParseCertificate(one.FullBytes); err == nil {
			all = append(all, cert)
		}
		der = rest
	}
	return all
}

// idOf is the id that NSS gives what it imports, certificates and keys alike: the
// SHA-1 of the key's bits, of an RSA key's modulus (PK11_MakeIDFromPubKey).
func idOf(cert *x509.Certificate) []byte {
	bits := keyBits(cert)
	if key, is := cert.PublicKey.(*rsa.PublicKey); is {
		bits = key.N.Bytes()
	}
	id := sha1.Sum(bits)
	return id[:]
}

// keyBits are the bits of a public key in its SubjectPublicKeyInfo.
func keyBits(cert *x509.Certificate) []byte {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(cert.RawSubjectPublicKeyInfo, &info); err != nil {
		return nil
	}
	return info.Key.Bytes
}
