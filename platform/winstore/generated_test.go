package winstore

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// zsyscall_windows.go is what go generate makes of syscall_windows.go.
func TestGenerated(t *testing.T) {
	tool, err := exec.LookPath("go")
	if runtime.GOOS == "windows" || err != nil {
		t.Skip("needs a Go toolchain, and a system that commits with LF")
	}
	out := filepath.Join(t.TempDir(), "z.go")
	cmd := exec.CommandContext(t.Context(), tool, "run", "golang.org/x/sys/windows/mkwinsyscall", "-output", out, "syscall_windows.go")
	// Built with -trimpath, mkwinsyscall takes every package for one of Go's own.
	cmd.Env = append(os.Environ(), "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	want, err := os.ReadFile(out)
	require.NoError(t, err)
	have, err := os.ReadFile("zsyscall_windows.go")
	require.NoError(t, err)
	require.Equal(t, string(want), string(have), "run go generate")
}
