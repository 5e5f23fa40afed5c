package securefile

import (
	"io/fs"
	"os"
	"syscall"
)

// MakeDir creates a folder that inherits the access list of its parent. Below
// %LOCALAPPDATA% that is the user, SYSTEM and the administrators; elsewhere it
// is whatever the parent gives: access lists of our own are not set yet.
func (Files) MakeDir(path string) error { return os.Mkdir(path, 0o700) }

// Create creates a file with the access list its folder hands down.
func (Files) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Exposed reports symbolic links and other things that are not files or
// folders. It does not read access lists yet.
func (Files) Exposed(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return "a symbolic link: whoever may change its target may replace it", nil
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return "neither a file nor a folder", nil
	}
	return "", nil
}

// MakePrivate has nothing to take away that Exposed would report, but a link,
// which only its owner can replace.
func (f Files) MakePrivate(path string) error {
	why, err := f.Exposed(path)
	if err == nil && why != "" {
		err = &fs.PathError{Op: "make private", Path: path, Err: fs.ErrInvalid}
	}
	return err
}

// HasOtherName counts the links. What cannot be counted may have two.
func (Files) HasOtherName(f *os.File) bool {
	var info syscall.ByHandleFileInformation
	err := syscall.GetFileInformationByHandle(syscall.Handle(f.Fd()), &info)
	return err != nil || info.NumberOfLinks != 1
}

// SyncDir does nothing: Windows writes names through with the file's own flush.
func (Files) SyncDir(string) error { return nil }
