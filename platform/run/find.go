//go:build unix

package run

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Folders are where system tools are looked for, in this order. What an
// administrator compiled into /usr/local is not among them: on Debian the group
// "staff" may write there.
var Folders = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Finder finds system tools.
type Finder struct {
	// Root is put before every folder. It is empty but in tests.
	Root string
}

// Find returns the absolute path of the executable called name. A tool is
// installed when it is a regular file that can be executed and that only root
// (or we ourselves, who can do no more through it than without) can replace. An
// error wraps fs.ErrNotExist when no folder has it.
func (f Finder) Find(name string) (string, error) {
	if name == "" || strings.ContainsRune(name, '/') {
		return "", fmt.Errorf("find tool %q: not a plain file name", name)
	}
	var refused error
	for _, folder := range Folders {
		dir := filepath.Join(f.Root, folder)
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		if err := safe(dir, path, info); err != nil {
			refused = err
			continue
		}
		return path, nil
	}
	if refused != nil {
		return "", fmt.Errorf("find tool %s: %w", name, refused)
	}
	return "", fmt.Errorf("find tool %s in %s: %w", name, strings.Join(Folders, ", "), fs.ErrNotExist)
}

func safe(dir, path string, tool fs.FileInfo) error {
	folder, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !ours(folder) {
		return fmt.Errorf("%s can be changed by others than root", dir)
	}
	if !ours(tool) {
		return fmt.Errorf("%s can be changed by others than root", path)
	}
	return nil
}

func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	return stat.Uid == 0 || int(stat.Uid) == os.Geteuid()
}
