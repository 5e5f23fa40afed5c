package service

import (
	"context"
	"time"
)

const (
	// looking is how long a look may take: a user's manager that hangs does not
	// make status hang.
	looking = 5 * time.Second
	// changing is how long a change may take: a stop waits for what is served.
	changing = time.Minute
	// settling is how long a service is watched after its start: one that cannot
	// listen has ended by then.
	settling = time.Second
)

// pause waits, but not beyond the context.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
