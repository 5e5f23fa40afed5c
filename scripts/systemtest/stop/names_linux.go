package stop

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// describe says which call it is, on what; "" for one that changes no file, such
// as a write to a pipe.
func describe(n notice) string {
	name := names[n.nr]
	if name == "" {
		name = "call " + strconv.Itoa(int(n.nr))
	}
	if n.nr == unix.SYS_OPENAT {
		path := text(n, 1)
		if outside(path) {
			return ""
		}
		return name + " " + path
	}
	if !byDescriptor[n.nr] {
		return name
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[0]))) //nolint:gosec // a descriptor
	if err != nil || !strings.HasPrefix(path, "/") || outside(path) {
		return ""
	}
	return name + " " + path
}

// outside says whether a path is none of a disk's.
func outside(path string) bool {
	return strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/")
}

// text is the path that an argument points to, or its beginning.
func text(n notice, argument int) string {
	buffer := make([]byte, 256)
	from := []unix.RemoteIovec{{Base: uintptr(n.args[argument]), Len: len(buffer)}}
	got, err := unix.ProcessVMReadv(int(n.pid), []unix.Iovec{{Base: &buffer[0], Len: uint64(len(buffer))}}, from, 0)
	if err != nil {
		return ""
	}
	path, _, _ := strings.Cut(string(buffer[:got]), "\x00")
	return path
}

var names = map[int32]string{
	unix.SYS_WRITE: "write", unix.SYS_PWRITE64: "pwrite", unix.SYS_WRITEV: "writev", unix.SYS_FSYNC: "fsync",
	unix.SYS_FDATASYNC: "fdatasync", unix.SYS_FTRUNCATE: "ftruncate", unix.SYS_RENAMEAT: "renameat",
	unix.SYS_RENAMEAT2: "renameat2", unix.SYS_UNLINKAT: "unlinkat", unix.SYS_MKDIRAT: "mkdirat",
	unix.SYS_LINKAT: "linkat", unix.SYS_SYMLINKAT: "symlinkat", unix.SYS_FCHMOD: "fchmod", unix.SYS_FCHMODAT: "fchmodat",
	unix.SYS_EXECVE: "execve", unix.SYS_OPENAT: "openat",
}

// byDescriptor are the calls whose first argument is an open file.
var byDescriptor = map[int32]bool{
	unix.SYS_WRITE: true, unix.SYS_PWRITE64: true, unix.SYS_WRITEV: true, unix.SYS_FSYNC: true,
	unix.SYS_FDATASYNC: true, unix.SYS_FTRUNCATE: true, unix.SYS_FCHMOD: true, unix.SYS_FCHOWN: true,
}

// needRoom are calls that a full disk refuses; one that makes a file is another.
var needRoom = map[int32]bool{
	unix.SYS_WRITE: true, unix.SYS_PWRITE64: true, unix.SYS_WRITEV: true, unix.SYS_MKDIRAT: true,
	unix.SYS_LINKAT: true, unix.SYS_SYMLINKAT: true, unix.SYS_COPY_FILE_RANGE: true,
}

// reachDisk are calls at which a broken disk is noticed.
var reachDisk = map[int32]bool{
	unix.SYS_WRITE: true, unix.SYS_PWRITE64: true, unix.SYS_FSYNC: true, unix.SYS_FDATASYNC: true,
	unix.SYS_RENAMEAT: true, unix.SYS_RENAMEAT2: true, unix.SYS_MKDIRAT: true, unix.SYS_UNLINKAT: true,
}
