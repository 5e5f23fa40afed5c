package system

import (
	"bytes"
	"encoding/base64"

	"devcert/devcert/chain"
)

// mayHoldOurs says whether PEM data may hold a certificate of ours; false is
// certain. A bundle of the system's is read for every look and has a hundred and
// more certificates, of which none or one is ours: to search its base64 costs a
// tenth of decoding it.
func mayHoldOurs(pem []byte) bool {
	body := make([]byte, 0, len(pem))
	for _, c := range pem {
		if c > ' ' { // lines end anywhere in the text
			body = append(body, c)
		}
	}
	for shift := range 3 {
		if bytes.Contains(body, encodedAt(chain.Organization, shift)) {
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
