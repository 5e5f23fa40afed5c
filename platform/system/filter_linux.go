package system

import (
	"bytes"
	"encoding/base64"
)

// mayHold says whether PEM data may hold a certificate with text in it; false is
// certain. A bundle of the system's is read for every look and has a hundred and
// more certificates, of which none or one is ours: to search its base64 costs a
// tenth of decoding it.
func mayHold(pem []byte, text string) bool {
	body := make([]byte, 0, len(pem))
	for _, c := range pem {
		if c > ' ' { // lines end anywhere in the text
			body = append(body, c)
		}
	}
	for shift := range 3 {
		if bytes.Contains(body, encodedAt(text, shift)) {
			return true
		}
	}
	return false
}

// encodedAt is the base64 that text becomes when shift bytes (modulo three)
// stand before it, without the characters at both ends that neighbours decide.
func encodedAt(text string, shift int) []byte {
	padded := append(make([]byte, shift), text...)
	encoded := []byte(base64.RawStdEncoding.EncodeToString(padded))
	first := (shift*8 + 5) / 6
	last := len(padded) * 8 / 6
	return encoded[first:last]
}
