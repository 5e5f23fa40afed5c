//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/cli"
)

// hungUp is a binder that is looked at while the terminal closes.
type hungUp struct {
	devcert.Binder
	meanwhile func(context.Context)
}

func (b hungUp) Table(ctx context.Context) (devcert.PortTable, error) {
	b.meanwhile(ctx)
	return b.Binder.Table(ctx)
}

// serveMeanwhile runs serve before setup, where it looks at the table and refuses.
func serveMeanwhile(t *testing.T, happens func(context.Context)) (code int) {
	t.Helper()
	var out, errs bytes.Buffer
	return cli.MainAt([]string{"devcert", "serve"}, cli.Streams{In: &bytes.Buffer{}, Out: &out, Err: &errs}, []string{"STATE=" + t.TempDir(), "MACHINE=" + t.TempDir()},
		func(o devcert.HostOptions) (*devcert.Host, error) {
			h, err := newMachine(o)
			h.Binder = hungUp{h.Binder, happens}
			return h, err
		}, time.Now)
}

func TestAClosedTerminalEndsARunInOrder(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the tests run under nohup")
	}
	ended := false
	code := serveMeanwhile(t, func(ctx context.Context) {
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
		select {
		case <-ctx.Done():
			ended = true
		case <-time.After(10 * time.Second):
		}
		// The shell sends another, which must not cut off what is being ended.
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
		time.Sleep(100 * time.Millisecond)
	})
	assert.True(t, ended, "the context ends")
	assert.NotZero(t, code)
}

func TestAClosedTerminalIsNothingUnderNohup(t *testing.T) {
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Ignore(syscall.SIGHUP)
		defer signal.Reset(syscall.SIGHUP)
	}
	serveMeanwhile(t, func(ctx context.Context) {
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
		select {
		case <-ctx.Done():
			assert.Fail(t, "it ended")
		case <-time.After(200 * time.Millisecond):
		}
	})
}
