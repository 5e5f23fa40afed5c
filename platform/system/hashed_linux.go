package system

import (
	"bytes"
	"crypto/sha1" // the hash that OpenSSL names its links by
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// maxHashed is how many certificates with one hash are looked at.
const maxHashed = 64

// inHashed says whether OpenSSL finds root in folder: it asks for HASH.0,
// HASH.1, … and stops at the first number that is not there (crypto/x509/
// by_dir.c), so a link behind a gap does not count.
func inHashed(folder string, root *x509.Certificate) (bool, error) {
	hash, err := subjectHash(root.RawSubject)
	if err != nil {
		return false, err
	}
	for n := range maxHashed {
		data, _, err := read(filepath.Join(folder, fmt.Sprintf("%s.%d", hash, n)))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if holds(certificates(data), root) {
			return true, nil
		}
	}
	return false, nil
}

// hashLinkTo says whether one of root's hash links in folder names target,
// which need not exist any more.
func hashLinkTo(folder, target string, root *x509.Certificate) bool {
	hash, err := subjectHash(root.RawSubject)
	if err != nil {
		return false
	}
	for n := range maxHashed {
		to, err := os.Readlink(filepath.Join(folder, fmt.Sprintf("%s.%d", hash, n)))
		if err == nil && filepath.Base(to) == filepath.Base(target) {
			return true
		}
	}
	return false
}

// danglingLink describes the first of root's hash links in folder that leads
// nowhere, "" when there is none. No other certificate has root's subject, so
// that such a link is what its anchor left behind.
func danglingLink(folder string, root *x509.Certificate) string {
	hash, err := subjectHash(root.RawSubject)
	if err != nil {
		return ""
	}
	for n := range maxHashed {
		name := fmt.Sprintf("%s.%d", hash, n)
		to, err := os.Readlink(filepath.Join(folder, name))
		if err != nil {
			return ""
		}
		if _, err := os.Stat(filepath.Join(folder, name)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Sprintf("%s, a link to %s, which leads nowhere", name, to)
		}
	}
	return ""
}

type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// attributesSET is what encoding/asn1 reads and writes as a SET OF attribute:
// it goes by the end of the type's name.
type attributesSET []attribute

// subjectHash is `openssl x509 -subject_hash`: the first four bytes, read as a
// little-endian number, of the SHA-1 of the name in OpenSSL's canonical form:
// every string UTF-8, ASCII letters lower case, blanks at the ends gone and
// others single, and no SEQUENCE around the whole (crypto/x509/x_name.c).
func subjectHash(rawSubject []byte) (string, error) {
	var name []attributesSET
	if rest, err := asn1.Unmarshal(rawSubject, &name); err != nil || len(rest) > 0 {
		return "", fmt.Errorf("hash the subject of a certificate: %w", errors.Join(err, errTrailing(rest)))
	}
	var canonical []byte
	for _, set := range name {
		for i := range set {
			set[i].Value = canonicalValue(set[i].Value)
		}
		der, err := asn1.Marshal(set)
		if err != nil {
			return "", fmt.Errorf("hash the subject of a certificate: %w", err)
		}
		canonical = append(canonical, der...)
	}
	sum := sha1.Sum(canonical)
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(sum[:4])), nil
}

func errTrailing(rest []byte) error {
	if len(rest) > 0 {
		return errors.New("something follows it")
	}
	return nil
}

// canonicalValue does the string types that are UTF-8 already; what devcert
// makes has no other.
func canonicalValue(v asn1.RawValue) asn1.RawValue {
	switch v.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String:
	default:
		return v
	}
	text := bytes.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, v.Bytes)
	text = bytes.Join(bytes.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || r >= '\t' && r <= '\r' // ossl_isspace
	}), []byte(" "))
	return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: text}
}
