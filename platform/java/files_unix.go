//go:build unix

package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// executable says whether a program can be started: by us, who may be another
// than in the end runs it.
func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// readOnly says whether the owner does not want a file changed. To root, who can
// all the same, it is as good as a no.
func readOnly(info fs.FileInfo) bool { return info.Mode()&0o200 == 0 }

// onReadOnlyDisk says whether nobody can write to a folder, root neither: its disk
// or image is mounted so. ST_RDONLY of Linux and MNT_RDONLY of macOS are both 1.
func onReadOnlyDisk(folder string) bool {
	var disk syscall.Statfs_t
	return syscall.Statfs(folder, &disk) == nil && disk.Flags&1 != 0
}

// mine says whether the file is this user's own, to be changed as them. What
// root has outside its home is the machine's, and the child's to judge.
func (s *Store) mine(path string) bool {
	if below(path, s.Root) {
		return false
	}
	info, err := os.Lstat(path)
	if err != nil {
		info, err = os.Lstat(filepath.Dir(path))
	}
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != os.Geteuid() {
		return false
	}
	return os.Geteuid() != 0 || below(path, s.lookup("HOME"))
}

// refuse says why something of a Java that is to be started as its user is not to
// be believed: somebody else than they and root could have changed it. Their own
// group may, as where everybody has one of their own, and a umask of 002.
func refuse(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid() || info.Mode().Perm()&0o002 != 0 {
		return &exposedError{path, "its user and root"}
	}
	return nil
}

// keepOwner gives a copy the owner and mode of the original.
func keepOwner(copied *os.File, original fs.FileInfo) error {
	want, ok := original.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner is not known")
	}
	if err := copied.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("keep the owner: %w", err)
	}
	return copied.Chmod(original.Mode().Perm())
}

// openAlone opens a file that no other process has open through openAlone, until
// it is closed or the process ends; nil when another one has it. What a killed
// process has left is taken over: nobody but its owner can open it.
func openAlone(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	free, err := lockNamed(f, path)
	if err != nil || !free {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockNamed says whether the lock was free, and is on the file that others see.
func lockNamed(f *os.File, path string) (bool, error) {
	opened, err := f.Stat()
	if err != nil {
		return false, err
	}
	stat, ok := opened.Sys().(*syscall.Stat_t)
	if !ok || !opened.Mode().IsRegular() || int(stat.Uid) != os.Geteuid() || stat.Nlink > 1 || opened.Mode().Perm() != 0o600 {
		return false, fmt.Errorf("%s is not what devcert would have left there", path)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, named), nil
}

// replace puts the file of f, and its content, in the place of path.
func replace(f *os.File, path string) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir has a rename in it survive a crash.
func syncDir(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
