package systemtest

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/scripts/systemtest/stop"
)

// machineKills are what is killed while it changes the machine's own stores.
var machineKills = []struct {
	name    string
	args    []string
	machine func(*testing.T, ...string) *machine
}{
	{"setup", []string{"setup"}, newMachine},
	{"setup of another root", []string{"setup", "--permit", "app.example.org", "--yes"}, healthyMachine},
	{"uninstall", []string{"uninstall", "--yes"}, healthyMachine},
}

// TestKilledOnTheMachine is TestKilledAtEveryCall of package stop with the system's
// store and Java's, and all that their tools do. The short form is below.
func TestKilledOnTheMachine(t *testing.T) {
	needMachine(t)
	if os.Getenv("DEVCERT_TEST_FAULTS") == "" {
		t.Skip("DEVCERT_TEST_FAULTS says how many kills of each command: each takes a second of processor")
	}
	total := 0
	for _, row := range machineKills {
		var whole stop.Outcome
		t.Run(row.name+" to its end", func(t *testing.T) {
			whole = row.machine(t).killed(stop.Plan{}, row.args...)
			require.False(t, whole.Killed)
		})
		for i, at := range stop.Points(whole.Calls, stop.Most(t, 0)) {
			t.Run(fmt.Sprintf("%s at %d of %d", row.name, at, whole.Calls), func(t *testing.T) {
				m := row.machine(t)
				before := m.othersRoots()
				o := m.killed(stop.Plan{At: at, Alone: i%2 == 1}, row.args...)
				t.Log("killed at:", o.Where)
				if o.Killed {
					total++
				}
				m.requireNothingLost(before)
				m.mends()
				m.requireNothingLost(before)
				m.devcert(0, "uninstall", "--yes")
				m.requireNothingOfOurs()
			})
		}
	}
	t.Logf("counted: kills on the machine: %d, losses: 0", total)
}

// TestKilledWhileJavasRootsAreWritten: Debian's hook writes the keystore of every
// Java in place. A machine that loses its power at that has them back after the
// next setup, or the next uninstall.
func TestKilledWhileJavasRootsAreWritten(t *testing.T) {
	javaHomes(t)
	for _, row := range []struct {
		name    string
		command []string
		machine func(*testing.T, ...string) *machine
	}{
		{"setup", []string{"setup"}, newMachine},
		{"uninstall", []string{"uninstall", "--yes"}, healthyMachine},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := row.machine(t)
			aliases := m.javaAliases()
			o := m.killed(stop.Plan{On: "write " + javaStore}, row.command...)
			require.True(t, o.Killed)
			t.Log("killed at:", o.Where)
			listed := m.run("keytool", "-list", "-keystore", javaStore, "-storepass", "changeit")
			require.NotZero(t, listed.code, "the kill has done no harm: %s", listed)
			m.mends()
			require.Subset(t, m.javaAliases(), aliases)
			m.devcert(0, "uninstall", "--yes")
			require.NoFileExists(t, "/etc/ssl/certs/java/.cacerts.devcert-kept")
			m.requireNothingOfOurs()
			require.Greater(t, len(m.javaAliases()), 100)
		})
	}
}

// killed runs devcert by a plan.
func (m *machine) killed(plan stop.Plan, args ...string) stop.Outcome {
	m.t.Helper()
	cmd := m.command(m.t.Context(), m.bin, args...)
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1")
	o, err := stop.Run(cmd, plan)
	if errors.Is(err, stop.ErrUnwatched) {
		m.t.Skip(err)
	}
	require.NoError(m.t, err)
	return o
}

// othersRoots are the roots that are not ours in the bundle, by their bytes.
func (m *machine) othersRoots() map[string]bool {
	m.t.Helper()
	all := map[string]bool{}
	for rest := []byte(m.read(bundle)); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := chain.CheckRoot(block.Bytes); err != nil {
			all[string(block.Bytes)] = true
		}
	}
	require.GreaterOrEqual(m.t, len(all), debianRoots)
	return all
}

// requireNothingLost is what holds at every instant: the system's own roots are
// there, none of ours is trusted that no ledger knows, and keys match.
func (m *machine) requireNothingLost(before map[string]bool) {
	m.t.Helper()
	require.NoError(m.t, stop.CheckState(m.state()))
	require.Equal(m.t, before, m.othersRoots())
	ledger, err := os.ReadFile(m.state("ledger.json"))
	if err != nil {
		require.ErrorIs(m.t, err, os.ErrNotExist)
	}
	for _, cert := range m.bundled() {
		text := fmt.Sprintf("%q", chain.EncodeCertificates(cert))
		require.Contains(m.t, string(ledger), text, "trusted, and in no ledger")
	}
}

// mends is what a person does after a crash.
func (m *machine) mends() {
	m.t.Helper()
	m.status()
	r := m.run(m.bin, "setup")
	require.Zero(m.t, r.code, "%s", r)
	again := m.devcert(0, "setup")
	require.Contains(m.t, again.stdout, "Nothing to do")
	m.requireHealthy()
}

// requireNothingOfOurs is what is to hold at the end.
func (m *machine) requireNothingOfOurs() {
	m.t.Helper()
	require.NoDirExists(m.t, m.state())
	require.NoDirExists(m.t, machineFolder)
	require.Empty(m.t, m.danglingLinks())
	require.Empty(m.t, m.bundled())
	anchors, err := filepath.Glob("/usr/local/share/ca-certificates/devcert-*")
	require.NoError(m.t, err)
	require.Empty(m.t, anchors)
}
