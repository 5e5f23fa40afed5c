package systemtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where the browsers' policies are.
const (
	managedFolder   = "/etc/chromium/policies/managed"
	managedPolicy   = managedFolder + "/devcert.json"
	firefoxPolicies = "/etc/firefox/policies/policies.json"
)

// policiesOfOthers are by path. Chromium's reader takes comments and commas too many.
var policiesOfOthers = map[string]string{
	managedFolder + "/corp.json": "{\"HomepageLocation\": \"about:blank\",} // ours\n",
	firefoxPolicies:              "{\n  \"policies\": {\n\t\"DisableTelemetry\": true }\n}",
}

// TestBrowsersTrustWhatSetupMade sends a Chromium that has run and a Firefox with
// two profiles to pages, before setup, after it and after uninstall.
func TestBrowsersTrustWhatSetupMade(t *testing.T) {
	for _, row := range []struct {
		name     string
		certutil bool
		policies map[string]string
	}{
		{name: "with certutil", certutil: true},
		{name: "without certutil, beside policies of others", policies: policiesOfOthers},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := browserMachine(t, row.certutil)
			m.policies(row.policies)
			pristine := m.snapshot("/etc", "/usr/local/share")
			m.devcert(0, "setup", "--stores", "none") // certificates to present, and no trust
			leaf, thief := present(m.pair()), present(m.steal(forbidden))
			require.Empty(t, m.ask(ours, leaf, m.own()...))

			m.devcert(0, "setup", "--stores", "all")
			m.requireHealthy()
			require.Equal(t, row.certutil, !exists(managedPolicy), "the way that was to be tried")
			require.Equal(t, names(m.own()), m.ask(ours, leaf, m.own()...))
			require.Empty(t, m.ask(forbidden, thief, m.own()...))
			m.requireSources(row.certutil)

			m.devcert(0, "uninstall", "--yes")
			require.Empty(t, m.ask(ours, leaf, m.own()...))
			m.requireBrowsersAsBefore(pristine)
		})
	}
}

// requireSources requires that status names where each browser has the root from.
func (m *machine) requireSources(certutil bool) {
	m.t.Helper()
	want := map[string]string{"chromium": "the user's NSS database"}
	if !certutil {
		want["chromium"] = managedPolicy
	}
	for _, name := range []string{"home", "work"} {
		want["firefox: "+name] = "the system's store, through p11-kit"
		if certutil {
			want["firefox: "+name] = "profile " + m.profile(name)
		}
	}
	got := map[string]string{}
	for _, c := range m.requireHealthy().Clients {
		if want[c.Name] != "" {
			got[c.Name] = c.Roots
		}
	}
	require.Equal(m.t, want, got)
}

// A thief's certificate for a permitted name shows that the other one is refused
// for its name and for nothing else.
func TestBrowsersTrustPermittedNames(t *testing.T) {
	m := browserMachine(t, true)
	m.devcert(0, "setup")
	require.Equal(t, names(m.own()), m.ask(permitted, present(m.steal(permitted)), m.own()...))
}

// TestPoliciesComeAndGo leaves the machine's policies as they were, whatever they
// were. No browser is needed to see that.
func TestPoliciesComeAndGo(t *testing.T) {
	const devices = `{"policies":{"SecurityDevices":{"Add":{"Card":"/usr/lib/opensc-pkcs11.so"}}}}`
	for _, row := range []struct {
		name     string
		policies map[string]string
	}{
		{"none", nil},
		{"empty folders", map[string]string{managedFolder + "/": "", filepath.Dir(firefoxPolicies) + "/": ""}},
		{"a module of others", map[string]string{firefoxPolicies: devices}},
		{"empty files", map[string]string{managedFolder + "/corp.json": "", firefoxPolicies: ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := browserMachine(t, false)
			m.policies(row.policies)
			pristine := m.snapshot("/etc", "/usr/local/share")
			m.devcert(0, "setup")
			m.requireHealthy()
			for path, text := range row.policies {
				if !strings.HasSuffix(path, "/") && path != firefoxPolicies {
					require.Equal(t, text, m.read(path), "others' file")
				}
			}
			m.requireUnchanged(func() { m.devcert(0, "setup") })
			m.devcert(0, "uninstall", "--yes")
			m.requireBrowsersAsBefore(pristine)
		})
	}
}

// policies writes policies of others, and makes the folders whose names end in "/".
func (m *machine) policies(all map[string]string) {
	m.t.Helper()
	for path, text := range all {
		require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
		if !strings.HasSuffix(path, "/") {
			m.write(path, text)
		}
	}
}

// requireBrowsersAsBefore requires that after uninstall nothing of devcert's is
// left in the policies, nor in a profile what came with them.
func (m *machine) requireBrowsersAsBefore(pristine snapshot) {
	m.t.Helper()
	differing := pristine.differing(m.snapshot("/etc", "/usr/local/share"))
	require.Empty(m.t, beyond(differing, []string{javaStore}), "not as before setup")
	for _, name := range []string{"home", "work"} {
		require.NotContains(m.t, m.read(filepath.Join(m.profile(name), "pkcs11.txt")), "devcert")
	}
	require.NoDirExists(m.t, m.state())
}
