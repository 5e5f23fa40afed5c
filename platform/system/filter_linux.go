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
	body := joined(pem)
	for shift := range 3 {
		if bytes.Contains(body, encodedAt(chain.Organization, shift)) {
			return true
		}
	}
	return false
}

// joined is PEM data without line ends and blanks: a line may end anywhere in
// what is searched for.
func joined(pem []byte) []byte {
	body := make([]byte, 0, len(pem))
	for line := range bytes.Lines(pem) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.IndexByte(line, ' ') < 0 && bytes.IndexByte(line, '\t') < 0 && bytes.IndexByte(line, '\r') < 0 {
			body = append(body, line...)
			continue
		}
		for _, c := range line { // a comment; base64 only where somebody indented it
			if c > ' ' {
				body = append(body, c)
			}
		}
	}
	return body
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
