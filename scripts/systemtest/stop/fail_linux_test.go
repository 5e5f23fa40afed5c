package stop

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestRunFailsWhereItShould: a full disk refuses everything from then on that
// needs room, a broken one the one call.
func TestRunFailsWhereItShould(t *testing.T) {
	needReports(t)
	run := func(plan Plan) (Outcome, string) {
		cmd := exec.Command("/bin/sh", "-c", "echo 1 >a; mkdir c 2>/dev/null; mv a b 2>/dev/null; ls")
		cmd.Dir = t.TempDir()
		var out strings.Builder
		cmd.Stdout = &out
		o, err := Run(cmd, plan)
		require.NoError(t, err)
		require.False(t, o.Killed)
		return o, strings.Join(strings.Fields(out.String()), " ")
	}
	o, left := run(Plan{})
	require.Zero(t, o.Failed)
	require.Equal(t, "b c", left)
	o, left = run(Plan{At: 1, Fail: unix.ENOSPC})
	require.Equal(t, 2, o.Failed)
	require.Empty(t, left)
	o, left = run(Plan{At: 1, Fail: unix.EIO})
	require.Equal(t, 1, o.Failed)
	require.Equal(t, "b c", left, o.Where) // empty, since nothing could be written
	times := 0
	o, _ = run(Plan{At: 2, Then: func() bool { times++; return times == 2 }})
	require.True(t, o.Done)
	require.Equal(t, 2, times)
}

// faults are what befalls a disk.
var faults = []struct {
	errno unix.Errno
	short int // of each command, in the short form
}{{unix.ENOSPC, 5}, {unix.EIO, 5}}

// TestDiskThatFailsAtAnyCall: where the disk is full from some call on, or breaks
// at one, devcert says so and nothing is lost; and it says that all is right only
// where it is.
func TestDiskThatFailsAtAnyCall(t *testing.T) {
	needReports(t)
	u := newUser(t)
	pristine := u.files()
	for _, fault := range faults {
		refused, passed := 0, 0
		for _, row := range kills {
			u.reset(pristine)
			row.before(u)
			u.save()
			whole, err := Run(u.command(row.args...), Plan{})
			require.NoError(t, err)
			for _, at := range Points(whole.Calls, Most(t, fault.short)) {
				u.restore()
				cmd := u.command(row.args...)
				var said strings.Builder
				cmd.Stderr = &said
				o, err := Run(cmd, Plan{At: at, Fail: fault.errno})
				require.NoError(t, err)
				where := fmt.Sprintf("%s, %v at %d of %d: %s: %s", row.name, fault.errno, at, whole.Calls, o.Where, said.String())
				switch code := cmd.ProcessState.ExitCode(); {
				case o.Failed == 0: // nothing came after that could fail
					require.Zero(t, code, where)
				case code == 0:
					passed++
					u.requireDone(row.name, pristine, where)
				default:
					refused++
					require.Contains(t, []int{1, 3, 6}, code, where)
					require.NotContains(t, said.String(), "goroutine ", where)
					require.Contains(t, said.String(), fault.errno.Error(), where)
				}
				u.heals(pristine, row.args, where)
			}
		}
		require.NotZero(t, refused)
		t.Logf("counted: %v: %d faults, told %d, got over %d, losses: 0", fault.errno, refused+passed, refused, passed)
	}
}

// requireDone is what a command that says nothing is wrong has done.
func (u *user) requireDone(name string, pristine map[string]string, where string) {
	u.t.Helper()
	if name == "uninstall" {
		require.Equal(u.t, pristine, u.files(), where)
		return
	}
	r := u.try("status")
	require.Zero(u.t, r.code, "%s: %s", where, r.text)
}
