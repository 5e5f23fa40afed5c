package elevate

import (
	"context"
	"crypto/x509"
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
// first needed and serves until Close, so that a person is asked once.
type Helper struct {
	opts Options
	mu   sync.Mutex
	link *link
	gone bool                                               // the channel that came with us was used up
	open func(ctx context.Context, ask bool) (*link, error) // how the child is reached
}

// New makes a Helper. It starts nothing.
func New(o Options) *Helper {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	h := &Helper{opts: o}
	h.open = h.reach
	return h
}

// Ready says whether requests may be made: nil when the child runs or could be
// started without asking, or when a person may be asked later. Otherwise the
// error wraps devcert.ErrNeedsAdmin. It asks nobody.
//
// Whether sudo would ask is found out by starting the child with `sudo -n`, the
// exact thing that will be needed: `sudo -n true` and `sudo -l` answer other
// questions where only some commands need a password. The child does nothing
// until it is asked, and stays for the request that follows.
func (h *Helper) Ready(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.connect(ctx, false)
	if errors.Is(err, devcert.ErrNeedsAdmin) && h.opts.Interactive && canAsk() {
		return nil
	}
	return err
}

// TrustRoot has root added to the system's store. The error wraps
// devcert.ErrNeedsAdmin, ErrDeclined or ErrUnsupported, or is what went wrong.
func (h *Helper) TrustRoot(ctx context.Context, root *x509.Certificate) error {
	return h.ask(ctx, trustRoot, root)
}

// DistrustRoot has root removed from the system's store.
func (h *Helper) DistrustRoot(ctx context.Context, root *x509.Certificate) error {
	return h.ask(ctx, distrustRoot, root)
}

// Close ends the child. It may be called more than once.
func (h *Helper) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop()
}

func (h *Helper) ask(ctx context.Context, what string, root *x509.Certificate) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.connect(ctx, h.opts.Interactive); err != nil {
		return err
	}
	resp, err := h.link.exchange(ctx, request{Do: what, DER: root.Raw, Wait: h.opts.Wait}, h.opts.Say)
	if err != nil || ctx.Err() != nil {
		h.drop() // it takes no further request
	}
	switch {
	case err != nil:
		return fmt.Errorf("change the system store as root: %w", err)
	case resp.Unsupported:
		return &remote{resp, devcert.ErrUnsupported}
	case resp.Error != "":
		return &remote{resp, nil}
	}
	return nil
}

func (h *Helper) connect(ctx context.Context, ask bool) error {
	if h.link != nil {
		return nil
	}
	l, err := h.open(ctx, false)
	if errors.Is(err, devcert.ErrNeedsAdmin) && ask && canAsk() {
		h.opts.Say("the system store needs administrator rights; sudo may ask for your password")
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

// remote is an error that crossed the pipe, with the sentinel of ours that it
// was, if any.
type remote struct {
	response
	is error
}

func (e *remote) Error() string  { return e.response.Error }
func (e *remote) Unwrap() error  { return e.is }
func (e *remote) Remedy() string { return e.response.Remedy }
