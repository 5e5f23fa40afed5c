package java

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

// Java's own format, written down in sun.security.provider.JavaKeyStore: all
// numbers big-endian, texts as DataOutput.writeUTF makes them, a digest at the end.
var jksMagic = []byte{0xfe, 0xed, 0xfe, 0xed}

const (
	tagKey         = 1
	tagCertificate = 2
	digestSize     = sha1.Size
	// whitener is what the digest takes in between password and content.
	whitener = "Mighty Aphrodite"
)

// parseJKS reads a keystore of version 1 or 2. Whose digest is not that of the
// usual password has another one, or was damaged in a place that its structure
// does not show: without the password nobody can tell, Java included.
func parseJKS(data []byte) (keystore, error) {
	if len(data) < len(jksMagic)+digestSize {
		return keystore{}, errCut
	}
	content, digest := data[:len(data)-digestSize], data[len(data)-digestSize:]
	r := &reader{rest: content[len(jksMagic):]}
	version, count := r.number(), r.number()
	if r.err == nil && version != 1 && version != 2 {
		return keystore{}, fmt.Errorf("a JKS keystore of version %d", version)
	}
	var k keystore
	for i := uint32(0); i < count && r.err == nil; i++ {
		k.entries = append(k.entries, r.entry(version))
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = errors.New("something follows the last entry of the keystore")
	}
	if r.err != nil {
		return keystore{}, r.err
	}
	sum := jksDigest(content, password)
	k.locked = subtle.ConstantTimeCompare(sum[:], digest) == 0
	return k, nil
}

func jksDigest(content []byte, password string) [digestSize]byte {
	var text []byte
	for _, unit := range utf16.Encode([]rune(password)) {
		text = binary.BigEndian.AppendUint16(text, unit)
	}
	hash := sha1.New()
	hash.Write(text)
	hash.Write([]byte(whitener))
	hash.Write(content)
	return [digestSize]byte(hash.Sum(nil))
}

var errCut = errors.New("the keystore is cut short")

// reader takes values from the front of rest. What is longer than the rest is an
// error, so that no length in a file makes it allocate; after one all is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.rest)) {
		r.err = errCut
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) number() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// text is left in Java's modified UTF-8, which differs from UTF-8 in characters
// beyond U+FFFF and in NUL only.
func (r *reader) text() string {
	if b := r.take(2); b != nil {
		return string(r.take(uint64(binary.BigEndian.Uint16(b))))
	}
	return ""
}

func (r *reader) bytes() []byte { return r.take(uint64(r.number())) }

func (r *reader) entry(version uint32) entry {
	tag := r.number()
	e := entry{alias: r.text()}
	r.take(8) // when it was made
	switch tag {
	case tagCertificate:
		e.der = r.certificate(version)
	case tagKey:
		e.kind = secret
		r.bytes()
		for n := r.number(); n > 0 && r.err == nil; n-- {
			r.certificate(version)
		}
	default:
		if r.err == nil {
			r.err = fmt.Errorf("an entry of the unknown kind %d", tag)
		}
	}
	return e
}

// certificate is nil where it is not an X.509 one, of which Java knows no other.
func (r *reader) certificate(version uint32) []byte {
	format := "X.509"
	if version == 2 {
		format = r.text()
	}
	der := r.bytes()
	if format != "X.509" && format != "X509" {
		return nil
	}
	return der
}
