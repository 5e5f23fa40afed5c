package chain

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// MaxCredential bounds what [ReadCredential] and its like read, in bytes: a
// certificate with its key and a long chain has a hundredth of it.
const MaxCredential = 1 << 20

// Credential is what a file that people call "the certificate" holds.
type Credential struct {
	Leaf *x509.Certificate
	// Chain are the other certificates that are there, in the file's order.
	Chain []*x509.Certificate
	// Key is the leaf's; nil without.
	Key crypto.Signer
	// HasKey says that there is one, also where a store keeps it to itself.
	HasKey bool
}

// CredentialError says why a file is of no use, and never quotes what is secret.
type CredentialError struct {
	Problem string // one line, lower case
	Hint    string // what to do
	Err     error  // may be nil
}

func (e *CredentialError) Error() string { return e.Problem }

// Unwrap is the cause.
func (e *CredentialError) Unwrap() error { return e.Err }

// Remedy is the hint.
func (e *CredentialError) Remedy() string { return e.Hint }

const (
	nameFile  = "name a file with a certificate in PEM, DER or PFX"
	viaPEM    = "convert it:  openssl pkcs12 -in FILE -out cert.pem -nodes"
	viaPKCS7  = "convert it:  openssl pkcs7 -print_certs -in FILE -out cert.pem   (-inform DER where it is no text)"
	decrypt   = "decrypt it:  openssl pkey -in FILE -out key.pem   or use a PFX, whose password can be given"
	keepAlone = "write the one that is meant, with its key and chain, into a file of its own"
)

// ReadCredential reads a certificate, with the chain and the key where they are
// there: PEM with whatever text around it, DER, or PFX. The leaf is the certificate
// whose key is there, else the first that is no CA's. password is asked only when
// a PFX has one; what it returns as an error is returned. All other errors are a
// [*CredentialError].
func ReadCredential(data []byte, password func() (string, error)) (Credential, error) {
	data, err := credentialText(data)
	if err != nil {
		return Credential{}, err
	}
	if bytes.Contains(data, pemMark) {
		certs, keys, err := readPEM(data)
		if err != nil {
			return Credential{}, err
		}
		return assemble(certs, keys)
	}
	if isPFX(data) {
		return readPFX(data, password)
	}
	certs, err := readDER(data)
	if err != nil {
		return Credential{}, err
	}
	return assemble(certs, nil)
}

// ReadCertificates reads certificates, of whomever, in PEM or DER; keys that stand
// beside them are not looked at. An error is a [*CredentialError].
func ReadCertificates(data []byte) ([]*x509.Certificate, error) {
	data, err := credentialText(data)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(data, pemMark) {
		return readDER(data)
	}
	blocks, err := pemBlocks(data)
	if err != nil {
		return nil, err
	}
	certs, err := certificatesIn(blocks)
	if err == nil && len(certs) == 0 {
		err = &CredentialError{Problem: "it holds no certificate", Hint: nameFile}
	}
	return certs, err
}

// WithKey gives c a key from elsewhere. It decides which certificate is the leaf.
func (c Credential) WithKey(key crypto.Signer) (Credential, error) {
	return assemble(append([]*x509.Certificate{c.Leaf}, c.Chain...), []crypto.Signer{key})
}

// credentialText refuses what is no file of certificates whatever stands in it, and drops the
// mark that Windows' editors write before UTF-8.
func credentialText(data []byte) ([]byte, error) {
	switch {
	case len(data) > MaxCredential:
		return nil, &CredentialError{Problem: fmt.Sprintf("it is larger than %d KiB, and no file of certificates is", MaxCredential>>10), Hint: nameFile}
	case len(bytes.TrimSpace(data)) == 0:
		return nil, &CredentialError{Problem: "it is empty", Hint: nameFile}
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, &CredentialError{ // what > does in Windows PowerShell
			Problem: "it is text in UTF-16, which nothing that reads certificates understands",
			Hint:    "write it in UTF-8 or ASCII; in PowerShell:  Set-Content -Encoding ascii",
		}
	}
	return bytes.TrimPrefix(data, []byte("\ufeff")), nil
}

