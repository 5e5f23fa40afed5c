package service

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/platform/run"
)

const (
	machineVariable = "DEVCERT_TEST_MACHINE"
	insideVariable  = "DEVCERT_TEST_INSIDE" // a folder for the user to be
	cgroups         = "/sys/fs/cgroup"
	systemdPath     = "/lib/systemd/systemd"
)

// A real systemd, as it runs for a user who is logged in, keeps the service: it
// starts it with the very words, again when it is killed, and ends it.
//
// It runs in a mount namespace of its own, where /run is empty, for root and for a
// user without any rights.
func TestRealSystemd(t *testing.T) {
	if os.Getenv(machineVariable) == "" || os.Geteuid() != 0 {
		t.Skip(machineVariable + " is not set, or this is not root")
	}
	if _, err := os.Stat(systemdPath); err != nil {
		t.Skip("no systemd")
	}
	if home := os.Getenv(insideVariable); home != "" {
		realSystemd(t, home)
		return
	}
	if !grantsCgroups() {
		t.Skip("no control groups can be made here, as in a container")
	}
	for name, uid := range map[string]int{"root": 0, "nobody": 65534} {
		t.Run(name, func(t *testing.T) { inside(t, uid) })
	}
}

// inside runs the test again where it may change what is mounted, for a user whose
// home it makes.
func inside(t *testing.T, uid int) {
	// Not t.TempDir: what is above that is not the other user's to look into.
	home, err := os.MkdirTemp("", "devcert-home-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(home) })
	require.NoError(t, os.Chown(home, uid, uid))
	cmd := exec.Command(os.Args[0], "-test.run=^TestRealSystemd$", "-test.v")
	cmd.Env = append(os.Environ(), insideVariable+"="+home)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	t.Cleanup(func() { removeCgroups(filepath.Base(home)) })
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: TestRealSystemd")
}

// cgroup gives the user a control group of their own, as logind does, and joins it.
func cgroup(t *testing.T, name string, uid int) {
	joined := 0
	for _, root := range []string{cgroups, cgroups + "/systemd", cgroups + "/unified"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
			continue
		}
		dir := filepath.Join(root, name)
		require.NoError(t, os.Mkdir(dir, 0o755))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.NoError(t, os.Chown(dir, uid, uid))
		for _, entry := range entries {
			require.NoError(t, os.Chown(filepath.Join(dir, entry.Name()), uid, uid))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0o600))
		joined++
	}
	require.NotZero(t, joined)
}

// grantsCgroups says whether root may make control groups.
func grantsCgroups() bool {
	name := "devcert-probe-" + strconv.Itoa(os.Getpid())
	defer removeCgroups(name)
	for _, root := range []string{cgroups, cgroups + "/systemd", cgroups + "/unified"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil && os.Mkdir(filepath.Join(root, name), 0o755) != nil {
			return false
		}
	}
	return true
}

func removeCgroups(name string) {
	for _, root := range []string{cgroups, cgroups + "/systemd", cgroups + "/unified"} {
		for _, dir := range []string{"*/*/*", "*/*", "*", ""} { // from the inside out
			found, _ := filepath.Glob(filepath.Join(root, name, dir))
			for _, path := range found {
				_ = syscall.Rmdir(path)
			}
		}
	}
}

