package cli

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"devcert/devcert/disk"
)

// mayWrite says what is in the way of a file that is to be written. Anything that
// is there is not replaced unasked, and what is no file, a folder or device, not
// even with force. A link to one counts as one: who names /dev/stdout wants no
// file there.
func mayWrite(path string, force bool) error {
	if _, err := os.Lstat(path); err != nil {
		return nil //nolint:nilerr // nothing is there, or writing will say what is wrong
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return &inTheWay{path, "it is there already and is no file", "name another file"}
	}
	if !force {
		return taken(path)
	}
	return nil
}

func taken(path string) error {
	return &inTheWay{path, "it is there already", "name another file, or add --force"}
}

// inTheWay is something that is not replaced.
type inTheWay struct{ path, why, remedy string }

func (e *inTheWay) Error() string  { return "writing " + e.path + ": " + e.why }
func (e *inTheWay) Remedy() string { return e.remedy }

// writeError is a file that could not be written.
type writeError struct {
	path string
	err  error
}

// Error leaves out what was tried on which file on the way there: that one has a
// name that nobody gave.
func (e *writeError) Error() string {
	cause := e.err
	var of *fs.PathError
	var link *os.LinkError
	if errors.As(e.err, &of) {
		cause = of.Err
	} else if errors.As(e.err, &link) {
		cause = link.Err
	}
	return "writing " + e.path + ": " + cause.Error()
}

func (e *writeError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (*writeError) Remedy() string {
	return "name a file in a folder that is there and that you may write to"
}

// writeExport writes a file. With a key in it nobody else may read it, from its
// first byte on; a link there is replaced, not followed. What is replaced is there
// whole until the new file is.
func writeExport(files disk.Files, path string, data []byte, secret, force bool) error {
	made := path
	if force {
		made = filepath.Join(filepath.Dir(path), ".devcert-export-"+rand.Text()) // nobody's file
	}
	err := createExport(files, made, data, secret)
	if err == nil && force {
		if err = os.Rename(made, path); err != nil {
			_ = os.Remove(made)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist) && !force:
		return taken(path) // somebody was faster
	case err != nil:
		return &writeError{path, err}
	}
	return nil
}

func createExport(files disk.Files, path string, data []byte, secret bool) error {
	f, err := files.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && !secret {
		err = f.Chmod(disk.PublicMode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}
