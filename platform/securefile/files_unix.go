//go:build unix

package securefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// MakeDir creates a folder with mode 0700, whatever the umask.
func (Files) MakeDir(path string) error {
	if err := os.Mkdir(path, dirMode); err != nil {
		return err
	}
	return os.Chmod(path, dirMode)
}

// Create creates a file with mode 0600. O_EXCL fails on a symbolic link too,
// dangling or not (POSIX open).
func (Files) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, fileMode)
}

// Exposed reports another owner, rights of the group or of everyone, and
// anything that is neither a file nor a folder.
func (Files) Exposed(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	mode := info.Mode()
	if mode&fs.ModeSymlink != 0 {
		return "a symbolic link: whoever may change its target may replace it", nil
	}
	if !mode.IsRegular() && !mode.IsDir() {
		return "neither a file nor a folder", nil
	}
	if uid, ok := owner(info); ok && uid != os.Geteuid() {
		return fmt.Sprintf("owned by user id %d", uid), nil
	}
	return exposedBy(mode), nil
}

func exposedBy(mode fs.FileMode) string {
	who := "everyone"
	rights := mode.Perm() & 0o007
	if rights == 0 {
		who, rights = "its group", mode.Perm()&0o070>>3
	}
	if rights == 0 {
		return ""
	}
	what := "read it"
	switch {
	case mode.IsDir() && rights&2 != 0:
		what = "replace what is in it"
	case mode.IsDir():
		what = "look into it"
	case rights&2 != 0:
		what = "change it"
	case rights&4 == 0:
		what = "execute it"
	}
	return fmt.Sprintf("mode %04o: %s may %s", mode.Perm(), who, what)
}

func owner(info fs.FileInfo) (int, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// MakePrivate sets the owner, where we may, and mode 0600 or 0700.
func (f Files) MakePrivate(path string) error {
	if why, err := f.Exposed(path); err != nil || why == "" {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("make %s private: %w", path, err)
	}
	defer file.Close()
	if err := makePrivate(file); err != nil {
		return fmt.Errorf("make %s private: %w", path, err)
	}
	return nil
}

func makePrivate(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	mode := fileMode
	switch {
	case info.IsDir():
		mode = dirMode
	case !info.Mode().IsRegular():
		return errors.New("neither a file nor a folder")
	}
	if uid, ok := owner(info); ok && uid != os.Geteuid() {
		if err := file.Chown(os.Geteuid(), -1); err != nil {
			return err
		}
	}
	return file.Chmod(mode)
}

// Replaceable reports rights of everyone to write without the sticky bit. A
// group's are not counted: on many systems each user has one of his own, and all
// he makes may be written by it.
func (Files) Replaceable(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o002 == 0 {
		return "", err
	}
	return fmt.Sprintf("mode %04o: everyone may replace what is in it", info.Mode().Perm()), nil
}

// Rename replaces to, whoever has it open.
func (Files) Rename(from, to string) error { return os.Rename(from, to) }

// HasOtherName counts the links. What cannot be counted may have two.
func (Files) HasOtherName(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Nlink != 1
}

// SyncDir makes new and renamed entries of the folder durable: fsync of a file
// does not do that for its name (fsync(2), NOTES).
func (Files) SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
