package systemtest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"devcert/devcert/chain"
)

// onboarding is the machine with the script, as a team's repository has it, in a
// folder of the user's, and with devcert where go install puts it.
func (m *machine) onboarding() string {
	m.t.Helper()
	script := filepath.Join(m.home(), "a team's repository", "onboard.sh")
	m.install(script, filepath.Join(suite.checkout, "scripts/onboard.sh"))
	m.install(filepath.Join(m.home(), "go/bin/devcert"), m.bin)
	return script
}

// install copies a program, for the machine's user.
func (m *machine) install(path, from string) {
	m.t.Helper()
	owner := m.user.name + ":" + m.user.name
	for folder := filepath.Dir(path); folder != m.home(); folder = filepath.Dir(folder) {
		defer m.as(root).must("chown", owner, folder)
	}
	m.as(root).must("install", "-D", "--owner="+m.user.name, "--group="+m.user.name, from, path)
}

// onboard runs the script and requires the exit code.
func (m *machine) onboard(code int, script string, args ...string) result {
	m.t.Helper()
	r := m.run(script, args...)
	require.Equal(m.t, code, r.code, "%s", r)
	return r
}

// requireUnchangedSoon requires that the script finds nothing to do, in less than a
// second. The machine may be busy with other things: the best of some tries counts.
func (m *machine) requireUnchangedSoon(script string, args ...string) {
	m.t.Helper()
	best := time.Hour
	for try := 0; try < 3 || best >= time.Second && try < 20; try++ {
		start := time.Now()
		r := m.onboard(0, script, args...)
		best = min(best, time.Since(start))
		require.Contains(m.t, r.stdout, "devcert: unchanged; https://localhost is trusted by: system", "%s", r)
		require.Empty(m.t, r.stderr)
	}
	m.t.Logf("unchanged after %v, the best of three", best.Round(time.Millisecond))
	require.Less(m.t, best, time.Second)
}

// TestOnboardANewMachine is a team's line on a machine that has nothing but Go and
// the clone: it builds devcert the first time, and not again.
func TestOnboardANewMachine(t *testing.T) {
	m := newMachine(t).inClone()
	script := filepath.Join(m.dir, "scripts/onboard.sh")
	m.dir = "/" // wherever it is called
	r := m.onboard(0, script)
	require.Contains(t, r.stdout, "devcert: set up; https://localhost is trusted by: system", "%s", r)
	require.Contains(t, r.stdout, "  hierarchy: root, intermediate, leaf", "%s", r)
	require.Contains(t, r.stderr, "onboard: building ", "%s", r)
	m.requireHealthy()
	// Beside them Go's own process still counts in the home what go build has done.
	m.requireUnchanged(func() { m.requireUnchangedSoon(script) }, "/etc", "/usr/local/share", m.state(), filepath.Dir(filepath.Dir(script)))
}

func TestOnboardWithArguments(t *testing.T) {
	m := newMachine(t)
	script := m.onboarding()
	m.onboard(0, script, "--name", "app.dev.internal", "--ports", "44300-44302")
	doc := m.requireHealthy()
	require.Contains(t, doc.Hierarchy.Leaf.Names, "app.dev.internal")
	require.Len(t, doc.Bindings, 3)
	m.requireUnchangedSoon(script, "--name", "app.dev.internal")

	m.requireUnchanged(func() {
		for code, args := range map[int][]string{
			2: {"--name", "app.example.com"},
			3: {"--dry-run", "--name", "more.dev.internal"},
			5: {"--permit", "example.com"},
		} {
			r := m.onboard(code, script, args...)
			require.NotContains(t, r.stdout, "devcert: set up", "%s", r)
			require.Empty(t, r.stderr, "%s", r)
		}
	}, homes())
}

var administratorsLine = regexp.MustCompile(`(?m)^or have an administrator run, for you:\n  (sudo .+)$`)

// TestOnboardWithoutRights is exit 4, and each of the two lines that it prints.
func TestOnboardWithoutRights(t *testing.T) {
	for _, who := range []string{"the user", "an administrator"} {
		t.Run(who, func(t *testing.T) {
			m := newMachine(t)
			user := m.as(anna)
			script := user.onboarding()
			r := user.onboard(4, script)
			require.Contains(t, r.stdout, "devcert: what is left needs administrator rights\n  hierarchy: ")
			devcert := filepath.Join(anna.home(), "go/bin/devcert")
			own := "sudo " + devcert + " repair --only trust-missing"
			require.Contains(t, r.stdout, "run, if you may use sudo:\n  "+own+"\n", "%s", r)
			line := administratorsLine.FindStringSubmatch(r.stdout)
			require.NotNil(t, line, "%s", r)
			require.Equal(t, "sudo env SUDO_USER=anna SUDO_UID=2001 "+devcert+" repair --only trust-missing", line[1])
			require.Equal(t, []string{"trust-missing"}, user.status().kinds())

			if who == "the user" {
				m.sudoers(withoutAsking)
				user.must("sh", "-c", own)
				m.sudoers("")
			} else {
				m.must("sh", "-c", line[1])
			}
			user.requireUnchangedSoon(script)
			user.requireHealthy()
			user.requireOwned()
		})
	}
}

// TestOnboardUnderSudo works for the user who called, and leaves no file of root's.
func TestOnboardUnderSudo(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	script := user.onboarding()
	require.Contains(t, user.must("sudo", script), "devcert: set up; ")
	user.requireOwned()
	require.Contains(t, user.requireHealthy().Hierarchy.Root.Subject, "anna@")
	require.Contains(t, user.must("sudo", script), "devcert: unchanged; ")
	user.requireUnchangedSoon(script)
}

