package nss

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"devcert/devcert"
	"devcert/platform/run"
)

// requireUnknown also proves that the error tells a person what to do.
func requireUnknown(t *testing.T, tool Tool, dir string, says string) {
	t.Helper()
	seen, err := tool.Look(t.Context(), dir, newRoot(t))
	requireRemedy(t, err, dir)
	require.ErrorContains(t, err, says)
	require.Equal(t, devcert.Unknown, seen.State)
	require.Equal(t, err.Error(), seen.Evidence)
}

func requireRemedy(t *testing.T, err error, file string) {
	t.Helper()
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	require.Contains(t, remedied.Remedy(), file)
}

// protect gives a database a password, as somebody would.
func newProtected(t *testing.T, tool Tool) (dir, password string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "of mine")
	require.NoError(t, os.Mkdir(dir, 0o700))
	password = filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("secret\n"), 0o600))
	_, err := run.Command{Path: tool.Path, Args: []string{"-N", "-d", "sql:" + dir, "-f", password}}.Run(t.Context())
	require.NoError(t, err)
	return dir, password
}

// Trust needs the password: what certutil leaves behind without it is no use to
// anybody and is taken out again.
func TestPassword(t *testing.T) {
	tool := realTool(t)
	dir, password := newProtected(t, tool)
	root := newRoot(t)
	began := time.Now()
	err := tool.Add(t.Context(), dir, root)
	require.Less(t, time.Since(began), 5*time.Second, "it waited for somebody")
	requireRemedy(t, err, dir)
	require.ErrorContains(t, err, "SEC_ERROR_BAD_PASSWORD")
	require.NotContains(t, err.Error(), "incorrect", "nobody typed any")
	requireRemedy(t, err, "devcert export root | certutil -d 'sql:"+dir+"' -A")
	requireState(t, tool, dir, devcert.Missing, root)
	require.Empty(t, parseListing([]byte(certutil(t, tool, dir, nil, "-L"))))

	add := run.Command{Path: tool.Path, Args: []string{"-A", "-d", "sql:" + dir, "-f", password, "-t", "C,,", "-n", "a"}}
	add.Stdin = bytes.NewReader(root.Raw)
	_, err = add.Run(t.Context())
	require.NoError(t, err)
	requireState(t, tool, dir, devcert.Trusted, root)
	require.NoError(t, tool.Remove(t.Context(), dir, root))
	requireState(t, tool, dir, devcert.Missing, root)
}

// The same with a terminal: certutil asks there, whatever its standard input is.
func TestPasswordIsNotAskedFor(t *testing.T) {
	tool := realTool(t)
	if os.Getenv("NSS_TEST_TERMINAL") != "" {
		dir, _ := newProtected(t, tool)
		requireRemedy(t, tool.Add(t.Context(), dir, newRoot(t)), dir)
		return
	}
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("script, which makes a terminal, is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, script, "-qec", os.Args[0]+" -test.run=^TestPasswordIsNotAskedFor$", os.DevNull)
	cmd.Env = append(os.Environ(), "NSS_TEST_TERMINAL=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "PASS")
}

func TestDamaged(t *testing.T) {
	tool := realTool(t)
	for _, row := range []struct {
		name  string
		harm  func(t *testing.T, dir string)
		says  string
		sound bool // so far as a look goes
	}{
		{"not a database", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, certFile), []byte("nothing"), 0o600))
		}, "not an SQLite database", false},
		{"empty", func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, certFile), 0))
		}, "not an SQLite database", false},
		{"a folder", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, certFile)))
			require.NoError(t, os.Mkdir(filepath.Join(dir, certFile), 0o700))
		}, "not a regular file", false},
		{"a FIFO", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, certFile)))
			require.NoError(t, unix.Mkfifo(filepath.Join(dir, certFile), 0o600))
		}, "not a regular file", false},
		{"torn pages", func(t *testing.T, dir string) {
			file, err := os.OpenFile(filepath.Join(dir, certFile), os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteAt(make([]byte, 200), 20)
			require.NoError(t, err)
			require.NoError(t, file.Close())
		}, "SEC_ERROR_BAD_DATABASE", true},
		{"no key database", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, keyFile)))
		}, "key4.db, which vouches", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, root := newDatabase(t, tool), newRoot(t)
			require.NoError(t, tool.Add(t.Context(), dir, root))
			row.harm(t, dir)
			requireUnknown(t, tool, dir, row.says)
			seen, err := tool.Look(t.Context(), dir, root)
			require.Error(t, err)
			require.Equal(t, devcert.Unknown, seen.State)
			if row.sound {
				return
			}
			requireRemedy(t, tool.Add(t.Context(), dir, root), dir)
			requireRemedy(t, tool.Remove(t.Context(), dir, root), dir)
		})
	}
}

func TestNoDatabase(t *testing.T) {
	tool := realTool(t)
	root := newRoot(t)
	for name, dir := range map[string]string{
		"no folder": filepath.Join(t.TempDir(), "none"), "an empty one": t.TempDir(),
	} {
		t.Run(name, func(t *testing.T) {
			requireState(t, tool, dir, devcert.Missing, root)
			err := tool.Add(t.Context(), dir, root)
			require.ErrorIs(t, err, fs.ErrNotExist)
			requireRemedy(t, err, "the browser")
			require.NoError(t, tool.Remove(t.Context(), dir, root))
			_, err = os.Stat(filepath.Join(dir, certFile))
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

// lockLike takes SQLite's locks as another process: record locks of one process
// do not meet each other, those of an open file do.
func lockLike(t *testing.T, dir string, start, length int64) (unlock func()) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, certFile), os.O_RDWR, 0)
	require.NoError(t, err)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: length}
	require.NoError(t, unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock))
	return func() { _ = file.Close() }
}

