package elevate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// TestMain makes the test program the privileged child that it starts. Other
// words before those of the child make it do something wrong.
func TestMain(m *testing.M) {
	switch {
	case IsChild(os.Args):
		os.Exit(Child(os.Args, childHandlers()))
	case len(os.Args) == 3 && os.Args[1] == "between": // somebody else starts the child
		os.Exit(runChild(os.Args[0], os.Args[2]))
	case len(os.Args) == 3 && os.Args[1] == "impostor": // another program has the pipe
		l, err := listen()
		if err != nil {
			panic(err)
		}
		os.Exit(runChild(os.Args[2], l.name))
	}
	os.Exit(m.Run())
}

func runChild(path, pipe string) int {
	cmd := exec.Command(path, verb, pipe)
	cmd.Stderr = os.Stderr
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode()
}

// childHandlers are what a real child process of these tests does.
func childHandlers() Handlers {
	return Handlers{
		"who": Typed(func(_ context.Context, _ struct{}, _ func()) error {
			dir, _ := os.Getwd()
			return errors.New(strings.Join(append(os.Environ(), "here="+dir), "\n"))
		}),
		"trust": Typed(func(_ context.Context, req Certificate, _ func()) error {
			_, err := chain.CheckNewRoot(req.DER)
			return err
		}),
		"slow": Typed(func(ctx context.Context, path string, waiting func()) error {
			waiting()
			<-ctx.Done()
			return errors.Join(os.WriteFile(path, nil, 0o600), fmt.Errorf("late: %w", devcert.ErrDeclined))
		}),
		"big": Typed(func(_ context.Context, text string, _ func()) error { return errors.New(text[len(text)-4:]) }),
		"die": func(context.Context, json.RawMessage, func()) error { os.Exit(9); return nil },
	}
}

func elevated(t *testing.T) {
	t.Helper()
	if !windows.GetCurrentProcessToken().IsElevated() {
		t.Skip("needs administrator rights")
	}
}

func TestRealChild(t *testing.T) {
	elevated(t)
	t.Setenv("SECRET", "of the user")
	t.Setenv("PATH", t.TempDir())
	var said []string
	h := New(Options{Wait: time.Minute, Say: func(line string) { said = append(said, line) }})
	defer h.Close()
	require.NoError(t, h.Ready(t.Context()))
	root := newRoot(t)
	require.NoError(t, h.Do(t.Context(), "trust", Certificate{DER: root.Raw}))
	require.ErrorContains(t, h.Do(t.Context(), "trust", Certificate{DER: root.Raw[1:]}), "not a certificate")
	require.ErrorContains(t, h.Do(t.Context(), "format", Certificate{}), "not among what can be asked for")
	require.EqualError(t, h.Do(t.Context(), "big", strings.Repeat("x", maxBody-100)+"end."), "end.")

	seen := h.Do(t.Context(), "who", struct{}{}).Error()
	require.NotContains(t, seen, "SECRET")
	require.NotContains(t, seen, os.Getenv("PATH"))
	system, err := windows.GetSystemDirectory()
	require.NoError(t, err)
	require.Contains(t, strings.ToLower(seen), "here="+strings.ToLower(system))
	require.Empty(t, said)
	started := time.Now()
	h.Close()
	h.Close()
	require.Less(t, time.Since(started), closing, "the child ends when it is told that nothing follows")
}

// Who stops gets the answer all the same, over the pipe that goes both ways.
func TestStopRealChild(t *testing.T) {
	elevated(t)
	mark := filepath.Join(t.TempDir(), "mark")
	var said []string
	h := New(Options{Wait: time.Minute, Say: func(line string) { said = append(said, line) }})
	defer h.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := h.Do(ctx, "slow", mark)
	require.EqualError(t, err, "late: declined")
	require.ErrorIs(t, err, devcert.ErrDeclined)
	require.Equal(t, []string{"waiting for another devcert to finish with " + place}, said)
	require.FileExists(t, mark)
}

func TestChildEndsWithThePipe(t *testing.T) {
	elevated(t)
	l, err := listen()
	require.NoError(t, err)
	c, err := startPlain(t.Context(), l.name)
	require.NoError(t, err)
	made, err := l.accept(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, made.out.Close())
	select {
	case err := <-c.ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the child lives on")
	}
}

func TestChildThatDies(t *testing.T) {
	elevated(t)
	h := New(Options{Wait: time.Minute})
	defer h.Close()
	require.ErrorContains(t, h.Do(t.Context(), "die", nil), "ended without an answer")
	require.NoError(t, h.Do(t.Context(), "trust", Certificate{DER: newRoot(t).Raw}), "who is administrator may start another")
}

