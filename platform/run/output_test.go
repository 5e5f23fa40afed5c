//go:build unix || windows

package run

import (
	"bytes"
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Somebody whom nothing can kill holds the pipes: once the context has ended they
// are given up, with what had been written.
func TestPipesAreGivenUp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p, err := connect(&exec.Cmd{}, &stdout, &stderr)
	require.NoError(t, err)
	held := p.theirs
	defer closeAll(held)
	p.theirs = nil
	_, err = held[0].WriteString("early")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	started := time.Now()
	p.read(ctx)
	p.close()
	require.Less(t, time.Since(started), 2*grace)
	require.Equal(t, "early", stdout.String())
}
