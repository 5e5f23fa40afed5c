package page

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/disk"
)

// something is as much of a report as a look must bring.
func something() *devcert.Report {
	return &devcert.Report{Seen: &devcert.Observation{Folder: &disk.Snapshot{}}}
}

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time        { return noon.Add(time.Duration(c.at.Load())) }
func (c *clock) after(d time.Duration) { c.at.Add(int64(d)) }

func TestALookIsShownAgainForTwoSeconds(t *testing.T) {
	failed := errors.New("no")
	tests := []struct {
		name  string
		err   error
		wait  time.Duration
		looks int
	}{
		{"at once", nil, 0, 1},
		{"a little later", nil, fresh - 1, 1},
		{"two seconds later", nil, fresh, 2},
		{"the clock was set back", nil, -time.Hour, 2},
		{"one that failed, at once", failed, 0, 1},
		{"one that failed, two seconds later", failed, fresh, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c clock
			looks := 0
			l := &lookout{now: c.now, limit: time.Minute, look: func(context.Context) (*devcert.Report, error) {
				looks++
				return something(), test.err
			}}
			_, err := l.report(t.Context())
			require.ErrorIs(t, err, test.err)
			c.after(test.wait)
			_, err = l.report(t.Context())
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.looks, looks)
		})
	}
}

// One look at a time serves all who ask meanwhile, also when the one for whom it
// was begun has gone.
func TestOneLookAtATime(t *testing.T) {
	var looking, most, looks atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	l := &lookout{now: time.Now, limit: time.Minute, look: func(ctx context.Context) (*devcert.Report, error) {
		if n := looking.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer looking.Add(-1)
		if looks.Add(1) == 1 {
			close(begun)
		}
		<-goOn
		return something(), ctx.Err()
	}}
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := l.report(first)
		gone <- err
	}()
	<-begun
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)

	var waiting sync.WaitGroup
	for range 50 {
		waiting.Go(func() {
			r, err := l.report(t.Context())
			assert.NoError(t, err)
			assert.NotNil(t, r)
		})
	}
	close(goOn)
	waiting.Wait()
	assert.EqualValues(t, 1, most.Load())
	assert.EqualValues(t, 1, looks.Load())
}

func TestALookThatHangsEnds(t *testing.T) {
	l := &lookout{now: time.Now, limit: 10 * time.Millisecond, look: func(ctx context.Context) (*devcert.Report, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	_, err := l.report(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestConcurrentRequests is for the race detector: one report is read by all.
func TestConcurrentRequests(t *testing.T) {
	var c clock
	m := broken(t)
	var looks atomic.Int32
	h := newHandler(func(ctx context.Context) (*devcert.Report, error) {
		looks.Add(1)
		return m.report(ctx)
	}, c.now)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if i == 32 {
				c.after(fresh)
			}
			r := ask(t, h, http.MethodGet, home)
			assert.Equal(t, 200, r.Code)
			r = ask(t, h, http.MethodGet, "https://api.dev.localhost"+h.stylePath)
			assert.Equal(t, 200, r.Code)
		})
	}
	all.Wait()
	assert.LessOrEqual(t, looks.Load(), int32(3))
}
