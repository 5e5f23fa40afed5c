package systemtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// deployed are browserImage after anna's `devcert setup`, with certutil and without.
var deployed = map[bool]func() (image, error){
	true:  sync.OnceValues(func() (image, error) { return deploy(true) }),
	false: sync.OnceValues(func() (image, error) { return deploy(false) }),
}

func deploy(certutil bool) (image, error) {
	base, err := browserImage()
	if err != nil {
		return base, err
	}
	return freeze(base, func() error {
		err := show(browsers...)
		if !certutil {
			err = errors.Join(err, hide(certutilProgram))
		}
		return errors.Join(err, (&machine{user: anna}).try(suite.devcert, "setup"))
	})
}

// browserBreak is one way in which browsers stop trusting.
type browserBreak struct {
	name     string
	certutil bool
	how      func(m *machine)
	kind     string
	where    []string // the places that lost it, as for spot: one finding each
	touches  []string // what repair may write, as for spot
	// asks are the browsers that are asked while it is broken, of which loses must
	// refuse; after are those that must get the page when it is repaired.
	asks, loses, after []string
}

const (
	nssFolder = ".local/share/pki/nssdb"
	home      = "firefox home"
	work      = "firefox work"
	third     = "firefox third"
)

var browserBreaks = []browserBreak{
	{
		name: "trust bits cleared in Chromium's database", certutil: true, how: func(m *machine) {
			db := m.spot(nssFolder)
			m.must(certutilProgram, "-M", "-d", "sql:"+db, "-n", m.nickname(db), "-t", ",,")
		},
		kind: "trust-denied", where: []string{nssFolder}, touches: []string{nssFolder + "/…"},
		asks: []string{"chromium", home}, loses: []string{"chromium"}, after: []string{"chromium", home},
	},
	{
		name: "Chromium's database deleted", certutil: true, how: func(m *machine) { m.forget(nssFolder) },
		kind: "trust-missing", where: []string{nssFolder}, touches: []string{nssFolder, nssFolder + "/…"},
		asks: []string{"chromium"}, loses: []string{"chromium"}, after: []string{"chromium"},
	},
	{
		name: "Chromium's database deleted, and not started since", certutil: true, how: func(m *machine) { m.forget(".local/share/pki") },
		kind: "trust-missing", where: []string{nssFolder}, touches: []string{".local/share/pki", ".local/share/pki/…"},
		after: []string{"chromium"},
	},
	{
		name: "root removed from one of two profiles", certutil: true, how: func(m *machine) {
			m.must(certutilProgram, "-D", "-d", "sql:"+m.profile("work"), "-n", m.nickname(m.profile("work")))
		},
		kind: "trust-missing", where: []string{"*.work"}, touches: []string{"*.work/…"},
		asks: []string{home, work}, loses: []string{work}, after: []string{home, work},
	},
	{
		name: "a third profile", certutil: true, how: func(m *machine) { m.newProfile("third") },
		kind: "trust-missing", where: []string{"*.third"}, touches: []string{"*.third/…"},
		asks: []string{third}, loses: []string{third}, after: []string{third},
	},
	{
		name: "a third profile, not started yet", certutil: true, how: func(m *machine) { m.newProfile("third") },
		kind: "trust-missing", where: []string{"*.third"}, touches: []string{"*.third/…"}, after: []string{third},
	},
	{
		name: "Chromium's policy removed", how: func(m *machine) { m.remove(managedPolicy) },
		kind: "trust-missing", where: []string{managedPolicy}, touches: []string{managedPolicy},
		asks: []string{"chromium"}, loses: []string{"chromium"}, after: []string{"chromium"},
	},
	{
		name: "Chromium's policy emptied", how: func(m *machine) { m.write(managedPolicy, `{"CACertificates": []}`) },
		kind: "trust-missing", where: []string{managedPolicy}, touches: []string{managedPolicy},
	},
	{
		name: "Chromium's policy cut short", how: func(m *machine) { m.write(managedPolicy, `{"CACertificates": [`) },
		kind: "trust-missing", where: []string{managedPolicy}, touches: []string{managedPolicy},
		asks: []string{"chromium"}, loses: []string{"chromium"}, after: []string{"chromium"},
	},
	{
		name: "Chromium's policies removed with their folders", how: func(m *machine) { m.forget("/etc/chromium/policies") },
		kind: "trust-missing", where: []string{managedPolicy}, touches: []string{"/etc/chromium/policies", "/etc/chromium/policies/…"},
	},
	{
		name: "a policy of others that hides devcert's", how: func(m *machine) {
			m.write(managedFolder+"/zcorp.json", `{"CACertificates": []}`)
		},
		kind: "trust-stale", where: []string{managedPolicy}, touches: []string{managedPolicy},
		asks: []string{"chromium"}, loses: []string{"chromium"}, after: []string{"chromium"},
	},
	{
		name: "Firefox's policies removed", how: func(m *machine) { m.remove(firefoxPolicies) },
		kind: "trust-missing", where: []string{"*.home", "*.work"}, touches: []string{firefoxPolicies},
		asks: []string{home}, loses: []string{home}, after: []string{home, work},
	},
	{
		name: "Firefox's policies edited", how: func(m *machine) {
			m.write(firefoxPolicies, `{"policies": {"SecurityDevices": {"Add": {}}, "DisableTelemetry": true}}`)
		},
		kind: "trust-missing", where: []string{"*.home", "*.work"}, touches: []string{firefoxPolicies},
	},
	{
		name: "a third profile under the policies", how: func(m *machine) { m.newProfile("third") },
		after: []string{third},
	},
}

