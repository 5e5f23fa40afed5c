package securefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// MakeDir creates a folder that only the user, SYSTEM and the administrators may
// enter, whatever its parent hands down.
func (Files) MakeDir(path string) error {
	attributes, err := privateAttributes(true)
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return makeDirWith(path, attributes)
}

func makeDirWith(path string, attributes *windows.SecurityAttributes) error {
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = windows.CreateDirectory(name, attributes)
	}
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// Create creates a file with the same rights. CREATE_NEW fails on a link too:
// what it leads to is not opened.
func (Files) Create(path string) (*os.File, error) {
	attributes, err := privateAttributes(false)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return createWith(path, attributes)
}

func createWith(path string, attributes *windows.SecurityAttributes) (*os.File, error) {
	handle, err := create(path, attributes)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

func create(path string, attributes *windows.SecurityAttributes) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return windows.InvalidHandle, err
	}
	return windows.CreateFile(name, windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE,
		attributes, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
}

// Exposed reports symbolic links and other things that are not files or
// folders, another owner, and an access list that lets others in.
func (Files) Exposed(path string) (string, error) {
	return guard{usOrSystem, mayRead | mayChange}.exposed(path)
}

func (g guard) exposed(path string) (string, error) {
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
	why, err := g.othersRights(path)
	if err != nil {
		return "", fmt.Errorf("read the access list of %s: %w", path, err)
	}
	return why, nil
}

// MakePrivate takes those rights away. A link cannot be made private; its owner
// has to replace it.
func (f Files) MakePrivate(path string) error {
	why, err := f.Exposed(path)
	if err != nil || why == "" {
		return err
	}
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = fs.ErrInvalid
	}
	if err == nil {
		err = setPrivate(path, info.IsDir())
	}
	if err != nil {
		return fmt.Errorf("make %s private: %w", path, err)
	}
	return nil
}

// Rename waits for those who have one of the two open, as a virus scanner does or a
// devcert that reads: each for an instant.
func (Files) Rename(from, to string) error {
	for wait := 2 * time.Millisecond; ; wait *= 2 {
		err := os.Rename(from, to)
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
		if !busy || wait > longestRename {
			return err
		}
		time.Sleep(wait)
	}
}

// longestRename is the last pause of Rename, about half of what it waits in all.
const longestRename = time.Second

// Replaceable finds nobody: below a profile nobody else may rename anything, and
// below a disk's root everyone may add folders, but rename only what is his own.
func (Files) Replaceable(string) (string, error) { return "", nil }

// HasOtherName counts the links. What cannot be counted may have two.
func (Files) HasOtherName(f *os.File) bool {
	var info windows.ByHandleFileInformation
	err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info)
	return err != nil || info.NumberOfLinks != 1
}

// SyncDir does nothing: Windows writes names through with the file's own flush.
func (Files) SyncDir(string) error { return nil }
