package httpsys

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// How long netsh may take. A start takes 60 milliseconds and a command one; what
// takes many times that hangs.
const (
	LookLimit  = 20 * time.Second
	perCommand = 20 * time.Millisecond
)

// delays are how long to wait before a change that was refused with
// BadParameter is tried again: for some seconds after a key was imported
// HTTP.sys does not see it.
var delays = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second}

// Netsh looks at the table and changes it.
type Netsh struct {
	// Run starts netsh with arguments and returns what it wrote to its standard
	// output, also beside an error. The error of a netsh that ran to its end
	// has an ExitCode, as *exec.ExitError has. When the context ends, netsh and
	// what it started are gone before Run returns.
	Run func(ctx context.Context, args ...string) ([]byte, error)
	// Folder is where scripts lie while they run. Who else may write there can
	// keep one from running, and not change it; see hold.
	Folder string
	// Unbound says whether HTTP.sys has no binding at all, from another source
	// than netsh. It is asked when netsh lists none and adds words nobody here
	// can read. nil means that there is no such source.
	Unbound func() (bool, error)
	// Sleep waits, or returns early the error of the context. nil means to
	// really wait.
	Sleep func(ctx context.Context, d time.Duration) error
	// Limit is how long a look may take; 0 means LookLimit.
	Limit time.Duration

	// hung is the first look that did not end in time. Who waited for one is not
	// made to wait for the next: whatever netsh waits for takes longer than a
	// command lasts.
	hung atomic.Pointer[Error]
}

// Look shows bindings, reservations and excluded ranges, with one start of
// netsh. It changes nothing. What cannot be read is an *Error.
func (n *Netsh) Look(ctx context.Context) (State, error) {
	if err := n.Hung(); err != nil {
		return State{}, err
	}
	out, err := n.script(ctx, n.limit(), look)
	if err == nil || ended(err) {
		return n.read(out, err)
	}
	bad := failed(lookAt, err)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		n.hung.Store(bad)
	}
	return State{}, bad
}

// Hung is the error of a look that did not end in time; nil when none was. Every
// look and change after it fails with it, and starts nothing.
func (n *Netsh) Hung() error {
	if err := n.hung.Load(); err != nil {
		return err
	}
	return nil
}

func (n *Netsh) limit() time.Duration { return cmp.Or(n.Limit, LookLimit) }

// lookAt is what a look tries, for errors.
const lookAt = "look at the bindings of HTTP.sys"

// read is what a look printed that ended with ran.
func (n *Netsh) read(out []byte, ran error) (State, error) {
	s, doubt, bad := parseLook(out)
	if bad != nil {
		return State{}, bad
	}
	if ran != nil && len(s.Records) == 0 && doubt == nil {
		doubt = &Error{Tried: lookAt, Err: ran, Remedy: "devcert status"}
	}
	if doubt == nil {
		return s, nil
	}
	if n.Unbound == nil {
		return State{}, doubt
	}
	if none, err := n.Unbound(); err != nil || !none {
		return State{}, errors.Join(doubt, err)
	}
	return s, nil
}

// Apply runs the change, looks whether it is done and returns what it saw: one
// start of netsh does both. What was refused because a key is too new is tried
// again a few times. An error is an *Error, or says that a value was not fit for
// a script: then nothing was run. A zero State beside it says that what is there
// now could not be seen.
func (n *Netsh) Apply(ctx context.Context, c Change) (State, error) {
	for attempt := 0; ; attempt++ {
		s, rest, out, err := n.once(ctx, c)
		if rest.Empty() || err != nil && out == nil {
			return s, err
		}
		refusal := noEffect(rest, out, err)
		if attempt == len(delays) || !tooNew(out) {
			return s, refusal
		}
		if err := n.sleep(ctx, delays[attempt]); err != nil {
			return s, errors.Join(refusal, err)
		}
		c = rest
	}
}

// once runs the change and looks. A nil out says that there is nothing to
// judge: it did not run, or what it did cannot be seen.
func (n *Netsh) once(ctx context.Context, c Change) (s State, rest Change, out []byte, err error) {
	lines, err := c.Lines()
	if err == nil {
		err = n.Hung()
	}
	if err != nil {
		return s, c, nil, err
	}
	said, ran := n.script(ctx, n.limit()+time.Duration(len(lines))*perCommand, append(lines, look...))
	if ran != nil && !ended(ran) {
		tried := fmt.Sprintf("change the bindings of HTTP.sys, %d commands", len(lines))
		return s, c, nil, failed(tried, ran)
	}
	said, shown := cutLook(said)
	if s, err = n.read(shown, ran); err != nil {
		s, err = n.Look(ctx) // a netsh that broke off may have done much before
	}
	if err != nil {
		return s, c, nil, err
	}
	// Not nil: silence, too, is something that netsh said.
	return s, c.Rest(s), append([]byte{}, said...), ran
}

// tooNew says whether something was refused that may be taken later.
func tooNew(out []byte) bool {
	for _, code := range codes(out) {
		if code == BadParameter {
			return true
		}
	}
	return false
}

// ended says whether err is of a netsh that ran to its end. Its status is no
// verdict: with a script it is that of one command, if of any.
func ended(err error) bool {
	var exit interface{ ExitCode() int }
	return errors.As(err, &exit) && exit.ExitCode() >= 0 &&
		!errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled)
}

// script runs the lines in one netsh, from a file that nobody else can have
// made or can read.
func (n *Netsh) script(ctx context.Context, limit time.Duration, lines []string) (out []byte, err error) {
	if n.Folder == "" {
		return nil, noScript(errors.New("no folder for it"))
	}
	file, err := os.CreateTemp(n.Folder, "devcert-*.netsh") // exclusive, 0600
	if err != nil {
		return nil, noScript(err)
	}
	defer func() {
		if gone := os.Remove(file.Name()); gone != nil && err == nil {
			err = noScript(gone)
		}
	}()
	written := []byte(strings.Join(lines, "\r\n") + "\r\n")
	_, err = file.Write(written)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, noScript(err)
	}
	held, err := hold(file.Name(), written)
	if err != nil {
		return nil, noScript(err)
	}
	defer func() { _ = held.Close() }()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return n.Run(ctx, "-f", file.Name())
}

func (n *Netsh) sleep(ctx context.Context, d time.Duration) error {
	if n.Sleep != nil {
		return n.Sleep(ctx, d)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
