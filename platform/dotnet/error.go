package dotnet

import (
	"errors"
	"io/fs"
)

// changeError is a change of the store that failed.
type changeError struct {
	what   string // was tried, on what
	err    error  // why
	remedy string
}

func (e *changeError) Error() string { return e.what + ": " + e.err.Error() }
func (e *changeError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *changeError) Remedy() string { return e.remedy }

func changed(what, dir string, err error) error {
	return &changeError{what, err, remedyFor(err, dir) + ", then run the same command again"}
}

// remedyFor is what a person can do where a folder cannot be read or changed.
func remedyFor(err error, dir string) string {
	switch {
	case errors.Is(err, errNoHome):
		return "set HOME to your home folder"
	case errors.Is(err, errTooMany):
		return "remove from " + dir + " what is not needed there"
	case errors.Is(err, fs.ErrPermission):
		return "make " + dir + " and what is in it your own"
	}
	return "see that " + dir + " is a folder that you can write to"
}
