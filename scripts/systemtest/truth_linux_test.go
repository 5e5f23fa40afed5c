package systemtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/scripts/dotnethost"
)

// breakage is a way in which clients stop trusting, and which of them.
type breakage struct {
	name string
	how  func(m *machine) *machine // the machine as the client then sees it
	// browsers says that it is about them, so that they are asked too.
	browsers bool
	// loses are the clients that must refuse afterwards, by the beginning of their
	// names: without one the breakage would prove nothing.
	loses []string
}

func changed(how func(m *machine)) func(m *machine) *machine {
	return func(m *machine) *machine { how(m); return m }
}

func set(env ...string) func(m *machine) *machine {
	return func(m *machine) *machine { return m.with(env...) }
}

// noRoots is a file with one root, which is not devcert's.
func (m *machine) noRoots() string {
	m.t.Helper()
	public, err := filepath.Glob("/usr/share/ca-certificates/mozilla/*.crt")
	require.NoError(m.t, err)
	require.NotEmpty(m.t, public)
	return public[0]
}

func (m *machine) nickname(db string) string {
	m.t.Helper()
	for line := range strings.Lines(m.must("certutil", "-L", "-d", "sql:"+db)) {
		if at := strings.Index(line, "devcert root"); at >= 0 {
			return strings.TrimSpace(line[:strings.LastIndex(strings.TrimRight(line, " \n"), " ")])
		}
	}
	m.t.Fatalf("%s has none of devcert's", db)
	return ""
}

const (
	chromiumDB     = ".local/share/pki/nssdb"
	firefoxFolder  = ".mozilla/firefox"
	firefoxDefault = "aaaa.default"
	firefoxWork    = "bbbb.work"
)

