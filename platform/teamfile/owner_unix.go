//go:build unix

package teamfile

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// nonBlocking keeps the opening of a pipe from waiting for its writer.
const nonBlocking = syscall.O_NONBLOCK

// strangers says whose a folder is when it is neither this user's nor root's.
func strangers(dir string) string {
	info, err := os.Stat(dir)
	return strangersOf(info, err)
}

func strangersFile(f *os.File) string {
	info, err := f.Stat()
	return strangersOf(info, err)
}

func strangersOf(info os.FileInfo, err error) string {
	if err != nil {
		return "not to be looked at: " + reason(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() {
		return ""
	}
	uid := strconv.FormatUint(uint64(stat.Uid), 10)
	if who, err := user.LookupId(uid); err == nil {
		return "owned by " + who.Username
	}
	return "owned by user " + uid
}

// sameDevice says whether two folders are on one file system.
func sameDevice(a, b string) bool {
	var one, other syscall.Stat_t
	return syscall.Stat(a, &one) == nil && syscall.Stat(b, &other) == nil && one.Dev == other.Dev
}
