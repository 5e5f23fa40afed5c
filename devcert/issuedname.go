package devcert

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxFileName leaves room for what disk adds to a name, below the 255 bytes that
// file systems take.
const maxFileName = 100

// reservedNames are devices on Windows, whatever follows a dot
// (Microsoft, "Naming Files, Paths, and Namespaces").
var reservedNames = []string{
	"con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
}

// fileName is what the files of a certificate are called that was issued for
// name: a name that every system takes, that no shell has to quote, and that does
// not lead anywhere. Where that is not the name itself, a part of its digest tells
// it from others that would come to the same.
func fileName(name string) string {
	if below, wild := strings.CutPrefix(name, "*."); wild {
		name = "_wildcard." + below
	}
	safe := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune("._@+-", r) {
			return r
		}
		return '-'
	}, strings.ToValidUTF8(name, "-"))
	safe = strings.TrimRight(safe, ".")
	stem, _, _ := strings.Cut(strings.ToLower(safe), ".")
	if safe == "" || strings.ContainsRune(".-", rune(safe[0])) || slices.Contains(reservedNames, stem) {
		safe = "_" + safe
	}
	if safe == name && len(name) <= maxFileName {
		return name
	}
	digest := sha256.Sum256([]byte(name))
	mark := "-" + hex.EncodeToString(digest[:4])
	for len(safe)+len(mark) > maxFileName {
		_, last := utf8.DecodeLastRuneInString(safe)
		safe = safe[:len(safe)-last]
	}
	return safe + mark
}
