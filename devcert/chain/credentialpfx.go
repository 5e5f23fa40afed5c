package chain

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// isPFX: version 3, and behind it PKCS#7 data, signed or not (RFC 7292, section 4).
func isPFX(data []byte) bool {
	var p struct {
		Version int
		Safe    asn1.RawValue
	}
	var kind asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(data, &p); err != nil || p.Version != 3 {
		return false
	}
	_, err := asn1.Unmarshal(p.Safe.Bytes, &kind)
	return err == nil && p.Safe.Tag == asn1.TagSequence
}

// readPFX tries the empty password first: nobody is asked for one that is not
// there.
func readPFX(data []byte, password func() (string, error)) (Credential, error) {
	if stretched(data, 0) > maxStretch {
		return Credential{}, &CredentialError{
			Problem: fmt.Sprintf("the PFX wants its password hashed more than %d times", maxStretch), Hint: viaPEM,
		}
	}
	key, leaf, above, err := pkcs12.DecodeChain(data, "")
	if wrongPassword(err) {
		word, refused := askedFor(password)
		if refused != nil {
			return Credential{}, refused
		}
		key, leaf, above, err = pkcs12.DecodeChain(data, word)
	}
	if err != nil {
		return Credential{}, pfxError(err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return Credential{}, &CredentialError{Problem: fmt.Sprintf("the key in the PFX is a %T, which cannot sign", key), Hint: keepAlone}
	}
	return assemble(append([]*x509.Certificate{leaf}, above...), []crypto.Signer{signer})
}

func askedFor(password func() (string, error)) (string, error) {
	if password == nil {
		return "", &CredentialError{Problem: "the PFX has a password", Hint: "give it"}
	}
	word, err := password()
	if err != nil {
		return "", err
	}
	if checkPassword(word) != nil {
		return "", &CredentialError{Problem: "the password has a character that none of a PFX can have, such as an emoji", Hint: "give the right one"}
	}
	return word, nil
}

// wrongPassword: a file without a MAC only shows it when what was decrypted is no
// sense, and the library then gives the cause as a text.
func wrongPassword(err error) bool {
	return errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption) ||
		err != nil && strings.Contains(err.Error(), pkcs12.ErrDecryption.Error())
}

// pfxError says what the library means. Its texts are not translated, and its
// version is pinned; what is not known is passed on.
func pfxError(err error) error {
	e := &CredentialError{Err: err}
	var unknown pkcs12.NotImplementedError
	switch said := err.Error(); {
	case wrongPassword(err):
		e.Problem, e.Hint = "the password is not the one of the PFX", "give the right one; it is not that of another PFX of the same certificate"
	case strings.Contains(said, "private key missing"):
		e.Problem, e.Hint = "the PFX holds no private key", "export it again together with its private key: a certificate alone proves nothing"
	case strings.Contains(said, "certificate missing"):
		e.Problem, e.Hint = "the PFX holds no certificate", "export it again together with its certificate"
	case strings.Contains(said, "expected exactly one key bag"):
		e.Problem, e.Hint = "the PFX holds several private keys", "export each certificate with its key into a PFX of its own"
	case strings.Contains(said, "no MAC in data"):
		e.Problem, e.Hint = "the PFX has a password and nothing that proves it (no MAC)", viaPEM
	case errors.As(err, &unknown), strings.HasSuffix(said, " is not supported"):
		e.Problem, e.Hint = "the PFX is made in a way that is not read: "+readable(err), viaPEM
	default:
		e.Problem, e.Hint = "the PFX is damaged: "+readable(err), "export it again"
	}
	return e
}

// maxStretch bounds how often a password is hashed for all of a file before it is
// tried. Programs do so 2,000 to 600,000 times for each of its three parts; a file
// can ask for years of it.
const maxStretch = 2_000_000

// stretched is how many iterations the file asks for, together, where that can be
// seen before anything is decrypted. Wherever PKCS#12 and PKCS#5 have one,
// it stands behind an octet string, the salt.
func stretched(der []byte, depth int) int {
	const deepest = 24
	sum, salt := 0, false
	for len(der) > 0 && depth < deepest {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			break
		}
		universal := v.Class == asn1.ClassUniversal
		switch {
		case salt && universal && v.Tag == asn1.TagInteger:
			sum += saturated(v.Bytes)
		case v.IsCompound, universal && v.Tag == asn1.TagOctetString:
			sum += stretched(v.Bytes, depth+1)
		}
		salt = universal && v.Tag == asn1.TagOctetString
		der = rest
	}
	return min(sum, math.MaxInt32)
}

// saturated is a number, or the highest one.
func saturated(octets []byte) int {
	n := new(big.Int).SetBytes(octets)
	if !n.IsInt64() || n.Int64() > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(n.Int64())
}
