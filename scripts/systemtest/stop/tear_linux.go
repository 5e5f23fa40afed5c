package stop

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func tearable(n notice) bool { return n.nr == unix.SYS_WRITE || n.nr == unix.SYS_PWRITE64 }

// tear does half of a write in the program's name, and says so.
func tear(n notice, group int) string {
	if n.args[2] < 2 || n.args[2] > 1<<24 {
		return ""
	}
	half := make([]byte, n.args[2]/2)
	from := []unix.RemoteIovec{{Base: uintptr(n.args[1]), Len: len(half)}}
	got, err := unix.ProcessVMReadv(int(n.pid), []unix.Iovec{{Base: &half[0], Len: uint64(len(half))}}, from, 0)
	if err != nil || got != len(half) {
		return ""
	}
	process, err := unix.PidfdOpen(group, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(process)
	file, err := unix.PidfdGetfd(process, int(n.args[0]), 0) //nolint:gosec // a descriptor
	if err != nil {
		return ""
	}
	defer unix.Close(file)
	if n.nr == unix.SYS_PWRITE64 {
		_, err = unix.Pwrite(file, half, int64(n.args[3])) //nolint:gosec // an offset
	} else {
		_, err = unix.Write(file, half)
	}
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", %d of %d bytes", len(half), n.args[2])
}

// tgid is the number of the process that a thread belongs to.
func tgid(thread int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "\nTgid:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	return strconv.Atoi(number)
}
