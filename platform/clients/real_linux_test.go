package clients

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"devcert/devcert"
	"devcert/scripts/dotnethost"
)

// realEnv leads every real client to the root that is not the system's: variables,
// settings and databases of a home.
func realEnv(t *testing.T, a *hall, home string) []string {
	t.Helper()
	store, err := pkcs12.LegacyDES.EncodeTrustStore([]*x509.Certificate{a.trusted.Root}, "changeit")
	require.NoError(t, err)
	keystore := filepath.Join(home, "trust.p12")
	require.NoError(t, os.WriteFile(keystore, store, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".wgetrc"), []byte("ca_certificate = "+a.root+"\n"), 0o600))
	(&user{hall: a, t: t, home: home, env: []string{"HOME=" + home}}).deploy()
	env := []string{"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=" + keystore + " -Djavax.net.ssl.trustStorePassword=changeit"}
	for _, name := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
		env = append(env, name+"="+a.root)
	}
	return env
}

// noWay are clients that read the system's roots and nothing else.
var noWay = []string{"gnutls-cli"}

// TestRealClients asks every client of this machine but browsers, without the
// root and with it. Only this environment is theirs: the test's own may lead them
// anywhere.
func TestRealClients(t *testing.T) {
	a := newHall(t)
	home := t.TempDir()
	path := []string{"PATH=" + os.Getenv("PATH")}
	if os.Getenv(dotnethost.Variable) != "" {
		path[0] += ":" + newDotNet(t, netCore, aspNetCore)
	}
	for _, row := range []struct {
		name   string
		env    []string
		inside devcert.Verdict
	}{
		{"without the root", path, devcert.Refused},
		{"with the root", append(realEnv(t, a, home), path...), devcert.Accepted},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := New(Options{Env: row.env, Home: home})
			if row.inside == devcert.Refused {
				c.options.Home = t.TempDir()
			}
			found := slices.DeleteFunc(c.Find(t.Context(), a.material()), func(c devcert.Client) bool {
				return c.Browser || row.inside == devcert.Accepted && slices.Contains(noWay, c.Name)
			})
			log := watched(t, c, found)
			examine(t, a, c, found, row.inside)
			requireLoopback(t, log)
		})
	}
}

// watched has the clients run by strace, where it works, and gives its logs.
func watched(t *testing.T, c *Clients, found []devcert.Client) string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil || exec.Command(strace, "-qq", "-o", os.DevNull, "true").Run() != nil {
		t.Log("without strace nobody sees where clients connect to")
		return ""
	}
	logs := t.TempDir()
	var kinds []kind
	for i, client := range found {
		k, ok := c.kindOf(client)
		require.True(t, ok, client.Name)
		under := []string{
			"-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-A", "-o", filepath.Join(logs, client.Name), client.Path,
		}
		ask := k.ask
		k.name, k.version = client.Name, slices.Concat(under, k.version)
		k.ask = func(q *question) (call, error) {
			how, err := ask(q)
			how.args = slices.Concat(under, how.args)
			return how, err
		}
		kinds = append(kinds, k)
		found[i].Path = strace
	}
	c.kinds = kinds
	return logs
}

// requireLoopback requires that nobody spoke to another machine.
func requireLoopback(t *testing.T, logs string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logs, "*"))
	require.NoError(t, err)
	spoke := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(data)) {
			if !strings.Contains(line, "sin_addr") && !strings.Contains(line, "sin6_addr") {
				continue
			}
			spoke++
			if !loopback.MatchString(line) || strings.Contains(line, "htons(53)") {
				t.Errorf("%s: %s", filepath.Base(file), line)
			}
		}
	}
	if logs != "" {
		require.Positive(t, spoke, "strace saw nobody connect")
	}
}

// loopback is how strace writes an address of this machine.
var loopback = regexp.MustCompile(`"(127\.[0-9.]+|::1|::ffff:127\.[0-9.]+)"`)

