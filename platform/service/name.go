package service

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"devcert/devcert"
)

// nameOf is what a service is called: two state folders have two.
func nameOf(name, home string) string {
	name = "devcert-" + name
	if home == "" {
		return name
	}
	sum := sha256.Sum256([]byte(home))
	return name + "-" + hex.EncodeToString(sum[:4])
}

// isWatch says of a service that nobody waits for what it does. What is read back
// from a file has no name, but the command is devcert's first word.
func isWatch(s devcert.Service) bool {
	return len(s.Args) > 0 && s.Args[0] == devcert.WatchService
}

// unfit says which of a service's words are no text: nothing that is read back
// could tell what they were.
func unfit(s devcert.Service) error {
	for _, word := range append([]string{s.About, s.Program}, s.Args...) {
		if !utf8.ValidString(word) || strings.ContainsFunc(word, isNoText) {
			return fmt.Errorf("%q cannot stand in a service: it has characters that are not text", word)
		}
	}
	return nil
}

// isNoText says of a character that it cannot stand in a line, or in XML.
func isNoText(r rune) bool { return unicode.IsControl(r) || r == 0xFFFE || r == 0xFFFF }

// broken says why a program cannot be started; "" when it can, as far as can be
// seen.
func broken(program string) string {
	info, err := os.Stat(program)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return program + " is gone"
	case err != nil:
		return ""
	case !info.Mode().IsRegular() || !executable(info):
		return program + " is not a program"
	}
	return ""
}

// wordError is a program or a word that the system cannot be told to start.
type wordError struct{ what, hint string }

func (e *wordError) Error() string { return e.what }

// Remedy says what a person can do.
func (e *wordError) Remedy() string { return e.hint }

// failedError is a service that was started and does not stay up.
type failedError struct {
	why, log string
	err      error // of the tool; nil where the start itself went well
}

func (e *failedError) Error() string { return "it was started and does not stay up: " + e.why }
func (e *failedError) Unwrap() error { return e.err }

// Remedy says where to look.
func (e *failedError) Remedy() string {
	if e.log == "" {
		return ""
	}
	return "it says why itself:  " + e.log
}
