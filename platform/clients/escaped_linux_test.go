package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

func setsid(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func TestDaemonsAreNotLeftRunning(t *testing.T) {
	a := newHall(t)
	got := a.ask(t, t.Context(), fake("leaves a daemon", a.root, a.notes, false))[0]
	require.Equal(t, devcert.Accepted, got.Inside, got.Said)
	requireStill(t, filepath.Join(a.notes, "alive"))
}

// TestOnlyTheClientsOwnAreKilled: another home, or one that only begins alike, is
// somebody else's.
func TestOnlyTheClientsOwnAreKilled(t *testing.T) {
	dir := t.TempDir()
	start := func(home string) *exec.Cmd {
		cmd := exec.Command("/bin/sleep", "60")
		cmd.Env = []string{"A=b", "HOME=" + home, "OTHER=HOME=" + dir}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd
	}
	other, mine := start(dir+"x"), start(dir)
	killEscaped(dir)
	err := mine.Wait()
	require.ErrorContains(t, err, "killed")
	require.NoError(t, other.Process.Signal(syscall.Signal(0)))
	state, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(other.Process.Pid), "stat"))
	require.NoError(t, err)
	require.NotContains(t, string(state), ") Z ")
}
