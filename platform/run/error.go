package run

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
)

// tailSize is how much of a failed command's output its error keeps: enough for
// the reason, which tools say last.
const tailSize = 4 << 10

// Error is a command that did not succeed.
type Error struct {
	Command []string // program and arguments
	Output  string   // the end of what it wrote, both streams together, without certificates and keys
	Err     error    // *exec.ExitError, context.DeadlineExceeded, or why it did not start
}

func newError(command []string, output string, err error) *Error {
	return &Error{Command: command, Output: strings.TrimSpace(pemBlocks.ReplaceAllString(output, "")), Err: err}
}

// pemBlocks are whole, or the end of one whose beginning was not kept. tee says
// again what it is given; a person needs to see none of it, and a key nobody may.
var pemBlocks = regexp.MustCompile(`(?s)-----BEGIN .*?-----END [A-Z0-9 ]+-----\n?|^[^-]*-----END [A-Z0-9 ]+-----\n?`)

// Failed is the error of a command that somebody else ran.
func Failed(command []string, output []byte, err error) *Error {
	return newError(command, string(output[max(0, len(output)-tailSize):]), err)
}

// Error names the command, its status and all that was kept of what it said.
func (e *Error) Error() string {
	text := "run " + strings.Join(e.Command, " ") + ": " + e.status()
	if e.Output != "" {
		text += ": " + strings.ReplaceAll(e.Output, "\n", "; ")
	}
	return text
}

// Reason is the status and the last line that the command said, for those who
// know what was run.
func (e *Error) Reason() string {
	if e.Output == "" {
		return e.status()
	}
	return e.status() + ": " + e.Output[strings.LastIndexByte(e.Output, '\n')+1:]
}

func (e *Error) status() string {
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return "not done in time"
	}
	return e.Err.Error()
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
