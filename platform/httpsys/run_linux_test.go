package httpsys

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"devcert/platform/httpsys/internal/standin"
	"devcert/platform/run"

	"github.com/stretchr/testify/require"
)

// The stand-in as system tests use it: a program of its own, started by
// package run with the environment that children get.
func TestBuiltStandIn(t *testing.T) {
	tool, err := exec.LookPath("go")
	if err != nil || testing.Short() {
		t.Skip("nothing is compiled here")
	}
	m := newMachine(t, standin.Settings{Certificates: []string{ours}}, standin.IISExpress(44300, 44399, theirs)...)
	program := filepath.Join(m.folder, "netsh.exe")
	require.NoError(t, os.Remove(program))
	for _, target := range [][2]string{{"windows", "amd64"}, {"windows", "arm64"}, {"", ""}} {
		path := program
		if target[0] != "" {
			path = filepath.Join(t.TempDir(), "netsh.exe")
		}
		build := exec.CommandContext(t.Context(), tool, "build", "-o", path, "./internal/netsh")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if target[0] != "" {
			build.Env = append(build.Env, "GOOS="+target[0], "GOARCH="+target[1])
		}
		said, err := build.CombinedOutput()
		require.NoError(t, err, "%s", said)
	}
	m.Run = func(ctx context.Context, args ...string) ([]byte, error) {
		return run.Command{Path: program, Args: args}.Run(ctx)
	}
	seen, err := m.Look(t.Context())
	require.NoError(t, err)
	records, reserved := wanted(44300, 44399)
	_, err = m.Apply(t.Context(), seen.Replace(records, reserved))
	require.NoError(t, err)
	require.Len(t, m.starts(), 2)

	m.settings(standin.Settings{Mode: "crash"})
	_, err = m.Look(t.Context())
	require.ErrorContains(t, err, "not the three lists", "a status is no verdict")
	m.settings(standin.Settings{Mode: "hang"})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = m.Look(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
