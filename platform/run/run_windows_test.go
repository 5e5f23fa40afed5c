package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// TestMain is also what the tests start: told so by its arguments, since the
// environment does not get there.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "be" {
		os.Exit(be(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

func be(what string, args []string) int {
	switch what {
	case "environment":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "folder":
		folder, _ := os.Getwd()
		fmt.Println(folder)
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
		fmt.Print(strings.Join(args, "|"))
	case "fail":
		fmt.Println("out")
		fmt.Fprintln(os.Stderr, "why")
		return 7
	case "flood":
		_, _ = os.Stdout.Write(bytes.Repeat([]byte("x"), MaxOutput+1))
	case "breed": // a child that leaves a mark later, if it lives
		self, _ := os.Executable()
		_ = exec.Command(self, "be", "mark", args[0]).Start()
		fmt.Println("begun")
		time.Sleep(time.Minute)
	case "leave": // one that writes when this one has long ended
		self, _ := os.Executable()
		late := exec.Command(self, "be", "late")
		late.Stdout = os.Stdout
		_ = late.Start()
		fmt.Println("early")
	case "late":
		time.Sleep(grace + time.Second)
		fmt.Println("late")
	case "mark":
		time.Sleep(2 * time.Second)
		_ = os.WriteFile(args[0], nil, 0o600)
	}
	return 0
}

func self(t *testing.T, args ...string) Command {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return Command{Path: path, Args: append([]string{"be"}, args...)}
}

func TestRunPassesNothingOn(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("SystemRoot", t.TempDir())
	t.Setenv("TEMP", t.TempDir())
	t.Setenv("COR_PROFILER", "x")
	out, err := self(t, "environment").Run(t.Context())
	require.NoError(t, err)
	seen := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), "\r", "")), "\n")
	for _, pair := range Environment() {
		require.Contains(t, seen, pair)
	}
	for _, name := range []string{"TEMP", "COR_PROFILER", "USERPROFILE"} {
		require.False(t, slices.ContainsFunc(seen, func(pair string) bool { return strings.HasPrefix(pair, name+"=") }), "%s: %s", name, seen)
	}
	root, err := windows.GetSystemWindowsDirectory()
	require.NoError(t, err)
	require.Contains(t, seen, "SystemRoot="+root)

	c := self(t, "environment")
	c.Env = append(Environment(), "TEMP=C:\\mine")
	out, err = c.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(out), "TEMP=C:\\mine")
}

func TestRun(t *testing.T) {
	t.Run("in and out", func(t *testing.T) {
		c := self(t, "echo", "a b", `q"uo\te`, "", "ä")
		c.Stdin = strings.NewReader("hello\n")
		out, err := c.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "hello\n"+`a b|q"uo\te||ä`, string(out))
	})
	t.Run("in System32", func(t *testing.T) {
		out, err := self(t, "folder").Run(t.Context())
		require.NoError(t, err)
		require.True(t, strings.EqualFold(systemFolder(), strings.TrimSpace(string(out))), "%s", out)
	})
	t.Run("a failure shows command, status and output", func(t *testing.T) {
		out, err := self(t, "fail").Run(t.Context())
		require.Equal(t, "out\n", string(out))
		var failed *Error
		require.ErrorAs(t, err, &failed)
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 7, exit.ExitCode())
		require.ErrorContains(t, err, "exit status 7")
		require.ErrorContains(t, err, "why")
	})
	t.Run("output has an end", func(t *testing.T) {
		out, err := self(t, "flood").Run(t.Context())
		require.ErrorContains(t, err, "bytes of output")
		require.Len(t, out, MaxOutput)
	})
	for _, path := range []string{"netsh.exe", `.\netsh.exe`, `C:netsh.exe`, `\netsh.exe`, `C:\windows\system32\netsh`, `C:\x.bat`, `C:\x.cmd`} {
		t.Run("refused: "+path, func(t *testing.T) {
			_, err := Command{Path: path}.Run(t.Context())
			require.ErrorContains(t, err, "not an")
		})
	}
	t.Run("not there", func(t *testing.T) {
		_, err := Command{Path: filepath.Join(t.TempDir(), "none.exe")}.Run(t.Context())
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestRunKillsTheWholeGroup(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "alive")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	started := time.Now()
	out, err := self(t, "breed", marker).Run(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "not done in time")
	require.Equal(t, "begun\n", string(out), "what it said comes beside the error")
	require.Less(t, time.Since(started), 10*time.Second)
	time.Sleep(3 * time.Second)
	require.NoFileExists(t, marker, "a grandchild outlived the limit")

	gone, stop := context.WithCancelCause(t.Context())
	stop(errors.New("enough"))
	_, err = self(t, "fail").Run(gone)
	require.ErrorContains(t, err, "enough")
}

// A process that ended well has not failed because of one that it left behind
// and that can still write.
func TestRunWaitsForWhatWasLeft(t *testing.T) {
	out, err := self(t, "leave").Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, "early\nlate\n", string(out))
}

func TestStart(t *testing.T) {
	p, err := self(t, "fail").Start(Wiring{})
	require.NoError(t, err)
	require.Positive(t, p.ID())
	code, err := p.Wait()
	require.Equal(t, 7, code)
	require.ErrorContains(t, err, "why")
}
