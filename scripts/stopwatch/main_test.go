package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no sh")
	}
	for _, row := range []struct {
		script string
		code   int
		least  time.Duration
	}{
		{"exit 0", 0, 0}, {"exit 3", 3, 0}, {"kill -9 $$", 126, 0}, {"sleep 0.05", 0, 50 * time.Millisecond},
	} {
		code, took, err := run([]string{"/bin/sh", "-c", row.script})
		require.NoError(t, err, row.script)
		require.Equal(t, row.code, code, row.script)
		require.Greater(t, took, row.least, row.script)
	}
	_, _, err := run([]string{filepath.Join(t.TempDir(), "nothing")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	require.NoError(t, note(path, 1500*time.Microsecond))
	require.NoError(t, note(path, 2*time.Second))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []string{"1500", "2000000"}, strings.Fields(string(data)))
	require.Error(t, note(filepath.Join(path, "below"), time.Second))
}
