//go:build unix

package service

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"devcert/devcert"
	"devcert/devcert/disk"
)

// file is where a service stands, in a folder of the user's.
type file struct {
	path  string
	form  form
	files disk.Files
}

// look reads the file. A link in its place is not followed: it is a person's, who
// may have masked the service so.
func (f file) look() (s devcert.Service, data []byte, w whose, err error) {
	info, err := os.Lstat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil, nobodys, nil
	case err == nil && !info.Mode().IsRegular():
		return s, nil, foreign, nil
	}
	if err == nil {
		data, err = disk.ReadFile(f.path)
	}
	if err != nil {
		return s, nil, unread, err
	}
	s, w = f.form.judge(data)
	return s, data, w, nil
}

// put makes the file hold the service, and says whether that changed it. What a
// person made of it is kept beside.
func (f file) put(s devcert.Service) (bool, error) {
	data, err := f.form.write(s)
	if err != nil {
		return false, err
	}
	_, had, w, err := f.look()
	switch {
	case err != nil:
		return false, err
	case w == foreign:
		return false, &foreignError{f.path}
	case bytes.Equal(had, data):
		return false, nil
	case w == changed:
		if err := f.setAside(); err != nil {
			return false, err
		}
	}
	// The mode is that of the XDG base directory specification.
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return false, err
	}
	return true, disk.WriteFile(f.files, f.path, data, disk.PublicMode)
}

// remove removes what put made. What a person made of it is kept beside.
func (f file) remove() error {
	switch _, _, w, err := f.look(); w {
	case unread:
		return err
	case made:
		return os.Remove(f.path)
	case changed:
		return f.setAside()
	}
	return nil
}

// removeEmpty removes a folder and so many in all above one another, as far as
// nothing is in them: whoever wants one makes it.
func removeEmpty(dir string, n int) {
	for ; n > 0 && os.Remove(dir) == nil; n-- {
		dir = filepath.Dir(dir)
	}
}

// setAside renames the file to one that is never read, and never over another.
func (f file) setAside() error {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.changed-%d", f.path, n)
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(f.path, aside)
		} else if err != nil {
			return err
		}
	}
}
