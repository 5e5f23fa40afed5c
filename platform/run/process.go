package run

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// Wiring says how a process that stays is connected. Unlike what Run starts, it
// belongs to our own process group, so that it may ask on the terminal. On Windows
// it has a console of its own that nobody sees.
type Wiring struct {
	Name   string     // what it sees as its own name; "" means Command.Path
	Stdin  *os.File   // nil means nothing to read
	Stdout *os.File   // nil means that its output is lost
	Stderr io.Writer  // also kept for the error of Wait; nil means only kept
	Extra  []*os.File // its descriptors 3, 4, …; not on Windows
	As     *credential
}

// Process is one that was started and has not been waited for.
type Process struct {
	cmd  *exec.Cmd
	tail *tail
}

// Start starts a process that stays. It is not bound to a context: whoever
// holds the other end of its pipes ends it by closing them. Command.Stdin is
// not used.
func (c Command) Start(w Wiring) (*Process, error) {
	cmd, err := c.prepare(context.Background())
	if err != nil {
		return nil, err
	}
	if w.Name != "" {
		cmd.Args[0] = w.Name
	}
	p := &Process{cmd: cmd, tail: &tail{limit: tailSize}}
	if w.Stdin != nil {
		cmd.Stdin = w.Stdin
	}
	if w.Stdout != nil {
		cmd.Stdout = w.Stdout
	}
	cmd.Stderr = p.stderr(w.Stderr)
	cmd.ExtraFiles = w.Extra
	cmd.WaitDelay = grace
	cmd.SysProcAttr = attributes(w.As)
	if err := cmd.Start(); err != nil {
		return nil, newError(cmd.Args, "", "", err)
	}
	return p, nil
}

// stderr passes a terminal or file on as it is, so that the process sees what
// it is, and copies anything else through the tail.
func (p *Process) stderr(w io.Writer) io.Writer {
	switch w := w.(type) {
	case nil:
		return p.tail
	case *os.File:
		return w
	default:
		return io.MultiWriter(w, p.tail)
	}
}

// Wait waits for the end and returns the exit code as a shell would: 128 plus
// the signal for a process that a signal ended. A code other than 0 comes with
// an *Error.
func (p *Process) Wait() (int, error) {
	err := p.cmd.Wait()
	// It is what exec reports of a success whose standard error someone else still
	// has; that of a failure is the failure.
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return 0, nil
	}
	code := 1
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = 128 + int(status.Signal())
		}
	}
	return code, newError(p.cmd.Args, p.tail.String(), p.tail.String(), err)
}

// Signal sends s to the process. Windows knows os.Kill only.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// ID is the process's number, which is nobody else's until Wait has returned.
func (p *Process) ID() int { return p.cmd.Process.Pid }
