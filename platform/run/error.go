package run

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// tailSize is how much of a failed command's output its error keeps: enough for
// the reason, which tools say last.
const tailSize = 4 << 10

// Error is a command that did not succeed.
type Error struct {
	Command []string // program and arguments
	Output  string   // the end of what it wrote, both streams together
	Err     error    // *exec.ExitError, context.DeadlineExceeded, or why it did not start
}

func newError(command []string, output string, err error) *Error {
	return &Error{Command: command, Output: strings.TrimSpace(output), Err: err}
}

// Failed is the error of a command that somebody else ran.
func Failed(command []string, output []byte, err error) *Error {
	return newError(command, string(output[max(0, len(output)-tailSize):]), err)
}

// Error names the command, its status and the last thing it said.
func (e *Error) Error() string {
	reason := e.Err.Error()
	if errors.Is(e.Err, context.DeadlineExceeded) {
		reason = "not done in time"
	}
	text := "run " + strings.Join(e.Command, " ") + ": " + reason
	if e.Output != "" {
		text += ": " + strings.ReplaceAll(e.Output, "\n", "; ")
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// tail keeps the last limit bytes. Both streams of a command write to it, each
// from a goroutine of its own.
type tail struct {
	mu    sync.Mutex
	kept  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - t.limit; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
