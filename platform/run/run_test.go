//go:build unix

package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func shell(script string) Command { return Command{Path: "/bin/sh", Args: []string{"-c", script}} }

func TestRunPassesNothingOn(t *testing.T) {
	t.Setenv("LD_PRELOAD", "/nonexistent.so")
	t.Setenv("DPKG_MAINTSCRIPT_PACKAGE", "x")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("TMPDIR", "/nonexistent")
	env, err := Finder{}.Find("env")
	require.NoError(t, err)
	out, err := Command{Path: env}.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, strings.Join(Environment(), "\n")+"\n", string(out))
}

func TestRun(t *testing.T) {
	t.Run("standard input", func(t *testing.T) {
		c := shell("cat; pwd")
		c.Stdin = strings.NewReader("hello\n")
		out, err := c.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello\n/\n", string(out))
	})
	t.Run("no standard input", func(t *testing.T) {
		out, err := shell("cat").Run(t.Context())
		require.NoError(t, err)
		require.Empty(t, out)
	})
	t.Run("a failure shows command, status and output", func(t *testing.T) {
		_, err := shell("echo out; echo why >&2; exit 3").Run(t.Context())
		require.ErrorContains(t, err, "run /bin/sh -c")
		require.ErrorContains(t, err, "exit status 3")
		require.ErrorContains(t, err, "why")
		var failed *Error
		require.ErrorAs(t, err, &failed)
		require.Error(t, failed.Unwrap())
	})
	t.Run("the reason in one line", func(t *testing.T) {
		var failed *Error
		_, err := shell("echo out; echo why >&2; exit 3").Run(t.Context())
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "exit status 3: why", failed.Reason())
		_, err = shell("exit 3").Run(t.Context())
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "exit status 3", failed.Reason())
	})
	t.Run("a relative path is refused", func(t *testing.T) {
		_, err := Command{Path: "sh"}.Run(t.Context())
		require.ErrorContains(t, err, "not an absolute path")
	})
	t.Run("output has an end", func(t *testing.T) {
		out, err := shell("head -c 5000000 /dev/zero").Run(t.Context())
		require.ErrorContains(t, err, "bytes of output")
		require.Len(t, out, MaxOutput)
	})
	t.Run("the error keeps the end of the output", func(t *testing.T) {
		_, err := shell("head -c 100000 /dev/zero | tr '\\0' x; echo the end; exit 1").Run(t.Context())
		require.Less(t, len(err.Error()), 2*tailSize)
		require.True(t, strings.HasSuffix(err.Error(), "the end"))
	})
}

func TestErrorsShowNoCertificatesAndKeys(t *testing.T) {
	const certificate = "-----BEGIN CERTIFICATE-----\nMIIC+/=\nAA==\n-----END CERTIFICATE-----\n"
	const key = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIC\n-----END RSA PRIVATE KEY-----\n"
	for _, row := range []struct{ name, output, want string }{
		{"behind the reason", "tee: why\n" + certificate, "tee: why"},
		{"before the reason", certificate + "tee: why", "tee: why"},
		{"two around it", certificate + "tee: why\n" + key, "tee: why"},
		{"its beginning was not kept", certificate[40:] + "tee: why\n", "tee: why"},
		{"half of its beginning was not kept", key[3:] + "tee: why\n", "tee: why"},
		{"its end was not said", "tee: why\n" + key[:len(key)-9], "tee: why"},
		{"an end alone, and a key", "x\n-----END X-----\n" + key + "tee: why", "tee: why"},
		{"nothing else", certificate, ""},
		{"dashes", "--- why ---", "--- why ---"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, Failed([]string{"tee"}, []byte(row.output), errors.New("exit status 1")).Output)
		})
	}
}

func TestRunKillsTheWholeGroup(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "alive")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := shell("(sleep 1; touch " + marker + ") & sleep 30").Run(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "not done in time")
	require.Less(t, time.Since(started), 5*time.Second)
	time.Sleep(1200 * time.Millisecond)
	require.NoFileExists(t, marker, "a grandchild outlived the limit")
}

// A process that ended well has not failed because of one that it left behind
// and that can still write: what that one says belongs to the output.
func TestRunWaitsForWhatWasLeft(t *testing.T) {
	later := (grace + 500*time.Millisecond).Seconds()
	out, err := shell(fmt.Sprintf("(sleep %g; echo late) & echo early", later)).Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, "early\nlate\n", string(out))

	p, err := shell(fmt.Sprintf("sleep %g & exit 0", later)).Start(Wiring{})
	require.NoError(t, err)
	code, err := p.Wait()
	require.NoError(t, err)
	require.Zero(t, code)
}

