package firefox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// enterpriseRoots decides whether Firefox takes the roots that an administrator or
// user added to the operating system. It is on by default since Firefox 120
// (bugzilla 1848815), on Windows and macOS; on Linux it has no meaning.
const enterpriseRoots = "security.enterprise_roots.enabled"

// EnterpriseRoots says whether the profile takes the roots of the operating
// system, and the line that says so; "" where it is left at its default, which is
// on. What cannot be read is an error, and on then is what Firefox would do without
// that file.
func EnterpriseRoots(profileDir string) (on bool, evidence string, err error) {
	on = true
	for _, name := range []string{"prefs.js", "user.js"} { // the second has the last word
		path := filepath.Join(profileDir, name)
		data, readErr := read(path)
		if errors.Is(readErr, fs.ErrNotExist) {
			continue
		}
		if readErr != nil {
			err = errors.Join(err, fmt.Errorf("read the preferences of a Firefox profile: %w", readErr))
			continue
		}
		if value, line, found := lastBool(data, enterpriseRoots); found {
			on, evidence = value, fmt.Sprintf("%s:%d: %s = %t", path, line, enterpriseRoots, value)
		}
	}
	return on, evidence, err
}

// lastBool is the last value that a file of preferences gives to name, and its line,
// counted from 1. One that is no boolean says nothing: Firefox keeps the default
// where the types differ. Like Firefox, it passes over what it does not understand,
// up to the next preference (modules/libpref/parser).
func lastBool(data []byte, name string) (value bool, line int, found bool) {
	s := prefScanner{rest: data, line: 1}
	for s.next() {
		if s.name == name && (s.value == "true" || s.value == "false") {
			value, line, found = s.value == "true", s.at, true
		}
	}
	return value, line, found
}

// prefScanner goes through the calls user_pref("name", value); of a file.
type prefScanner struct {
	rest []byte
	line int // of rest

	name, value string // a word or number as it stands; a string with its quotes
	at          int    // line of the call
}

// next finds the next call that is whole.
func (s *prefScanner) next() bool {
	for {
		token := s.token()
		if token == "" {
			return false
		}
		if token != "user_pref" && token != "pref" && token != "sticky_pref" {
			continue
		}
		s.at = s.line
		if s.call() {
			return true
		}
	}
}

func (s *prefScanner) call() bool {
	if s.token() != "(" {
		return false
	}
	name, isString := unquote(s.token())
	if !isString || s.token() != "," {
		return false
	}
	value := s.token()
	if s.token() != ")" { // with attributes, as only defaults have, it is not for us
		return false
	}
	s.name, s.value = name, value
	return true
}

// token returns the next word, string with its quotes, or sign; "" at the end.
func (s *prefScanner) token() string {
	s.skip()
	if len(s.rest) == 0 {
		return ""
	}
	end := 1
	switch first := s.rest[0]; {
	case first == '"' || first == '\'':
		end = stringEnd(s.rest)
	case isWord(first):
		for end < len(s.rest) && isWord(s.rest[end]) {
			end++
		}
	}
	token := string(s.rest[:end])
	s.drop(end)
	return token
}

// skip passes over blanks and comments.
func (s *prefScanner) skip() {
	for {
		s.drop(len(s.rest) - len(bytes.TrimLeft(s.rest, " \t\r\n\v\f\uFEFF")))
		switch {
		case bytes.HasPrefix(s.rest, []byte("#")), bytes.HasPrefix(s.rest, []byte("//")):
			s.drop(until(s.rest, "\n"))
		case bytes.HasPrefix(s.rest, []byte("/*")):
			s.drop(2)
			s.drop(until(s.rest, "*/"))
		default:
			return
		}
	}
}

func (s *prefScanner) drop(n int) {
	s.line += bytes.Count(s.rest[:n], []byte("\n"))
	s.rest = s.rest[n:]
}

func until(data []byte, end string) int {
	if i := bytes.Index(data, []byte(end)); i >= 0 {
		return i + len(end)
	}
	return len(data)
}

// stringEnd is where the string at the beginning of data ends, or data does.
func stringEnd(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case data[0]:
			return i + 1
		}
	}
	return len(data)
}

// unquote takes the name out of a string. A name of ours has nothing but plain
// letters, so that only the escapes that may stand for them matter.
func unquote(token string) (string, bool) {
	if len(token) < 2 || token[0] != '"' && token[0] != '\'' || token[len(token)-1] != token[0] {
		return "", false
	}
	inner := token[1 : len(token)-1]
	if !strings.Contains(inner, `\`) {
		return inner, true
	}
	plain, err := strconv.Unquote(`"` + strings.ReplaceAll(inner, `\'`, `'`) + `"`)
	return plain, err == nil
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || c == '+' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
