package chain

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// PFXStyle is how a PKCS#12 file is encrypted. Each is pinned to one encoder by
// name: a library's idea of "modern" moves, and what reads the files does not.
type PFXStyle string

// The styles.
const (
	// PFXModern is AES-256 with a SHA-256 MAC: OpenSSL 3, Java, .NET and
	// Windows from 10 1709 read it.
	PFXModern PFXStyle = "modern"
	// PFXLegacy is triple DES with a SHA-1 MAC: macOS's keychain and older
	// Windows read nothing better, and OpenSSL 3 still reads it.
	PFXLegacy PFXStyle = "legacy"
)

// EncodePFX writes a certificate, its key and the certificates above it as
// PKCS#12. A key that is not the certificate's is an error, because the encoder
// would take it and only the reader notice.
func EncodePFX(style PFXStyle, p Pair, chain []*x509.Certificate, password string) ([]byte, error) {
	encoder := pkcs12.Modern2023
	switch style {
	case PFXModern:
	case PFXLegacy:
		encoder = pkcs12.LegacyDES
	default:
		return nil, fmt.Errorf("PKCS#12 style %q: modern or legacy is expected", style)
	}
	if !SameKey(p.Cert, p.Key) {
		return nil, errors.New("making a PKCS#12 file: the key is not the certificate's")
	}
	if err := checkPassword(password); err != nil {
		return nil, err
	}
	if password == "" {
		encoder = encoder.WithIterations(1) // stretching nothing protects nothing
	}
	pfx, err := encoder.Encode(p.Key, p.Cert, chain, password)
	if err != nil {
		return nil, fmt.Errorf("making a PKCS#12 file: %w", err)
	}
	return pfx, nil
}

// checkPassword: PKCS#12 passwords are UCS-2 (RFC 7292, appendix B.1).
func checkPassword(password string) error {
	if !utf8.ValidString(password) {
		return errors.New("making a PKCS#12 file: the password is not UTF-8")
	}
	if strings.ContainsFunc(password, func(r rune) bool { return r > 0xffff }) {
		return errors.New("making a PKCS#12 file: the password has a character beyond U+FFFF, such as an emoji, which the format cannot hold")
	}
	return nil
}

// passwordAlphabet is Crockford's base 32: no letter looks like a digit, and 32
// divides 256, so that a byte's low bits pick evenly.
const passwordAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewPassword draws a password of 125 random bits that a person can type: five
// groups of five. A nil reader means the system's randomness.
func NewPassword(random io.Reader) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	const groups, size = 5, 5
	octets := make([]byte, groups*size)
	if _, err := io.ReadFull(random, octets); err != nil {
		return "", fmt.Errorf("drawing a password: %w", err)
	}
	var b strings.Builder
	for i, o := range octets {
		if i > 0 && i%size == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(passwordAlphabet[int(o)%len(passwordAlphabet)])
	}
	return b.String(), nil
}

// DecodePFX reads the certificate and key of a PKCS#12 file. It does not check
// that they belong together. A file that wants its password hashed for minutes is
// an error.
func DecodePFX(data []byte, password string) (Pair, error) {
	if stretched(data, 0) > maxStretch {
		return Pair{}, fmt.Errorf("reading a PKCS#12 file: it wants its password hashed more than %d times", maxStretch)
	}
	key, cert, _, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return Pair{}, fmt.Errorf("reading a PKCS#12 file: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return Pair{}, fmt.Errorf("reading a PKCS#12 file: its key is a %T, which cannot sign", key)
	}
	return Pair{Cert: cert, Key: signer}, nil
}
