package systemtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/cli/schema/schematest"
)

// machine is a machine of its own, seen by one of its users. All of a test that
// touches it must be on the goroutine that made it: only that one's thread is in
// the machine's namespace. A subtest has another.
type machine struct {
	t    *testing.T
	user user
	env  []string      // beyond PATH, HOME, USER and LANG
	bin  string        // the devcert to start
	dir  string        // working folder; "" for the user's home
	wait time.Duration // for a process; 0 for limit
}

// user is an account of the machine.
type user struct {
	name string
	id   uint32
}

var (
	root = user{"root", 0}
	anna = user{"anna", 2001}
	bert = user{"bert", 2002}
)

func (u user) home() string { return filepath.Join(homes(), u.name) }

// newImage is a machine on which devcert has never run. Its bundle is what its
// own tool makes of it, so that a later change is devcert's. It has few roots, but for
// Java's: the tool starts ten processes for each, and is run some hundred times. The
// names are for clients that take no option for where to connect.
var newImage = sync.OnceValues(func() (image, error) {
	for _, u := range []user{root, anna, bert} {
		if err := errors.Join(os.MkdirAll(u.home(), 0o755), os.Chown(u.home(), int(u.id), int(u.id))); err != nil {
			return image{}, err
		}
	}
	return freeze(image{}, func() error {
		if err := keepFewRoots(debianRoots); err != nil {
			return err
		}
		if _, err := output("update-ca-certificates", "--fresh"); err != nil {
			return err
		}
		accounts := func(format string) string {
			return fmt.Sprintf(format, anna.name, anna.id, anna.home()) + fmt.Sprintf(format, bert.name, bert.id, bert.home())
		}
		return errors.Join(
			appendTo("/etc/hosts", "127.0.0.1 example.com app.test app.example.org\n"),
			appendTo("/etc/passwd", accounts("%[1]s:x:%[2]d:%[2]d::%[3]s:/bin/sh\n")),
			appendTo("/etc/group", accounts("%[1]s:x:%[2]d:\n")),
			appendTo("/etc/shadow", accounts("%[1]s:!:20000::::::\n")),
		)
	})
})

// healthyImage is a new machine after root's `devcert setup`.
var healthyImage = sync.OnceValues(func() (image, error) {
	base, err := newImage()
	if err != nil {
		return base, err
	}
	return freeze(base, func() error {
		cmd := exec.Command(suite.devcert, "setup")
		cmd.Env = environment(root)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("devcert setup: %w\n%s", err, out)
		}
		return nil
	})
})

// debianRoots is how many of the roots that Debian brings a new machine trusts.
const debianRoots = 10

// keepFewRoots leaves so many of them to the tool. Java's keystore keeps all that it
// has: a root that is no longer listed is not one to remove.
func keepFewRoots(n int) error {
	const conf = "/etc/ca-certificates.conf"
	text, err := os.ReadFile(conf)
	if err != nil {
		return err
	}
	var roots []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "mozilla/") && len(roots) < n {
			roots = append(roots, line)
		}
	}
	if len(roots) < n {
		return fmt.Errorf("%s has %d roots of Debian's", conf, len(roots))
	}
	return os.WriteFile(conf, []byte(strings.Join(roots, "")), 0o644)
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// newMachine is a machine on which devcert has never run, seen by root. Folders
// named in also are the machine's own too.
func newMachine(t *testing.T, also ...string) *machine {
	t.Helper()
	return startMachine(t, newImage, also)
}

// healthyMachine is a machine that root has set up.
func healthyMachine(t *testing.T, also ...string) *machine {
	t.Helper()
	return startMachine(t, healthyImage, also)
}

// machineAfter is what work makes of a new machine, for many to start from.
func machineAfter(t *testing.T, work func(m *machine)) func() (image, error) {
	t.Helper()
	needMachine(t)
	base, err := newImage()
	require.NoError(t, err)
	made, err := freeze(base, func() error {
		work(&machine{t: t, user: root, bin: suite.devcert})
		return nil
	})
	require.NoError(t, err)
	require.False(t, t.Failed(), "work ended early")
	return func() (image, error) { return made, nil }
}

func startMachine(t *testing.T, from func() (image, error), also []string) *machine {
	t.Helper()
	needMachine(t)
	base, err := from()
	require.NoError(t, err)
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	_, err = enter(base, append(private(), also...))
	require.NoError(t, err)
	return &machine{t: t, user: root, bin: suite.devcert}
}

// as is the same machine seen by another user.
func (m *machine) as(u user) *machine {
	other := *m
	other.user = u
	return &other
}

// with is the same machine with further variables.
func (m *machine) with(env ...string) *machine {
	other := *m
	other.env = append(append([]string{}, m.env...), env...)
	return &other
}

// at is the same machine at another time, as devcert sees it.
func (m *machine) at(now time.Time) *machine {
	other := m.with("DEVCERT_TEST_NOW=" + now.UTC().Format(time.RFC3339))
	other.bin = suite.clock
	return other
}

