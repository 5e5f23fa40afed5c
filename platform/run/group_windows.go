package run

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Environment is what a system tool gets to see: where Windows and its tools
// are. Where they are is asked of Windows itself, since the variables belong to
// whoever started this process; there is no TEMP among them, which a command
// that needs one gets from its caller.
func Environment() []string {
	root, err := windows.GetSystemWindowsDirectory()
	if err != nil || root == "" {
		return nil // then exec adds the SystemRoot without which nothing starts
	}
	system := systemFolder()
	path := []string{system, root, filepath.Join(system, "Wbem")}
	return []string{
		"SystemRoot=" + root, "SystemDrive=" + filepath.VolumeName(root), "windir=" + root,
		"ComSpec=" + filepath.Join(system, "cmd.exe"),
		"PATH=" + strings.Join(path, ";"), "PATHEXT=.COM;.EXE",
	}
}

// systemFolder is System32: a program looks for libraries in its working folder
// too, and there nobody but the system has put any.
func systemFolder() string {
	folder, err := windows.GetSystemDirectory()
	if err != nil {
		return "" // that is then the folder of this process
	}
	return folder
}

// startable refuses what is not a program: Windows would hand a batch file to
// cmd.exe, which is a shell, and a name without ending to whatever is beside it.
func startable(path string) error {
	if !strings.EqualFold(filepath.Ext(path), ".exe") {
		return errors.New("not an .exe file")
	}
	return nil
}

// credential cannot be chosen here.
type credential struct{}

// attributes keep Ctrl-C in our console from the process and all it starts.
func attributes(*credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW}
}

// runGroup runs cmd without a window in a job of its own, which dies with its
// context, and reads what it writes. It lives on when this process dies: netsh
// must not end amid a change.
func runGroup(cmd *exec.Cmd, read func()) error { return runJob(cmd, read, false) }

// runAlone is runGroup for a command that may leave nothing running, and whose
// output cmd reads by itself.
func runAlone(cmd *exec.Cmd) error { return runJob(cmd, func() {}, true) }

func runJob(cmd *exec.Cmd, read func(), alone bool) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("make a job object: %w", err)
	}
	defer func() { _ = windows.CloseHandle(job) }()
	// It waits until it is in the job: what it starts before that would stay out.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		HideWindow: true, CreationFlags: windows.CREATE_NO_WINDOW | windows.CREATE_SUSPENDED,
	}
	cmd.Cancel = func() error {
		// The context may end before the process is in the job.
		return errors.Join(windows.TerminateJobObject(job, 1), ignoreDone(cmd.Process.Kill()))
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = release(cmd, job)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	read()
	if ended := cmd.Wait(); err == nil {
		err = ended
	}
	if alone {
		_ = windows.TerminateJobObject(job, 1)
	}
	return err
}

// release puts the suspended process into the job and lets it run.
func release(cmd *exec.Cmd, job windows.Handle) error {
	var assigned error
	err := cmd.Process.WithHandle(func(handle uintptr) {
		assigned = windows.AssignProcessToJobObject(job, windows.Handle(handle))
	})
	if err = errors.Join(err, assigned); err != nil {
		return fmt.Errorf("put the process into a job object: %w", err)
	}
	if err := resume(uint32(cmd.Process.Pid)); err != nil { //nolint:gosec // Windows' own number
		return fmt.Errorf("let the process run: %w", err)
	}
	return nil
}

// resume lets the only thread of a process run that was started suspended. Go
// keeps no handle of it, so it is looked for among all threads.
func resume(pid uint32) error {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(snapshot, &entry); err == nil; err = windows.Thread32Next(snapshot, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return err
		}
		_, err = windows.ResumeThread(thread)
		return errors.Join(err, windows.CloseHandle(thread))
	}
	return err
}

// ignoreDone takes a process that has ended already for one that was killed.
func ignoreDone(err error) error {
	if errors.Is(err, syscall.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return nil
	}
	return err
}
