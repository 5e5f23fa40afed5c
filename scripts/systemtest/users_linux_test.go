package systemtest

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the administrator lets anna do.
const (
	withoutAsking = "anna ALL=(ALL) NOPASSWD: ALL\n"
	withPassword  = "anna ALL=(ALL) ALL\n"
)

// sudoers says what anna may do; "" for nothing.
func (m *machine) sudoers(rule string) {
	m.t.Helper()
	m.write("/etc/sudoers.d/systemtest", rule)
	m.chmod("/etc/sudoers.d/systemtest", 0o440)
}

// requireOwned requires that everything in anna's home is anna's, and that root's
// is as empty as it was.
func (m *machine) requireOwned() {
	m.t.Helper()
	require.NoError(m.t, filepath.WalkDir(anna.home(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		require.Equal(m.t, anna.id, info.Sys().(*syscall.Stat_t).Uid, path)
		return nil
	}))
	require.NoDirExists(m.t, filepath.Join(root.home(), ".local"))
}

var runLine = regexp.MustCompile(`(?m)^run:  (sudo .+)$`)

// TestAUserWithoutRights is setup where sudo cannot be had: everything else is
// done, and the line that is printed does the rest once it may.
func TestAUserWithoutRights(t *testing.T) {
	for _, row := range []struct {
		name  string
		limit func(m *machine)
	}{
		{"sudo refuses", func(*machine) {}},
		{"sudo would ask for a password", func(m *machine) { m.sudoers(withPassword) }},
		{"no sudo", func(m *machine) { m.hide("/usr/bin/sudo") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			row.limit(m)
			user := m.as(anna)
			trust := m.snapshot("/etc", "/usr/local/share")
			r := user.devcert(4, "setup")
			require.Empty(t, trust.changed(m.snapshot("/etc", "/usr/local/share")))
			require.Equal(t, []string{"trust-missing"}, user.status().kinds())
			require.FileExists(t, user.state("localhost-key.pem"))
			user.requireOwned()

			line := runLine.FindStringSubmatch(r.stderr)
			require.NotNil(t, line, "%s", r)
			require.Equal(t, "sudo "+m.bin+" repair --only trust-missing", line[1])
			if row.name == "no sudo" {
				return // the line is for a machine where somebody installs it
			}
			m.sudoers(withoutAsking)
			user.must("sh", "-c", line[1])
			user.requireHealthy()
			user.requireOwned()
		})
	}
}

// hide makes a tool look as if it were not installed.
func (m *machine) hide(tool string) {
	m.t.Helper()
	m.must("mount", "--bind", "/dev/null", tool)
}

func TestAUserWithPasswordlessSudo(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	pristine := m.snapshot("/etc", "/usr/local/share")
	user.devcert(0, "setup")
	doc := user.requireHealthy()
	require.Contains(t, doc.Hierarchy.Root.Subject, "anna@")
	user.requireOneRoot(doc)
	user.requireOwned()
	user.requireUnchanged(func() { require.Contains(t, user.devcert(0, "setup").stdout, "Nothing to do") })

	user.devcert(0, "uninstall", "--yes")
	user.requireOwned()
	require.NoDirExists(t, user.state())
	require.Empty(t, beyond(pristine.differing(m.snapshot("/etc", "/usr/local/share")), []string{javaStore}))
}

// TestSudoDevcert is devcert itself run through sudo: it works in the folder of
// the user who called, and leaves no file of root's there.
func TestSudoDevcert(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	user.must("sudo", m.bin, "setup")
	user.requireOwned()
	doc := user.requireHealthy()
	require.Contains(t, doc.Hierarchy.Root.Subject, "anna@")
	user.requireUnchanged(func() { require.Contains(t, user.must("sudo", m.bin, "setup"), "Nothing to do") })

	user.remove(m.anchor())
	user.must("sudo", m.bin, "repair")
	user.requireHealthy()
	user.must("sudo", m.bin, "setup", "--permit", "example.org", "--yes")
	user.requireOneRoot(user.requireHealthy())
	user.requireOwned()

	user.must("sudo", m.bin, "uninstall", "--yes")
	user.requireOwned()
	require.NoDirExists(t, user.state())
	require.Empty(t, m.bundled())
}

