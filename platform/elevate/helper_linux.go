package elevate

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"devcert/devcert"
)

// Options are what a Helper needs to know.
type Options struct {
	Env         []string          // of this process
	Interactive bool              // a person may be asked for a password
	Say         func(line string) // tells that person why; may be nil
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
	resp, err := h.link.exchange(ctx, request{Do: what, DER: root.Raw})
	if err != nil {
		h.drop() // whatever the child still says belongs to this request
		return fmt.Errorf("%s through the privileged child: %w", what, err)
	}
	switch {
	case resp.Unsupported:
		return &remote{resp.Error, devcert.ErrUnsupported}
	case resp.Error != "":
		return errors.New(resp.Error)
	}
	return nil
}

func (h *Helper) connect(ctx context.Context, ask bool) error {
	if h.link != nil {
		return nil
	}
	l, err := h.open(ctx, false)
	if errors.Is(err, devcert.ErrNeedsAdmin) && ask && canAsk() {
		if h.opts.Say != nil {
			h.opts.Say("the system store needs administrator rights; sudo may ask for your password")
		}
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

// remote is an error that crossed the pipe with a sentinel of ours.
type remote struct {
	text string
	is   error
}

func (e *remote) Error() string { return e.text }
func (e *remote) Unwrap() error { return e.is }

// link is one connection to a privileged child.
type link struct {
	in    io.WriteCloser // requests
	out   *os.File       // responses; with deadlines
	nonce string
	seq   int
	ended <-chan error // gives the child's end; nil when it is not our child
}

// greet waits for the child's first words.
func (l *link) greet(ctx context.Context) error {
	var hello greeting
	if err := l.read(ctx, &hello); err != nil {
		return err
	}
	if hello.Protocol != protocol {
		return fmt.Errorf("the privileged child speaks protocol %d, not %d", hello.Protocol, protocol)
	}
	l.nonce = hello.Nonce
	return nil
}

func (l *link) exchange(ctx context.Context, req request) (response, error) {
	l.seq++
	req.Nonce, req.Seq = l.nonce, l.seq
	var resp response
	if err := writeFrame(l.in, req); err != nil {
		return resp, err
	}
	if err := l.read(ctx, &resp); err != nil {
		return resp, err
	}
	if resp.Seq != l.seq {
		return resp, fmt.Errorf("answer %d to request %d", resp.Seq, l.seq)
	}
	return resp, nil
}

// read reads one frame, or stops when the context ends.
func (l *link) read(ctx context.Context, v any) error {
	stop := context.AfterFunc(ctx, func() { _ = l.out.SetReadDeadline(time.Unix(1, 0)) })
	err := readFrame(l.out, v)
	if !stop() && err != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// closing is how long the child gets to end after its pipe was closed. It may
// be finishing a request that we stopped waiting for; it does so without us.
const closing = 3 * time.Second

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