// readDER reads one certificate, and says what else it is.
func readDER(data []byte) ([]*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(data)
	if err == nil {
		return []*x509.Certificate{cert}, nil
	}
	refused := &CredentialError{Problem: "it is neither a certificate in PEM or DER nor a PFX", Hint: nameFile, Err: err}
	var outer asn1.RawValue
	var kind asn1.ObjectIdentifier
	switch _, broken := asn1.Unmarshal(data, &outer); {
	case bytes.HasPrefix(data, []byte{0x30, 0x80}):
		refused.Problem, refused.Hint = "it is in BER, as Firefox writes a PFX, and only DER is read", viaPEM
	case broken != nil || outer.Tag != asn1.TagSequence || !outer.IsCompound:
	case isPFX(data):
		refused.Problem = "it is a PFX, and certificates in PEM or DER are expected"
		refused.Hint = viaPEM
	case hasKind(outer.Bytes, &kind):
		refused.Problem, refused.Hint = "it is a PKCS#7 file, which is not read", viaPKCS7
	case isKey(data):
		refused.Problem, refused.Hint = "it holds a private key and no certificate", "name the certificate's file, and this one with --key"
	case isRequest(data):
		refused.Problem, refused.Hint = "it is a certificate request, and no certificate", "have a certificate issued for it first"
	case looksLikeCertificate(outer.Bytes):
		refused.Problem, refused.Hint = "its certificate cannot be read: "+readable(err), "have it issued anew"
	}
	return nil, refused
}

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

func hasKind(inside []byte, kind *asn1.ObjectIdentifier) bool {
	_, err := asn1.Unmarshal(inside, kind)
	return err == nil && kind.Equal(oidSignedData)
}

func isRequest(der []byte) bool {
	_, err := x509.ParseCertificateRequest(der)
	return err == nil
}

// looksLikeCertificate: two sequences and a bit string are what is signed, how, and
// the signature (RFC 5280, section 4.1).
func looksLikeCertificate(inside []byte) bool {
	for _, tag := range []int{asn1.TagSequence, asn1.TagSequence, asn1.TagBitString} {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(inside, &v)
		if err != nil || v.Tag != tag {
			return false
		}
		inside = rest
	}
	return len(inside) == 0
}

// assemble finds the leaf, by its key where there is one.
func assemble(certs []*x509.Certificate, keys []crypto.Signer) (Credential, error) {
	switch {
	case len(certs) == 0 && len(keys) > 0:
		return Credential{}, &CredentialError{
			Problem: "it holds a private key and no certificate", Hint: "name the certificate's file, and this one with --key",
		}
	case len(certs) == 0:
		return Credential{}, &CredentialError{Problem: "it holds no certificate", Hint: nameFile}
	case len(keys) == 0:
		first := max(0, slices.IndexFunc(certs, func(c *x509.Certificate) bool { return !c.IsCA }))
		return Credential{Leaf: certs[first], Chain: others(certs, certs[first])}, nil
	}
	leaf, key, err := keyHolder(certs, keys)
	if err != nil {
		return Credential{}, err
	}
	return Credential{Leaf: leaf, Chain: others(certs, leaf), Key: key, HasKey: true}, nil
}

// keyHolder is the certificate that one of the keys belongs to. Where an authority's key
// is there too, it is not the authority.
func keyHolder(certs []*x509.Certificate, keys []crypto.Signer) (leaf *x509.Certificate, key crypto.Signer, err error) {
	several := false
	for _, c := range certs {
		at := slices.IndexFunc(keys, func(k crypto.Signer) bool { return SameKey(c, k) })
		switch {
		case at < 0 || leaf != nil && SameKey(c, key):
		case leaf == nil, leaf.IsCA && !c.IsCA:
			leaf, key, several = c, keys[at], false
		case leaf.IsCA == c.IsCA:
			several = true
		}
	}
	switch {
	case leaf == nil:
		return nil, nil, &CredentialError{
			Problem: fmt.Sprintf("the private key is not that of the certificate of %s", nameIn(certs[0])),
			Hint:    "give the key that the certificate was made with, or have one issued for this key",
		}
	case several:
		return nil, nil, &CredentialError{Problem: "it holds several certificates with their keys", Hint: keepAlone}
	}
	return leaf, key, nil
}

// others is the list without a certificate, and everything once.
func others(certs []*x509.Certificate, leaf *x509.Certificate) []*x509.Certificate {
	var rest []*x509.Certificate
	for _, c := range certs {
		if !c.Equal(leaf) && !slices.ContainsFunc(rest, c.Equal) {
			rest = append(rest, c)
		}
	}
	return rest
}

// nameIn quotes what a certificate calls itself, since it may be anything.
func nameIn(c *x509.Certificate) string {
	name := c.Subject.CommonName
	if name == "" {
		name = c.Subject.String()
	}
	const enough = 64 // RFC 5280's bound of a common name
	if len(name) > enough {
		name = strings.ToValidUTF8(name[:enough], "") + "..."
	}
	return strconv.Quote(name)
}

// readable is an error's text without what a file could have smuggled into it.
func readable(err error) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.TrimPrefix(strings.TrimPrefix(err.Error(), "pkcs12: "), "x509: "))
	const enough = 200
	if len(clean) > enough {
		clean = strings.ToValidUTF8(clean[:enough], "") + "..."
	}
	return clean
}
