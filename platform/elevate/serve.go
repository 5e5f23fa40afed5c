package elevate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

// serve answers requests until the pipe is closed. A request that breaks the
// protocol is answered, not followed, and ends the service: an honest client
// never sends one. Where the pipe is closed while a request is waiting for its
// turn, nobody wants it any more.
func serve(ctx context.Context, in io.Reader, out io.Writer, handlers Handlers) error {
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
			err := Refused(r.err)
			return errors.Join(err, writeFrame(out, answer(seq, err)))
		}
		waiting := func() { _ = writeFrame(out, response{Seq: seq, Waiting: true}) }
		if err := writeFrame(out, answer(seq, perform(ctx, r.request, handlers, waiting))); err != nil {
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

// perform is the whole of what a request can bring about.
func perform(ctx context.Context, req request, handlers Handlers, waiting func()) error {
	do, ok := handlers[req.Do]
	if !ok {
		return Refused(fmt.Errorf("%q is not among what can be asked for", req.Do))
	}
	ctx, cancel := context.WithTimeout(ctx, req.Wait)
	defer cancel()
	return do(ctx, req.Body, waiting)
}
