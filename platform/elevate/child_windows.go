package elevate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"

	"devcert/platform/run"
)

// verb is the hidden command of the privileged child. A pipe's name follows.
const verb = "privileged"

// IsChild says whether args, with the program's name first, start the
// privileged child: exactly the word and the name of a pipe.
func IsChild(args []string) bool {
	return len(args) == 3 && args[1] == verb && pipeName().MatchString(args[2])
}

// Child is the privileged child that args start: it answers the requests of the
// process that started it and returns the exit code. Anybody may start it; who
// is not administrator already gets nothing from it that Windows did not ask a
// person about.
func Child(args []string, handlers Handlers) int {
	if err := serveChild(args[2], handlers); err != nil {
		fmt.Fprintln(os.Stderr, "devcert:", err)
		return 1
	}
	return 0
}

func serveChild(name string, handlers Handlers) error {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return errors.New("the privileged child was not started with administrator rights")
	}
	if err := forgetCaller(); err != nil {
		return err
	}
	file, err := dial(name, os.Getppid())
	if err != nil {
		return fmt.Errorf("connect to the pipe of the process that started this one: %w", err)
	}
	defer file.Close()
	return serve(context.Background(), pipe{file}, file, handlers)
}

// forgetCaller drops what was inherited from whoever called: environment,
// working folder, and the folders where libraries are looked for. What ends our
// caller must not leave a store half changed, so that signals are heard and not
// heeded: the end of the pipe ends us, when a change that was begun is done.
func forgetCaller() error {
	if err := windows.SetDefaultDllDirectories(windows.LOAD_LIBRARY_SEARCH_SYSTEM32); err != nil {
		return fmt.Errorf("load libraries of System32 only: %w", err)
	}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM) // signal.Ignore would let Windows end us
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return err
	}
	if err := cleanEnvironment(); err != nil {
		return err
	}
	return os.Chdir(system)
}

// cleanEnvironment leaves what a system tool gets to see, and the variables
// through which Wine finds its own libraries; on Windows they mean nothing.
func cleanEnvironment() error {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if name == "" || strings.HasPrefix(name, "WINE") {
			continue // "=C:" and its like are cmd.exe's, and cannot be unset
		}
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s: %w", name, err)
		}
	}
	for _, pair := range run.Environment() {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// dial connects to the pipe called name, which must be parent's, a process of
// this very program. The pipe's other side cannot act with our rights: it is
// not even told who we are.
func dial(name string, parent int) (*os.File, error) {
	path, err := windows.UTF16PtrFromString(pipeFolder + name)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING,
		windows.SECURITY_SQOS_PRESENT|windows.SECURITY_ANONYMOUS|windows.FILE_FLAG_OVERLAPPED, 0)
	if err != nil {
		return nil, err
	}
	if err := checkServer(handle, parent); err != nil {
		return nil, errors.Join(err, windows.CloseHandle(handle))
	}
	return os.NewFile(uintptr(handle), name), nil
}

func checkServer(handle windows.Handle, parent int) error {
	var server uint32
	if err := windows.GetNamedPipeServerProcessId(handle, &server); err != nil {
		return err
	}
	if int(server) != parent {
		return fmt.Errorf("it is process %d's, and process %d started this one", server, parent)
	}
	theirs, err := image(server)
	if err != nil {
		return err
	}
	ours, err := image(windows.GetCurrentProcessId())
	if err != nil {
		return err
	}
	if !strings.EqualFold(theirs, ours) {
		return fmt.Errorf("it is of another program, %s", theirs)
	}
	return nil
}
