package system

import (
	"bytes"
	"encoding/base64"
	"slices"
	"sync"

	"devcert/devcert/chain"
)

// mayHoldOurs says whether PEM data may hold a certificate of ours; false is
// certain. A bundle of the system's is read for every look and has a hundred and
// more certificates, of which none or one is ours: to search its base64 costs a
// tenth of decoding it.
func mayHoldOurs(pem []byte) bool {
	wanted := ourMarks()
	has := func(body []byte) bool {
		return slices.ContainsFunc(wanted, func(text []byte) bool { return bytes.Contains(body, text) })
	}
	body := make([]byte, 0, min(searched, len(pem)))
	for line := range bytes.Lines(pem) {
		if len(body)+len(line) > searched {
			if has(body) {
				return true
			}
			// What is searched for may begin at its end.
			body = append(body[:0], body[max(0, len(body)-len(chain.Organization)*2):]...)
		}
		body = appendLine(body, line)
	}
	return has(body)
}

// ourMarks are what base64 makes of what every root of ours says, wherever that begins.
var ourMarks = sync.OnceValue(func() (all [][]byte) {
	for shift := range 3 {
		all = append(all, encodedAt(chain.Organization, shift))
	}
	return all
})

// searched is how much is joined before it is searched: so much stays in the cache.
const searched = 16 << 10

// appendLine adds a line of PEM data without its end and without blanks: a line may
// end anywhere in what is searched for.
func appendLine(body, line []byte) []byte {
	line = bytes.TrimRight(line, "\r\n")
	if bytes.IndexByte(line, ' ') < 0 && bytes.IndexByte(line, '\t') < 0 && bytes.IndexByte(line, '\r') < 0 {
		return append(body, line...)
	}
	for _, c := range line { // a comment; base64 only where somebody indented it
		if c > ' ' {
			body = append(body, c)
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