// become makes this process the user's, for whom /run/user is made.
func become(t *testing.T, home string) (runtime string, journal func() string) {
	info, err := os.Stat(home)
	require.NoError(t, err)
	uid := int(info.Sys().(*syscall.Stat_t).Uid)
	cgroup(t, filepath.Base(home), uid)
	require.NoError(t, syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	require.NoError(t, syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"))
	require.NoError(t, os.MkdirAll("/run/systemd/system", 0o755)) // sd_booted(3)
	runtime = "/run/user/" + strconv.Itoa(uid)
	require.NoError(t, os.Mkdir("/run/user", 0o755))
	require.NoError(t, os.Mkdir(runtime, 0o700))
	require.NoError(t, os.Chown(runtime, uid, uid))
	journal = listen(t)
	copyOf(t, filepath.Join(home, "devcert"))
	if uid != 0 {
		require.NoError(t, syscall.Setgroups(nil))
		require.NoError(t, syscall.Setgid(uid))
		require.NoError(t, syscall.Setuid(uid))
	}
	return runtime, journal
}

// copyOf puts this program where others may start it.
func copyOf(t *testing.T, path string) {
	self, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer self.Close()
	image, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(image, self)
	require.NoError(t, err)
	require.NoError(t, image.Close())
}

func realSystemd(t *testing.T, home string) {
	runtime, journal := become(t, home)
	defer func() {
		if t.Failed() {
			t.Log(journal())
		}
	}()
	env := []string{"HOME=" + home, "PATH=/usr/bin:/bin"}
	services := New(Options{Env: env, Files: files, User: "anna"})

	s := serving(t, home)
	var late *devcert.NotStartedError
	require.ErrorAs(t, services.Install(t.Context(), s), &late, "nobody is logged in")
	login(t, env, runtime)
	first := waitFor(t, s.Args[1], 0)
	require.Equal(t, s.Args, first.Args, "it starts at the login, with the very words")
	seen := services.Look(t.Context(), s.Name, "")
	require.Equal(t, devcert.Runs, seen.Running, seen.Evidence)
	require.Equal(t, devcert.ServiceStarts, seen.Standing)
	require.Equal(t, "enabled\n", ask(t, runtime, "is-enabled", unitName))

	require.NoError(t, syscall.Kill(first.PID, syscall.SIGKILL))
	second := waitFor(t, s.Args[1], first.PID)
	require.Equal(t, "1\n", strings.TrimPrefix(ask(t, runtime, "show", "--property=NRestarts", unitName), "NRestarts="))
	require.NoError(t, services.Install(t.Context(), s))
	require.NoError(t, syscall.Kill(second.PID, 0), "what is as it should be is not started anew")

	s.Args = append([]string{"serve", s.Args[1]}, "other")
	require.NoError(t, services.Install(t.Context(), s))
	third := waitFor(t, s.Args[1], second.PID)
	require.Equal(t, s.Args, third.Args)

	require.NoError(t, syscall.Kill(third.PID, syscall.SIGTERM))
	eventually(t, func() bool { return services.Look(t.Context(), s.Name, "").Running == devcert.RunsNot }, "a person may stop it")
	require.NoError(t, services.Install(t.Context(), s))
	fourth := waitFor(t, s.Args[1], third.PID)

	require.NoError(t, services.Remove(t.Context(), s.Name, ""))
	require.ErrorIs(t, syscall.Kill(fourth.PID, 0), syscall.ESRCH)
	require.Contains(t, ask(t, runtime, "show", "--property=LoadState,ActiveState", unitName), "LoadState=not-found\nActiveState=inactive\n")
	require.NoDirExists(t, filepath.Join(home, ".config", "systemd"))
	require.Equal(t, devcert.ServiceAbsent, services.Look(t.Context(), s.Name, "").Standing)

	s.Args = []string{"serve", "3"}
	var failed *failedError
	require.ErrorAs(t, services.Install(t.Context(), s), &failed)
	require.Contains(t, failed.why, "after exit status 3")
	s.Args = []string{"serve", "2"}
	require.ErrorAs(t, services.Install(t.Context(), s), &failed)
	require.Contains(t, failed.why, "failed, after exit status 2", "a mistake is not tried again")
	require.NoError(t, services.Remove(t.Context(), s.Name, ""))
	require.NotRegexp(t, `\.service:[0-9]`, journal(), "systemd has nothing to say of any line")
}

// serving is a service that says how it was called, at a path and with words that
// are hard to quote.
func serving(t *testing.T, home string) devcert.Service {
	dir := filepath.Join(home, "an na", "$HOME", "100%h", "ü;x")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	s := devcert.Service{Name: "serve", About: "100% of the ports", Program: filepath.Join(dir, "devcert")}
	require.NoError(t, os.Rename(filepath.Join(home, "devcert"), s.Program))
	s.Args = append([]string{"serve", filepath.Join(dir, "called")}, hard...)
	return s
}

// login starts systemd for the user, and ends it with the test.
func login(t *testing.T, env []string, runtime string) {
	cmd := exec.Command(systemdPath, "--user")
	cmd.Env = append(env, "XDG_RUNTIME_DIR="+runtime, "SYSTEMD_LOG_TARGET=journal")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(runtime, "systemd", "private"))
		return err == nil
	}, "systemd is there")
}

// listen is the journal, as far as systemd itself writes to it.
func listen(t *testing.T) (said func() string) {
	require.NoError(t, os.MkdirAll("/run/systemd/journal", 0o755))
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "/run/systemd/journal/socket", Net: "unixgram"})
	require.NoError(t, err)
	require.NoError(t, os.Chmod("/run/systemd/journal/socket", 0o666))
	t.Cleanup(func() { conn.Close() })
	var mu sync.Mutex
	var all strings.Builder
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			// One entry of a datagram; from PRIORITY=4 down they are complaints.
			if text := string(buf[:n]); strings.Contains(text, "PRIORITY=4\n") || strings.Contains(text, "PRIORITY=3\n") {
				_, message, _ := strings.Cut(text, "MESSAGE=")
				message, _, _ = strings.Cut(message, "\n")
				mu.Lock()
				all.WriteString(message + "\n")
				mu.Unlock()
			}
		}
	}()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

func ask(t *testing.T, runtime string, args ...string) string {
	out, err := run.Command{
		Path: "/usr/bin/systemctl", Args: append([]string{"--user"}, args...),
		Env: append(run.Environment(), "XDG_RUNTIME_DIR="+runtime),
	}.Run(t.Context())
	require.NoError(t, err)
	return string(out)
}

// waitFor waits until the service was started, as another process than before.
func waitFor(t *testing.T, out string, before int) (c called) {
	eventually(t, func() bool {
		data, err := os.ReadFile(out)
		return err == nil && json.Unmarshal(data, &c) == nil && c.PID != before
	}, "it was started, after "+strconv.Itoa(before))
	return c
}

func eventually(t *testing.T, is func() bool, what string) {
	for end := time.Now().Add(15 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}