var breakages = []breakage{
	{name: "nothing", how: changed(nothing), browsers: true},
	{name: "anchor deleted and bundle rebuilt", how: changed(func(m *machine) {
		m.remove(m.anchor())
		m.must("update-ca-certificates")
	}), loses: []string{"curl", "openssl", "git", "python", "dotnet"}},
	// OpenSSL's users on Debian read a file and a folder: one alone hides nothing.
	{name: "variable SSL_CERT_FILE", how: func(m *machine) *machine { return m.with("SSL_CERT_FILE=" + m.noRoots()) }},
	{name: "variables SSL_CERT_FILE and SSL_CERT_DIR", how: func(m *machine) *machine {
		return m.with("SSL_CERT_FILE="+m.noRoots(), "SSL_CERT_DIR="+m.home())
	}, loses: []string{"openssl", "ruby", "dotnet"}},
	{name: "variable CURL_CA_BUNDLE", how: func(m *machine) *machine { return m.with("CURL_CA_BUNDLE=" + m.noRoots()) }},
	{name: "variables GIT_SSL_CAINFO and GIT_SSL_CAPATH", how: func(m *machine) *machine {
		return m.with("GIT_SSL_CAINFO="+m.noRoots(), "GIT_SSL_CAPATH="+m.home())
	}, loses: []string{"git"}},
	// A file that cannot be used keeps curl and git from beginning, whatever stands
	// beside it; GnuTLS, which git has here, takes one without certificates.
	{name: "variable CURL_CA_BUNDLE unusable: nothing", how: set("CURL_CA_BUNDLE=/nowhere.pem"), loses: []string{"curl"}},
	{name: "variable CURL_CA_BUNDLE unusable: no certificates", how: set("CURL_CA_BUNDLE=/etc/hosts"), loses: []string{"curl"}},
	{name: "variable CURL_CA_BUNDLE unusable: a folder", how: set("CURL_CA_BUNDLE=/etc"), loses: []string{"curl"}},
	{name: "variable SSL_CERT_FILE unusable: nothing", how: set("SSL_CERT_FILE=/nowhere.pem"), loses: []string{"curl", "perl"}},
	{name: "variable SSL_CERT_FILE unusable: no certificates", how: set("SSL_CERT_FILE=/etc/hosts"), loses: []string{"curl", "perl"}},
	{name: "variable SSL_CERT_DIR unusable", how: set("SSL_CERT_DIR=/nowhere")},
	{name: "variable GIT_SSL_CAINFO unusable: nothing", how: set("GIT_SSL_CAINFO=/nowhere.pem"), loses: []string{"git"}},
	{name: "variable GIT_SSL_CAINFO unusable: a folder", how: set("GIT_SSL_CAINFO=/etc"), loses: []string{"git"}},
	{name: "variable GIT_SSL_CAINFO unusable: no certificates", how: set("GIT_SSL_CAINFO=/etc/hosts")},
	{name: "variable GIT_SSL_CAPATH unusable", how: set("GIT_SSL_CAPATH=/nowhere"), loses: []string{"git"}},
	{name: "cacert in ~/.curlrc unusable", how: changed(func(m *machine) {
		m.write(filepath.Join(m.home(), ".curlrc"), "cacert = /nowhere.pem\n")
	}), loses: []string{"curl"}},
	{name: "http.sslCAInfo in ~/.gitconfig unusable", how: changed(func(m *machine) {
		m.write(filepath.Join(m.home(), ".gitconfig"), "[http]\n\tsslCAInfo = /nowhere.pem\n")
	}), loses: []string{"git"}},
	{name: "variable NODE_EXTRA_CA_CERTS to nothing", how: set("NODE_EXTRA_CA_CERTS=/nowhere.pem"), loses: []string{"node"}},
	{name: "cacert in ~/.curlrc", how: changed(func(m *machine) {
		m.write(filepath.Join(m.home(), ".curlrc"), "cacert = \""+m.noRoots()+"\"\ncapath = \""+m.home()+"\"\n")
	}), loses: []string{"curl"}},
	{name: "http.sslCAInfo in ~/.gitconfig", how: changed(func(m *machine) {
		m.write(filepath.Join(m.home(), ".gitconfig"), "[http]\n\tsslCAInfo = "+m.noRoots()+"\n\tsslCAPath = "+m.home()+"\n")
	}), loses: []string{"git"}},
	{name: "cacerts replaced by a package's", how: changed(func(m *machine) {
		m.must("keytool", "-delete", "-keystore", javaStore, "-storepass", "changeit", "-alias", "debian:devcert-"+m.status().Hierarchy.ID+".pem")
	}), loses: []string{"java"}},
	{name: "Kestrel's certificate deleted", how: changed(func(m *machine) { m.removeAll(m.dotnet("my")) }), loses: []string{"kestrel"}},
	{name: "Kestrel's intermediate deleted", how: changed(func(m *machine) { m.removeAll(m.dotnet("ca")) }), loses: []string{"kestrel"}},
	{name: "something disallowed for .NET", how: changed(func(m *machine) {
		require.NoError(m.t, os.CopyFS(m.dotnet("disallowed"), os.DirFS(m.dotnet("ca"))))
	}), loses: []string{"dotnet", "kestrel"}},
	{name: "trust bits cleared in Chromium's database", browsers: true, how: changed(func(m *machine) {
		db := filepath.Join(m.home(), chromiumDB)
		m.must("certutil", "-M", "-d", "sql:"+db, "-n", m.nickname(db), "-t", ",,")
	}), loses: []string{"chromium"}},
	{name: "root deleted from Chromium's database", browsers: true, how: changed(func(m *machine) {
		db := filepath.Join(m.home(), chromiumDB)
		m.must("certutil", "-D", "-d", "sql:"+db, "-n", m.nickname(db))
	}), loses: []string{"chromium"}},
	{name: "root deleted from one of two Firefox profiles", browsers: true, how: changed(func(m *machine) {
		db := filepath.Join(m.home(), firefoxFolder, firefoxWork)
		m.must("certutil", "-D", "-d", "sql:"+db, "-n", m.nickname(db))
	}), loses: []string{"firefox: work"}},
	{name: "a new Firefox profile", browsers: true, how: changed(func(m *machine) { m.addProfile("new", "cccc.new") }),
		loses: []string{"firefox: new"}},
}

