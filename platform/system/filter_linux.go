package system

import (
	"encoding/base64"
	"sync"

	"devcert/devcert/chain"
)

// mayHoldOurs says whether PEM data may hold a certificate of ours; false is
// certain. A bundle of the system's is read for every look and has a hundred and
// more certificates, of which none or one is ours: to search its base64 costs a
// hundredth of decoding it.
func mayHoldOurs(pem []byte) bool {
	marks := ourMarks()
	// As Horspool's algorithm goes on: two characters say how much further a mark can
	// end at the soonest. Blanks, and the ends of lines, only move it further still.
	for at := marks.length - 1; at < len(pem); {
		if isBlank(pem[at]) {
			at++
			continue
		}
		skip := marks.skips[pair(pem[before(pem, at)], pem[at])]
		if skip == 0 && marks.endAt(pem, at) {
			return true
		}
		at += max(1, int(skip))
	}
	return false
}

func isBlank(c byte) bool { return c <= ' ' }

// before is where the last character before at stands that is no blank; 0 if none does.
func before(pem []byte, at int) int {
	for at--; at > 0 && isBlank(pem[at]); at-- {
	}
	return max(0, at)
}

// marks are what base64 makes of what every root of ours says, wherever that begins,
// and how to search for them.
type marks struct {
	texts  [3]string
	length int // how much of each is searched for: what the shortest has
	skips  [1 << 10]uint8
}

var ourMarks = sync.OnceValue(func() *marks {
	m := &marks{}
	for shift := range m.texts {
		m.texts[shift] = encodedAt(chain.Organization, shift)
	}
	m.length = min(len(m.texts[0]), len(m.texts[1]), len(m.texts[2]))
	for i := range m.skips {
		m.skips[i] = uint8(m.length - 1) // it can begin with the second of the two
	}
	for _, text := range m.texts {
		for last := 1; last < m.length; last++ {
			skip := &m.skips[pair(text[last-1], text[last])]
			*skip = min(*skip, uint8(m.length-1-last))
		}
	}
	return m
})

// pair is the index of two characters in skips. Where several share one, the shortest
// of their skips counts.
func pair(first, second byte) int { return (int(first)<<4 ^ int(second)) & (1<<10 - 1) }

// endAt says whether a mark ends at that place, with blanks anywhere in it.
func (m *marks) endAt(pem []byte, at int) bool {
	for _, text := range m.texts {
		i, left := at, m.length
		for ; left > 0 && i >= 0 && pem[i] == text[left-1]; left-- {
			for i--; i >= 0 && isBlank(pem[i]); i-- {
			}
		}
		if left == 0 {
			return true
		}
	}
	return false
}

// encodedAt is the base64 that text becomes when shift bytes (modulo three)
// stand before it, without the characters at both ends that neighbours decide.
func encodedAt(text string, shift int) string {
	padded := append(make([]byte, shift), text...)
	encoded := base64.RawStdEncoding.EncodeToString(padded)
	first := (shift*8 + 5) / 6
	last := len(padded) * 8 / 6
	return encoded[first:last]
}