func TestLocked(t *testing.T) {
	tool := realTool(t)
	dir, root := newDatabase(t, tool), newRoot(t)
	require.NoError(t, tool.Add(t.Context(), dir, newRoot(t)))
	unlock := lockLike(t, dir, lockStart, 512) // exclusive: even readers wait
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := tool.Add(ctx, dir, root)
	requireRemedy(t, err, "close the browser")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 3*time.Second)
	requireUnknown(t, tool, dir, "is locked by") // after lockWait
	require.Less(t, time.Since(began), lockWait+3*time.Second)

	go func() { time.Sleep(200 * time.Millisecond); unlock() }()
	require.NoError(t, tool.Add(t.Context(), dir, root), "it did not wait for the lock")
	requireState(t, tool, dir, devcert.Trusted, root)
}

// Where root runs the tests, permissions hold nobody back: they are tried as
// another user.
func TestReadOnly(t *testing.T) {
	tool := realTool(t)
	if dir := os.Getenv("NSS_TEST_READONLY"); dir != "" {
		der, err := os.ReadFile(filepath.Join(dir, "root.der"))
		require.NoError(t, err)
		root := certificates(der)[0]
		requireState(t, tool, dir, devcert.Trusted, root)
		err = tool.Add(t.Context(), dir, newRoot(t))
		requireRemedy(t, err, "make "+dir+" writable")
		requireRemedy(t, tool.Remove(t.Context(), dir, root), "make "+dir+" writable")
		requireState(t, tool, dir, devcert.Trusted, root)
		return
	}
	dir, root := newDatabase(t, tool), newRoot(t)
	require.NoError(t, tool.Add(t.Context(), dir, root))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root.der"), root.Raw, 0o600))
	runReadOnly(t, dir, "root.der")
}

// runReadOnly runs the test once more, in a process that may read the database in
// dir, and the file of the test's, and write neither.
func runReadOnly(t *testing.T, dir, file string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "NSS_TEST_READONLY="+dir)
	if os.Geteuid() == 0 {
		image := filepath.Join(dir, "test")
		data, err := os.ReadFile(os.Args[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(image, data, 0o755))
		for path := dir; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
			require.NoError(t, os.Chmod(path, 0o755))
		}
		for _, name := range []string{certFile, keyFile, "pkcs11.txt", file} {
			require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o644))
		}
		cmd.Path, cmd.Dir = image, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	} else {
		require.NoError(t, os.Chmod(dir, 0o500))
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: "+t.Name()+" ")
}

// Trust is vouched for by the key database: without it, and with another one, the
// root is not trusted as before, which is seen and mended.
func TestKeyDatabase(t *testing.T) {
	tool := realTool(t)
	for name, harm := range map[string]func(t *testing.T, keys string){
		"gone": func(t *testing.T, keys string) { require.NoError(t, os.Remove(keys)) },
		"another": func(t *testing.T, keys string) {
			data, err := os.ReadFile(filepath.Join(newDatabase(t, tool), keyFile))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(keys, data, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, root := newDatabase(t, tool), newRoot(t)
			require.NoError(t, tool.Add(t.Context(), dir, root))
			harm(t, filepath.Join(dir, keyFile))
			seen, _ := tool.Look(t.Context(), dir, root)
			require.NotEqual(t, devcert.Trusted, seen.State)
			require.NotEqual(t, devcert.Missing, seen.State)
			require.NoError(t, tool.Add(t.Context(), dir, root))
			requireState(t, tool, dir, devcert.Trusted, root)
		})
	}
}

// A certutil that hangs is ended with its time.
func TestHangingTool(t *testing.T) {
	tool := realTool(t)
	dir, root := newDatabase(t, tool), newRoot(t)
	require.NoError(t, tool.Add(t.Context(), dir, root))
	hanging := Tool{filepath.Join(t.TempDir(), "certutil")}
	require.NoError(t, os.WriteFile(hanging.Path, []byte("#!/bin/sh\nsleep 100\n"), 0o755))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	seen, err := hanging.Look(ctx, dir, root)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireRemedy(t, err, dir)
	require.Equal(t, devcert.Unknown, seen.State)
}

// An NSS of PKCS #11 3.2 may keep the trust where certutil does not see it.
func TestNewerDatabase(t *testing.T) {
	for _, row := range []struct {
		trust string
		newer bool
		want  devcert.PlaceState
	}{
		{",,", false, devcert.Denied},
		{",,", true, devcert.Unknown},
		{"p,,", true, devcert.Denied},
		{"C,,", true, devcert.Trusted},
		{"Cp,,", false, devcert.Denied},
		{"P,,", false, devcert.Denied},
		{",C,C", false, devcert.Denied},
	} {
		state, evidence := stateOf(row.trust, row.newer)
		require.Equal(t, row.want, state, row.trust)
		require.Equal(t, row.want == devcert.Trusted, evidence == "")
	}
}
