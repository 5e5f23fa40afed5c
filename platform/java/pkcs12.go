package java

import (
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

// PKCS#12 (RFC 7292) as far as it needs no password: what Java 18 and later are
// shipped with (JDK-8275252). The library for PKCS#12 gives neither the aliases,
// by which keytool removes an entry, nor entries that Java does not trust, and
// parses every certificate, which takes longer than a whole look may.
type (
	pfx struct {
		Version  int
		AuthSafe contentInfo
		MAC      asn1.RawValue `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue `asn1:"tag:0,explicit"`
		Attributes []attribute   `asn1:"set,optional"`
	}
	attribute struct {
		ID     asn1.ObjectIdentifier
		Values asn1.RawValue
	}
	certBag struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
)

var (
	oidData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncrypted    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidCertBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	// oidTrusted is Oracle's mark of a certificate that is trusted; without it
	// Java takes none for a root (JDK-6676075, sun.security.pkcs12).
	oidTrusted = asn1.ObjectIdentifier{2, 16, 840, 1, 113894, 746875, 1, 1}
)

// parsePKCS12 reads a keystore. One with encrypted certificates is errEncrypted:
// how often its password is hashed is for whoever wrote the file to say, and Java
// does not try.
func parsePKCS12(data []byte) (keystore, error) {
	var p pfx
	if err := exactly(data, &p); err != nil {
		return keystore{}, fmt.Errorf("read as PKCS#12: %w", err)
	}
	if p.Version != 3 || !p.AuthSafe.Type.Equal(oidData) {
		return keystore{}, errNoKeystore
	}
	var safes []contentInfo
	if err := exactlyInside(p.AuthSafe.Content, &safes); err != nil {
		return keystore{}, fmt.Errorf("read as PKCS#12: %w", err)
	}
	var k keystore
	for _, safe := range safes {
		switch {
		case safe.Type.Equal(oidEncrypted):
			return keystore{}, errEncrypted
		case !safe.Type.Equal(oidData):
			return keystore{}, errors.New("a PKCS#12 content of an unknown kind")
		}
		if err := k.addBags(safe.Content); err != nil {
			return keystore{}, fmt.Errorf("read as PKCS#12: %w", err)
		}
	}
	return k, nil
}

func (k *keystore) addBags(content asn1.RawValue) error {
	var bags []safeBag
	if err := exactlyInside(content, &bags); err != nil {
		return err
	}
	for _, bag := range bags {
		e := entry{alias: bag.alias(), kind: secret}
		if bag.ID.Equal(oidCertBag) {
			var cert certBag
			if err := exactly(bag.Value.Bytes, &cert); err != nil {
				return err
			}
			e.kind = untrusted
			if cert.ID.Equal(oidX509) {
				e.der = cert.Data
			}
			if _, marked := bag.attribute(oidTrusted); marked {
				e.kind = trusted
			}
		}
		k.entries = append(k.entries, e)
	}
	return nil
}

func (b safeBag) attribute(id asn1.ObjectIdentifier) ([]byte, bool) {
	for _, a := range b.Attributes {
		if a.ID.Equal(id) {
			return a.Values.Bytes, true
		}
	}
	return nil, false
}

// alias is the friendly name, a BMPString; "" where there is none.
func (b safeBag) alias() string {
	values, _ := b.attribute(oidFriendlyName)
	var name asn1.RawValue
	if _, err := asn1.Unmarshal(values, &name); err != nil || name.Tag != asn1.TagBMPString {
		return ""
	}
	var units []uint16
	for text := name.Bytes; len(text) >= 2; text = text[2:] {
		units = append(units, binary.BigEndian.Uint16(text))
	}
	return string(utf16.Decode(units))
}

// exactly decodes DER with nothing after it.
func exactly(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows the value")
	}
	return err
}

// exactlyInside decodes what is in the OCTET STRING of a content.
func exactlyInside(content asn1.RawValue, v any) error {
	var inside []byte
	if err := exactly(content.Bytes, &inside); err != nil {
		return err
	}
	return exactly(inside, v)
}
