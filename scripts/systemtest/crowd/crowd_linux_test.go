package crowd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCrowd has fifty processes run commands at random in one home, some of them
// killed: nobody sees anything half done, and all is well, and gone, afterwards.
// The variable DEVCERT_TEST_CROWD says for how long.
func TestCrowd(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	const people = 50
	length := 5 * time.Second
	if text := os.Getenv("DEVCERT_TEST_CROWD"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	h := home{t, filepath.Join(dir, "devcert"), filepath.Join(dir, "home")}
	out, err := exec.Command("go", "build", "-o", h.bin, "devcert").CombinedOutput()
	require.NoError(t, err, "%s", out)
	data := filepath.Join(h.folder, ".local/share") // which one that is killed would leave
	require.NoError(t, os.MkdirAll(data, 0o700))
	var all sync.WaitGroup
	var done, killed, failed atomic.Int64
	until := time.Now().Add(length)
	for person := range uint64(people) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(person, 1)) //nolint:gosec // a choice that can be made again
			for time.Now().Before(until) && failed.Load() == 0 {
				line := Line(random)
				limit := 5 * time.Minute
				if random.IntN(20) == 0 {
					limit = time.Duration(random.IntN(100)) * time.Millisecond
				}
				a := h.run(limit, line...)
				if a.killed && limit < time.Minute {
					killed.Add(1)
					continue
				}
				done.Add(1)
				if err := Judge(line, a.code, a.stdout, a.stderr); err != nil {
					failed.Add(1)
					t.Errorf("devcert %s: %v\n%s%s", strings.Join(line, " "), err, a.stdout, a.stderr)
				}
			}
		})
	}
	all.Wait()
	t.Logf("counted: %d processes at once for %s: %d commands, %d killed; wrong: %d", people, length, done.Load(), killed.Load(), failed.Load())
	h.requireMended()
}

// home is where all of them are, with no store but the state folder.
type home struct {
	t           *testing.T
	bin, folder string
}

type answer struct {
	code           int
	killed         bool
	stdout, stderr string
}

// run ends a command that takes longer than the limit, as kill -9 does.
func (h home) run(limit time.Duration, args ...string) answer {
	ctx, cancel := context.WithTimeout(h.t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.bin, append(args, "--timeout", "4m")...)
	cmd.Env = []string{"HOME=" + h.folder, "PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		h.t.Error(err)
	}
	return answer{cmd.ProcessState.ExitCode(), cmd.ProcessState.ExitCode() == -1, stdout.String(), stderr.String()}
}

// requireMended requires that one more setup is enough, and that nothing is left
// after an uninstall.
func (h home) requireMended() {
	h.t.Helper()
	for _, line := range [][]string{Setup(), {"status"}} {
		a := h.run(time.Minute, line...)
		require.Zero(h.t, a.code, "%s%s", a.stdout, a.stderr)
	}
	state := filepath.Join(h.folder, ".local/share/devcert")
	_, err := tls.LoadX509KeyPair(filepath.Join(state, "localhost.pem"), filepath.Join(state, "localhost-key.pem"))
	require.NoError(h.t, err)
	a := h.run(time.Minute, "uninstall", "--yes")
	require.Zero(h.t, a.code, "%s%s", a.stdout, a.stderr)
	left, err := os.ReadDir(filepath.Dir(state))
	require.NoError(h.t, err)
	require.Empty(h.t, left)
}
