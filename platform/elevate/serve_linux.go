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
// path and command themselves.
type Changes interface {
	Trust(ctx context.Context, root *x509.Certificate) error
	Distrust(ctx context.Context, root *x509.Certificate) error
}

// serve answers requests until the pipe is closed. A request that breaks the
// protocol is answered, not followed, and ends the service: an honest client
// never sends one.
func serve(ctx context.Context, in io.Reader, out io.Writer, changes Changes) error {
	nonce := rand.Text()
	if err := writeFrame(out, greeting{Protocol: protocol, Nonce: nonce}); err != nil {
		return err
	}
	for seq := 1; ; seq++ {
		var req request
		err := readFrame(in, &req)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && (req.Nonce != nonce || req.Seq != seq) {
			err = errors.New("not the next request of this connection")
		}
		if err != nil {
			err = fmt.Errorf("privileged request refused: %w", err)
			return errors.Join(err, writeFrame(out, answer(seq, err)))
		}
		if err := writeFrame(out, answer(seq, perform(ctx, req, changes))); err != nil {
			return err
		}
	}
}

// perform is the whole of what a request can bring about. The certificate is
// judged before anything else: only a root of our own profile is ever added or
// removed, whatever the other side says it is.
func perform(ctx context.Context, req request, changes Changes) error {
	var do func(context.Context, *x509.Certificate) error
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
	return do(ctx, root)
}

func answer(seq int, err error) response {
	r := response{Seq: seq}
	if err != nil {
		r.Error = err.Error()
		r.Error = r.Error[:min(len(r.Error), maxFrame/8)] // JSON may need six bytes for one
		r.Unsupported = errors.Is(err, devcert.ErrUnsupported)
	}
	return r
}
