package systemtest

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vouched is what a CA of the test's own vouches for: /etc/hosts leads there.
const vouched = "app.example.org"

// ownRoots is a program with roots of its own, run by a shell.
type ownRoots struct {
	name  string
	shell string // opens the page of $1
	// alone says that it refuses localhost as long as no variable tells it otherwise,
	// and all that the system trusts beyond the public roots.
	alone bool
}

func (m *machine) runtimes() []ownRoots {
	const page = `require("https").get(process.argv[1], r => r.resume()).on("error", e => { console.error(e.message); process.exit(1) })`
	all := []ownRoots{
		{"node", "node -e '" + page + `' "$1"`, true},
		{"python urllib", suite.python + ` -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()' "$1"`, false},
	}
	// Debian's own package of requests reads the system's bundle.
	if r := m.run(suite.python, "-c", "import requests; print(requests.certs.where())"); r.code == 0 {
		alone := !strings.HasPrefix(r.stdout, "/etc/")
		all = append(all, ownRoots{"python requests", suite.python + ` -c 'import sys, requests; requests.get(sys.argv[1]).raise_for_status()' "$1"`, alone})
	}
	return all
}

// opens runs a runtime, after the variables of env where they are wanted.
func (m *machine) opens(r ownRoots, withEnv bool, url string) bool {
	m.t.Helper()
	script := r.shell
	if withEnv {
		script = `eval "$("$DEVCERT" env)"; ` + script
	}
	ran := m.with("DEVCERT="+m.bin).run("bash", "-c", script, "bash", url)
	if ran.code != 0 {
		require.Regexp(m.t, aboutCertificates.String()+"|permitted subtree violation", ran.stderr, "%s", ran)
	}
	return ran.code == 0
}

// TestRuntimesConnectWithEnv is Node and Python with the variables of devcert env
// and without: for localhost, and for a server of a CA that the system's store got
// from its administrator, before setup and later.
func TestRuntimesConnectWithEnv(t *testing.T) {
	needs(t, "bash", "node")
	if suite.python == "" {
		t.Skip("no python3 on this machine")
	}
	m := newMachine(t).with("PATH=" + filepath.Dir(suite.python) + ":" + systemPath)
	first, later := newAuthority(t, "a company's CA"), newAuthority(t, "a later CA")
	m.trustAuthority(first, "company")
	m.devcert(0, "setup")
	m.requireHealthy()
	port := serve(t, byName(m.copies(), map[string]*tls.Certificate{
		vouched: first.issue(t, vouched), permitted: later.issue(t, permitted), forbidden: m.steal(forbidden),
	}))
	for _, r := range m.runtimes() {
		require.Equal(t, !r.alone, m.opens(r, false, "https://localhost:"+port), r.name)
		require.True(t, m.opens(r, true, "https://localhost:"+port), r.name)
		require.True(t, m.opens(r, true, "https://"+vouched+":"+port), "%s and the system's other roots", r.name)
		require.False(t, m.opens(r, true, "https://"+forbidden+":"+port), r.name)
		require.False(t, m.opens(r, true, "https://"+permitted+":"+port), r.name)
	}

	// Variables that lead astray lead back.
	astray := m.with("SSL_CERT_FILE="+m.noRoots(), "SSL_CERT_DIR=/nowhere", "REQUESTS_CA_BUNDLE="+m.noRoots())
	for _, r := range m.runtimes() {
		require.False(t, astray.opens(r, false, "https://localhost:"+port), r.name)
		require.True(t, astray.opens(r, true, "https://localhost:"+port), r.name)
	}

	// The bundle does not follow the system by itself: status says so.
	m.trustAuthority(later, "later")
	doc := m.status()
	require.Equal(t, []string{"trust-stale?"}, doc.kinds(), "%+v", doc.Findings)
	require.Equal(t, "bundle.pem", filepath.Base(doc.Findings[0].Where))
	before := m.snapshot()
	m.devcert(0, "repair")
	require.Empty(t, beyond(before.rewritten(m.snapshot()), []string{m.state("bundle.pem"), m.state("lock"), m.state("ledger.json")}))
	m.requireHealthy()
	for _, r := range m.runtimes() {
		for _, name := range []string{ours, vouched, permitted} {
			require.True(t, m.opens(r, true, "https://"+name+":"+port), "%s and %s", r.name, name)
		}
	}
}

