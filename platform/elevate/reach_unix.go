//go:build linux || darwin

package elevate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"devcert/devcert"
	"devcert/platform/run"
)

// Words for a person.
const (
	place  = "the machine's stores" // what needs the rights
	admin  = "root"                 // who has them
	needs  = " need administrator rights; "
	mayAsk = "sudo may ask for your password"
)

// quiet is how long a child may take to greet when nobody is asked. PAM modules
// and sudo's look-up of the host's name make it slow now and then.
const quiet = 20 * time.Second

// reach gives the ways to the privileged child: the one that came with us under sudo,
// one of our own when we are root, or one through sudo.
//
// Whether sudo would ask is found out by starting the child with `sudo -n`, the
// exact thing that will be needed: `sudo -n true` and `sudo -l` answer other
// questions where only some commands need a password. The child does nothing
// until it is asked, and stays for the request that follows.
func reach(o Options) opener {
	if os.Geteuid() == 0 {
		return ownChild
	}
	fds, ok := announced(o.Env)
	if !ok {
		return throughSudo
	}
	used := false
	return func(ctx context.Context, _ bool) (*link, error) {
		if used { // its descriptors may be something else's by now
			return nil, errors.New("reach the privileged child: it has ended")
		}
		used = true
		return inherited(ctx, fds)
	}
}

// cameAlong says whether the child is one that was started with us, under sudo.
func cameAlong(env []string) bool {
	if os.Geteuid() == 0 {
		return false
	}
	_, ok := announced(env)
	return ok
}

func ownChild(ctx context.Context, _ bool) (*link, error) {
	self, err := image()
	if err != nil {
		return nil, fmt.Errorf("start the privileged child: %w", err)
	}
	l, err := start(ctx, run.Command{Path: self, Args: []string{verb}}, run.Wiring{Name: "devcert"})
	if err != nil {
		return nil, fmt.Errorf("start the privileged child: %w", err)
	}
	return l, nil
}

// canAsk says whether sudo could ask: it is there, and so is the controlling
// terminal, the only place it asks at. Standard input can be a terminal that is
// not ours to control, after `su -c` for instance.
func canAsk() bool {
	if _, err := (run.Finder{}).Find("sudo"); err != nil {
		return false
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	tty.Close()
	return true
}

func throughSudo(ctx context.Context, ask bool) (*link, error) {
	sudo, err := run.Finder{}.Find("sudo")
	if err != nil {
		return nil, fmt.Errorf("become root: %w: %w", devcert.ErrNeedsAdmin, err)
	}
	// sudo gets a path, not what image gives on Linux: that would be sudo itself.
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("become root: find this program: %w", err)
	}
	cmd := run.Command{Path: sudo, Args: []string{"-n", "--", program, verb}}
	if !ask {
		l, err := start(ctx, cmd, run.Wiring{})
		if errors.Is(err, context.Canceled) {
			return nil, err // sudo did not refuse: we stopped waiting
		}
		return l, refusal(err, devcert.ErrNeedsAdmin)
	}
	cmd.Args = cmd.Args[1:]
	l, err := start(ctx, cmd, run.Wiring{Stderr: terminal{}})
	if err != nil && againstPolicy(err) {
		return nil, refusal(err, devcert.ErrNeedsAdmin)
	}
	return l, refusal(err, devcert.ErrDeclined)
}

func refusal(err, sentinel error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("become root: %w: %w", sentinel, err)
}

// againstPolicy tells "this account may not" from "the password was wrong or
// not given": sudo's exit status is 1 for both. It was run with LC_ALL=C, so
// its words are the untranslated ones; should they change, a refusal is taken
// for a "no" of the person, which is no less true to them.
func againstPolicy(err error) bool {
	var failed *run.Error
	if !errors.As(err, &failed) {
		return false
	}
	for _, words := range []string{"not in the sudoers", "may not run sudo", "is not allowed to"} {
		if strings.Contains(failed.Output, words) {
			return true
		}
	}
	return false
}

// terminal shows sudo's complaints ("Sorry, try again.") where its prompt is.
// It is not a file, so that run keeps a copy for the error.
type terminal struct{}

func (terminal) Write(p []byte) (int, error) { return os.Stderr.Write(p) }

// start starts a child and waits for its greeting.
func start(ctx context.Context, cmd run.Command, w run.Wiring) (*link, error) {
	l, process, err := connectTo(cmd, w)
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := process.Wait()
		ended <- err
	}()
	l.ended = ended
	if w.Stderr == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, quiet)
		defer cancel()
	}
	if err := l.greet(ctx); err != nil {
		return nil, stillborn(l, process, err)
	}
	return l, nil
}

// stillborn ends a child that did not greet, and prefers its own account of why.
// A sudo that waits for a password can be beyond our signals, so the wait for it
// is bounded.
func stillborn(l *link, process *run.Process, why error) error {
	ctxEnded := errors.Is(why, context.Canceled) || errors.Is(why, context.DeadlineExceeded)
	if ctxEnded {
		_ = process.Signal(syscall.SIGTERM)
	}
	l.in.Close()
	defer l.out.Close()
	select {
	case err := <-l.ended:
		if err != nil && !ctxEnded {
			return err
		}
	case <-time.After(closing):
	}
	return why
}

// connectTo starts cmd with a pipe on its standard input and output.
func connectTo(cmd run.Command, w run.Wiring) (*link, *run.Process, error) {
	p, err := newPipes()
	if err != nil {
		return nil, nil, err
	}
	w.Stdin, w.Stdout = p.requestsOut, p.responsesIn
	process, err := cmd.Start(w)
	p.requestsOut.Close()
	p.responsesIn.Close()
	if err != nil {
		p.requestsIn.Close()
		p.responsesOut.Close()
		return nil, nil, err
	}
	return &link{in: p.requestsIn, out: p.responsesOut}, process, nil
}

// pipes are the two ways of a connection. What is written to an In comes out of
// its Out.
type pipes struct {
	requestsIn, requestsOut, responsesIn, responsesOut *os.File
}

func newPipes() (p pipes, err error) {
	if p.requestsOut, p.requestsIn, err = os.Pipe(); err != nil {
		return p, err
	}
	if p.responsesOut, p.responsesIn, err = os.Pipe(); err != nil {
		p.requestsIn.Close()
		p.requestsOut.Close()
	}
	return p, err
}
