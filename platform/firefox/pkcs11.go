package firefox

import (
	"bytes"
	"slices"
	"strings"
)

// module is one PKCS #11 module of a profile.
type module struct {
	name, library string
	start, end    int // of its lines in pkcs11.txt, and of the empty ones behind them
}

// parseModules reads a profile's pkcs11.txt: modules, each in lines KEY=VALUE,
// with an empty line between them (nss/lib/softoken/sftkmod, "secmod.db"). Firefox
// writes there what a policy had it load, and goes on loading it when the policy is
// gone.
func parseModules(data []byte) []module {
	var all []module
	open, at := false, 0
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimRight(line, "\r\n"))
		blank := strings.TrimSpace(text) == ""
		if !blank && !open {
			all = append(all, module{start: at})
		}
		open = !blank
		at += len(line)
		if len(all) == 0 {
			continue
		}
		last := &all[len(all)-1]
		last.end = at
		key, value, _ := strings.Cut(text, "=")
		switch key {
		case "name":
			last.name = value
		case "library":
			last.library = value
		}
	}
	return all
}

// withoutModule drops the modules of that name, and says whether there were any.
func withoutModule(data []byte, name string) ([]byte, bool) {
	found := false
	for _, m := range slices.Backward(parseModules(data)) {
		if m.name == name {
			data, found = slices.Concat(data[:m.start], data[m.end:]), true
		}
	}
	return data, found
}