// TestOnboardOpensNoTerminal is a user without rights, with closed input and without
// a terminal: nobody looks for one. There is no sudo, whose -n looks at /dev/tty too.
func TestOnboardOpensNoTerminal(t *testing.T) {
	m := newMachine(t)
	m.hide("/usr/bin/sudo")
	script := m.as(anna).onboarding()
	trace := filepath.Join(t.TempDir(), "trace")
	r := m.run("setsid", "--wait", "strace", "-f", "-qq", "-u", "anna", "-E", "HOME="+anna.home(), "-o", trace,
		"-e", "trace=open,openat,openat2", "sh", "-c", `exec "$0" <&-`, script)
	require.Equal(t, 4, r.code, "%s", r)
	var terminals []string
	opened := m.read(trace)
	for line := range strings.Lines(opened) {
		if strings.Contains(line, `"/dev/`) && !strings.Contains(line, `"/dev/null"`) {
			terminals = append(terminals, line)
		}
	}
	require.Empty(t, terminals)
	require.True(t, strings.Contains(opened, "ledger.json"), "the trace does not have what devcert opens")
}

// TestOnboardAsksNobody is a user at a terminal, whom sudo would ask for a password:
// the script ends all the same, and nobody asked.
func TestOnboardAsksNobody(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withPassword)
	user := m.as(anna)
	script := user.onboarding()
	master, slave := terminal(t)
	cmd := user.command(t.Context(), script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setctty = true
	require.NoError(t, cmd.Start())
	require.NoError(t, slave.Close())
	var shown strings.Builder
	for buffer := make([]byte, 4096); ; {
		n, err := master.Read(buffer)
		shown.Write(buffer[:n])
		if errors.Is(err, syscall.EIO) { // all who had the terminal have ended
			break
		}
		require.NoError(t, err)
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, 4, cmd.ProcessState.ExitCode(), shown.String())
	require.Contains(t, shown.String(), "devcert: what is left needs administrator rights")
	require.NotRegexp(t, `(?i)\[sudo\]|password( for .*)?: `, shown.String())
}

// terminal is a new one, as its two ends.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, slave.Chown(int(anna.id), int(anna.id)))
	return master, slave
}

// TestOnboardADownload is what a team hosts, taken by root into /usr/local/bin.
func TestOnboardADownload(t *testing.T) {
	m := newMachine(t, "/usr/local/bin")
	script := filepath.Join(m.home(), "onboard.sh")
	m.install(script, filepath.Join(suite.checkout, "scripts/onboard.sh"))
	data, err := os.ReadFile(m.bin)
	require.NoError(t, err)
	host := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
	t.Cleanup(host.Close)
	ca := filepath.Join(m.home(), "ca.pem")
	m.write(ca, string(chain.EncodeCertificates(host.Certificate())))
	sum, _, _ := strings.Cut(m.must("sha256sum", m.bin), " ")
	taken := m.with("CURL_CA_BUNDLE="+ca, "DEVCERT_URL="+host.URL, "DEVCERT_SHA256="+sum)

	wrong := taken.with("DEVCERT_SHA256="+strings.Repeat("0", 64)).onboard(1, script)
	require.Contains(t, wrong.stderr, "not kept")
	require.NoFileExists(t, "/usr/local/bin/devcert")
	require.NoDirExists(t, m.state())

	require.Contains(t, taken.onboard(0, script).stdout, "devcert: set up; ")
	require.FileExists(t, "/usr/local/bin/devcert")
	m.requireUnchangedSoon(script) // it is on PATH from now on
}

// TestOnboardWithATeamsFile is a devcert.json in a repository: found it may add names
// and ports, and named all of it counts, a new permit with a yes.
func TestOnboardWithATeamsFile(t *testing.T) {
	m := newMachine(t)
	script := m.onboarding()
	m.dir = filepath.Dir(script)
	require.NoError(t, os.Mkdir(filepath.Join(m.dir, ".git"), 0o755))
	m.write(filepath.Join(m.dir, ".git/HEAD"), "ref: refs/heads/main\n")
	m.write(filepath.Join(m.dir, "devcert.json"), `{"schema": 1, "names": ["shop.dev.internal"], "permit": ["example.org"], "ports": "44300-44301"}`)

	r := m.onboard(0, script)
	require.Contains(t, m.requireHealthy().Hierarchy.Leaf.Names, "shop.dev.internal", "%s", r)
	line := regexp.MustCompile(`(?m)^.*devcert\.json asks for more, which counts only with:\n  (\S.*)$`).FindStringSubmatch(r.stdout)
	require.NotNil(t, line, "%s", r)
	require.Contains(t, line[1], "setup --config ")

	m.requireUnchanged(func() { m.onboard(5, script, "--config", "devcert.json") }, homes())
	require.Contains(t, m.onboard(0, script, "--config", "devcert.json", "--yes").stdout, "devcert: set up; ")
	m.requireHealthy()
	m.requireUnchangedSoon(script, "--config", "devcert.json")

	m.write(filepath.Join(m.dir, "devcert.json"), "{\n  \"schema\": 1,\n  \"permits\": [\"com\"]\n}\n")
	r = m.onboard(2, script, "--config", "devcert.json")
	require.Regexp(t, `^devcert: refused, and nothing was changed: .*devcert\.json:3:3`, r.stdout)
}
