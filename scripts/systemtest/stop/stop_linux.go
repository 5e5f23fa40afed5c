package stop

import (
	"errors"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// Plan says when a program is to end, or what is to befall it instead. The zero
// Plan lets it run to its end.
type Plan struct {
	At    int           // before this call, counted from 1; 0 for never
	On    string        // or before the first call whose description has this in it; "" for never
	After time.Duration // or by the clock, so long after its start; 0 for never
	// Alone says that only the program itself is killed, as by kill -9; what it
	// has started goes on. Otherwise nothing more is changed by any of them, as
	// when the machine loses its power; a write that it ends at is done by half.
	Alone bool
	// Fail is an error that the call, or the first after it that can, answers
	// instead: EIO that one alone, ENOSPC all that need room from then on.
	Fail unix.Errno
	// Then is done before the call instead, and again before later calls until it
	// says that it could be done. The program goes on.
	Then func() (done bool)
}

// Outcome is how it went.
type Outcome struct {
	Calls   int           // that were reported until it ended, or until it was killed
	Killed  bool          // before it had ended by itself
	Failed  int           // calls that failed by the plan
	Done    bool          // what the plan had for Then
	Where   string        // the call that it was killed at, or the first that failed
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
