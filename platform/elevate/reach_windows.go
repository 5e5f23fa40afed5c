package elevate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/windows"

	"devcert/devcert"
	"devcert/platform/run"
)

// Words for a person.
const (
	place  = "the Windows stores and ports"
	needs  = " need administrator rights; "
	admin  = "administrator"
	mayAsk = "Windows will ask"
)

// quiet is how long a child may take to greet once it is there. Virus scanners
// look at a program before it starts.
const quiet = 20 * time.Second

// child is a privileged child that was started.
type child struct {
	id    uint32
	ended <-chan error // gives its end; until then id is nobody else's
}

// reach gives the way to the privileged child: an ordinary process when we are
// administrator already, else one for which Windows asks the person. They are
// asked once and not again, neither after a no nor when the child has ended.
func reach(Options) opener {
	if windows.GetCurrentProcessToken().IsElevated() {
		return func(ctx context.Context, _ bool) (*link, error) { return connect(ctx, startPlain) }
	}
	return askOnce(func(ctx context.Context) (*link, error) { return connect(ctx, startElevated) })
}

func askOnce(open func(ctx context.Context) (*link, error)) opener {
	var over error
	return func(ctx context.Context, ask bool) (*link, error) {
		switch {
		case over != nil:
			return nil, over
		case !ask:
			return nil, fmt.Errorf("become administrator: %w", devcert.ErrNeedsAdmin)
		}
		l, err := open(ctx)
		if over = err; err == nil {
			over = errors.New("reach the privileged child: it has ended")
		}
		return l, err
	}
}

// connect has start start a child with a pipe's name, and connects to it.
func connect(ctx context.Context, start func(ctx context.Context, pipe string) (child, error)) (*link, error) {
	pipe, err := listen()
	if err != nil {
		return nil, err
	}
	c, err := start(ctx, pipe.name)
	if err != nil {
		pipe.close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	l, err := pipe.accept(ctx, c) // closes the pipe if it fails, which ends the child
	if err != nil {
		return nil, fmt.Errorf("start the privileged child: %w", err)
	}
	return l, nil
}

func startPlain(_ context.Context, pipe string) (child, error) {
	path, err := program()
	if err != nil {
		return child{}, err
	}
	process, err := run.Command{Path: path, Args: []string{verb, pipe}}.Start(run.Wiring{})
	if err != nil {
		return child{}, fmt.Errorf("start the privileged child: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := process.Wait()
		ended <- err
	}()
	return child{uint32(process.ID()), ended}, nil //nolint:gosec // Windows' own number
}

// cameAlong says no: nobody starts a child with us here.
func cameAlong([]string) bool { return false }
