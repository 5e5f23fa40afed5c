package watch

import (
	"bytes"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// unmapProgram lets go of the pages of the program's own file that a look has run
// through: more than half of what the process would hold for an hour. They are read
// only; those that are needed come back from the file, one by one.
func unmapProgram() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		if from, to, ok := programPages(line, self); ok {
			pages := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&from))), to-from)
			_ = unix.Madvise(pages, unix.MADV_DONTNEED) // it stays as it is
		}
	}
}

// programPages reads a line of proc_pid_maps(5), and says whether it is of pages of
// the file that nothing can have written to.
func programPages(line []byte, file string) (from, to uintptr, ok bool) {
	fields := bytes.Fields(line)
	if len(fields) < 6 || !bytes.HasSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte(" "+file)) {
		return 0, 0, false
	}
	if mode := string(fields[1]); mode != "r--p" && mode != "r-xp" {
		return 0, 0, false
	}
	low, high, _ := bytes.Cut(fields[0], []byte("-"))
	a, err1 := strconv.ParseUint(string(low), 16, 64)
	b, err2 := strconv.ParseUint(string(high), 16, 64)
	return uintptr(a), uintptr(b), err1 == nil && err2 == nil && a < b
}
