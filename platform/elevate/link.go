package elevate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// link is one connection to a privileged child.
type link struct {
	in    io.WriteCloser // requests
	out   io.ReadCloser  // responses
	nonce string
	seq   int
	ended <-chan error // gives the child's end; nil when it is not our child
}

// greet waits for the child's first words. When it fails the link is of no use:
// the caller closes it, which ends a read that is still waiting.
func (l *link) greet(ctx context.Context) error {
	var hello greeting
	heard := make(chan error, 1)
	go func() { heard <- unexpected(readFrame(l.out, &hello)) }()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-heard:
		if err != nil {
			return err
		}
	}
	if hello.Protocol != protocol {
		return fmt.Errorf("the privileged child speaks protocol %d, not %d", hello.Protocol, protocol)
	}
	l.nonce = hello.Nonce
	return nil
}

const (
	// finishing is how long a change that was begun is waited for after a person
	// wanted to stop. Most take a second or two.
	finishing = 10 * time.Second
	// unsaid is how long that goes without a word.
	unsaid = 300 * time.Millisecond
	// closing is how long a child gets to end after its pipe was closed.
	closing = 3 * time.Second
)

// errUnfinished is what is known of a change when we stopped waiting for it.
var errUnfinished = errors.New("a tool that changes " + place + " is still running and goes on by itself")

// exchange makes a request and waits for its answer. When ctx ends, the child is
// told: it then gives up waiting for another devcert, but finishes a change that
// it has begun, since half of one would hurt every client. What it answers is
// returned all the same, so that the person is told what was done.
func (l *link) exchange(ctx context.Context, req request, say func(string)) (response, error) {
	l.seq++
	req.Nonce, req.Seq = l.nonce, l.seq
	if deadline, ok := ctx.Deadline(); ok {
		req.Wait = min(req.Wait, time.Until(deadline))
	}
	if err := writeFrame(l.in, req); err != nil {
		return response{}, err
	}
	answers := l.responses()
	stopped := ctx.Done()
	var speak, giveUp <-chan time.Time
	for {
		select {
		case a := <-answers:
			switch {
			case a.err != nil:
				return response{}, a.err
			case a.Seq != l.seq:
				return response{}, fmt.Errorf("answer %d to request %d", a.Seq, l.seq)
			case !a.Waiting:
				return a.response, nil
			}
			say("waiting for another devcert to finish with " + place)
		case <-stopped:
			stopped = nil
			l.in.Close()
			speak, giveUp = time.After(unsaid), time.After(finishing)
		case <-speak:
			say("stopping; a tool that changes " + place + " finishes what it has begun")
		case <-giveUp:
			l.ended = nil // it is not waited for any more
			return response{}, errUnfinished
		}
	}
}

// answered is a response or why there is none.
type answered struct {
	response
	err error
}

// responses reads until the answer that ends a request.
func (l *link) responses() <-chan answered {
	answers := make(chan answered, 1)
	go func() {
		for {
			var a answered
			a.err = unexpected(readFrame(l.out, &a.response))
			answers <- a
			if a.err != nil || !a.Waiting {
				return
			}
		}
	}()
	return answers
}

// unexpected says of the end of the pipe that more was to come.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the privileged child ended without an answer")
	}
	return err
}

func (l *link) close() {
	l.in.Close()
	if l.ended != nil {
		select {
		case <-l.ended: //nolint:errcheck // how it ended no longer matters
		case <-time.After(closing):
		}
	}
	l.out.Close()
}
