package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// A doctor that is killed cannot clean up: the next one does, and ends what is
// still running there.
func TestWhatAKilledDoctorLeavesGoes(t *testing.T) {
	a := newHall(t)
	doctor := exec.Command(os.Args[0], fakeFlag, "doctor", a.root, a.notes)
	require.NoError(t, doctor.Start())
	t.Cleanup(func() { _ = doctor.Process.Kill(); _ = doctor.Wait() })
	note := filepath.Join(a.notes, "pid")
	require.Eventually(t, func() bool { _, err := os.Stat(note); return err == nil }, 20*time.Second, 10*time.Millisecond)

	folders := func() []string {
		left, err := filepath.Glob(filepath.Join(a.tmp, scratchPrefix+"*"))
		require.NoError(t, err)
		return left
	}
	used := folders()
	require.Len(t, used, 1)
	sweep(time.Now().Add(48 * time.Hour))
	require.Equal(t, used, folders(), "one that is used stays, however old it is")

	require.NoError(t, doctor.Process.Kill())
	_ = doctor.Wait()
	require.Equal(t, used, folders(), "it left its folder")
	if runtime.GOOS == "windows" {
		endClient(t, note) // with its job, but not in Wine; nobody removes the folder that it is in
	}
	a.ask(t, t.Context(), fake("honest", a.root, a.notes, false)) // requires that nothing is left
	if runtime.GOOS == "linux" {
		requireGone(t, note)
	}
}

func endClient(t *testing.T, note string) {
	t.Helper()
	text, err := os.ReadFile(note)
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	if client, err := os.FindProcess(pid); err == nil {
		_ = client.Kill()
		_, _ = client.Wait()
	}
}

// requireGone requires that the process with the number in a file has ended; one
// that nobody waited for is a zombie.
func requireGone(t *testing.T, note string) {
	t.Helper()
	pid, err := os.ReadFile(note)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(filepath.Join("/proc", string(pid), "stat"))
		return err != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 10*time.Millisecond, "the client still runs")
}

// examineHanging is a doctor whose client does not come back.
func examineHanging(root, notes string) int {
	k := fake("hanging", root, notes, false)
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	if err != nil {
		return 1
	}
	c := &Clients{kinds: []kind{k}}
	_, err = c.Ask(context.Background(), []devcert.Client{{Name: k.name, Path: os.Args[0]}}, devcert.Exam{
		Inside: serving(h, h.Leaf), Root: h.Root, Limit: time.Minute,
	})
	if err != nil {
		return 1
	}
	return 0
}

func TestSweep(t *testing.T) {
	const ours = "devcert-ask-123456"
	for _, row := range []struct {
		name  string
		build func(t *testing.T, dir string) // dir is where a folder of a client's would be
		as    string                         // "" for ours
		old   bool
		stays bool
	}{
		{name: "nobody uses it", build: folder(true, 0o700)},
		{name: "of an earlier version", build: folder(false, 0o700), old: true},
		{name: "about to be used", build: folder(false, 0o700), stays: true},
		{name: "used", build: func(t *testing.T, dir string) {
			folder(true, 0o700)(t, dir)
			lock := flock.New(filepath.Join(dir, inUse))
			locked, err := lock.TryLock()
			require.NoError(t, err)
			require.True(t, locked)
			t.Cleanup(func() { _ = lock.Close() })
		}, old: true, stays: true},
		{name: "another name", as: "devcert-ask-mine", build: folder(true, 0o700), old: true, stays: true},
		{name: "a longer name", as: ours + ".bak", build: folder(true, 0o700), old: true, stays: true},
		{name: "a file", build: func(t *testing.T, dir string) { require.NoError(t, os.WriteFile(dir, nil, 0o600)) }, old: true, stays: true},
	} {
		t.Run(row.name, func(t *testing.T) { requireSwept(t, row.build, ours, row.as, row.old, row.stays) })
	}
}

func requireSwept(t *testing.T, build func(*testing.T, string), name, as string, old, stays bool) {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("TMP", tmp)
	if as != "" {
		name = as
	}
	build(t, filepath.Join(tmp, name))
	now := time.Now()
	if old {
		now = now.Add(2 * abandoned)
	}
	sweep(now)
	entries, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Equal(t, stays, len(entries) == 1, entries)
}

// folder makes one as a client's run leaves it.
func folder(lock bool, mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, ".config", "x"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".config", "x", "y"), nil, 0o400))
		if lock {
			require.NoError(t, os.WriteFile(filepath.Join(dir, inUse), nil, 0o600))
		}
		require.NoError(t, os.Chmod(dir, mode))
	}
}
