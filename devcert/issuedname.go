package devcert

import (
	"slices"
	"strings"
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
// not lead anywhere.
func fileName(name string) string {
	if below, wild := strings.CutPrefix(name, "*."); wild {
		name = "_wildcard." + below
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("._@+-", r):
			return r
		}
		return '-'
	}, name)
	name = strings.TrimRight(name[:min(len(name), maxFileName)], ".")
	stem, _, _ := strings.Cut(strings.ToLower(name), ".")
	if name == "" || strings.ContainsRune(".-", rune(name[0])) || slices.Contains(reservedNames, stem) {
		name = "_" + name
	}
	return name
}