// What is in no group of ours cannot be killed, and is not waited for either.
func TestRunLeavesWhatGotAway(t *testing.T) {
	setsid, err := Finder{}.Find("setsid")
	if err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	started := time.Now()
	out, err := shell("echo early; " + setsid + " sleep 10 & exit 0").Run(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "early\n", string(out))
	require.Less(t, time.Since(started), 2*grace+time.Second)
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	put := func(path string, dir, file fs.FileMode) {
		full := filepath.Join(root, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, nil, 0o700))
		require.NoError(t, os.Chmod(full, file))
		require.NoError(t, os.Chmod(filepath.Dir(full), dir))
	}
	put("usr/sbin/plain", 0o755, 0o644)
	put("usr/bin/plain", 0o755, 0o755)
	put("usr/bin/loose", 0o755, 0o775)
	put("usr/bin/data", 0o755, 0o644)
	put("sbin/open", 0o777, 0o755)
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/bin/folder"), 0o755))
	for _, row := range []struct {
		name, tool, want, refused string
	}{
		{"installed means executable", "plain", "usr/bin/plain", ""},
		{"others can change the tool", "loose", "", "can be changed by others"},
		{"others can change the folder", "open", "", "can be changed by others"},
		{"not executable", "data", "", "file does not exist"},
		{"a folder", "folder", "", "file does not exist"},
		{"not there", "nothing", "", "file does not exist"},
		{"a path", "../bin/sh", "", "not a plain file name"},
		{"empty", "", "", "not a plain file name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path, err := Finder{Root: root}.Find(row.tool)
			if row.refused != "" {
				require.ErrorContains(t, err, row.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, filepath.Join(root, row.want), path)
		})
	}
}

func TestFindIgnoresPATH(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sudo-of-a-thief"), []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", dir)
	_, err := Finder{}.Find("sudo-of-a-thief")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestStart(t *testing.T) {
	p, err := shell("echo no >&2; exit 7").Start(Wiring{Name: "named"})
	require.NoError(t, err)
	code, err := p.Wait()
	require.Equal(t, 7, code)
	require.ErrorContains(t, err, "run named -c")
	require.ErrorContains(t, err, "no")

	p, err = shell("kill -TERM $$").Start(Wiring{})
	require.NoError(t, err)
	code, _ = p.Wait()
	require.Equal(t, 128+15, code)

	_, err = Command{Path: "/nonexistent"}.Start(Wiring{})
	require.True(t, errors.Is(err, fs.ErrNotExist), err)
}

func TestEnd(t *testing.T) {
	t.Run("success", func(t *testing.T) {
		end, err := shell("echo out; echo why >&2").End(t.Context())
		require.NoError(t, err)
		require.Equal(t, Ending{Stdout: []byte("out\n"), Stderr: []byte("why\n")}, end)
	})
	t.Run("a failure is an answer", func(t *testing.T) {
		end, err := shell("exit 3").End(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, end.Status)
	})
	t.Run("so is a signal", func(t *testing.T) {
		end, err := shell("kill -9 $$").End(t.Context())
		require.NoError(t, err)
		require.Equal(t, -1, end.Status)
	})
	t.Run("what cannot be started is an error", func(t *testing.T) {
		_, err := Command{Path: "/nonexistent/tool"}.End(t.Context())
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
	t.Run("much output is cut", func(t *testing.T) {
		end, err := shell("head -c 5000000 /dev/zero").End(t.Context())
		require.NoError(t, err)
		require.Zero(t, end.Status)
		require.Equal(t, MaxSaid, len(end.Stdout))
	})
	t.Run("too late", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := shell("sleep 60").End(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("nothing is left running", func(t *testing.T) {
		marker := filepath.Join(t.TempDir(), "marker")
		end, err := shell("(sleep 1; touch " + marker + ") >&- 2>&- & exit 0").End(t.Context())
		require.NoError(t, err)
		require.Zero(t, end.Status)
		time.Sleep(1500 * time.Millisecond)
		require.NoFileExists(t, marker)
	})
	t.Run("the end is not waited for where a child holds the pipes", func(t *testing.T) {
		start := time.Now()
		end, err := shell("sleep 60 & exit 4").End(t.Context())
		require.NoError(t, err)
		require.Equal(t, 4, end.Status)
		require.Less(t, time.Since(start), 10*time.Second)
	})
}
