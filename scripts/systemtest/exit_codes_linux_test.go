package systemtest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExitCodesFromAShell has a shell produce every exit code with the shipped
// program, for people and for a script, whose document run judges. There is no
// terminal and no standard input: whoever asked would be told so, and hang.
func TestExitCodesFromAShell(t *testing.T) {
	m := newMachine(t)
	user := m.as(anna)
	ends := func(m *machine, code int, args ...string) {
		t.Helper()
		for _, line := range [][]string{args, append(slices.Clone(args), "--json")} {
			r := m.run("sh", append([]string{"-c", `exec "$@" <&-`, "sh", m.bin}, line...)...)
			require.Equal(t, code, r.code, "%s", r)
		}
	}
	ends(m, 3, "status")
	ends(m, 3, "setup", "--dry-run")
	ends(m, 2, "status", "--bogus")
	ends(m, 2, "frobnicate")
	ends(m, 1, "status", "--home", "/etc/passwd")
	ends(user, 4, "setup")
	ends(user, 3, "status")
	ends(user, 4, "repair")
	m.replace(updateTool, "#!/bin/sh\nexit 3\n")
	ends(m, 6, "setup")
	ends(m, 3, "status")
	m.must("umount", updateTool)
	ends(m, 0, "setup")
	ends(m, 0, "status")
	ends(m, 5, "setup", "--permit", "example.org")
	ends(m, 5, "renew", "--root")
	ends(m, 5, "uninstall")
	ends(m, 0, "uninstall", "--yes")
}
