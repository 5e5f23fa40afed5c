package cli_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/cli"
	"devcert/scripts/systemtest/crowd"
)

// TestCrowdInOneProcess has commands at random share one process and one state
// folder: under the race detector it is about what they share in memory.
func TestCrowdInOneProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for disks")
	}
	const people, each = 8, 12
	machine := t.TempDir()
	env := []string{"HOME=" + t.TempDir(), "STATE=" + t.TempDir() + "/state", "MACHINE=" + machine}
	run := func(line []string) (code int, stdout, stderr string) {
		var out, said bytes.Buffer
		streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &said}
		code = cli.MainAt(append([]string{"devcert"}, line...), streams, env, newMachine, time.Now)
		return code, out.String(), said.String()
	}
	code, _, stderr := run(crowd.Setup())
	require.Zero(t, code, stderr)
	_, root, _ := run([]string{"export", "root"})
	require.NoError(t, os.WriteFile(filepath.Join(machine, "roots"), []byte(root), 0o600)) // one that the system has
	var all sync.WaitGroup
	for person := range uint64(people) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(person, 2)) //nolint:gosec // a choice that can be made again
			for range each {
				line := crowd.Line(random)
				code, stdout, stderr := run(line)
				if err := crowd.Judge(line, code, stdout, stderr); err != nil {
					t.Errorf("devcert %s: %v\n%s%s", strings.Join(line, " "), err, stdout, stderr)
				}
			}
		})
	}
	all.Wait()
	for _, line := range [][]string{crowd.Setup(), {"status"}, {"uninstall", "--yes"}} {
		code, stdout, stderr := run(line)
		require.Zero(t, code, "devcert %s\n%s%s", strings.Join(line, " "), stdout, stderr)
	}
}
