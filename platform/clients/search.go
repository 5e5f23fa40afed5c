package clients

import (
	"crypto/x509"
	"runtime"
	"strings"

	"devcert/devcert"
)

// searcher looks for programs the way the user's shell does.
type searcher struct {
	env      []string
	home     string
	stateDir string
	root     *x509.Certificate // nil when there is none
	material devcert.Material
	places
}

func (c *Clients) searcher(m devcert.Material) *searcher {
	return &searcher{env: c.options.Env, home: c.options.Home, stateDir: c.options.StateDir, root: m.Root, material: m, places: c.places}
}

// get is the value of an environment variable; an empty one counts as none.
func (s *searcher) get(name string) string { return valueOf(s.env, name) }

func valueOf(env []string, name string) string {
	for _, pair := range env {
		if have, value, _ := strings.Cut(pair, "="); sameName(have, name) {
			return value
		}
	}
	return ""
}

// sameName compares names of variables, whose case means nothing on Windows.
func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}
