package stop

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launcher, in place of a program's first argument, makes it what Main does.
const launcher = "stop-launcher"

// Main becomes the program of [Run] where this process was started for that. A
// test calls it first of all.
func Main() {
	if len(os.Args) < 3 || os.Args[1] != launcher {
		return
	}
	fmt.Fprintln(os.Stderr, "stop:", launch(os.Args[2], os.Args[2:]))
	os.Exit(126)
}

// launch has this thread's calls reported, hands on who hears of them through
// descriptor 3, and becomes the program. All that it starts inherits the filter.
func launch(path string, argv []string) error {
	runtime.LockOSThread()
	if os.Geteuid() != 0 {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	code := filter()
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	flags := uintptr(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	listener, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("install the filter: %w", errno)
	}
	if err := unix.Sendmsg(3, []byte{1}, unix.UnixRights(int(listener)), nil, 0); err != nil {
		return err
	}
	if err := errors.Join(unix.Close(3), unix.Close(int(listener))); err != nil {
		return err
	}
	return syscall.Exec(path, argv, os.Environ())
}

// always are calls that change something whatever their arguments.
var always = append([]uint32{
	unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV, unix.SYS_FSYNC, unix.SYS_FDATASYNC,
	unix.SYS_FTRUNCATE, unix.SYS_TRUNCATE, unix.SYS_RENAMEAT2, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT,
	unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHOWN,
	unix.SYS_FCHOWNAT, unix.SYS_COPY_FILE_RANGE, unix.SYS_SENDFILE, unix.SYS_EXECVE, unix.SYS_EXECVEAT,
}, older...)

const (
	allow  = unix.SECCOMP_RET_ALLOW
	report = unix.SECCOMP_RET_USER_NOTIF
	// opens are the flags with which a file is made or written to.
	opens = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
)

// filter reads struct seccomp_data: the call's number at 0, its architecture at
// 4, its arguments from 16 on, the lower half of each first.
func filter() []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	jump := func(test uint16, k uint32, yes, no int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k, Jt: uint8(yes), Jf: uint8(no)}
	}
	ret := func(what uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what}
	}
	code := []unix.SockFilter{load(4), jump(unix.BPF_JEQ, arch, 1, 0), ret(allow), load(0)}
	for _, nr := range always {
		code = append(code, jump(unix.BPF_JEQ, nr, 0, 1), ret(report))
	}
	for nr, argument := range opening {
		code = append(code, jump(unix.BPF_JEQ, nr, 0, 4), load(16+8*argument),
			jump(unix.BPF_JSET, opens, 0, 1), ret(report), ret(allow))
	}
	return append(code, ret(allow))
}
