package systemtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// machineFolder is devcert's own while it changes the system's store.
const machineFolder = "/var/lib/devcert"

const updateTool = "/usr/sbin/update-ca-certificates"

func TestTheWaitForTheStoreIsToldAndEnds(t *testing.T) {
	m := newMachine(t)
	m.sudoers(withoutAsking)
	require.NoError(t, os.Mkdir(machineFolder, 0o700))
	other := m.command(t.Context(), "flock", machineFolder, "sleep", "10") // longer than two rounds may take
	require.NoError(t, other.Start())
	time.Sleep(200 * time.Millisecond)
	for _, u := range []user{root, anna} {
		started := time.Now()
		r := m.as(u).devcert(6, "setup", "--timeout", "1500ms")
		require.Less(t, time.Since(started), 4*time.Second)
		require.Contains(t, r.stderr, "waiting for another devcert to finish with the machine's stores")
		require.Contains(t, r.stderr, "another devcert is still changing the system store")
		require.Contains(t, r.stderr, "--timeout")
	}
	m.devcert(0, "setup")
	m.requireHealthy()
	require.NoError(t, other.Wait())
	require.NoDirExists(t, machineFolder)
}

// slowTool makes the store's tool take its time. The funcs returned wait until the
// tool has begun, and tell of its runs: a b for each that began, an e for each that ended.
func (m *machine) slowTool(seconds int) (begun func(), runs func() string) {
	m.t.Helper()
	dir := m.t.TempDir()
	m.must("cp", updateTool, dir+"/real")
	m.replace(updateTool, "#!/bin/sh -e\nprintf b >>"+dir+"/runs\nsleep "+strconv.Itoa(seconds)+"\n"+dir+"/real \"$@\"\nprintf e >>"+dir+"/runs\n")
	runs = func() string {
		all, err := os.ReadFile(dir + "/runs")
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(m.t, err)
		}
		return string(all)
	}
	return func() {
		m.t.Helper()
		require.Eventually(m.t, func() bool { return runs() != "" }, 20*time.Second, 20*time.Millisecond)
	}, runs
}

// TestStoppedWhileTheStoreIsChanged is a signal while the tool runs: it finishes,
// what is said is true, and the next setup goes on from there.
func TestStoppedWhileTheStoreIsChanged(t *testing.T) {
	for _, row := range []struct {
		name string
		who  user
		with []string
		stop func(cmd *exec.Cmd) error
	}{
		{"Ctrl-C", root, nil, func(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }},
		{"a signal to the whole group", root, nil, func(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }},
		{"kill", root, nil, func(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) }},
		{"a user's Ctrl-C", anna, nil, func(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGINT) }},
		{"sudo devcert and Ctrl-C", anna, []string{"sudo"}, func(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			m.sudoers(withoutAsking)
			begun, runs := m.slowTool(2)
			user := m.as(row.who)
			line := append(append([]string{}, row.with...), m.bin, "setup")
			cmd := user.command(t.Context(), line[0], line[1:]...)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			require.NoError(t, cmd.Start())
			begun()
			require.NoError(t, row.stop(cmd))
			require.Error(t, cmd.Wait())
			require.Equal(t, 1, cmd.ProcessState.ExitCode(), said.String())
			require.Equal(t, "be", runs(), "it finishes, and is not begun again")
			require.Contains(t, said.String(), "stopping; a tool that changes the machine's stores finishes what it has begun")
			require.Contains(t, said.String(), "devcert: interrupted")

			for _, f := range user.status().Findings {
				require.NotEqual(t, bundle, f.Where, "half a change: %+v\n%s", f, said.String())
			}
			require.NoDirExists(t, machineFolder)
			user.devcert(0, "setup")
			user.requireOneRoot(user.requireHealthy())
		})
	}
}

// TestKilledWhileTheStoreIsChanged: what a killed process was in the midst of
// lies where only root can look, and goes with the next change.
func TestKilledWhileTheStoreIsChanged(t *testing.T) {
	m := newMachine(t)
	pristine := m.snapshot()
	temporary := func() (found []string) {
		for _, pattern := range []string{"devcert-*.conf", "devcert-tools-*", "truststore.*"} {
			paths, err := filepath.Glob(filepath.Join(os.TempDir(), pattern))
			require.NoError(t, err)
			found = append(found, paths...)
		}
		return found
	}
	before := temporary()
	begun, _ := m.slowTool(30)
	cmd := m.command(t.Context(), m.bin, "setup")
	require.NoError(t, cmd.Start())
	begun()
	require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
	require.Error(t, cmd.Wait())
	require.Equal(t, before, temporary())
	require.DirExists(t, machineFolder)
	m.must("umount", updateTool)

	m.devcert(0, "setup")
	m.requireHealthy()
	require.NoDirExists(t, machineFolder)
	m.devcert(0, "uninstall", "--yes")
	m.requireGone(pristine)
}

func TestALostAnchorsLinksAreSeenAndMended(t *testing.T) {
	m := healthyMachine(t)
	m.remove(m.anchor())
	m.must("update-ca-certificates")
	require.NotEmpty(t, m.danglingLinks())
	doc := m.status()
	require.Equal(t, []string{"trust-missing"}, doc.kinds())
	require.Contains(t, doc.Findings[0].Message, "which leads nowhere")
	m.devcert(0, "repair")
	m.requireHealthy()
	require.Empty(t, m.danglingLinks())
}

const (
	anchorsFolder = "/usr/local/share/ca-certificates"
	certsFolder   = "/etc/ssl/certs"
)

// readOnly makes a folder one where nobody can write, until writable.
func (m *machine) readOnly(folder string) {
	m.t.Helper()
	m.must("mount", "--bind", folder, folder)
	m.must("mount", "-o", "remount,bind,ro", folder)
}

