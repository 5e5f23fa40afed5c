package stop

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
	what := describe(n)
	if what == "" || w.Killed {
		return w.answer(n, 0)
	}
	if w.Calls++; w.Calls == 1 {
		w.Changes = time.Since(w.started)
	}
	switch due := w.plan.At > 0 && w.Calls >= w.plan.At; {
	case w.plan.Then != nil:
		if due && !w.Done {
			w.Done, w.Where = w.plan.Then(), what
		}
	case w.plan.Fail != 0:
		if due && w.fails(n) {
			return w.fail(n, what)
		}
	case due, w.plan.On != "" && strings.Contains(what, w.plan.On):
		return w.end(n, what)
	}
	return w.answer(n, 0)
}

// end kills the program at a call, or what it has started that makes the call.
func (w *watcher) end(n notice, what string) error {
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
	return w.answer(n, 0)
}

// fails says whether the call is one that the plan's error befalls.
func (w *watcher) fails(n notice) bool {
	if w.plan.Fail == unix.ENOSPC {
		return needRoom[n.nr] || olderNeedRoom[n.nr] || n.nr == unix.SYS_OPENAT && n.args[2]&unix.O_CREAT != 0
	}
	return w.Failed == 0 && reachDisk[n.nr]
}

func (w *watcher) fail(n notice, what string) error {
	if w.Failed++; w.Failed == 1 {
		w.Where = what
	}
	return w.answer(n, w.plan.Fail)
}

// answer lets the call go on, or fail.
func (w *watcher) answer(n notice, failure unix.Errno) error {
	a := answer{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if failure != 0 {
		a = answer{id: n.id, err: -int32(failure)} //nolint:gosec // below 4096
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w.listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&a)))
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
