//go:build unix

package clients

import (
	"io/fs"
	"os"
	"syscall"
)

// private says whether a folder is this user's, and nobody else can look into it.
func private(_ string, info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm() == 0o700
}

// onlyOwnersReplace says whether nobody can put something else in the place of a
// folder's entry but who owns that: it has the sticky bit, or is not others' to
// write to.
func onlyOwnersReplace(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && (info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o022 == 0)
}
