package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// FolderError is a failure to read or change the state folder.
type FolderError struct {
	Doing string // "writing"
	Path  string // of the file or folder
	Err   error  // why
}

func (e *FolderError) Error() string { return e.Doing + " " + e.Path + ": " + e.Err.Error() }

// Unwrap returns why it failed.
func (e *FolderError) Unwrap() error { return e.Err }

// openParentError says that others may replace what is in a folder above.
type openParentError struct{ dir, why string }

func (e *openParentError) Error() string { return fmt.Sprintf("%s above it has %s", e.dir, e.why) }

// Remedy says what a person can do.
func (e *FolderError) Remedy() string {
	if errors.Is(e.Err, ErrNotOurs) {
		return "choose an empty folder with --home"
	}
	var open *openParentError
	if errors.As(e.Err, &open) {
		return "see that what is there is yours, then:  chmod o-w " + open.dir + "\nor choose another folder with --home"
	}
	if errors.Is(e.Err, ErrNotFolder) {
		return "move that file away, or choose another folder with --home"
	}
	if errors.Is(e.Err, errDangling) {
		return "make the folder that the link leads to, remove the link, or choose another folder with --home"
	}
	return "see that you may write there and that the disk has room, or choose another folder with --home"
}

func failed(doing, path string, err error) error {
	return &FolderError{Doing: doing, Path: path, Err: reason(err)}
}

// reason strips the path from a *PathError or *LinkError: who wraps it says
// which file it is about.
func reason(err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		return pathErr.Err
	case errors.As(err, &linkErr):
		return linkErr.Err
	}
	return err
}
