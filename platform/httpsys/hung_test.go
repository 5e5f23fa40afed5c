package httpsys

import (
	"context"
	"errors"
	"testing"
	"time"

	"devcert/devcert"
	"devcert/platform/httpsys/internal/standin"

	"github.com/stretchr/testify/require"
)

// Who has waited for a netsh that hangs is not made to wait for it again, and
// nobody is asked for rights that would not help.
func TestHungIsRemembered(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44302, theirs)...)
	before := w.sorted()
	hangs := 0
	w.Run = func(ctx context.Context, _ ...string) ([]byte, error) {
		hangs++
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	w.Limit = 50 * time.Millisecond
	_, err := w.binder.Table(t.Context())
	require.ErrorContains(t, err, "look at the bindings of HTTP.sys: netsh did not end in time")
	require.Contains(t, remedy(t, err), "net start http")
	started := time.Now()
	_, again := w.binder.Table(t.Context())
	_, preview := w.binder.Preview(t.Context(), devcert.BindOrder{Ports: []int{44300}, Thumbprint: ours})
	for _, err := range []error{again, preview, w.bind(ours, 44300), w.unbind(44300)} {
		require.ErrorContains(t, err, "netsh did not end in time")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		remedy(t, err)
	}
	_, err = w.Apply(t.Context(), Change{Add: []Record{Bound(1, ours, IISExpress)}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(started), 10*time.Second)
	require.Equal(t, 1, hangs)
	require.Empty(t, w.asked)
	require.Equal(t, before, w.sorted())
	w.nothingRemembered()
}

// A change that hangs says nothing of the next look, which tells what it did.
func TestLookAfterAChangeThatHung(t *testing.T) {
	w := newWorld(t, standin.Settings{}, standin.IISExpress(44300, 44302, theirs)...)
	run := w.Run
	w.Run = func(ctx context.Context, args ...string) ([]byte, error) {
		out, err := run(ctx, args...)
		if len(w.starts()) == 2 { // it was done, and netsh waits for something
			<-ctx.Done()
			return out, context.Cause(ctx)
		}
		return out, err
	}
	w.Limit = 2 * time.Second
	err := w.bind(ours, 44300)
	require.ErrorContains(t, err, "change the bindings of HTTP.sys")
	require.ErrorContains(t, err, "netsh did not end in time")
	require.NotContains(t, err.Error(), "cannot be seen")
	require.NoError(t, w.Hung())
	require.Equal(t, ours+" "+IISExpress, w.on(44300), "what was done stays, and is on record")
	require.NotNil(t, w.record())
}

// Who gave up waiting does not say that netsh hangs.
func TestGivenUpIsNotHung(t *testing.T) {
	n := &Netsh{Folder: t.TempDir(), Run: func(ctx context.Context, _ ...string) ([]byte, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := n.Look(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, n.Hung())
	_, err = (&Netsh{Folder: t.TempDir(), Run: func(context.Context, ...string) ([]byte, error) { return nil, errors.New("x") }}).Look(t.Context())
	require.Error(t, err)
	require.NoError(t, n.Hung())
}
