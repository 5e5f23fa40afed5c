package clients

import (
	"crypto/x509"
	"os"
	"path/filepath"
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
}

func (c *Clients) searcher(m devcert.Material) *searcher {
	return &searcher{env: c.options.Env, home: c.options.Home, stateDir: c.options.StateDir, root: m.Root, material: m}
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

// program is the first executable on the user's PATH with one of the names, as
// an absolute path; "" when there is none. Relative folders are passed over: what
// a shell finds there depends on where it is.
func (s *searcher) program(names ...string) string {
	for _, name := range names {
		for _, dir := range filepath.SplitList(s.get("PATH")) {
			if !filepath.IsAbs(dir) {
				continue
			}
			if path := filepath.Join(dir, name+programSuffix); isProgram(path) {
				return path
			}
		}
	}
	return ""
}

// isProgram says whether path is a file that can be executed.
func isProgram(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	return runtime.GOOS == "windows" || info.Mode().Perm()&0o111 != 0
}
