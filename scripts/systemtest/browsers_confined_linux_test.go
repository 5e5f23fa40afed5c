package systemtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// confined are the homes that snaps and Flatpak applications have, and where their
// browser keeps what devcert changes. A Firefox in one is given a profile there.
var confined = []struct {
	home, place string
	firefox     bool
}{
	{home: "snap/chromium/current", place: ".pki/nssdb"},
	{home: ".var/app/org.chromium.Chromium", place: ".pki/nssdb"},
	{home: "snap/firefox/common", firefox: true},
	{home: ".var/app/org.mozilla.firefox", firefox: true},
}

// confinedBrowsers makes what is there when these browsers have run, and returns
// them and the paths of their places. They are the machine's own ones, with another
// HOME.
func (m *machine) confinedBrowsers() (all []browser, places []string) {
	m.t.Helper()
	for _, c := range confined {
		home := filepath.Join(m.home(), c.home)
		m.must("mkdir", "-p", home)
		b := chromiumAt(filepath.Join(home, "profile"))
		place := filepath.Join(home, c.place)
		if c.firefox {
			base := filepath.Join(home, ".mozilla/firefox")
			place = filepath.Join(base, "confined")
			m.must("mkdir", "-p", place)
			m.write(filepath.Join(base, "profiles.ini"), "[Profile0]\nName=confined\nIsRelative=1\nPath=confined\n")
			m.write(filepath.Join(place, "user.js"), quiet)
			b = firefoxAt("", place)
		}
		b.name, b.home = c.home, home
		all, places = append(all, b), append(places, place)
	}
	return all, places
}

// TestConfinedBrowsers: what snaps and Flatpak applications have in their own homes
// is served like the rest, and goes like the rest.
func TestConfinedBrowsers(t *testing.T) {
	m := browserMachine(t, true)
	all, places := m.confinedBrowsers()
	theirs := m.snapshot(filepath.Join(m.home(), "snap"), filepath.Join(m.home(), ".var"))
	m.devcert(0, "setup")
	states := map[string]string{}
	for _, place := range m.requireHealthy().Stores {
		states[place.Path] = place.State
	}
	for _, place := range places {
		require.Equal(t, "trusted", states[place])
	}
	m.devcert(0, "uninstall", "--yes")
	require.Empty(t, theirs.differing(m.snapshot(filepath.Join(m.home(), "snap"), filepath.Join(m.home(), ".var"))), "not as before setup")

	m.devcert(0, "setup")
	leaf := present(m.pair())
	require.Equal(t, names(all), m.ask(ours, leaf, all...))
	for _, place := range places {
		m.must(certutilProgram, "-D", "-d", "sql:"+place, "-n", m.nickname(place))
	}
	require.Empty(t, m.ask(ours, leaf, all[0], all[2]))
	doc := m.status()
	require.Equal(t, 3, doc.Exit)
	var where []string
	for _, f := range doc.Findings {
		where = append(where, f.Where)
	}
	require.ElementsMatch(t, places, where)
	m.devcert(0, "repair")
	m.requireHealthy()
	require.Equal(t, []string{all[0].name, all[2].name}, m.ask(ours, leaf, all[0], all[2]))
	m.devcert(0, "uninstall", "--yes")
	require.Empty(t, m.ask(ours, leaf, all...))
}

// TestConfinedBrowsersWithoutCertutil: no policy of the machine reaches them. That
// is said, with what would be needed, and keeps nothing else from being done.
func TestConfinedBrowsersWithoutCertutil(t *testing.T) {
	m := browserMachine(t, false)
	_, places := m.confinedBrowsers()
	theirs := m.snapshot(filepath.Join(m.home(), "snap"), filepath.Join(m.home(), ".var"))
	m.devcert(0, "setup")
	doc := m.status()
	require.Zero(t, doc.Exit)
	var where []string
	for _, f := range doc.Findings {
		where = append(where, f.Where)
		require.Equal(t, "warning", f.Severity)
		require.Contains(t, f.Remedy, "libnss3-tools")
	}
	require.ElementsMatch(t, places, where)
	require.Empty(t, theirs.changed(m.snapshot(filepath.Join(m.home(), "snap"), filepath.Join(m.home(), ".var"))))
	m.devcert(0, "uninstall", "--yes")
	require.False(t, exists(managedPolicy) || exists(firefoxPolicies))
}

// TestADatabaseThatWasMadeGoes: with certutil a Chromium that has never run gets
// its database, and without it in the old place too, where an empty folder would
// keep a new Chromium.
func TestADatabaseThatWasMadeGoes(t *testing.T) {
	for _, row := range []struct{ name, folder, db string }{
		{"in the new place", "", nssFolder},
		{"in the old place", ".pki", nssFolder},
		{"in the folder of the old place", ".pki/nssdb", ".pki/nssdb"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := browserMachine(t, true)
			require.NoError(t, os.RemoveAll(filepath.Join(m.home(), ".local")))
			m.must("mkdir", "-p", filepath.Join(m.home(), row.folder))
			before := m.snapshot(m.home())
			m.devcert(0, "setup")
			require.FileExists(t, filepath.Join(m.home(), row.db, "cert9.db"))
			m.devcert(0, "uninstall", "--yes")
			m.requireLike(before)
		})
	}
}

// requireLike requires that the home is what it was, but for what is written in
// databases that were there.
func (m *machine) requireLike(before snapshot) {
	m.t.Helper()
	var allowed []string
	for _, name := range []string{"home", "work"} {
		for _, file := range []string{"cert9.db", "key4.db", "pkcs11.txt"} {
			allowed = append(allowed, filepath.Join(m.profile(name), file))
		}
	}
	allowed = append(allowed, m.spot(".dotnet/…"))
	require.Empty(m.t, beyond(before.differing(m.snapshot(m.home())), allowed))
}