// dotnet is one of .NET's folders of certificates.
func (m *machine) dotnet(name string) string {
	return filepath.Join(m.home(), ".dotnet/corefx/cryptography/x509stores", name)
}

func (m *machine) removeAll(path string) {
	m.t.Helper()
	require.DirExists(m.t, path)
	require.NoError(m.t, os.RemoveAll(path))
}

// withDotNet has .NET on the machine, where a test may have it.
func (m *machine) withDotNet() *machine {
	m.t.Helper()
	from := os.Getenv(dotnethost.Variable)
	if from == "" {
		return m
	}
	to := filepath.Join(suite.dir, "dotnet")
	if _, err := os.Stat(to); err != nil {
		require.NoError(m.t, dotnethost.Install(from, to, dotnethost.NETCore, dotnethost.ASPNETCore))
	}
	return m.with("PATH=" + to + ":" + systemPath)
}

// addProfile adds a profile as Firefox does.
func (m *machine) addProfile(name, folder string) {
	m.t.Helper()
	dir := filepath.Join(m.home(), firefoxFolder)
	require.NoError(m.t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	ini := filepath.Join(dir, "profiles.ini")
	text, _ := os.ReadFile(ini)
	n := strings.Count(string(text), "[Profile")
	m.write(ini, string(text)+fmt.Sprintf("[Profile%d]\nName=%s\nIsRelative=1\nPath=%s\n\n", n, name, folder))
}

// reasons are the pairs of breakage and client where status cannot know what the
// client does, with the reason.
var reasons = map[string]string{}

// TestTruth breaks the machine in every way, and compares what status foresees
// of each client with what it then really does.
func TestTruth(t *testing.T) {
	everything := machineAfter(t, func(m *machine) {
		require.NoError(t, show(browsers...))
		m.addProfile("default", firefoxDefault)
		m.addProfile("work", firefoxWork)
		m.withDotNet().devcert(0, "setup")
	})
	var table []string
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			m := startMachine(t, everything, nil).withDotNet()
			require.NoError(t, show(browsers...))
			m = b.how(m)
			rows := m.doctor(b.browsers)
			lost := slices.Clone(b.loses)
			for _, c := range rows {
				if c.Verdict == "not-asked" {
					continue
				}
				agrees := (c.State == "trusted") == (c.Verdict == "trusted")
				table = append(table, fmt.Sprintf("%-48s %-20s foreseen %-9s said %-11s %s", b.name, c.Name, c.State, c.Verdict, c.Outside))
				if reason, known := reasons[b.name+"/"+c.Name]; !agrees && known {
					table[len(table)-1] += " (" + reason + ")"
					continue
				}
				assert.True(t, agrees, "%+v", c)
				assert.Equal(t, "distrusted", c.Outside, "%+v", c)
				if c.Verdict == "distrusted" {
					lost = slices.DeleteFunc(lost, func(name string) bool { return strings.HasPrefix(c.Name, name) })
				}
			}
			assert.Empty(t, m.present(lost), "nobody noticed")
		})
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

// doctor asks every client, and requires that the answer is a document.
func (m *machine) doctor(browsers bool) []clientRow {
	m.t.Helper()
	args := []string{"doctor", "--json"}
	if browsers {
		args = append(args, "--browsers", "--limit", "60s")
	}
	r := m.run(m.bin, args...)
	var doc document
	require.NoError(m.t, json.Unmarshal([]byte(r.stdout), &doc), "%s", r)
	require.NotEmpty(m.t, doc.Clients, "%s", r)
	return doc.Clients
}

// present leaves out clients that this machine does not have.
func (m *machine) present(names []string) []string {
	programs := map[string]string{"firefox: work": "firefox-esr", "firefox: new": "firefox-esr", "python": "python3"}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		if name == "dotnet" || name == "kestrel" {
			return os.Getenv(dotnethost.Variable) == ""
		}
		program, renamed := programs[name]
		if !renamed {
			program = name
		}
		if program == "perl" { // it speaks no TLS without
			return m.run("perl", "-MIO::Socket::SSL", "-e1").code != 0
		}
		_, err := exec.LookPath(program)
		return err != nil
	})
}
