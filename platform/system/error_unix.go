//go:build linux || darwin

package system

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"devcert/platform/run"
)

// changeError is a change of the store that failed.
type changeError struct {
	what   string // was tried, on what
	err    error  // why
	remedy string
}

func (e *changeError) Error() string {
	var errno syscall.Errno
	var ran *run.Error
	switch {
	case errors.As(e.err, &ran):
		return e.what + ": " + filepath.Base(ran.Command[0]) + ": " + ran.Reason()
	case errors.As(e.err, &errno):
		return e.what + ": " + errno.Error() // what names the path
	}
	return e.what + ": " + e.err.Error()
}

func (e *changeError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *changeError) Remedy() string { return e.remedy }

// again ends the remedies that let the same command succeed.
const again = ", then run the same command again"

// failed is the error of what was tried, on a path in folder; nil where err is.
func failed(what, folder string, err error) error {
	if err == nil {
		return nil
	}
	for ; folder != "/"; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil {
			break
		}
	}
	remedy, known := roomFor(folder, err)
	if !known {
		remedy = "see that root, and only root, can write to " + folder + again
	}
	return &changeError{what, err, remedy}
}

// roomFor is the remedy where err says that files cannot be written at all.
func roomFor(where string, err error) (remedy string, known bool) {
	switch {
	case says(err, syscall.EROFS):
		return "make " + where + " writable" + again, true
	case says(err, syscall.ENOSPC), says(err, syscall.EDQUOT):
		return "free space in " + where + again, true
	}
	return "", false
}

// says says whether err is errno, or a tool's that was stopped by it: its words,
// which [run.Environment] leaves untranslated, are those of the system's errors.
func says(err error, errno syscall.Errno) bool {
	var ran *run.Error
	if errors.As(err, &ran) {
		return strings.Contains(strings.ToLower(ran.Output), errno.Error())
	}
	return errors.Is(err, errno)
}
