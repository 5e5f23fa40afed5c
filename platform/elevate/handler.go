package elevate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"devcert/devcert"
)

// Handler does one kind of thing that only an administrator may do. It judges
// the body, which anybody may have written, before anything else, and derives
// every path and command itself. It waits for other processes until ctx ends,
// calls waiting once if that takes long, and finishes what it has begun.
type Handler func(ctx context.Context, body json.RawMessage, waiting func()) error

// Handlers is all that the privileged child can be asked for, by name.
type Handlers map[string]Handler

// Typed makes a Handler of a func that takes its body as a T. What is not
// exactly the JSON of a T is refused: no unknown field, nothing after the value,
// no null.
func Typed[T any](do func(ctx context.Context, body T, waiting func()) error) Handler {
	return func(ctx context.Context, body json.RawMessage, waiting func()) error {
		var v *T
		if err := decode(body, &v); err != nil {
			return Refused(err)
		}
		if v == nil {
			return Refused(errors.New("nothing is said of what to do it with"))
		}
		return do(ctx, *v, waiting)
	}
}

// Refused is the error of a request that is not followed, because of err.
func Refused(err error) error {
	return fmt.Errorf("privileged request refused: %w", err)
}

// sentinels are the errors that callers branch on, by their names in the pipe.
var sentinels = map[string]error{
	"unsupported": devcert.ErrUnsupported,
	"needs-admin": devcert.ErrNeedsAdmin,
	"declined":    devcert.ErrDeclined,
}

// answer makes the answer to request seq.
func answer(seq int, err error) response {
	r := response{Seq: seq}
	if err == nil {
		return r
	}
	r.Error = cmp.Or(cut(err.Error()), "failed") // "" would say that it was done
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			r.Is = append(r.Is, name)
		}
	}
	var remedied interface{ Remedy() string }
	if errors.As(err, &remedied) {
		r.Remedy = cut(remedied.Remedy())
	}
	return r
}

// cut keeps a text of an answer short enough for a frame that has two of them:
// JSON may need six bytes for one.
func cut(text string) string { return text[:min(len(text), maxFrame/16)] }

// err is the error that the answer carries.
func (r response) err() error {
	if r.Error == "" {
		return nil
	}
	return &remote{r}
}

// remote is an error that crossed the pipe.
type remote struct{ response }

func (e *remote) Error() string  { return e.response.Error }
func (e *remote) Remedy() string { return e.response.Remedy }

func (e *remote) Unwrap() []error {
	var is []error
	for _, name := range e.Is {
		if sentinel, ok := sentinels[name]; ok {
			is = append(is, sentinel)
		}
	}
	return is
}
