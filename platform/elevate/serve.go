package elevate

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Changes is what the privileged child can do. Implementations derive every
// path and command themselves. They wait for other processes until ctx ends, call
// waiting once if that takes long, and finish what they have begun.
type Changes interface {
	Trust(ctx context.Context, root *x509.Certificate, waiting func()) error
	Distrust(ctx context.Context, root *x509.Certificate, waiting func()) error
}

// serve answers requests until the pipe is closed. A request that breaks the
// protocol is answered, not followed, and ends the service: an honest client
// never sends one. Where the pipe is closed while a request is waiting for its
// turn, nobody wants it any more.
func serve(ctx context.Context, in io.Reader, out io.Writer, changes Changes) error {
	nonce := rand.Text()
	if err := writeFrame(out, greeting{Protocol: protocol, Nonce: nonce}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	requests := receive(in, func() { cancel(errUnwanted) })
	for seq := 1; ; seq++ {
		r := <-requests
		if errors.Is(r.err, io.EOF) {
			return nil
		}
		if r.err == nil && (r.Nonce != nonce || r.Seq != seq) {
			r.err = errors.New("not the next request of this connection")
		}
		if r.err != nil {
			err := fmt.Errorf("privileged request refused: %w", r.err)
			return errors.Join(err, writeFrame(out, answer(seq, err)))
		}
		waiting := func() { _ = writeFrame(out, response{Seq: seq, Waiting: true}) }
		if err := writeFrame(out, answer(seq, perform(ctx, r.request, changes, waiting))); err != nil {
			return err
		}
	}
}

// errUnwanted ends the wait for another process.
var errUnwanted = errors.New("stopped")

// received is a request or why none will come any more.
type received struct {
	request
	err error
}

// receive reads ahead, so that the end of the pipe is noticed while a request is
// being followed: it then calls ended.
func receive(in io.Reader, ended func()) <-chan received {
	requests := make(chan received, 1)
	go func() {
		for {
			var r received
			if r.err = readFrame(in, &r.request); r.err != nil {
				ended()
			}
			requests <- r
			if r.err != nil {
				return
			}
		}
	}()
	return requests
}

// perform is the whole of what a request can bring about. The certificate is
// judged before anything else: only a root of our own profile is ever added or
// removed, whatever the other side says it is.
func perform(ctx context.Context, req request, changes Changes, waiting func()) error {
	var do func(context.Context, *x509.Certificate, func()) error
	check := chain.CheckRoot
	switch req.Do {
	case trustRoot:
		do, check = changes.Trust, chain.CheckNewRoot
	case distrustRoot:
		do = changes.Distrust
	default:
		return fmt.Errorf("privileged request refused: %q is not among what can be asked for", req.Do)
	}
	root, err := check(req.DER)
	if err != nil {
		return fmt.Errorf("privileged request refused: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, req.Wait)
	defer cancel()
	return do(ctx, root, waiting)
}

func answer(seq int, err error) response {
	r := response{Seq: seq}
	if err != nil {
		r.Error = err.Error()
		r.Error = r.Error[:min(len(r.Error), maxFrame/8)] // JSON may need six bytes for one
		r.Unsupported = errors.Is(err, devcert.ErrUnsupported)
		var remedied interface{ Remedy() string }
		if errors.As(err, &remedied) {
			r.Remedy = remedied.Remedy()
		}
	}
	return r
}
