package systemtest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository makes a repository of a user's with a devcert.json, and is that user's
// machine in it.
func (m *machine) repository(owner user, text string) *machine {
	m.t.Helper()
	dir := filepath.Join(owner.home(), "repo")
	m.must("mkdir", "-p", filepath.Join(dir, ".git"))
	m.write(filepath.Join(dir, "devcert.json"), text)
	m.must("chown", "-R", owner.name+":", dir)
	in := *m
	in.dir = dir
	return &in
}

const (
	modest  = `{"schema": 1, "names": ["shop.test"], "ports": "5001"}`
	hostile = `{"schema": 1, "names": ["www.example.org"], "permit": ["example.org"], "ports": "443", "projects": ["/etc"], "stores": ["none"], "scope": "user"}`
)

// TestATeamFileOfTheUsers is what setup finds in anna's repository, by herself and
// through sudo.
func TestATeamFileOfTheUsers(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.repository(anna, modest).as(anna)
	user.must("sudo", m.bin, "setup")
	user.requireOwned()
	doc := user.requireHealthy()
	require.Contains(t, doc.Hierarchy.Leaf.Names, "shop.test")
	user.requireUnchanged(func() {
		require.Contains(t, user.devcert(0, "setup").stdout, "Nothing to do")
		require.Contains(t, user.must("sudo", m.bin, "setup"), "Nothing to do")
	})

	m.repository(anna, strings.Replace(hostile, `"projects": ["/etc"], `, "", 1))
	user.requireUnchanged(func() {
		for _, args := range [][]string{{"setup", "--config", "devcert.json"}, {"setup", "--config", "devcert.json", "--non-interactive", "--json"}} {
			require.Equal(t, 5, user.run("sudo", append([]string{m.bin}, args...)...).code)
			user.devcert(5, args...)
		}
	}, "/etc", "/usr/local/share", user.state("generations"), user.state("config.json"))
	user.must("sudo", m.bin, "setup", "--config", "devcert.json", "--stores", "all", "--scope", "machine", "--yes")
	user.requireOwned()
	require.Contains(t, user.requireHealthy().Hierarchy.Leaf.Names, "www.example.org")
	require.Len(t, m.bundled(), 1)

	user.must("sudo", m.bin, "setup", "--forget", user.dir)
	user.requireOwned()
	require.Equal(t, []string{"constraints-differ?"}, user.status().kinds())
	user.devcert(0, "uninstall", "--yes")
	require.Empty(t, m.bundled())
}

// TestATeamFileOfAStrangers: bert's repository does nothing to anna's machine by
// being where she is, and through sudo not even when she names it.
func TestATeamFileOfAStrangers(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.repository(bert, modest).as(anna)
	user.devcert(0, "setup", "--config", "none")
	user.requireUnchanged(func() {
		r := user.devcert(0, "setup")
		require.Contains(t, r.stdout, "Nothing to do")
		require.Contains(t, r.stderr, "is not read: its folder is owned by bert")
		r = user.run("sudo", m.bin, "setup")
		require.Equal(t, 0, r.code, "%s", r)
		require.Contains(t, r.stderr, "is not read: its folder is owned by bert")
		r = user.run("sudo", m.bin, "setup", "--config", "devcert.json", "--yes")
		require.Equal(t, 2, r.code, "%s", r)
		require.Contains(t, r.stderr, "devcert.json is not read: it is owned by bert")
	})

	m.must("chown", "root:", user.dir, filepath.Join(user.dir, "devcert.json")) // the administrator's word
	user.must("sudo", m.bin, "setup", "--config", "devcert.json")
	user.requireOwned()
	require.Contains(t, user.requireHealthy().Hierarchy.Leaf.Names, "shop.test")
}

// TestAHostileClone is a repository that anna has cloned, whose file asks for what a
// file may not ask for.
func TestAHostileClone(t *testing.T) {
	for _, row := range []struct{ name, text, said string }{
		{"all that is not granted", hostile, "asks also for permit example.org, name www.example.org, port 443, project /etc, stores none, scope user, which count only with:  devcert setup --config "},
		{"a public suffix", `{"schema": 1, "permit": ["com"]}`, `devcert.json:1:26: "com": a public suffix`},
		{"a million names", `{"schema": 1, "names": ["a"` + strings.Repeat(`,"a.test"`, 1_000_000) + `]}`, "devcert.json:1:1: larger than 1048576 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			m.sudoers(withoutAsking)
			user := m.as(anna)
			user.devcert(0, "setup")
			user = m.repository(anna, row.text).as(anna)
			user.requireUnchanged(func() {
				for _, args := range [][]string{{m.bin, "setup"}, {"sudo", m.bin, "setup"}} {
					r := user.run(args[0], args[1:]...)
					require.Contains(t, r.stderr, row.said)
					require.NotContains(t, r.stderr, "panic")
				}
				user.devcert(0, "status")
				user.devcert(0, "repair")
			})
		})
	}
	t.Run("pipe", func(t *testing.T) {
		m := newMachine(t)
		m.sudoers(withoutAsking)
		user := m.repository(anna, modest).as(anna)
		user.remove(filepath.Join(user.dir, "devcert.json"))
		user.must("mkfifo", "devcert.json")
		user.devcert(0, "setup")
		user.requireUnchanged(func() {
			require.Contains(t, user.run("sudo", m.bin, "setup").stderr, "is not read: it is a pipe")
			require.Equal(t, 2, user.run("sudo", m.bin, "setup", "--config", "devcert.json").code)
		})
	})
}
