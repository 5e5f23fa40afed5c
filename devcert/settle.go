package devcert

import (
	"context"
	"errors"
	"fmt"
)

// settle runs look, which reads without the lock, and runs it again as long as
// what it saw is not right and another devcert was writing meanwhile: it may have
// read half of the old and half of the new. Whoever writes is waited for until the
// time limit; what was seen then is what it left. The caller holds no lock.
func (e *Engine) settle(ctx context.Context, look func() (right bool)) {
	limit, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	for {
		since := e.folder().Stamp()
		if look() || !e.folder().Moved(limit, since, e.sayWaiting) {
			return
		}
	}
}

func (e *Engine) sayWaiting(holder string) {
	e.Say("waiting for another devcert to finish (" + holder + ")")
}

// lookSettled is look for those who take no lock afterwards. What two looks have seen
// alike, with a writer's end in between, is so.
func (e *Engine) lookSettled(ctx context.Context, deep depth, change func(*Config) (*Config, error)) (r *Report, err error) {
	before := ""
	e.settle(ctx, func() bool {
		r, err = e.look(ctx, deep, change)
		if err != nil {
			return false
		}
		seen := ""
		for _, f := range r.Findings {
			seen += fmt.Sprintln(f.Kind, f.Where, f.Message)
		}
		again := seen == before
		before = seen
		return again || len(r.Findings) == 0
	})
	if err == nil && errors.Is(ctx.Err(), context.Canceled) { // it was waited for a writer
		return nil, ctx.Err()
	}
	return r, err
}
