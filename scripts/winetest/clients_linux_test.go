package winetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain takes away what the shell of whoever runs this has set for clients: Wine
// would hand it on.
func TestMain(m *testing.M) {
	for _, name := range []string{
		"NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "NODE_OPTIONS", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
		"CURL_HOME", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
		"XDG_CONFIG_HOME", "JAVA_HOME", "JAVA_TOOL_OPTIONS",
	} {
		_ = os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// client is one of the document's.
type client struct {
	Name, Path, Store, Roots, State, Verdict, Evidence, Remedy string
}

// clients are those of a document, by name.
func (w *windows) clients(r result) map[string]client {
	w.t.Helper()
	var d struct{ Clients []client }
	require.NoError(w.t, json.Unmarshal([]byte(r.out), &d), r.said())
	all := make(map[string]client)
	for _, c := range d.Clients {
		all[c.Name] = c
	}
	require.Len(w.t, all, len(d.Clients), "names tell clients apart")
	return all
}

// plant puts a file on drive C for one test, with the folders above it.
func (w *windows) plant(path, content string) {
	w.t.Helper()
	file := filepath.Join(w.prefix, "drive_c", filepath.FromSlash(strings.ReplaceAll(path, `\`, "/")))
	top := file // the first folder that is not there yet, which is what is to go again
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		top = dir
	}
	require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(w.t, os.WriteFile(file, []byte(content), 0o755))
	w.t.Cleanup(func() { _ = os.RemoveAll(top) })
}

// register sets a value of the registry for one test; "" is a key's own.
func (w *windows) register(key, name, value string) {
	w.t.Helper()
	which := []string{"/v", name}
	if name == "" {
		which = []string{"/ve"}
	}
	r := w.run("reg", append([]string{"add", key, "/d", value, "/f"}, which...)...)
	require.Zero(w.t, r.code, r.said())
	w.t.Cleanup(func() { _ = w.run("reg", append([]string{"delete", key, "/f"}, which...)...) })
}

const (
	gitSettings = `Program Files\Git\etc\gitconfig`
	workProfile = `users\root\AppData\Roaming\Mozilla\Firefox\Profiles\abcdefgh.work`
	rootOfWork  = `C:\` + workProfile
)

// developers plants the programs of a developer who has left all of them as they
// were installed, but for one Firefox profile.
func (w *windows) developers() {
	w.t.Helper()
	const stub = "MZ: a program only by its name"
	w.register(`HKLM\SOFTWARE\GitForWindows`, "InstallPath", `C:\Program Files\Git`)
	w.plant(`Program Files\Git\cmd\git.exe`, stub)
	w.plant(gitSettings, "[http]\r\n\tsslBackend = openssl\r\n\tsslCAInfo = C:/Program Files/Git/mingw64/etc/ssl/certs/ca-bundle.crt\r\n")
	w.plant(`Program Files\Git\mingw64\etc\ssl\certs\ca-bundle.crt`, "the world's roots\n")
	w.register(`HKLM\SOFTWARE\Node.js`, "InstallPath", `C:\Program Files\nodejs\`)
	w.plant(`Program Files\nodejs\node.exe`, stub)
	w.register(`HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\msedge.exe`, "", `C:\Edge\msedge.exe`)
	w.plant(`Edge\msedge.exe`, stub)
	w.register(`HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\firefox.exe`, "", `C:\Program Files\Mozilla Firefox\firefox.exe`)
	w.plant(`Program Files\Mozilla Firefox\firefox.exe`, stub)
	w.plant(`users\root\AppData\Roaming\Mozilla\Firefox\profiles.ini`, "[Profile0]\r\nName=work\r\nIsRelative=1\r\nPath=Profiles/abcdefgh.work\r\n\r\n"+
		"[Profile1]\r\nName=default-release\r\nIsRelative=1\r\nPath=Profiles/ijklmnop.default-release\r\n")
	w.plant(workProfile+`\prefs.js`, "// Mozilla\r\nuser_pref(\"security.enterprise_roots.enabled\", false);\r\n")
	w.plant(`users\root\AppData\Roaming\Mozilla\Firefox\Profiles\ijklmnop.default-release\prefs.js`, "// Mozilla\r\n")
	w.plant(`windows\system32\curl.exe`, stub)
}

// Status tells of every client whether it trusts the root, warns of those with
// roots of their own, and is content when their remedies were followed.
func TestClients(t *testing.T) {
	w := newWindows(t)
	w.developers()
	w.iisExpress(44300, 44301)
	stores, ports := w.all(), w.ports()
	require.Equal(t, []string{"error hierarchy-missing"}, withoutPorts(w.status(3).kinds()), "clients are no matter before there is a root")
	w.setup("--ports", "44300-44301")

	r := w.devcert(0, "status", "--json")
	d := w.parse(0, r)
	require.Equal(t, []string{"warning trust-missing"}, d.kinds())
	found := w.clients(r)
	for _, row := range []struct{ name, store, state, remedy string }{
		{"services, IIS", "windows-root", "trusted", ""},
		{"edge", "windows-root", "trusted", ""},
		{"firefox", "windows-root", "trusted", ""},
		{"curl", "windows-root", "trusted", ""},
		{"git", "", "missing", "git config --global http.sslBackend schannel"},
		{"node", "", "missing", `setx NODE_EXTRA_CA_CERTS "C:\users\root\AppData\Local\devcert\root.pem"`},
		{"firefox: work", "", "missing", "about:config → security.enterprise_roots.enabled → true"},
	} {
		c := found[row.name]
		require.Equal(t, []string{row.store, row.state, "not-asked"}, []string{c.Store, c.State, c.Verdict}, "%s: %+v", row.name, c)
		require.Contains(t, strings.ToLower(c.Remedy), strings.ToLower(row.remedy))
		if row.state == "trusted" {
			continue
		}
		warned := findingAbout(d, row.name)
		require.Equal(t, []string{"warning", c.Path, c.Remedy}, []string{warned.Severity, warned.Where, warned.Remedy}, row.name)
	}
	require.Contains(t, strings.ToLower(findingAbout(d, "firefox: work").Message), strings.ToLower(rootOfWork+`\prefs.js:2`))

	w.part("no revocation list", func() {
		w.tool("delete-list", caStore, w.list("devcert root"))
		r := w.devcert(3, "status", "--json")
		require.Equal(w.t, []string{"error crl-expired", "warning trust-denied", "warning trust-missing"}, w.parse(3, r).kinds())
		curl := w.clients(r)["curl"]
		require.Equal(w.t, "denied", curl.State)
		require.Contains(w.t, strings.ToLower(curl.Remedy),
			`ssl-revoke-best-effort, or that line, without the dashes, in c:\users\root\appdata\roaming\_curlrc`)
		w.devcert(0, "repair")
	})
	w.part("remedies", func() {
		w.plant(`users\root\.gitconfig`, "[http]\n\tsslBackend = schannel\n")
		w.plant(workProfile+`\prefs.js`, "user_pref(\"security.enterprise_roots.enabled\", true);\n")
		w.register(`HKCU\Environment`, "NODE_EXTRA_CA_CERTS", `C:\users\root\AppData\Local\devcert\root.pem`) // what setx does
		r := w.devcert(0, "status", "--json")
		require.Empty(w.t, w.parse(0, r).kinds())
		for name, c := range w.clients(r) {
			require.Equal(w.t, "trusted", c.State, "%s: %+v", name, c)
		}
	})
	w.part("doctor", func() {
		// None of these programs can be run: where nobody answers nothing is proven.
		r := w.devcert(3, "doctor", "--json")
		require.True(w.t, slices.ContainsFunc(w.parse(3, r).Findings, func(f finding) bool {
			return f.Where == "clients" && f.Severity == "error"
		}))
		for name, c := range w.clients(r) {
			require.Equal(w.t, "not-asked", c.Verdict, name)
			require.NotEmpty(w.t, c.Evidence, name)
		}
	})
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, stores, w.all())
	requireSame(t, ports, w.ports())
}

// Where only the user's store has the root, the user's programs trust it and
// services do not: an API that validates tokens there answers 401.
func TestClientsOfUserScope(t *testing.T) {
	w := newWindows(t)
	stores := w.all()
	w.accepted()
	r := w.devcert(0, "status", "--json")
	found := w.clients(r)
	require.Equal(t, "trusted", found["powershell"].State)
	services := found["services, IIS"]
	require.Equal(t, "missing", services.State)
	require.Contains(t, services.Evidence, "401")
	require.Equal(t, "devcert setup --scope machine", services.Remedy)
	require.Equal(t, 5, w.run(w.exe, "uninstall", "--yes").code, "the person is asked once more")
	w.tool("delete", userRootStore, w.ours(userRootStore)[0])
	w.devcert(0, "uninstall", "--yes")
	requireSame(t, stores, w.all())
}

func findingAbout(d document, client string) finding {
	for _, f := range d.Findings {
		if strings.HasPrefix(f.Message, client+" takes its roots from ") {
			return f
		}
	}
	return finding{}
}

// withoutPorts leaves out what is said of ports.
func withoutPorts(kinds []string) []string {
	var all []string
	for _, kind := range kinds {
		if !strings.Contains(kind, "binding-") && !strings.Contains(kind, "reservation-") {
			all = append(all, kind)
		}
	}
	return all
}
