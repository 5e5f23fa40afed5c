package systemtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"devcert/scripts/systemtest/stop"
)

// mishaps are what becomes of a disk while devcert writes to it, how it is undone,
// and what devcert says of it.
var mishaps = []struct {
	name   string
	befall func(disk string) (done bool)
	undo   func(disk string) error
	says   string
}{
	{"fills up", func(disk string) bool {
		return errors.Is(os.WriteFile(filepath.Join(disk, "filler"), make([]byte, 2<<20), 0o600), unix.ENOSPC)
	}, func(disk string) error { return os.Remove(filepath.Join(disk, "filler")) }, unix.ENOSPC.Error()},
	{"becomes read-only", func(disk string) bool { // refused while a file is open for writing
		return unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") == nil
	}, func(disk string) error { return unix.Mount("", disk, "", unix.MS_REMOUNT, "") }, unix.EROFS.Error()},
}

// TestADiskThatFailsHalfway is a real disk, and any call from which on it takes no
// more: devcert says so, and once it is mended the next run puts everything right.
func TestADiskThatFailsHalfway(t *testing.T) {
	tried := 0
	for _, mishap := range mishaps {
		for _, row := range []struct {
			name   string
			before []string
			args   []string
		}{
			{"setup", nil, []string{"setup"}},
			{"setup of another root", []string{"setup"}, []string{"setup", "--permit", "app.example.org", "--yes"}},
			{"renew", []string{"setup"}, []string{"renew", "--force"}},
			{"issue", []string{"setup"}, []string{"issue", "api.test"}},
			{"uninstall", []string{"setup"}, []string{"uninstall", "--yes"}},
		} {
			t.Run(row.name+", the disk "+mishap.name, func(t *testing.T) {
				m := newMachine(t)
				m.disk("size=1m,mode=0755")
				disk, home := m.home()+"/disk", []string{"--home", m.home() + "/disk/state"}
				none := append([]string{"setup", "--stores", "none"}, home...)
				begin := func() {
					m.devcert(0, append([]string{"uninstall", "--yes"}, home...)...)
					if row.before != nil {
						m.devcert(0, none...)
					}
				}
				args := append(row.args, home...)
				if row.name == "setup" {
					args = none
				}
				begin()
				_, whole := m.suffers(stop.Plan{}, args...)
				for _, at := range stop.Points(whole.Calls, stop.Most(t, 6)) {
					begin()
					r, o := m.suffers(stop.Plan{At: at, Then: func() bool { return mishap.befall(disk) }}, args...)
					where := fmt.Sprintf("at %d of %d, %s: %s", at, whole.Calls, o.Where, r)
					if r.code != 0 {
						require.Contains(t, []int{1, 3, 6}, r.code, where)
						require.Contains(t, r.stderr, mishap.says, where)
						requireShort(t, result{line: r.line, stderr: r.stderr[strings.Index(r.stderr, "devcert: "):]})
					}
					require.NoError(t, stop.CheckState(m.home()+"/disk/state"), where)
					if o.Done {
						tried++
						require.NoError(t, mishap.undo(disk), where)
					}
					m.devcert(0, none...)
					m.devcert(0, append([]string{"status"}, home...)...)
					m.devcert(0, append([]string{"uninstall", "--yes"}, home...)...)
					left, err := os.ReadDir(disk)
					require.NoError(t, err)
					require.Empty(t, left, where)
				}
			})
		}
	}
	t.Logf("counted: disks that failed halfway: %d, losses: 0", tried)
}

// suffers runs devcert by a plan to its end, and returns what it said too.
func (m *machine) suffers(plan stop.Plan, args ...string) (result, stop.Outcome) {
	m.t.Helper()
	cmd := m.command(m.t.Context(), m.bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	o, err := stop.Run(cmd, plan)
	if errors.Is(err, stop.ErrUnwatched) {
		m.t.Skip(err)
	}
	require.NoError(m.t, err)
	return result{"devcert " + strings.Join(args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}, o
}