func open(name string) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(pipeFolder + name)
	if err != nil {
		return 0, err
	}
	return windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, 0, 0)
}

// Another process that learns the pipe's name and is faster gets nothing said.
func TestWrongClient(t *testing.T) {
	elevated(t)
	l, err := listen()
	require.NoError(t, err)
	thief, err := open(l.name)
	require.NoError(t, err)
	defer windows.CloseHandle(thief)
	c, err := startPlain(t.Context(), l.name)
	require.NoError(t, err)
	_, err = l.accept(t.Context(), c)
	require.ErrorContains(t, err, "in place of the privileged child")
	var read uint32
	require.Error(t, windows.ReadFile(thief, make([]byte, 1), &read, nil))
	require.ErrorContains(t, <-c.ended, "connect to the pipe", "the child has found it taken")
}

func TestOneClientOnly(t *testing.T) {
	l, err := listen()
	require.NoError(t, err)
	defer l.close()
	first, err := open(l.name)
	require.NoError(t, err)
	_, err = open(l.name)
	require.ErrorIs(t, err, windows.ERROR_PIPE_BUSY)
	require.NoError(t, windows.CloseHandle(first))
	_, err = open(l.name)
	require.ErrorIs(t, err, windows.ERROR_PIPE_BUSY, "not after it has gone either")
}

func TestNobodyConnects(t *testing.T) {
	l, err := listen()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = l.accept(ctx, child{id: 1})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = open(l.name)
	require.ErrorIs(t, err, windows.ERROR_FILE_NOT_FOUND)

	l, err = listen()
	require.NoError(t, err)
	ended := make(chan error, 1)
	ended <- nil
	_, err = l.accept(t.Context(), child{id: 1, ended: ended})
	require.ErrorContains(t, err, "ended at once")
}

// The child answers nobody but the process that started it, which must be of
// the same program.
func TestWrongServer(t *testing.T) {
	elevated(t)
	self, err := program()
	require.NoError(t, err)
	t.Run("not its parent", func(t *testing.T) {
		l, err := listen()
		require.NoError(t, err)
		defer l.close()
		out, err := exec.Command(self, "between", l.name).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "started this one")
	})
	t.Run("another program", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "other.exe")
		data, err := os.ReadFile(self)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(other, data, 0o700))
		out, err := exec.Command(other, "impostor", self).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "it is of another program")
		require.Contains(t, string(out), "other.exe")
	})
	t.Run("no pipe", func(t *testing.T) {
		out, err := exec.Command(self, verb, "devcert-"+strings.Repeat("0", 32)).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "connect to the pipe")
	})
}

func TestIsChild(t *testing.T) {
	name := "devcert-" + strings.Repeat("0a", 16)
	require.True(t, IsChild([]string{"devcert", verb, name}))
	for _, args := range [][]string{
		nil, {"devcert"}, {"devcert", verb}, {"devcert", name}, {verb, name}, {"devcert", verb, name, "x"},
		{"devcert", verb, `\\.\pipe\` + name}, {"devcert", verb, `..\` + name}, {"devcert", verb, name + "0"},
		{"devcert", verb, strings.ToUpper(name)}, {"devcert", verb, name + "\n"}, {"devcert", verb, `\\host\pipe\` + name},
	} {
		require.False(t, IsChild(args), args)
	}
}

func TestImage(t *testing.T) {
	ours, err := image(windows.GetCurrentProcessId())
	require.NoError(t, err)
	self, err := program()
	require.NoError(t, err)
	require.True(t, strings.EqualFold(filepath.Base(ours), filepath.Base(self)))
	require.True(t, filepath.IsAbs(self))
	called, err := os.Executable()
	require.NoError(t, err)
	one, err := os.Stat(called)
	require.NoError(t, err)
	other, err := os.Stat(self)
	require.NoError(t, err)
	require.True(t, os.SameFile(one, other))
	if others, err := imageOfOthers(windows.GetCurrentProcessId()); err == nil { // Wine 8 does not know it
		require.Equal(t, ours, others)
	} else {
		t.Log(err)
	}
}

// Wine has no prompt and starts it at once; on Windows a person would be asked.
func TestRunAs(t *testing.T) {
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" || windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		t.Skip("asks a person")
	}
	l, err := connect(t.Context(), startElevated)
	require.NoError(t, err)
	h := New(Options{Wait: time.Minute})
	defer h.Close()
	h.link = l
	require.NoError(t, h.Do(t.Context(), "trust", Certificate{DER: newRoot(t).Raw}))
	ended := l.ended
	l.ended = nil // it is waited for here
	require.NoError(t, l.in.Close())
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(closing):
		t.Fatal("the child lives on")
	}
	t.Log(Owner())
}
