package fuzzlimit

import (
	"syscall"
	"time"
	"unsafe"
)

// A clock is a thread's processor time, as clock_gettime(2) names it: what
// pthread_getcpuclockid(3) makes of the thread's number, which any thread of the
// process may ask.
type clock uintptr

func thisThread() clock { return clock(^syscall.Gettid()<<3 | 6) }

func (c clock) read() time.Duration {
	var at syscall.Timespec
	// It fails for no thread that lives, and a meter's does.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(uint32(c)), uintptr(unsafe.Pointer(&at)), 0); errno != 0 {
		panic(errno)
	}
	return time.Duration(at.Nano())
}