// full puts a folder on a disk of its own that has no room, until emptied.
func (m *machine) full(folder string) {
	m.t.Helper()
	copied := m.t.TempDir()
	m.must("cp", "-a", folder+"/.", copied)
	m.must("mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "disk", folder)
	m.must("cp", "-a", copied+"/.", folder)
	require.NotZero(m.t, m.run("dd", "if=/dev/zero", "of="+folder+"/full").code)
}

func (m *machine) writable(folder string) { m.t.Helper(); m.must("umount", folder) }

// TestAStoreThatCannotBeWrittenSaysWhy: one short line, and what to do.
func TestAStoreThatCannotBeWrittenSaysWhy(t *testing.T) {
	fullSays, fullRemedy := "rebuild "+bundle+": update-ca-certificates: exit status ", "free space in "+certsFolder+" and /tmp"
	if _, err := os.Stat(javaStore); err == nil { // a copy of it comes before the tool
		fullSays, fullRemedy = "keep a copy of "+javaStore+": no space left on device", "free space in "+filepath.Dir(javaStore)
	}
	for _, row := range []struct {
		name         string
		harm         func(m *machine)
		says, remedy string
		mend         func(m *machine)
	}{
		{"anchors read-only", func(m *machine) { m.readOnly(anchorsFolder) },
			"write " + anchorsFolder + "/devcert-ID.crt: read-only file system", "make " + anchorsFolder + " writable",
			func(m *machine) { m.writable(anchorsFolder) }},
		{"anchors full", func(m *machine) { m.full(anchorsFolder) },
			"write " + anchorsFolder + "/devcert-ID.crt: no space left on device", "free space in " + anchorsFolder,
			func(m *machine) { m.writable(anchorsFolder) }},
		{"bundle read-only", func(m *machine) { m.readOnly(certsFolder) },
			"rebuild " + bundle + ": update-ca-certificates: exit status ", "make " + certsFolder + " and /tmp writable",
			func(m *machine) { m.writable(certsFolder) }},
		{"bundle full", func(m *machine) { m.full(certsFolder) }, fullSays, fullRemedy,
			func(m *machine) { m.writable(certsFolder) }},
		{"the tool fails", func(m *machine) { m.replace(updateTool, "#!/bin/sh\necho begun\necho because >&2\nexit 3\n") },
			"rebuild " + bundle + ": update-ca-certificates: exit status 3: because", "run update-ca-certificates by hand",
			func(m *machine) { m.must("umount", updateTool) }},
	} {
		for _, u := range []user{root, anna} { // anna's error comes from root's child
			t.Run(row.name+", "+u.name, func(t *testing.T) {
				m := newMachine(t)
				m.sudoers(withoutAsking)
				user := m.as(u)
				row.harm(m)
				requireBrief := func(text, id string) {
					require.Contains(t, text, strings.ReplaceAll(row.says, "ID", id))
					require.Less(t, len(text), 300)
					for _, noise := range []string{"BEGIN", "MII", "/usr/bin/env", "tee"} {
						require.NotContains(t, text, noise)
					}
				}
				r := user.devcert(6, "setup", "--json")
				var doc struct {
					document
					Remedy string
				}
				require.NoError(t, json.Unmarshal([]byte(r.stdout), &doc), "%s", r)
				requireBrief(*doc.Error, doc.Hierarchy.ID)
				require.True(t, strings.HasPrefix(doc.Remedy, row.remedy), "%s", r)
				require.Empty(t, m.anchors())

				r = user.devcert(6, "repair")
				line, rest, _ := strings.Cut(r.stderr[strings.Index(r.stderr, "devcert: "):], "\n")
				requireBrief(line, doc.Hierarchy.ID)
				require.True(t, strings.HasPrefix(rest, "  "+row.remedy), "%s", r)

				row.mend(m)
				user.devcert(0, "repair")
				user.requireHealthy()
				if row.name == "anchors full" {
					return // to remove takes no room
				}
				row.harm(m)
				r = user.devcert(6, "uninstall", "--yes")
				require.Contains(t, r.stderr, "\n  "+row.remedy)
				require.Less(t, len(r.stderr), 900)
				row.mend(m)
				user.devcert(0, "uninstall", "--yes")
				require.Empty(t, m.bundled())
				require.Empty(t, m.anchors())
			})
		}
	}
}

// TestADamagedAnchorIsDevcerts is one that holds no certificate: status names it,
// and uninstall removes it.
func TestADamagedAnchorIsDevcerts(t *testing.T) {
	for _, row := range []struct {
		name, says string
		harm       func(m *machine, path string)
	}{
		{"junk", "which holds no certificate", func(m *machine, path string) { m.write(path, "# junk\n") }},
		{"junk and bundle rebuilt", "which holds no certificate", func(m *machine, path string) {
			m.write(path, "# junk\n")
			m.must("update-ca-certificates")
		}},
		{"cut short", "which holds no certificate", func(m *machine, path string) { m.write(path, m.read(path)[:300]) }},
		{"a dangling link", "a link to /nowhere/root.pem, which leads nowhere", func(m *machine, path string) {
			m.remove(path)
			m.must("ln", "-s", "/nowhere/root.pem", path)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			pristine := m.snapshot()
			m.devcert(0, "setup")
			path := m.anchor()
			row.harm(m, path)
			require.Contains(t, m.status().Findings[0].Message, path+", "+row.says)
			r := m.devcert(0, "uninstall", "--yes")
			require.Contains(t, r.stdout, "Nothing of devcert's is left.")
			m.requireGone(pristine)
		})
	}
}
