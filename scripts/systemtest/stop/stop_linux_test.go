package stop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program ends before the call that is named, a write amid it, and never one
// call later.
func TestRunEndsWhereItShould(t *testing.T) {
	needReports(t)
	run := func(at int, alone bool) (Outcome, string) {
		dir := t.TempDir()
		cmd := exec.Command("/bin/sh", "-c", "echo 1234567 >a; mv a b; mkdir c; rm b")
		cmd.Dir = dir
		o, err := Run(cmd, Plan{At: at, Alone: alone})
		require.NoError(t, err)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		var left []string
		for _, e := range entries {
			data, _ := os.ReadFile(filepath.Join(dir, e.Name()))
			left = append(left, e.Name()+":"+string(data))
		}
		return o, strings.Join(left, " ")
	}
	whole, left := run(0, false)
	require.False(t, whole.Killed)
	require.Equal(t, "c:", left)
	for _, alone := range []bool{false, true} {
		var states []string
		for at := 1; at <= whole.Calls; at++ {
			o, left := run(at, alone)
			require.True(t, o.Killed)
			require.Equal(t, at, o.Calls)
			if len(states) == 0 || states[len(states)-1] != left {
				states = append(states, left)
			}
		}
		if alone { // what the shell has started goes on
			require.Contains(t, states, "a:")
			continue
		}
		require.Equal(t, []string{"", "a:1234", "a:1234567\n", "b:1234567\n", "b:1234567\n c:"}, states)
	}
}

// What a program has started changes nothing more when all are ended, and goes on
// when only the program is killed.
func TestRunEndsAllOrOne(t *testing.T) {
	needReports(t)
	for name, alone := range map[string]bool{"all": false, "alone": true} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/bin/sh", "-c", "echo first >first; sh -c 'while kill -0 $1; do sleep 0.01; done; echo late >late' sh $$ & sleep 1; echo >never")
			cmd.Dir = t.TempDir()
			late := filepath.Join(cmd.Dir, "late")
			o, err := Run(cmd, Plan{At: 4, Alone: alone})
			require.NoError(t, err)
			require.True(t, o.Killed)
			_, err = os.Stat(late)
			require.Equal(t, alone, err == nil)
			require.NoFileExists(t, filepath.Join(cmd.Dir, "never"))
		})
	}
}
