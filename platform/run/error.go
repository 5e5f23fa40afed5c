package run

import (
	"context"
	"errors"
	"strings"
	"sync"

	"devcert/devcert/lazy"
)

// tailSize is how much of a failed command's output its error keeps: enough for
// the reason, which tools say last.
const tailSize = 4 << 10

// Error is a command that did not succeed.
type Error struct {
	Command []string // program and arguments
	Output  string   // the end of what it wrote, both streams together, without certificates and keys
	Said    string   // the last line of its standard error, or of Output where that is not known
	Err     error    // *exec.ExitError, context.DeadlineExceeded, or why it did not start
}

// newError takes the ends of both streams together, in whatever order they were
// read, and of standard error alone.
func newError(command []string, both, stderr string, err error) *Error {
	said := withoutPEM(stderr)
	return &Error{Command: command, Output: withoutPEM(both), Said: said[strings.LastIndexByte(said, '\n')+1:], Err: err}
}

// withoutPEM is text without the PEM blocks in it, whole or not: tee says again what
// it is given; a person needs to see none of it, and a key nobody may. What stands
// before an end whose beginning was not kept may be a part of one, down to a half
// of the beginning itself.
func withoutPEM(text string) string {
	var kept strings.Builder
	for {
		begin, end := strings.Index(text, pemBegin), pemEnd().FindStringIndex(text)
		switch {
		case begin >= 0 && (end == nil || begin < end[0]):
			kept.WriteString(text[:begin])
		case end == nil:
			kept.WriteString(text)
		}
		if end == nil {
			return strings.TrimSpace(kept.String())
		}
		text = text[end[1]:]
		if rest, found := strings.CutPrefix(strings.TrimLeft(text, "-"), "BEGIN "); found {
			text = pemBegin + rest // whose dashes were taken for the end's
		}
	}
}

const pemBegin = "-----BEGIN "

var pemEnd = lazy.Regexp(`-----END [A-Z0-9 ]+-----\n?`)

// Failed is the error of a command that somebody else ran.
func Failed(command []string, output []byte, err error) *Error {
	end := string(output[max(0, len(output)-tailSize):])
	return newError(command, end, end, err)
}

// Error names the command, its status and all that was kept of what it said.
func (e *Error) Error() string {
	text := "run " + strings.Join(e.Command, " ") + ": " + e.status()
	if e.Output != "" {
		text += ": " + strings.ReplaceAll(e.Output, "\n", "; ")
	}
	return text
}

// Reason is the status and the last line of the command's complaint, for those
// who know what was run.
func (e *Error) Reason() string {
	if e.Said == "" {
		return e.status()
	}
	return e.status() + ": " + e.Said
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