// TestRootInAUsersHome is root with a HOME that su or sudo has kept.
func TestRootInAUsersHome(t *testing.T) {
	m := newMachine(t)
	for _, variables := range [][]string{
		{"HOME=" + anna.home()},
		{"XDG_DATA_HOME=" + anna.home() + "/.local/share"},
	} {
		there := m.with(variables...)
		m.requireUnchanged(func() {
			r := there.devcert(1, "setup")
			require.Contains(t, r.stderr, "is in the home of anna")
			require.Contains(t, r.stderr, "run devcert as anna")
			there.devcert(1, "uninstall", "--yes")
		})
	}
	m.as(anna).requireOwned()
}

// TestAWishThatNeedsRightsChangesNothingWithout is a new root for a user who
// cannot have it trusted: half of it would leave two roots.
func TestAWishThatNeedsRightsChangesNothingWithout(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	user.devcert(0, "setup")
	m.sudoers(withPassword)
	user.requireUnchanged(func() {
		r := user.devcert(4, "setup", "--permit", "example.org", "--yes")
		require.Regexp(t, `(?m)^run:  sudo .* setup --permit example.org --yes$`, r.stderr)
		user.devcert(4, "renew", "--root", "--yes")
	}, "/etc", "/usr/local/share", user.state("generations"), user.state("current"))
	user.requireHealthy()

	r := user.devcert(4, "uninstall", "--yes")
	require.DirExists(t, user.state(), "the folder alone knows which root is to go")
	require.Equal(t, []string{"uninstall-unfinished"}, user.status().kinds())
	m.sudoers(withoutAsking)
	line := runLine.FindStringSubmatch(r.stderr)
	require.NotNil(t, line, "%s", r)
	user.must("sh", "-c", line[1])
	require.NoDirExists(t, user.state())
	require.Empty(t, m.bundled())
}

func TestTwoUsersOfOneMachine(t *testing.T) {
	m := healthyMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	user.devcert(0, "setup")
	require.Len(t, m.bundled(), 2)
	m.requireHealthy()
	user.requireHealthy()
	user.devcert(0, "uninstall", "--all", "--yes")
	m.requireOneRoot(m.requireHealthy())
}

// TestWhatCannotBeReadIsNotMissing is a look without the rights for it.
func TestWhatCannotBeReadIsNotMissing(t *testing.T) {
	for _, row := range []struct {
		name  string
		hide  func(m *machine)
		kinds []string
	}{
		{"bundle", func(m *machine) { m.chmod(bundle, 0o600) }, []string{"trust-unknown"}},
		{"anchors", func(m *machine) { m.chmod(filepath.Dir(likeOurs), 0o700) }, []string{"trust-unknown"}},
		{"configuration", func(m *machine) { m.chmod(m.state("config.json"), 0) }, []string{"state-corrupt"}},
		{"ledger", func(m *machine) { m.chmod(m.state("ledger.json"), 0) }, []string{"state-corrupt"}},
		{"leaf key", func(m *machine) { m.chmod(m.state("localhost-key.pem"), 0) }, []string{"state-corrupt"}},
		{"intermediate key", func(m *machine) { m.chmod(m.generation("intermediate-key.pem"), 0) }, []string{"state-corrupt"}},
		{"bindings", func(m *machine) { m.chmod(m.state("bindings.json"), 0) }, []string{"binding-unknown"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			user := startMachine(t, forgeryImage, nil).as(anna)
			row.hide(user)
			user.requireUnchanged(func() {
				doc := user.status()
				require.Equal(t, row.kinds, doc.kinds(), "%+v", doc.Findings)
				require.Equal(t, 3, doc.Exit)
			})
		})
	}
	t.Run("state folder", func(t *testing.T) {
		user := startMachine(t, forgeryImage, nil).as(anna)
		user.chmod(user.state(), 0)
		r := user.devcert(1, "status")
		require.Contains(t, r.stderr, user.state())
		require.Contains(t, r.stderr, "permission denied")
	})
}