// nastyFolder has in its name what shells, Dockerfiles and commands read as more
// than a name.
const nastyFolder = `a b'"$(touch ran);%PATH%` + "`touch ran`" + `\ü&{x}!`

// TestShellsReadEnv has each shell read what is printed for it and give it back.
func TestShellsReadEnv(t *testing.T) {
	needs(t, "node")
	m := newMachine(t)
	state := filepath.Join(m.home(), nastyFolder)
	m.devcert(0, "setup", "--stores", "none", "--home", state)
	want := filepath.Join(state, "bundle.pem")
	for _, row := range []struct{ shell, reads string }{
		{"bash", `eval "$("$DEVCERT" env --shell bash --home "$STATE")"; printenv NODE_EXTRA_CA_CERTS`},
		{"zsh", `eval "$("$DEVCERT" env --shell zsh --home "$STATE")"; printenv NODE_EXTRA_CA_CERTS`},
		{"fish", `$DEVCERT env --shell fish --home $STATE | source; printenv NODE_EXTRA_CA_CERTS`},
		{"pwsh", `& $env:DEVCERT env --shell powershell --home $env:STATE | Out-String | Invoke-Expression; $env:NODE_EXTRA_CA_CERTS`},
	} {
		if _, err := exec.LookPath(row.shell); err != nil {
			t.Logf("not on this machine, so not asked: %s", row.shell)
			continue
		}
		out := m.with("DEVCERT="+m.bin, "STATE="+state).must(row.shell, "-c", row.reads)
		require.Equal(t, want+"\n", out, row.shell)
	}
	for _, row := range []struct{ shell, line string }{
		{"powershell", `$env:NODE_EXTRA_CA_CERTS = '` + strings.ReplaceAll(want, "'", "''") + "'\n"},
		{"cmd", `set "NODE_EXTRA_CA_CERTS=` + strings.ReplaceAll(want, "%", "%%") + "\"\n"},
		{"github", "NODE_EXTRA_CA_CERTS=" + want + "\n"},
	} {
		r := m.devcert(0, "env", "--shell", row.shell, "--home", state)
		require.Contains(t, "\n"+r.stdout, "\n"+row.line)
	}
	for line := range strings.Lines(m.devcert(0, "env", "--shell", "docker", "--home", state).stdout) {
		require.Regexp(t, dockerLine, line)
	}
	found, err := filepath.Glob(filepath.Join(m.home(), "ran"))
	require.NoError(t, err)
	require.Empty(t, found, "a shell ran what is in the folder's name")
}

// dockerLine is what a Dockerfile may have, of what devcert prints (Dockerfile
// reference: comments begin their line, and need no quoting).
var dockerLine = regexp.MustCompile(`^(#.*|COPY \S+ /\S+|RUN [a-z-]+|ENV [A-Z_]+=[A-Za-z0-9/._-]+)\n$`)

// TestALineBreakIsNoMoreLines: what somebody's variable or folder is called does
// not become a command of the shell that reads the lines.
func TestALineBreakIsNoMoreLines(t *testing.T) {
	needs(t, "node")
	m := healthyMachine(t)
	astray := m.with("SSL_CERT_FILE=/nowhere\ntouch ran #", "SSL_CERT_DIR=/nowhere", "DEVCERT="+m.bin)
	require.Contains(t, astray.devcert(0, "env").stdout, "touch ran")
	out := astray.must("bash", "-c", `eval "$("$DEVCERT" env)"; printenv SSL_CERT_FILE; ls -A`)
	require.Contains(t, out, m.state("bundle.pem"))
	require.NotContains(t, out, "ran")

	state := filepath.Join(m.home(), "a\nRUN touch ran")
	require.NoError(t, os.Mkdir(state, 0o700))
	m.devcert(0, "setup", "--stores", "none", "--home", state)
	for _, shell := range []string{"bash", "docker", "github"} {
		r := m.devcert(1, "env", "--shell", shell, "--home", state)
		require.Empty(t, r.stdout)
		require.Contains(t, r.stderr, "line break")
	}
}