// TestBrowserBreaks breaks what one browser takes its roots from. status names it,
// the browser agrees, and repair mends it and touches nothing else.
func TestBrowserBreaks(t *testing.T) {
	for _, row := range browserBreaks {
		t.Run(row.name, func(t *testing.T) { row.test(startBrowsers(t, deployed[row.certutil], row.certutil)) })
	}
}

func (b browserBreak) test(m *machine) {
	t, leaf := m.t, present(m.pair())
	b.how(m)
	if len(b.asks) > 0 {
		got := m.ask(ours, leaf, m.named(b.asks)...)
		require.ElementsMatch(t, b.asks, append(got, b.loses...), "who refuses")
	}
	broken := m.snapshot()
	doc := m.status()
	require.Equal(t, broken, m.snapshot(), "status changed something")
	var where, want []string
	for _, f := range doc.Findings {
		require.Equal(t, b.kind, f.Kind, "%+v", f)
		require.True(t, f.Repairable)
		where = append(where, f.Where)
	}
	for _, name := range b.where {
		want = append(want, m.spot(name))
	}
	require.ElementsMatch(t, want, where)
	code := 0
	if len(want) > 0 {
		code = 3
	}
	require.Equal(t, code, doc.Exit)

	m.devcert(0, "repair")
	touches := m.groups([]string{"ledger.json"})
	for _, name := range b.touches {
		touches = append(touches, m.spot(name))
	}
	require.Empty(t, beyond(broken.rewritten(m.snapshot()), touches), "repair wrote more than it had to")
	m.requireHealthy()
	if len(b.after) > 0 {
		require.Equal(t, b.after, m.ask(ours, leaf, m.named(b.after)...))
	}
	m.requireUnchanged(func() { m.devcert(0, "repair") })
}

// named are browsers of the user's by their names.
func (m *machine) named(names []string) []browser {
	var all []browser
	for _, name := range names {
		if profile, is := strings.CutPrefix(name, "firefox "); is {
			all = append(all, m.firefox(profile))
		} else {
			all = append(all, m.chromium())
		}
	}
	return all
}

// spot is a path: one below the home, or of the profile NAME where it is *.NAME.
func (m *machine) spot(name string) string {
	if profile, is := strings.CutPrefix(name, "*."); is {
		name, rest, _ := strings.Cut(profile, "/")
		return filepath.Join(m.profile(name), rest)
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(m.home(), name)
}

func (m *machine) forget(name string) {
	m.t.Helper()
	require.NoError(m.t, os.RemoveAll(m.spot(name)))
}

// newProfile has Firefox make a further profile, which it does not start yet.
func (m *machine) newProfile(name string) {
	m.t.Helper()
	require.NoError(m.t, m.makeProfile(name))
}
