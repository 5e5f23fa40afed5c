package java

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"devcert/platform/run"
)

var (
	errLocked   = errors.New(`it has a password other than "` + password + `", which devcert does not know`)
	errReadOnly = errors.New("it is read-only")
	errTools    = errors.New("no Java that reads it has a keytool")
	// errReadOnlyDisk is what a change would end with.
	errReadOnlyDisk = fmt.Errorf("its folder cannot be written to: %w", syscall.EROFS)
)

// errUnmarked: keytool drops what has no mark, and what is whose is not known.
var errUnmarked = errors.New("devcert leaves such a keystore alone")

// damageError is why a file is not a keystore that Java could use.
type damageError struct{ err error }

func (e *damageError) Error() string { return e.err.Error() }
func (e *damageError) Unwrap() error { return e.err }

// exposedError is a part of a Java that somebody else could have changed.
type exposedError struct {
	path string
	only string // who may
}

func (e *exposedError) Error() string { return e.path + " can be changed by others" }

// changeError is a change of a keystore that failed.
type changeError struct {
	what   string // was tried, on what
	err    error  // why
	remedy string
}

func (e *changeError) Error() string {
	var ran *run.Error
	if errors.As(e.err, &ran) {
		return e.what + ": " + filepath.Base(ran.Command[0]) + ": " + ran.Reason()
	}
	return e.what + ": " + reason(e.err)
}

func (e *changeError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *changeError) Remedy() string { return e.remedy }

// again ends the remedies that let the same command succeed.
const again = ", then run the same command again"

// failed is the error of what was tried on the keystore; nil where err is.
func (e edit) failed(what, byHand string, err error) error {
	return failed(what+" "+e.path, e.path, byHand, err)
}

func failed(what, path, byHand string, err error) error {
	if err == nil {
		return nil
	}
	return &changeError{what, err, remedyFor(err, path, byHand)}
}

// remedyFor is what a person can do about err at a keystore: byHand where there
// is nothing better.
func remedyFor(err error, path, byHand string) string {
	folder := filepath.Dir(path)
	var exposed *exposedError
	switch {
	case errors.Is(err, errReadOnly):
		return "make " + path + " writable for its owner" + again
	case errors.As(err, &exposed):
		return "let only " + exposed.only + " change " + exposed.path + again
	case errors.Is(err, errTools):
		return "install a whole JDK or JRE" + again
	case errors.Is(err, syscall.EROFS):
		return "make " + folder + " writable" + again
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space in " + folder + again
	case errors.Is(err, fs.ErrPermission):
		return "let the owner of " + path + " read it and write to " + folder + again
	case isDamage(err):
		return remakeRemedy(path) + again
	}
	return byHand
}

// remakeRemedy is what brings a keystore back: where path is a link that leads
// nowhere, it is what it was to lead to.
func remakeRemedy(path string) string {
	target := path
	if to, err := os.Readlink(path); err == nil {
		if target = to; !filepath.IsAbs(to) {
			target = filepath.Join(filepath.Dir(path), to)
		}
	}
	if command := remake(target); command != "" {
		return "have " + target + " made anew: " + command
	}
	return "have " + target + " made anew, by installing again what brought it"
}

// isDamage says whether a keystore is not one that Java could use.
func isDamage(err error) bool {
	var damage *damageError
	return errors.As(err, &damage) || errors.Is(err, fs.ErrNotExist)
}

// addByHand is the command that adds root where devcert cannot. The privileged
// child knows of no file that has it.
func (e edit) addByHand(root *x509.Certificate) string {
	if e.root == "" {
		const file = "devcert-root.pem"
		return "run by hand: devcert export root --out " + file + ", then: " + e.command(append(addArgs(root), "-file", file))
	}
	return e.byHand(append(addArgs(root), "-file", e.root))
}

func (e edit) byHand(args []string) string { return "run by hand: " + e.command(args) }

// command is a line with keytool that a person can type.
func (e edit) command(args []string) string {
	words := slices.Concat([]string{e.keytool}, args, []string{"-keystore", e.path})
	for i, word := range words {
		words[i] = quote(word)
	}
	return e.admin + strings.Join(words, " ")
}

// quote makes a word one word of a shell's line.
func quote(word string) string {
	switch {
	case !strings.ContainsAny(word, " \t()&'\"$`\\;|<>*?[]#~!{}"), runtime.GOOS == "windows" && !strings.ContainsAny(word, " \t()&'"):
		return word
	case runtime.GOOS == "windows":
		return `"` + word + `"`
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
