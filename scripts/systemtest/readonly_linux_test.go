package systemtest

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// looking are the commands that change nothing, each with its exit code on a
// healthy machine.
var looking = []struct {
	args []string
	code int
}{
	{[]string{"status"}, 0},
	{[]string{"status", "--json"}, 0},
	{[]string{"status", "--probe"}, 0},
	{[]string{"ports", "list"}, 0},
	{[]string{"ports", "list", "--probe", "44300"}, 0},
	{[]string{"setup"}, 0},
	{[]string{"repair"}, 0},
	{[]string{"setup", "--dry-run"}, 0},
	{[]string{"setup", "--dry-run", "--name", "new.test"}, 3},
	{[]string{"setup", "--dry-run", "--permit", "example.org"}, 3},
	{[]string{"renew", "--dry-run", "--root"}, 3},
	{[]string{"uninstall", "--dry-run"}, 3},
	{[]string{"ports", "unbind", "--dry-run", "--all"}, 3},
	{[]string{"explain"}, 0},
	{[]string{"explain", "trust-missing"}, 0},
	{[]string{"version"}, 0},
	{[]string{"--help"}, 0},
	{[]string{"setup", "--help"}, 0},
}

func TestLookingChangesNothing(t *testing.T) {
	m := healthyMachine(t)
	for _, row := range looking {
		m.requireUnchanged(func() {
			require.Empty(t, m.writes(row.code, row.args...), "devcert %s", strings.Join(row.args, " "))
		})
	}
	m.remove(m.anchor()) // there is something to say now
	m.requireUnchanged(func() {
		require.Empty(t, m.writes(3, "status"))
		require.Empty(t, m.writes(3, "repair", "--dry-run"))
	})
}

func TestLookingMakesNothing(t *testing.T) {
	m := newMachine(t)
	m.requireUnchanged(func() {
		require.Empty(t, m.writes(3, "status", "--probe"))
		require.Empty(t, m.writes(3, "repair"))
		require.Empty(t, m.writes(3, "setup", "--dry-run"))
		require.Empty(t, m.writes(0, "uninstall"))
		require.Empty(t, m.writes(0, "uninstall", "--all", "--yes"))
	})
}

// TestWritesAreSeen is the control of the tests above: what they look for is
// there when something is written.
func TestWritesAreSeen(t *testing.T) {
	m := newMachine(t)
	seen := strings.Join(m.writes(0, "setup", "--stores", "none"), "\n")
	for _, call := range []string{"mkdirat(", "openat(", "write(", "renameat", "fchmod"} {
		require.Contains(t, seen, call)
	}
}

// writes runs devcert and lists its system calls, and those of all processes it
// starts, that change a file or could.
func (m *machine) writes(code int, args ...string) []string {
	m.t.Helper()
	trace := filepath.Join(m.t.TempDir(), "trace")
	r := m.run("strace", append([]string{"-f", "-y", "-qq", "-s", "0", "-o", trace, m.bin}, args...)...)
	require.Equal(m.t, code, r.code, "%s", r)
	lines := strings.Split(strings.TrimSpace(m.read(trace)), "\n")
	require.Greater(m.t, len(lines), 100, "strace recorded next to nothing")
	var found []string
	for _, line := range lines {
		if changesFiles(line) {
			found = append(found, line)
		}
	}
	return found
}

var (
	// A call's name stands behind the process's number.
	writing  = regexp.MustCompile(`^\d+ +(write|pwrite64|writev|pwritev2?|sendfile|ftruncate|fallocate|fchmod|fchown|fsync|fdatasync)\(\d+<([^>]*)>`)
	opening  = regexp.MustCompile(`^\d+ +open(at)?2?\(.*O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)`)
	altering = regexp.MustCompile(`^\d+ +(rename|unlink|mkdir|rmdir|link|symlink|mknod|chmod|fchmodat|chown|lchown|fchownat|truncate|utime|setxattr|mount|flock|creat)\w*\(`)
	// harmless are what is no file: pipes, sockets, eventfds and terminals.
	harmless = regexp.MustCompile(`^(pipe:|socket:|TCP|UDP|anon_inode:|/dev/(pts|tty|null))`)
)

func changesFiles(line string) bool {
	if call := writing.FindStringSubmatch(line); call != nil {
		return !harmless.MatchString(call[2])
	}
	if opening.MatchString(line) {
		return !strings.Contains(line, `"/dev/null"`)
	}
	return altering.MatchString(line)
}
