package page

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"devcert/devcert"
)

const (
	// fresh is how long what was seen is shown again. A look takes tens of
	// milliseconds of reading other programs' files, and a page that is asked for
	// in a loop is not to keep the machine busy.
	fresh = 2 * time.Second
	// lookLimit ends a look that hangs, in a folder of a network that is gone.
	lookLimit = 30 * time.Second
)

// lookout looks at the machine for whoever asks, once for all who ask at the same
// time.
type lookout struct {
	look  func(context.Context) (*devcert.Report, error)
	now   func() time.Time
	limit time.Duration

	mu   sync.Mutex
	last *sight
}

// sight is one look. Its fields are written before done is closed.
type sight struct {
	done   chan struct{}
	ended  time.Time
	report *devcert.Report
	err    error
}

// report is what was seen last, when that is fresh, or what a new look brings. The
// error is why the machine could not be looked at, or ctx's.
func (l *lookout) report(ctx context.Context) (*devcert.Report, error) {
	s := l.current()
	select {
	case <-s.done:
		return s.report, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *lookout) current() *sight {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last != nil && !l.over(l.last) {
		return l.last
	}
	s := &sight{done: make(chan struct{})}
	l.last = s
	go l.run(s)
	return s
}

// over says that a look has ended and is no longer fresh.
func (l *lookout) over(s *sight) bool {
	select {
	case <-s.done:
		age := l.now().Sub(s.ended)
		return age < 0 || age >= fresh // also when the clock was set back
	default:
		return false
	}
}

// run looks on behalf of all that wait: it does not end with the request that
// began it.
func (l *lookout) run(s *sight) {
	ctx, cancel := context.WithTimeout(context.Background(), l.limit)
	defer cancel()
	s.report, s.err = l.guarded(ctx)
	s.ended = l.now()
	close(s.done)
}

// guarded makes an error of a panic, as net/http does for handlers: the front
// that serves applications beside this page goes on.
func (l *lookout) guarded(ctx context.Context) (report *devcert.Report, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			report, err = nil, fmt.Errorf("looking at the machine ended unexpectedly: %v", cause)
		}
	}()
	report, err = l.look(ctx)
	if err == nil && (report == nil || report.Seen == nil || report.Seen.Folder == nil) {
		return nil, errors.New("looking at the machine showed nothing")
	}
	return report, err
}
