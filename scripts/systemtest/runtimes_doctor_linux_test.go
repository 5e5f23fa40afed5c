package systemtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scratchFolder has devcert put what it makes for a client where nobody else does.
func (m *machine) scratchFolder() (*machine, string) {
	m.t.Helper()
	dir := m.t.TempDir()
	return m.with("TMPDIR=" + dir), dir
}

func requireEmptyFolder(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestDoctorAsksTenClients has a verdict of every client from a real run, and
// leaves nothing behind.
func TestDoctorAsksTenClients(t *testing.T) {
	healthy := healthyMachine(t)
	folders := []string{filepath.Dir(suite.goTool), systemPath}
	if suite.python != "" {
		folders = append([]string{filepath.Dir(suite.python)}, folders...)
	}
	m, scratch := healthy.with("PATH=" + strings.Join(folders, ":")).scratchFolder()
	var rows []clientRow
	m.requireUnchanged(func() { rows = m.doctor(false) })
	requireEmptyFolder(t, scratch)
	asked := map[string]clientRow{}
	for _, c := range rows {
		t.Logf("%-16s %-11s %-11s %s", c.Name, c.Verdict, c.Outside, c.Roots)
		if c.Verdict != "not-asked" {
			asked[c.Name] = c
		}
	}
	require.GreaterOrEqual(t, len(asked), 10, "%+v", rows)
	for name, c := range asked {
		want := "trusted"
		if name == "node" || name == "python requests" { // have lists of their own
			want = c.Verdict
			require.Contains(t, []string{"trusted", "distrusted"}, want, "%+v", c)
		}
		require.Equal(t, want, c.Verdict, "%+v", c)
		require.Equal(t, "distrusted", c.Outside, "%+v", c)
	}
	require.Subset(t, keysOf(asked), []string{"curl", "wget", "openssl", "git", "python", "node", "go"})
}

func keysOf[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

// hangs is a client that has children: one of them in a session of its own.
const hangs = `
echo $$ >>PIDS
/usr/bin/sleep 300 & echo $! >>PIDS
/usr/bin/setsid /usr/bin/sleep 300 & echo $! >>PIDS
trap '' TERM HUP INT
wait
/usr/bin/sleep 300
`

// TestDoctorReportsAClientThatHangs has stand-ins on the person's PATH.
func TestDoctorReportsAClientThatHangs(t *testing.T) {
	for _, row := range []struct{ name, client, script string }{
		{"before it has said its version", "wget", hangs},
		{"when it is asked", "wget", `case "$*" in *--version*) echo 1.2.3; exit;; esac` + hangs},
		{"and writes without end", "ruby", `case "$*" in *--version*) echo 1.2.3; exit;; esac
echo $$ >>PIDS; while :; do echo y; done`},
	} {
		t.Run(row.name, func(t *testing.T) {
			m, scratch := healthyMachine(t).scratchFolder()
			bin, pids := filepath.Join(m.home(), "bin"), filepath.Join(t.TempDir(), "pids")
			require.NoError(t, os.Mkdir(bin, 0o755))
			require.NoError(t, os.Symlink("/usr/bin/curl", filepath.Join(bin, "curl")))
			script := "#!/bin/sh\n" + strings.ReplaceAll(row.script, "PIDS", pids) + "\n"
			require.NoError(t, os.WriteFile(filepath.Join(bin, row.client), []byte(script), 0o755))
			m = m.with("PATH=" + bin)

			var doc document
			started := time.Now()
			m.requireUnchanged(func() {
				r := m.run(m.bin, "doctor", "--json", "--limit", "3s")
				require.NoError(t, json.Unmarshal([]byte(r.stdout), &doc), "%s", r)
			})
			require.Less(t, time.Since(started), 40*time.Second)
			verdicts := map[string]string{}
			for _, c := range doc.Clients {
				verdicts[c.Name] = c.Verdict
			}
			require.Equal(t, "hung", verdicts[row.client])
			require.Equal(t, "trusted", verdicts["curl"], "the others are asked all the same")
			require.NotNil(t, named(doc.Findings, row.client), "%+v", doc.Findings)
			requireEmptyFolder(t, scratch)
			for pid := range strings.Lines(m.read(pids)) {
				command, _ := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/cmdline") // none where it is gone
				require.Empty(t, string(command), "it still runs")
			}
		})
	}
}
