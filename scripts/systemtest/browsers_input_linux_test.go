package systemtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// browserFault is something that keeps devcert from serving one place of a browser.
type browserFault struct {
	name     string
	certutil bool
	how      func(m *machine)
	store    string
	where    []string // the places that are left out, as for spot
	remedy   string   // what the remedy has to name, as for spot
	precious []string // what must stay, byte for byte, as for spot
	// cure does what the remedy says; nil where that is another program's.
	cure func(m *machine)
}

var databaseFaults = []browserFault{
	{
		name: "a database that is garbage", how: func(m *machine) { m.write(m.spot("*.work/cert9.db"), "precious") },
		store: "firefox", where: []string{"*.work"}, remedy: "*.work/cert9.db", precious: []string{"*.work/cert9.db"},
		cure: func(m *machine) { m.forget("*.work/cert9.db") },
	},
	{
		name: "a database that is cut", how: func(m *machine) { require.NoError(m.t, os.Truncate(m.spot(nssFolder+"/cert9.db"), 3000)) },
		store: "chromium", where: []string{nssFolder}, remedy: nssFolder, precious: []string{nssFolder + "/cert9.db"},
		cure: func(m *machine) { m.forget(nssFolder) },
	},
	{
		name: "a database with a password", how: func(m *machine) { m.protect(m.profile("work")) },
		store: "firefox", where: []string{"*.work"}, remedy: "*.work", precious: []string{"*.work/key4.db"},
	},
	{
		name: "a database that is locked", how: func(m *machine) { m.lock(m.spot(nssFolder + "/cert9.db")) },
		store: "chromium", where: []string{nssFolder}, remedy: nssFolder + "/cert9.db", precious: []string{nssFolder + "/cert9.db"},
	},
	{
		name: "a database that is read-only", how: func(m *machine) { m.chmod(m.spot(nssFolder), 0o500) },
		store: "chromium", where: []string{nssFolder}, remedy: nssFolder, precious: []string{nssFolder, nssFolder + "/cert9.db", nssFolder + "/key4.db"},
		cure: func(m *machine) { m.chmod(m.spot(nssFolder), 0o700) },
	},
	{
		name: "a list of profiles that is garbage", how: func(m *machine) { m.write(m.list(), "garbage") },
		store: "firefox", where: []string{profilesINI}, remedy: profilesINI, precious: []string{profilesINI},
	},
	{
		name: "a list that leads to the home folder", how: func(m *machine) { m.listed("1", "../../..") },
		store: "firefox", where: []string{""}, remedy: profilesINI, precious: []string{profilesINI},
	},
	{
		name: "a list that leads to another user's folder", how: func(m *machine) { m.listed("0", m.theirs(0o755)) },
		store: "firefox", where: []string{bertsProfile}, remedy: profilesINI, precious: []string{profilesINI, bertsProfile, bertsProfile + "/times.json"},
	},
	{
		name: "a list that leads to another user's closed folder", how: func(m *machine) { m.listed("0", m.theirs(0o700)); m.chmod(bert.home(), 0o700) },
		store: "firefox", where: []string{bertsProfile}, remedy: bertsProfile, precious: []string{profilesINI, bertsProfile, bertsProfile + "/times.json"},
	},
	{
		name: "a profile that is a link to another user's folder", how: func(m *machine) {
			path := m.profile("work")
			m.must("mv", path, path+".away") // an overlay's folder cannot be renamed
			require.NoError(m.t, os.Symlink(m.theirs(0o755), path))
		},
		store: "firefox", where: []string{"*.work"}, remedy: profilesINI, precious: []string{profilesINI, bertsProfile, bertsProfile + "/times.json"},
	},
}

// bertsProfile is a folder of another user's, beside anna's.
const bertsProfile = "../bert/theirs"

const profilesINI = ".config/mozilla/firefox/profiles.ini"

// policyFault is the row of a file of policies that devcert cannot use.
func policyFault(name, store, path string, where []string, how func(m *machine, path string)) browserFault {
	return browserFault{
		name: name, store: store, where: where, remedy: path, precious: []string{path},
		how: func(m *machine) {
			require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
			how(m, path)
		},
		cure: func(m *machine) { m.forget(path) },
	}
}

func holds(text string) func(m *machine, path string) {
	return func(m *machine, path string) { m.write(path, text) }
}

func isLink(m *machine, path string)    { require.NoError(m.t, os.Symlink("/etc/hostname", path)) }
func isAFolder(m *machine, path string) { require.NoError(m.t, os.Mkdir(path, 0o755)) }

var (
	chromiumPlace = []string{managedPolicy}
	firefoxPlaces = []string{"*.home", "*.work"}
)

