package stop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Plan says when a program is to end. The zero Plan lets it run to its end.
type Plan struct {
	At    int           // before this call, counted from 1; 0 for never
	On    string        // or before the first call whose description has this in it; "" for never
	After time.Duration // or by the clock, so long after its start; 0 for never
	// Alone says that only the program itself is killed, as by kill -9; what it
	// has started goes on. Otherwise nothing more is changed by any of them, as
	// when the machine loses its power; a write that it ends at is done by half.
	Alone bool
}

// Outcome is how it went.
type Outcome struct {
	Calls   int           // that were reported until it ended, or until it was killed
	Killed  bool          // before it had ended by itself
	Where   string        // the call that it was killed at
	Window  time.Duration // from its start to its end
	Changes time.Duration // from its start to its first call
}

// Run runs cmd by the plan and returns when nothing of it is left that could
// change a file. cmd is not started yet, and its ExtraFiles are not used; the error
// of its end is not returned.
func Run(cmd *exec.Cmd, plan Plan) (Outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return Outcome{}, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return Outcome{}, err
	}
	defer unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "launcher")
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Args = append([]string{self, launcher, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = self
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		return Outcome{}, err
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // at once: who waits for its end sees a zombie as alive
	defer func() { <-ended }()
	listener, err := receive(pair[0])
	if err != nil {
		_ = cmd.Process.Kill()
		return Outcome{}, err
	}
	defer unix.Close(listener)
	w := &watcher{listener: listener, main: cmd.Process.Pid, plan: plan, started: time.Now()}
	if plan.After > 0 {
		w.byClock = time.After(plan.After)
	}
	err = w.watch()
	w.Window = time.Since(w.started)
	return w.Outcome, err
}

// ErrUnwatched is returned where the kernel, or a container's rules, report no
// calls.
var ErrUnwatched = errors.New("what a program calls is not reported here")

// receive takes over who hears of the program's calls.
func receive(socket int) (int, error) {
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, make([]byte, 1), rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) == 0 {
		return 0, ErrUnwatched
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	return fds[0], nil
}

// notice is the kernel's struct seccomp_notif, answer its seccomp_notif_resp.
type notice struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type answer struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

type watcher struct {
	Outcome
	listener, main int
	plan           Plan
	started        time.Time
	byClock        <-chan time.Time
	dark           bool // nobody is to change anything any more
}

// forgotten is how long a program, and what it leaves behind, may take.
const forgotten = 5 * time.Minute

// watch answers the calls until nobody is left who could make one.
func (w *watcher) watch() error {
	for time.Since(w.started) < forgotten {
		fds := []unix.PollFd{{Fd: int32(w.listener), Events: unix.POLLIN}} //nolint:gosec // a descriptor
		n, err := unix.Poll(fds, 2)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-w.byClock:
			w.kill("the clock")
		default:
		}
		switch {
		case n <= 0:
		case fds[0].Revents&unix.POLLIN != 0:
			if err := w.hear(); err != nil {
				return err
			}
		case fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0:
			return nil
		}
	}
	_ = unix.Kill(w.main, unix.SIGKILL)
	return fmt.Errorf("after %s something of the program is still running", forgotten)
}

func (w *watcher) hear() error {
	var n notice
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
	if errno == unix.ENOENT || errno == unix.EINTR {
		return nil // who made the call is gone
	}
	if errno != 0 {
		return errno
	}
	if w.dark {
		return ignore(unix.Kill(int(n.pid), unix.SIGKILL))
	}
	if what := describe(n); what != "" && !w.Killed {
		if w.Calls++; w.Calls == 1 {
			w.Changes = time.Since(w.started)
		}
		if w.Calls == w.plan.At || w.plan.On != "" && strings.Contains(what, w.plan.On) {
			group, err := tgid(int(n.pid))
			if err != nil {
				return nil // it is gone
			}
			ends := group == w.main || !w.plan.Alone
			if !w.plan.Alone && tearable(n) {
				what += tear(n, group)
			}
			if w.kill(what); ends { // it gets no answer
				return ignore(unix.Kill(group, unix.SIGKILL))
			}
		}
	}
	a := answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	_, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
	if errno != 0 && errno != unix.ENOENT {
		return errno
	}
	return nil
}

// kill ends the program, whose thread may be the one that waits for an answer.
func (w *watcher) kill(what string) {
	if w.Killed || unix.Kill(w.main, unix.SIGKILL) != nil {
		return
	}
	w.Killed, w.Where, w.dark = true, what, !w.plan.Alone
}

func ignore(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

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

// describe says which call it is, on what; "" for one that changes no file, such
// as a write to a pipe.
func describe(n notice) string {
	name := names[n.nr]
	if name == "" {
		name = "call " + strconv.Itoa(int(n.nr))
	}
	if !byDescriptor[n.nr] {
		return name
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[0]))) //nolint:gosec // a descriptor
	if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") {
		return ""
	}
	return name + " " + path
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
