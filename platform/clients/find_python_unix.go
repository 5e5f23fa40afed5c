//go:build unix

package clients

import (
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// findRequests lists Python's requests where its folder is seen without asking
// Python: there may be many Pythons, and few have it.
func findRequests(s *searcher) []devcert.Client {
	program := s.program("python3")
	if program == "" {
		return nil
	}
	for _, folder := range s.pythonModules(program) {
		if !isFile(filepath.Join(folder, "requests", "__init__.py")) {
			continue
		}
		c := devcert.Client{Name: "python requests", Path: program}
		s.judgeRequests(&c, folder)
		return []devcert.Client{c}
	}
	return nil
}

// judgeRequests: one of two variables replaces certifi's list. A distribution's
// certifi has no list, and leads to the system's bundle.
func (s *searcher) judgeRequests(c *devcert.Client, folder string) {
	list := filepath.Join(folder, "certifi", "cacert.pem")
	if name := s.firstSet([]string{"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}); name != "" {
		list = s.get(name)
		c.Override, c.Roots = name, name+"="+list
	} else if isFile(list) {
		c.Roots = "certifi's list"
	} else {
		c.Store, c.Roots = systemStore, systemRoots
		return
	}
	if isFolder(list) {
		c.State, c.Evidence = s.inFolders(list)
	} else {
		c.State, c.Evidence = s.inFile(list)
	}
	if c.State != devcert.Trusted {
		c.Remedy = byVariable
	}
}

// pythonModules are the folders where a Python looks for modules, in its order.
func (s *searcher) pythonModules(program string) []string {
	var patterns []string
	if env := s.get("VIRTUAL_ENV"); env != "" {
		patterns = append(patterns, filepath.Join(env, "lib", "python3*", "site-packages"))
	}
	if folder := s.pyenv(program); folder != "" {
		patterns = append(patterns, filepath.Join(folder, "lib", "python3*", "site-packages"))
	}
	prefix := filepath.Dir(filepath.Dir(program))
	patterns = append(patterns, s.inHome(".local", "lib", "python3*", "site-packages"),
		filepath.Join(prefix, "lib", "python3*", "site-packages"))
	if prefix == "/usr" { // Debian's
		patterns = append(patterns, "/usr/local/lib/python3*/dist-packages", "/usr/lib/python3/dist-packages")
	}
	var folders []string
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // none, where a folder's name is no pattern
		folders = append(folders, found...)
	}
	return folders
}

// pyenv is where the Python lives that a shim of pyenv starts; "" for no shim.
func (s *searcher) pyenv(program string) string {
	shims := filepath.Dir(program)
	if filepath.Base(shims) != "shims" {
		return ""
	}
	base := filepath.Dir(shims)
	version := s.get("PYENV_VERSION")
	if version == "" {
		data, err := read(filepath.Join(base, "version"))
		if err != nil {
			return ""
		}
		version = string(data)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(version), "\n") // more may be named; the first starts
	first, _, _ = strings.Cut(first, ":")
	return filepath.Join(base, "versions", strings.TrimSpace(first))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