// examine asks the clients and compares what they answer with what is wanted, and
// with what was foreseen.
func examine(t *testing.T, a *hall, c *Clients, found []devcert.Client, inside devcert.Verdict) {
	t.Helper()
	if len(found) == 0 {
		t.Skip("there is no client here")
	}
	a.exam.Limit = 2 * time.Minute // the machine may be busy; that they end is tested elsewhere
	asked, err := c.Ask(t.Context(), found, a.exam)
	require.NoError(t, err)
	for _, one := range asked {
		t.Logf("%-18s %-14s %-11s %-11s %5d ms  %s", one.Name, one.Version, one.Inside, one.Outside, one.Took.Milliseconds(), one.Said)
		if one.Inside == devcert.NotAsked && one.Version == "" {
			t.Logf("%s does not run here", one.Name) // a shim that leads nowhere
			continue
		}
		if one.Inside != inside {
			t.Errorf("%s: %s, want %s: %s", one.Name, one.Inside, inside, one.Said)
		}
		if one.Outside != devcert.Refused {
			t.Errorf("%s: the name outside is %s: %s", one.Name, one.Outside, one.Said)
		}
		foreseen := map[devcert.PlaceState]devcert.Verdict{devcert.Trusted: devcert.Accepted, devcert.Missing: devcert.Refused}
		if want, ok := foreseen[one.State]; ok && want != one.Inside {
			t.Errorf("%s: foreseen %s, but it says %s: %s", one.Name, one.State, one.Inside, one.Evidence)
		}
	}
	a.requireClean(t)
}

// TestRealBrowsers asks the browsers of this machine with a home of its own, whose
// databases have the root or not.
func TestRealBrowsers(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_BROWSERS") != "1" {
		t.Skip("runs browsers: only with DEVCERT_TEST_BROWSERS=1")
	}
	certutil, err := exec.LookPath("certutil")
	if err != nil {
		t.Skip("no certutil")
	}
	a := newHall(t)
	for _, row := range []struct {
		name   string
		root   bool
		inside devcert.Verdict
	}{{"without the root", false, devcert.Refused}, {"with the root", true, devcert.Accepted}} {
		t.Run(row.name, func(t *testing.T) {
			home := t.TempDir()
			profiles := filepath.Join(home, ".mozilla", "firefox")
			databases := []string{filepath.Join(home, ".pki", "nssdb"), filepath.Join(profiles, "abc.work"), filepath.Join(profiles, "def.play")}
			for _, dir := range databases {
				require.NoError(t, os.MkdirAll(dir, 0o700))
				tool(t, certutil, "-d", "sql:"+dir, "-N", "--empty-password")
				if row.root {
					tool(t, certutil, "-d", "sql:"+dir, "-A", "-t", "C,,", "-n", "root", "-i", a.root)
				}
			}
			list := "[Profile0]\nName=work\nIsRelative=1\nPath=abc.work\n\n[Profile1]\nName=play\nIsRelative=1\nPath=def.play\n"
			require.NoError(t, os.WriteFile(filepath.Join(profiles, "profiles.ini"), []byte(list), 0o600))
			before := digest(t, home)
			c := New(Options{Env: []string{"PATH=" + os.Getenv("PATH")}, Home: home})
			found := slices.DeleteFunc(c.Find(t.Context(), a.material()), func(c devcert.Client) bool { return !c.Browser })
			if i := slices.IndexFunc(found, func(c devcert.Client) bool { return strings.HasPrefix(c.Name, "firefox") }); i >= 0 {
				require.Equal(t, "firefox: work", found[i].Name)
				require.Equal(t, databases[1], found[i].Place)
				require.Equal(t, "firefox: play", found[i+1].Name)
			}
			examine(t, a, c, found, row.inside)
			require.Equal(t, before, digest(t, home), "what is the user's was written to")
		})
	}
}

func tool(t *testing.T, path string, args ...string) {
	t.Helper()
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// digest is every file of a folder and when it was changed.
func digest(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			all = append(all, path+" "+info.ModTime().String()+" "+info.Mode().String())
		}
		return err
	}))
	return all
}
