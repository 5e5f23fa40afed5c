package chain

import (
	"crypto"
	"crypto/sha1" // #nosec: thumbprints are SHA-1 by definition; nothing is secured by them
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"strings"
)

// KeyID is the key identifier of a public key: the leftmost 160 bits of the
// SHA-256 of its bit string (RFC 7093, section 2, method 1). It is nil for a
// key that has no X.509 form.
func KeyID(pub crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20]
}

// HierarchyID names a hierarchy after its root: the first 8 hex digits of the
// root's key id, in lower case. It is "" for a root without a usable key.
func HierarchyID(root *x509.Certificate) string { return idOf(root.PublicKey) }

func idOf(pub crypto.PublicKey) string {
	id := KeyID(pub)
	if len(id) < 4 {
		return ""
	}
	return hex.EncodeToString(id[:4])
}

// Thumbprint is the SHA-1 of the certificate in upper-case hex, by which
// Windows and .NET name certificates. It finds one; it proves nothing.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Fingerprint is the SHA-256 of the certificate in upper-case hex.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// SameKey says whether key is the private key of cert. It is false when either
// is nil.
func SameKey(cert *x509.Certificate, key crypto.Signer) bool {
	if cert == nil || key == nil {
		return false
	}
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(cert.PublicKey)
}

// maxCommonName is the longest common name there may be (RFC 5280, appendix A.1).
const maxCommonName = 64

// maxOwner leaves room in a common name for "devcert intermediate ", a space and
// the ID.
const maxOwner = 34

// ReduceOwner makes USER@HOST fit for a common name: what is not in
// [A-Za-z0-9.@-] is dropped and the rest cut to 34 characters. "unknown" stands
// for an owner of which nothing readable is left.
func ReduceOwner(s string) string { return reduceOwner(s, maxOwner) }

// reduceOwner is ReduceOwner for a name that leaves room for fewer characters.
func reduceOwner(s string, most int) string {
	kept := strings.Map(func(r rune) rune {
		if isAlphanumeric(r) || r == '.' || r == '@' || r == '-' {
			return r
		}
		return -1
	}, s)
	kept = kept[:min(len(kept), most)]
	if !strings.ContainsFunc(kept, isAlphanumeric) {
		return "unknown"
	}
	return kept
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
