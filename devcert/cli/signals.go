package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// caught are the signals of one run. Taking them over from the system costs a third
// of what devcert version takes, so it is done beside the reading of the command line.
type caught struct {
	context.Context               // ends with the first signal that is to end the run
	ready           chan struct{} // is closed when they are taken over
	gone, ending    chan os.Signal
}

// catchSignals begins to take them over.
func catchSignals() *caught {
	ctx, end := context.WithCancelCause(context.Background())
	c := &caught{ctx, make(chan struct{}), make(chan os.Signal, 1), make(chan os.Signal, 1)}
	go func() {
		// A reader that goes away must not end a run between two steps.
		ignored, ending := []os.Signal{syscall.SIGPIPE}, []os.Signal{os.Interrupt, syscall.SIGTERM}
		// A terminal that closes sends SIGHUP, as a rule twice: the kernel does, and the
		// shell. nohup is to go on keeping it away.
		if !signal.Ignored(syscall.SIGHUP) {
			ignored, ending = append(ignored, syscall.SIGHUP), append(ending, syscall.SIGHUP)
		}
		signal.Notify(c.gone, ignored...)
		signal.Notify(c.ending, ending...)
		close(c.ready)
		if s, open := <-c.ending; open {
			end(fmt.Errorf("%s signal received", s))
			signal.Stop(c.ending) // a second signal ends the program at once
		}
	}()
	return c
}

// wait returns when the signals are taken over: nothing is changed or said before.
func (c *caught) wait() { <-c.ready }

// release gives them back. A process that ends anyway has no need of it.
func (c *caught) release() {
	c.wait()
	signal.Stop(c.gone)
	signal.Stop(c.ending)
	close(c.ending)
}