var policyFaults = []browserFault{
	policyFault("Firefox's policies malformed", "firefox", firefoxPolicies, firefoxPlaces, holds(`{"policies": {mine}}`)),
	policyFault("Firefox's policies a link", "firefox", firefoxPolicies, firefoxPlaces, isLink),
	policyFault("Firefox's policies a folder", "firefox", firefoxPolicies, firefoxPlaces, isAFolder),
	policyFault("devcert's file another's and malformed", "chromium", managedPolicy, chromiumPlace, holds(`{"HomepageLocation": "`)),
	policyFault("devcert's file another's", "chromium", managedPolicy, chromiumPlace, holds(`{"HomepageLocation": "about:blank"}`)),
	policyFault("devcert's file a link", "chromium", managedPolicy, chromiumPlace, isLink),
	{
		name: "Chromium's policies that everybody can write", how: func(m *machine) {
			require.NoError(m.t, os.MkdirAll(managedFolder, 0o755))
			m.chmod(managedFolder, 0o777)
		},
		store: "chromium", where: chromiumPlace, remedy: managedFolder, precious: []string{managedFolder},
		cure: func(m *machine) { m.chmod(managedFolder, 0o755) },
	},
}

// TestFaultyBrowsers: what cannot be done is a warning with the file and what to do
// about it, everything else is done, and nothing of the user's is lost. Asked for by
// name it is an error.
func TestFaultyBrowsers(t *testing.T) {
	for i := range databaseFaults {
		databaseFaults[i].certutil = true
	}
	for _, row := range slices.Concat(databaseFaults, policyFaults) {
		t.Run(row.name, func(t *testing.T) { row.test(browserMachine(t, row.certutil)) })
	}
}

func (f browserFault) test(m *machine) {
	t := m.t
	f.how(m)
	before := m.keep(f.precious)
	m.devcert(0, "setup")
	f.requireWarned(m)
	require.Equal(t, before, m.keep(f.precious))
	r := m.devcert(6, "setup", "--stores", "system,chromium,firefox")
	require.Contains(t, r.stdout+r.stderr, m.spot(f.remedy), "%s", r)
	require.Equal(t, before, m.keep(f.precious))
	m.devcert(0, "setup", "--stores", "all")
	if f.cure != nil {
		f.cure(m)
		m.devcert(0, "repair")
		m.requireHealthy()
	}
}

// TestFirefoxThatRuns has a profile in use, with its lock, while devcert serves it:
// that is no fault.
func TestFirefoxThatRuns(t *testing.T) {
	m := browserMachine(t, true)
	m.devcert(0, "setup", "--stores", "none")
	leaf := present(m.pair())
	running := m.open(m.firefox("work"), ours, newSite(t, leaf))
	require.Eventually(t, func() bool { _, refused := running.end(); return refused }, browserLimit, 50*time.Millisecond)
	require.True(t, exists(m.spot("*.work/lock")), "it has the profile")
	m.devcert(0, "setup", "--stores", "all")
	m.requireHealthy()
	running.quit(t)
	m.requireHealthy()
	require.Equal(t, []string{work}, m.ask(ours, leaf, m.firefox("work")))
}

// requireWarned requires a warning for each place that is left out, and trust in all
// others.
func (f browserFault) requireWarned(m *machine) {
	t, doc := m.t, m.status()
	require.Zero(t, doc.Exit)
	var left []string
	for _, name := range f.where {
		left = append(left, m.spot(name))
	}
	for _, found := range doc.Findings {
		require.Equal(t, "warning", found.Severity, "%+v", found)
		require.Contains(t, left, found.Where, "%+v", found)
		require.Contains(t, found.Remedy, m.spot(f.remedy), "%+v", found)
	}
	require.Len(t, doc.Findings, len(left), "%+v", doc.Findings)
	for _, place := range doc.Stores {
		wanted := "trusted"
		if slices.Contains(left, place.Path) {
			require.Equal(t, f.store, place.Name)
			require.NotEqual(t, wanted, place.State)
			continue
		}
		require.Equal(t, wanted, place.State, "%+v", place)
	}
}

// keep is what files and folders are, whoever touched them when.
func (m *machine) keep(names []string) map[string]string {
	m.t.Helper()
	all := map[string]string{}
	for _, name := range names {
		e, err := entryOf(m.spot(name))
		require.NoError(m.t, err)
		all[name] = e.what
	}
	return all
}

// protect gives a database a password.
func (m *machine) protect(dir string) {
	m.t.Helper()
	none, password := filepath.Join(m.home(), "none"), filepath.Join(m.home(), "password")
	m.write(none, "\n")
	m.write(password, "secret\n")
	m.must(certutilProgram, "-W", "-d", "sql:"+dir, "-f", none, "-@", password)
}

// lock takes SQLite's lock for writing until the test ends.
func (m *machine) lock(path string) {
	m.t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = file.Close() })
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: 0x40000000, Len: 512}
	require.NoError(m.t, unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock))
}

func (m *machine) list() string { return filepath.Join(m.home(), profilesINI) }

// listed adds a profile to the list of them.
func (m *machine) listed(relative, path string) {
	m.t.Helper()
	m.write(m.list(), m.read(m.list())+"\n[Profile7]\nName=odd\nIsRelative="+relative+"\nPath="+path+"\n")
}

// theirs is a profile of another user's.
func (m *machine) theirs(mode os.FileMode) string {
	m.t.Helper()
	path := m.spot(bertsProfile)
	require.NoError(m.t, os.Mkdir(path, 0o700))
	m.write(filepath.Join(path, "times.json"), "{}")
	for _, name := range []string{path, filepath.Join(path, "times.json")} {
		require.NoError(m.t, os.Chown(name, int(bert.id), int(bert.id)))
	}
	m.chmod(path, mode)
	return path
}
