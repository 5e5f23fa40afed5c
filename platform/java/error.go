package java

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"devcert/platform/run"
)

var (
	errLocked   = errors.New(`it has a password other than "` + password + `", which devcert does not know`)
	errReadOnly = errors.New("it is read-only")
	errTools    = errors.New("no Java that reads it has a keytool")
)

// exposedError is a part of a Java that somebody else could have changed.
type exposedError struct{ path string }

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
	folder := filepath.Dir(path)
	remedy := byHand
	var exposed *exposedError
	switch {
	case errors.Is(err, errReadOnly):
		remedy = "make " + path + " writable for its owner" + again
	case errors.As(err, &exposed):
		remedy = "see who else can change " + exposed.path + ", and let only its owner" + again
	case errors.Is(err, errTools):
		remedy = "install a whole JDK or JRE" + again
	case errors.Is(err, syscall.EROFS):
		remedy = "make " + folder + " writable" + again
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "free space in " + folder + again
	case errors.Is(err, fs.ErrPermission):
		remedy = "see that the owner of " + path + " can write to " + folder + again
	case errors.Is(err, errNoKeystore), errors.Is(err, errCut), errors.Is(err, errEncrypted), errors.Is(err, fs.ErrNotExist):
		remedy = "have it made anew, by installing again what brought it" + again
	}
	return &changeError{what, err, remedy}
}

// byHand is the command that does it where devcert cannot.
func (e edit) byHand(args []string, more string) string {
	words := slices.Concat([]string{e.keytool}, args, []string{"-keystore", e.path})
	for i, word := range words {
		if strings.ContainsAny(word, " \t()&'") {
			words[i] = `"` + word + `"`
		}
	}
	return "run by hand: " + e.admin + strings.Join(words, " ") + more
}
