package dotnet

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"devcert/devcert/chain"
)

// Why a file gives no certificates.
var (
	errPassword = errors.New("protected by a password")
	errNoPFX    = errors.New("not PKCS#12 with a certificate")
	errEncoding = errors.New("PKCS#12 in an encoding that devcert does not read")
	errCostly   = errors.New("PKCS#12 whose keys take too long to derive")
)

// How many rounds of key derivation a file may ask for: of one key, and of all
// together. Beyond, .NET leaves the file out of its store too
// (Pkcs12LoaderLimits.Defaults, .NET 9).
const (
	maxRounds    = 300_000
	maxAllRounds = 1_000_000
)

// bundle is what a file holds, in its order.
type bundle struct {
	certs [][]byte // DER, perhaps none that crypto/x509 takes
	keys  []crypto.Signer
	// sealed says that there are keys besides, of a kind that was not understood.
	sealed bool
}

// taken is the certificate that .NET takes out of a file, the last that has a key
// or else the last, and its key. Which of several keys belongs to one that
// crypto/x509 refuses is not known: none is given then.
func (b *bundle) taken() (der []byte, cert *x509.Certificate, key crypto.Signer) {
	for i := len(b.certs) - 1; i >= 0; i-- {
		c, err := x509.ParseCertificate(b.certs[i])
		if err != nil {
			c = nil
		}
		if i == len(b.certs)-1 {
			der, cert = b.certs[i], c
		}
		if key := b.keyOf(c); key != nil {
			return b.certs[i], c, key
		}
	}
	return der, cert, nil
}

// isOf says whether the file is cert's and nobody else's: .NET takes cert out of
// it, and what there is besides is devcert's too, such as the rest of the chain.
func (b *bundle) isOf(cert *x509.Certificate) bool {
	if der, _, _ := b.taken(); !bytes.Equal(der, cert.Raw) {
		return false
	}
	for _, der := range b.certs {
		if _, _, err := chain.CheckPart(der); err != nil && !bytes.Equal(der, cert.Raw) {
			return false
		}
	}
	return true
}

// keyOf is the key that belongs to cert.
func (b *bundle) keyOf(cert *x509.Certificate) crypto.Signer {
	for _, key := range b.keys {
		if chain.SameKey(cert, key) {
			return key
		}
	}
	return nil
}

// parsePFX reads a file as .NET does that looks into its store: PKCS#12 that opens
// with password, and nothing else (X509CertificateLoader, .NET 9).
func parsePFX(data []byte, password string) (*bundle, error) {
	return parseWithin(data, password, maxAllRounds)
}

func parseWithin(data []byte, password string, rounds int) (*bundle, error) {
	var pfx pfxPDU
	if !whole(data, &pfx) || pfx.Version != 3 {
		if bytes.HasPrefix(data, []byte{0x30, 0x80}) {
			return nil, errEncoding // BER of indefinite length, which .NET reads
		}
		return nil, errNoPFX
	}
	return pfx.open(password, rounds)
}

// The structures of PKCS#12 (RFC 7292, section 4) and, in it, PKCS#7 and PKCS#8.
type (
	pfxPDU struct {
		Version  int
		AuthSafe contentInfo
		Mac      macData `asn1:"optional"`
	}
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	macData struct {
		Digest struct {
			Algorithm pkix.AlgorithmIdentifier
			Value     []byte
		}
		Salt   []byte
		Rounds int `asn1:"optional,default:1"`
	}
	encryptedData struct {
		Version int
		Content struct {
			Type      asn1.ObjectIdentifier
			Algorithm pkix.AlgorithmIdentifier
			Data      []byte `asn1:"tag:0,optional"`
		}
	}
	safeBag struct {
		Type       asn1.ObjectIdentifier
		Value      asn1.RawValue   `asn1:"tag:0,explicit"`
		Attributes []asn1.RawValue `asn1:"set,optional"`
	}
	certBag struct {
		Type asn1.ObjectIdentifier
		DER  []byte `asn1:"tag:0,explicit"`
	}
	sealedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
)

var (
	oidData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncrypted = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidSealedBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
)

// open tries the ways in which programs write an empty password: as nothing but
// its terminating zero, and, as .NET itself does, as nothing at all.
func (p *pfxPDU) open(password string, rounds int) (b *bundle, err error) {
	secrets := []secret{newSecret(password)}
	if password == "" {
		secrets = append(secrets, secret{})
	}
	for _, s := range secrets {
		left := rounds
		s.rounds = &left
		if b, err = p.openWith(s); !errors.Is(err, errPassword) {
			break
		}
	}
	return b, err
}

func (p *pfxPDU) openWith(s secret) (*bundle, error) {
	var safe []byte
	if !p.AuthSafe.Type.Equal(oidData) || !whole(p.AuthSafe.Content.Bytes, &safe) {
		return nil, errEncoding
	}
	if p.Mac.Digest.Algorithm.Algorithm != nil {
		if err := s.verify(&p.Mac, safe); err != nil {
			return nil, err
		}
	}
	var contents []contentInfo
	if !whole(safe, &contents) {
		return nil, errEncoding
	}
	b := &bundle{}
	for _, c := range contents {
		bags, err := s.bags(c)
		if err != nil {
			return nil, err
		}
		for _, bag := range bags {
			if err := b.add(bag, s); err != nil {
				return nil, err
			}
		}
	}
	if len(b.certs) == 0 {
		return nil, errNoPFX
	}
	return b, nil
}

// bags takes one part of a file apart, encrypted or not.
func (s secret) bags(c contentInfo) (bags []safeBag, err error) {
	var data []byte
	switch {
	case c.Type.Equal(oidData):
		if !whole(c.Content.Bytes, &data) {
			return nil, errEncoding
		}
	case c.Type.Equal(oidEncrypted):
		var e encryptedData
		if !whole(c.Content.Bytes, &e) {
			return nil, errEncoding
		}
		if data, err = s.decrypt(e.Content.Algorithm, e.Content.Data); err != nil {
			return nil, err
		}
	default:
		return nil, errEncoding
	}
	if !whole(data, &bags) {
		return nil, errPassword // a wrong one that happened to leave good padding
	}
	return bags, nil
}

// add takes what a bag holds. A key of a kind that is not known here is noted and
// left: .NET may know it.
func (b *bundle) add(bag safeBag, s secret) error {
	switch {
	case bag.Type.Equal(oidCertBag):
		var cert certBag
		if !whole(bag.Value.Bytes, &cert) || !cert.Type.Equal(oidX509) {
			return fmt.Errorf("a certificate of another kind: %w", errEncoding)
		}
		b.certs = append(b.certs, cert.DER)
	case bag.Type.Equal(oidKeyBag):
		b.addKey(bag.Value.Bytes)
	case bag.Type.Equal(oidSealedBag):
		var key sealedKey
		if !whole(bag.Value.Bytes, &key) {
			return errEncoding
		}
		der, err := s.decrypt(key.Algorithm, key.Data)
		if err != nil {
			return err
		}
		b.addKey(der)
	}
	return nil
}

func (b *bundle) addKey(der []byte) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if key, ok := parsed.(crypto.Signer); err == nil && ok {
		b.keys = append(b.keys, key)
		return
	}
	b.sealed = true
}

// whole says whether der is exactly one DER value that fits into.
func whole(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}
