package notify

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// script is a program that runs in the folder dir.
func script(t *testing.T, text string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\ncd '"+dir+"' || exit 9\n"+text), 0o700))
	return path, dir
}

func read(t *testing.T, names ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(names...))
	require.NoError(t, err)
	return string(data)
}

func TestNotify(t *testing.T) {
	path, dir := script(t, `for a; do echo "<$a>" >>args; done; env >env`)
	teller := &Teller{
		Env:  []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/run/x", "HOME=/home/anna", "SECRET=1", "LD_PRELOAD=x"},
		find: func(string) (string, error) { return path, nil },
	}
	require.NoError(t, teller.Notify(t.Context(), "-h title", `$(id) <b> & "q"`))
	require.Equal(t, "<--app-name=devcert>\n<--icon=security-low>\n<-->\n<-h title>\n<$(id) &lt;b&gt; &amp; \"q\">\n", read(t, dir, "args"))
	env := read(t, dir, "env")
	require.Contains(t, env, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/x\n")
	require.NotContains(t, env, "SECRET")
	require.NotContains(t, env, "LD_PRELOAD")
	teller.find = func(string) (string, error) { return "", fs.ErrNotExist }
	require.ErrorIs(t, teller.Notify(t.Context(), "a", "b"), devcert.ErrUnsupported)
}

func TestStart(t *testing.T) {
	path, dir := script(t, `echo "$1|$2|$DEVCERT_KIND|$HOME|$SECRET" >said; cat >input`)
	teller := &Teller{Env: []string{"HOME=/home/anna", "SECRET=1"}}
	hook := devcert.Hook{Command: []string{path, "a b", "$(id)"}, Env: []string{"DEVCERT_KIND=trust-missing"}, Input: []byte("{}\n")}
	require.NoError(t, teller.Start(t.Context(), hook))
	require.Equal(t, "a b|$(id)|trust-missing|/home/anna|\n", read(t, dir, "said"))
	require.Equal(t, "{}\n", read(t, dir, "input"))

	path, _ = script(t, `echo no room >&2; exit 3`)
	require.ErrorContains(t, teller.Start(t.Context(), devcert.Hook{Command: []string{path}}), "ended with 3: no room")
	require.Error(t, teller.Start(t.Context(), devcert.Hook{Command: []string{"/nonexistent/program"}}))
}

// One that hangs is ended, with what it has started.
func TestStartEnds(t *testing.T) {
	path, dir := script(t, `sleep 600 & echo $! >pid.new; mv pid.new pid; wait`)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&Teller{}).Start(ctx, devcert.Hook{Command: []string{path}}) }()
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "pid")); return err == nil }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	pid := strings.TrimSpace(read(t, dir, "pid"))
	require.Eventually(t, func() bool {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ")
	}, 20*time.Second, 10*time.Millisecond)
}
