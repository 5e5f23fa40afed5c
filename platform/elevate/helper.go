package elevate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"devcert/devcert"
)

// Options are what a Helper needs to know.
type Options struct {
	Env         []string          // of this process
	Interactive bool              // a person may be asked for a password
	Wait        time.Duration     // at most, for another devcert that has the store
	Say         func(line string) // tells that person what is going on; may be nil
}

// Helper is the way to the privileged child. The child is started when it is
// first needed and serves until Close, so that a person is asked once. It must
// not be copied.
type Helper struct {
	opts Options
	mu   sync.Mutex
	link *link
	open opener
}

// opener connects to the privileged child. Unless it may ask a person, it gives
// devcert.ErrNeedsAdmin where that would be needed.
type opener func(ctx context.Context, ask bool) (*link, error)

// New makes a Helper. It starts nothing.
func New(o Options) *Helper {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	return &Helper{opts: o, open: reach(o)}
}

// Ready says whether requests may be made: nil when the child runs or could be
// started without asking, or when a person may be asked later. Otherwise the
// error wraps devcert.ErrNeedsAdmin. It asks nobody.
func (h *Helper) Ready(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.connect(ctx, false)
	if errors.Is(err, devcert.ErrNeedsAdmin) && h.opts.Interactive && canAsk() {
		return nil
	}
	return err
}

// Do has the child do what, one of its Handlers, with body, which must be the
// JSON that Handler takes. The error wraps devcert.ErrNeedsAdmin, ErrDeclined or
// ErrUnsupported, or is what went wrong; one of the Handler's keeps its text and
// its remedy.
func (h *Helper) Do(ctx context.Context, what string, body any) error {
	encoded, err := json.Marshal(body)
	if err == nil && len(encoded) > maxBody {
		err = fmt.Errorf("%d bytes, at most %d", len(encoded), maxBody)
	}
	if err != nil {
		return fmt.Errorf("ask for %s: %w", what, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.connect(ctx, h.opts.Interactive); err != nil {
		return err
	}
	req := request{Do: what, Body: encoded, Wait: h.opts.Wait}
	resp, err := h.link.exchange(ctx, req, h.opts.Say)
	if err != nil || ctx.Err() != nil {
		h.drop() // it takes no further request
	}
	if err != nil {
		return fmt.Errorf("change %s as %s: %w", place, admin, err)
	}
	return resp.err()
}

// Rest ends the child as long as nothing is asked of it, unless it came with us and
// could not be started again.
func (h *Helper) Rest() {
	if !cameAlong(h.opts.Env) {
		h.Close()
	}
}

// Close ends the child. It may be called more than once.
func (h *Helper) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop()
}

func (h *Helper) connect(ctx context.Context, ask bool) error {
	if h.link != nil {
		return nil
	}
	l, err := h.open(ctx, false)
	if errors.Is(err, devcert.ErrNeedsAdmin) && ask && canAsk() {
		h.opts.Say(place + needs + mayAsk)
		l, err = h.open(ctx, true)
	}
	if err != nil {
		return err
	}
	h.link = l
	return nil
}

func (h *Helper) drop() {
	if h.link != nil {
		h.link.close()
		h.link = nil
	}
}