func (m *machine) home() string { return m.user.home() }

// state is a path in the user's state folder.
func (m *machine) state(names ...string) string {
	return filepath.Join(append([]string{m.home(), ".local/share/devcert"}, names...)...)
}

func environment(u user) []string {
	return []string{"PATH=" + systemPath, "HOME=" + u.home(), "USER=" + u.name, "LOGNAME=" + u.name, "LANG=C.UTF-8"}
}

// result is how a process ended.
type result struct {
	line           string
	code           int
	stdout, stderr string
}

// String is for the message of a failed assertion.
func (r result) String() string {
	return fmt.Sprintf("%s\nexit code %d\n%s%s", r.line, r.code, r.stdout, r.stderr)
}

// command prepares a process of the machine's user, in its home, with nothing to
// read and no terminal.
func (m *machine) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(environment(m.user), m.env...)
	if cmd.Dir = m.dir; m.dir == "" {
		cmd.Dir = m.home()
	}
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if m.user.id != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: m.user.id, Gid: m.user.id}
	}
	return cmd
}

// limit ends a process that hangs, such as one that asks somebody.
const limit = 2 * time.Minute

// run runs a process to its end.
func (m *machine) run(name string, args ...string) result {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), cmp.Or(m.wait, limit))
	defer cancel()
	cmd := m.command(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(m.t, err, "%s %v", name, args)
	}
	require.NoError(m.t, ctx.Err(), "%s %v hangs\n%s%s", name, args, &stdout, &stderr)
	line := strings.Join(append([]string{filepath.Base(name)}, args...), " ")
	r := result{line, cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if runsDevcert(append([]string{name}, args...)) && schematest.Asked(args) {
		require.NoError(m.t, schematest.Judge(stdout.Bytes(), r.code), "%s", r)
	}
	return r
}

// runsDevcert says whether a command line starts devcert, maybe by another program.
func runsDevcert(line []string) bool {
	return slices.Contains(line, suite.devcert) || slices.Contains(line, suite.clock)
}

// devcert runs devcert and requires the exit code.
func (m *machine) devcert(code int, args ...string) result {
	m.t.Helper()
	r := m.run(m.bin, args...)
	require.Equal(m.t, code, r.code, "%s", r)
	return r
}

// must runs a command that has to succeed.
func (m *machine) must(name string, args ...string) string {
	m.t.Helper()
	r := m.run(name, args...)
	require.Zero(m.t, r.code, "%s", r)
	return r.stdout
}

// document is what --json prints, as far as the tests ask.
type document struct {
	Exit      int     `json:"exit"`
	Error     *string `json:"error"`
	Hierarchy *struct {
		ID         string
		Root, Leaf *struct {
			Subject, Thumbprint, Fingerprint string
			NotAfter                         time.Time
			Names                            []string
		}
	} `json:"hierarchy"`
	Stores   []struct{ Name, Path, State string } `json:"stores"`
	Bindings []struct {
		Port  int
		State string
	} `json:"bindings"`
	Findings []finding   `json:"findings"`
	Clients  []clientRow `json:"clients"`
}

type finding struct {
	Kind, Severity, Where, Message, Remedy string
	Repairable                             bool
}

// clientRow has what status foresees, and with doctor what it said.
type clientRow struct{ Name, Path, Store, Roots, State, Verdict, Outside, Evidence string }

// status looks, and requires that the exit code says the same as the document.
func (m *machine) status() document {
	m.t.Helper()
	return m.look(m.run(m.bin, "status", "--json"))
}

// look reads what status said. Findings about programs with other roots, and which
// ports the kernel lends, are left out: which of them a machine has is not what a
// test is about, and TestTruth has them all.
func (m *machine) look(r result) document {
	m.t.Helper()
	var doc document
	require.NoError(m.t, json.Unmarshal([]byte(r.stdout), &doc), "%s", r)
	require.Equal(m.t, r.code, doc.Exit, "%s", r)
	require.Empty(m.t, r.stderr, "%s", r)
	doc.Findings = slices.DeleteFunc(doc.Findings, func(f finding) bool {
		return f.Kind == "port-ephemeral" || slices.ContainsFunc(doc.Clients, func(c clientRow) bool { return c.Path == f.Where })
	})
	return doc
}

// kinds lists the kinds of the findings, each once, in the order of the report.
// A warning has a question mark.
func (d document) kinds() []string {
	var all []string
	for _, f := range d.Findings {
		kind := f.Kind
		if f.Severity == "warning" {
			kind += "?"
		}
		if len(all) == 0 || all[len(all)-1] != kind {
			all = append(all, kind)
		}
	}
	return all
}

// requireHealthy requires exit code 0 and no finding at all.
func (m *machine) requireHealthy() document {
	m.t.Helper()
	doc := m.status()
	require.Empty(m.t, doc.Findings)
	require.Zero(m.t, doc.Exit)
	require.NotNil(m.t, doc.Hierarchy)
	return doc
}
