package java

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"devcert/platform/securefile"
)

// executable goes by the ending, which is in the name already.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// readOnly says whether the file has that attribute.
func readOnly(info fs.FileInfo) bool { return info.Mode()&0o200 == 0 }

// onReadOnlyDisk: a change will say it.
func onReadOnlyDisk(string) bool { return false }

// mine says whether this user may change the file without being elevated: what
// is in their profile, and folders that not only administrators may change, as
// any below C:\ that nobody has restricted.
func (s *Store) mine(path string) bool {
	if below(path, s.Root) {
		return false
	}
	if below(path, s.lookup("USERPROFILE")) {
		return true
	}
	exposed, err := securefile.Machine{}.Exposed(filepath.Dir(path))
	return err == nil && exposed != ""
}

// refuse has nothing to go by: who may put programs where this user's variables
// and registry lead to is that user's business.
func refuse(string) error { return nil }

// keepOwner has nothing to do: what is made in a folder gets the rights that the
// folder hands down, as the keystore did.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// openAlone opens a file that no other process has open; nil when another one
// has it. What a killed process has left is removed, which Windows refuses while
// somebody has it open.
func openAlone(path string) (*os.File, error) {
	if err := os.Remove(path); errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return nil, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return nil, nil // somebody else was faster
	}
	return f, err
}

// replace puts the file of f in the place of path. Windows renames nothing that
// is open.
func replace(f *os.File, path string) error {
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
