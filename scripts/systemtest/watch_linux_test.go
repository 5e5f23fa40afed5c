package systemtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noticed is how long a loss may take to be told on a machine that is busy with
// other tests; on one that is not it is less than two seconds, which is logged.
const noticed = 20 * time.Second

// mended is how long a repair may take, the second of the same loss with the wait
// before it.
const mended = time.Minute

// watched is a devcert watch at work.
type watched struct {
	*machine
	cmd    *exec.Cmd
	output string // the file with what it says
	seen   int    // how much of it was asked about
}

func (m *machine) watch(by []string, args ...string) *watched {
	m.t.Helper()
	output := filepath.Join(m.t.TempDir(), "output")
	file, err := os.Create(output)
	require.NoError(m.t, err)
	defer file.Close()
	line := append(append(by, m.bin, "watch"), args...)
	w := &watched{machine: m, cmd: m.command(context.Background(), line[0], line[1:]...), output: output}
	w.cmd.Stdout, w.cmd.Stderr = file, file
	require.NoError(m.t, w.cmd.Start())
	m.t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	})
	w.says("Ctrl.C ends it")
	return w
}

// says waits for a line that was not asked about yet.
func (w *watched) says(pattern string) (line string) {
	w.t.Helper()
	is := regexp.MustCompile("(?m)^.*" + pattern + ".*$")
	began, most := time.Now(), noticed
	if strings.HasPrefix(pattern, "repaired") {
		most = mended
	}
	for {
		text := w.read(w.output)
		if at := is.FindStringIndex(text[w.seen:]); at != nil {
			line = text[w.seen+at[0] : w.seen+at[1]]
			w.t.Logf("after %4d ms: %s", time.Since(began).Milliseconds(), line)
			return line
		}
		if time.Since(began) > most {
			w.t.Fatalf("nothing says %q after %s:\n%s", pattern, most, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// upTo has later questions be about what is said from now on.
func (w *watched) upTo() { w.seen = len(w.read(w.output)) }

// ends sends a signal and requires the exit code, soon.
func (w *watched) ends(signal os.Signal, code int) {
	w.t.Helper()
	began := time.Now()
	require.NoError(w.t, w.cmd.Process.Signal(signal))
	_ = w.cmd.Wait()
	require.Equal(w.t, code, w.cmd.ProcessState.ExitCode(), w.read(w.output))
	w.t.Logf("ended after %d ms", time.Since(began).Milliseconds())
	require.Less(w.t, time.Since(began), noticed)
	for _, line := range processes(w.t, w.bin) {
		require.NotContains(w.t, line, "watch", "it is left")
	}
}

// processes are the command lines of all that run a program.
func processes(t *testing.T, program string) (lines []string) {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range found {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), program) {
			lines = append(lines, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return lines
}

// losses are what somebody does to a machine, and what a watch calls it.
var losses = []struct {
	name, kind string
	breaks     func(m *machine)
}{
	{"the root is cut out of the system's bundle", "trust-stale: the system store", func(m *machine) { m.cutRoot() }},
	{"the leaf is replaced", "pair-mismatch: localhost.pem", func(m *machine) {
		m.renew(m.state("localhost.pem"), m.read(m.state("root.pem")))
	}},
	{"the table of bindings is changed", "binding-stale: ", func(m *machine) {
		text := m.read(m.state("bindings.json"))
		thumbprint := regexp.MustCompile(`[0-9A-F]{40}`).FindString(text)
		require.NotEmpty(m.t, thumbprint)
		m.renew(m.state("bindings.json"), strings.Replace(text, thumbprint, strings.Repeat("0", 40), 1))
	}},
	{"a profile of Firefox is added", "trust-missing: the firefox store", func(m *machine) { m.listProfile("late") }},
}

// renew writes a file anew under its owner's name, as editors do.
func (m *machine) renew(path, text string) {
	m.t.Helper()
	info, err := os.Stat(path)
	require.NoError(m.t, err)
	stat := info.Sys().(*syscall.Stat_t)
	require.NoError(m.t, os.WriteFile(path+".new", []byte(text), info.Mode().Perm()))
	require.NoError(m.t, os.Chown(path+".new", int(stat.Uid), int(stat.Gid)))
	require.NoError(m.t, os.Rename(path+".new", path))
}

// cutRoot takes the root's block out of the system's bundle.
func (m *machine) cutRoot() {
	m.t.Helper()
	text := strings.TrimSpace(m.read(m.state("root.pem")))
	whole := m.read(bundle)
	require.Contains(m.t, whole, text)
	m.renew(bundle, strings.Replace(whole, text+"\n", "", 1))
}

// listProfile makes a profile as Firefox lists it, which it has not started yet.
func (m *machine) listProfile(name string) {
	m.t.Helper()
	base := filepath.Join(m.home(), ".mozilla", "firefox")
	m.must("mkdir", "-p", filepath.Join(base, "abcdefgh."+name))
	list := filepath.Join(base, "profiles.ini")
	m.must("sh", "-c", fmt.Sprintf(`printf '[Profile0]\nName=%s\nIsRelative=1\nPath=abcdefgh.%[1]s\n' > %s`, name, list))
}

func TestWatchTells(t *testing.T) {
	m := healthyMachine(t)
	w := m.watch(nil)
	require.Contains(t, w.read(w.output), "all is as it should be")
	for _, loss := range losses {
		before := m.snapshot("/etc", "/usr/local/share", m.home())
		loss.breaks(m)
		broken := m.snapshot("/etc", "/usr/local/share", m.home())
		require.NotEmpty(t, before.changed(broken), loss.name)
		line := w.says("lost +" + loss.kind)
		require.Contains(t, line, "devcert repair --only ", "the command that mends it")
		require.Empty(t, broken.changed(m.snapshot("/etc", "/usr/local/share", m.home())), "it changes nothing: %s", loss.name)
		w.upTo()
		m.devcert(0, "repair")
		w.says("healed ")
		time.Sleep(time.Second) // of what repair has changed, the rest is seen
		w.upTo()
	}
	m.cutRoot()
	w.says("lost ")
	w.ends(syscall.SIGTERM, 3)
	m.devcert(0, "repair")
	m.watch(nil).ends(syscall.SIGINT, 0)
}

func TestWatchRepairs(t *testing.T) {
	m := healthyMachine(t)
	w := m.watch(nil, "--repair")
	for _, loss := range losses {
		loss.breaks(m)
		w.says("lost +" + loss.kind)
		w.says("repaired +" + loss.kind)
		w.upTo()
		m.requireHealthy()
	}
	m.remove(m.anchor())
	w.says("repaired ")
	w.upTo()
	w.ends(syscall.SIGTERM, 0)
	m.requireHealthy()
}

// TestWatchWithoutRights repairs what is the user's, and names the command for the
// rest.
func TestWatchWithoutRights(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	user.devcert(0, "setup")
	m.sudoers(withPassword)
	w := user.watch(nil, "--repair")
	w.says("only watched, since to repair it takes administrator rights: .*system")
	user.renew(user.state("localhost.pem"), "")
	user.cutRoot()
	w.says("repaired +leaf-missing: localhost.pem")
	w.says("left +trust-stale: the system store .*needs administrator rights")
	line := strings.TrimPrefix(w.says("^run:  sudo "), "run:  ")
	require.Equal(t, "sudo "+m.bin+" repair --only trust-stale", line)
	w.ends(syscall.SIGTERM, 4)
	require.Equal(t, []string{"trust-stale"}, user.status().kinds())
	user.requireOwned()
	m.sudoers(withoutAsking)
	user.must("sh", "-c", line)
	user.requireHealthy()
}

// TestWatchUnderSudo watches the folder of the user who called, with root's rights
// at hand, and leaves no file of root's there.
func TestWatchUnderSudo(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	user := m.as(anna)
	user.devcert(0, "setup")
	w := user.watch([]string{"sudo"}, "--repair")
	user.cutRoot()
	w.says("repaired +trust-stale: the system store")
	w.upTo()
	user.listProfile("late")
	w.says("repaired +trust-missing: the firefox store")
	w.upTo()
	user.cutRoot() // again, by the same helper
	w.says("repaired +trust-stale: the system store")
	user.requireOwned()
	user.requireHealthy()
	w.ends(syscall.SIGTERM, 0)
}

// TestWatchIsNotFelt measures a watch that waits: its memory, and its time.
func TestWatchIsNotFelt(t *testing.T) {
	m := healthyMachine(t)
	w := m.watch(nil)
	m.cutRoot()
	w.says("lost ")
	// A look that something else on the machine brings about takes time of its own.
	const waits = 20 * time.Second
	used := waits
	for try := 0; try < 4 && used > waits/1000; try++ {
		before := spent(t, w.cmd.Process.Pid)
		time.Sleep(waits)
		used = min(used, spent(t, w.cmd.Process.Pid)-before)
	}
	memory := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(m.read(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid)))
	require.NotNil(t, memory)
	kib, err := strconv.Atoi(memory[1])
	require.NoError(t, err)
	t.Logf("%d KiB, %s of a core in %s", kib, used, waits)
	require.Less(t, kib, 15<<10)
	require.LessOrEqual(t, used, waits/1000, "0.1 % of a core")
	w.ends(syscall.SIGTERM, 3)
}

// spent is the time of a processor that a process has taken, in ticks of 10 ms.
func spent(t *testing.T, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')'):]))
	user, err1 := strconv.Atoi(fields[12]) // utime and stime, proc_pid_stat(5)
	kernel, err2 := strconv.Atoi(fields[13])
	require.NoError(t, err1)
	require.NoError(t, err2)
	return time.Duration(user+kernel) * 10 * time.Millisecond
}
