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

// asAdmin is what a person types before a command to be administrator.
const asAdmin = "sudo "

// maxTree is how many files a Java may have. A JDK has below a thousand, with its
// documentation some tens of thousands.
const maxTree = 200_000

// safeTree says why not only root could have changed some part of the Java at
// folder, which is to be started as root: a library that it loads counts as much
// as the program. What its links lead to, as Debian's to /etc, counts as well.
func (m Machine) safeTree(folder string) error {
	s := scan{machine: m, seen: map[string]bool{}}
	return s.tree(folder)
}

// scan is one look at all that belongs to a Java.
type scan struct {
	machine Machine
	seen    map[string]bool // trees, by their real paths
	files   int
}

func (s *scan) tree(folder string) error {
	if s.seen[folder] {
		return nil
	}
	s.seen[folder] = true
	if err := s.machine.safeAbove(folder); err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if s.files++; s.files > maxTree {
			return fmt.Errorf("%s has more than %d files", folder, maxTree)
		}
		if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
			return nil // the child, which asks again, can look
		}
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			return s.link(path)
		}
		return s.machine.safeOne(path)
	})
}

func (s *scan) link(path string) error {
	to, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s.dangling(path)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return s.tree(to)
	}
	return s.machine.safeFile(to)
}

// dangling judges a link to nothing, as Debian's src.zip of a package that is not
// installed: nobody but root may be able to put something there.
func (s *scan) dangling(path string) error {
	to, err := os.Readlink(path)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(path), to)
	}
	for to = filepath.Dir(to); to != "/"; to = filepath.Dir(to) {
		if real, err := filepath.EvalSymlinks(to); err == nil {
			return s.machine.safeFile(real)
		}
	}
	return nil
}

// safeFile says why not only root could change or replace what is at path, which
// has no links in it.
func (m Machine) safeFile(path string) error {
	if err := m.safeOne(path); err != nil {
		return err
	}
	return m.safeAbove(path)
}

func (m Machine) safeAbove(path string) error {
	for folder := filepath.Dir(path); ; folder = filepath.Dir(folder) {
		if err := m.safeOne(folder); err != nil || folder == "/" || folder == filepath.Clean(m.Root) {
			return err
		}
	}
}

func (m Machine) safeOne(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	owned := ok && (stat.Uid == 0 || m.Root != "" && int(stat.Uid) == os.Geteuid())
	if !owned || info.Mode().Perm()&0o022 != 0 {
		return &exposedError{path, "root"}
	}
	return nil
}
