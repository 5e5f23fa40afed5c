package elevate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"devcert/devcert"
)

// startElevated has Windows ask the person, and start the child if they agree.
// It waits for their answer, or until ctx ends; a child that starts after that
// finds no pipe and ends.
func startElevated(ctx context.Context, pipe string) (child, error) {
	path, err := program()
	if err != nil {
		return child{}, err
	}
	type result struct {
		process windows.Handle
		err     error
	}
	answered := make(chan result, 1)
	go func() {
		process, err := runAs(path, verb+" "+pipe)
		answered <- result{process, err}
	}()
	select {
	case <-ctx.Done():
		go func() {
			if r := <-answered; r.err == nil {
				_ = windows.CloseHandle(r.process)
			}
		}()
		return child{}, context.Cause(ctx)
	case r := <-answered:
		if r.err != nil {
			return child{}, refusal(r.err)
		}
		return watch(r.process)
	}
}

// refusal says what became of the question: Windows has one number for "no" and
// for a prompt that nobody answered, and others for "not on this machine".
func refusal(err error) error {
	switch {
	case errors.Is(err, windows.ERROR_CANCELLED):
		return fmt.Errorf("become administrator: %w: %w", devcert.ErrDeclined, err)
	case errors.Is(err, windows.ERROR_ACCESS_DISABLED_BY_POLICY), errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return fmt.Errorf("become administrator: %w: %w", devcert.ErrNeedsAdmin, err)
	}
	return fmt.Errorf("become administrator: %w", err)
}

// runAs starts a program with administrator rights, without a window. The
// prompt belongs to our console's window, or it would only blink in the taskbar.
func runAs(path, parameters string) (windows.Handle, error) {
	// ShellExecuteEx may hand over to extensions that need COM on this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := windows.CoInitializeEx(0, windows.COINIT_APARTMENTTHREADED|windows.COINIT_DISABLE_OLE1DDE); err == nil {
		defer windows.CoUninitialize()
	}
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return 0, err
	}
	info := shellExecuteInfo{mask: maskNoCloseProcess | maskNoAsync | maskNoUI, show: windows.SW_HIDE}
	info.size = uint32(unsafe.Sizeof(info))
	if console := getConsoleWindow(); console != 0 {
		info.window = getAncestor(console, rootOwner)
	}
	for _, set := range []struct {
		field **uint16
		to    string
	}{{&info.verb, "runas"}, {&info.file, path}, {&info.parameters, parameters}, {&info.directory, system}} {
		if *set.field, err = windows.UTF16PtrFromString(set.to); err != nil {
			return 0, err
		}
	}
	if err := shellExecuteEx(&info); err != nil {
		return 0, err
	}
	if info.process == 0 {
		return 0, errors.New("no process was started")
	}
	return info.process, nil
}

// watch takes over the handle of a process, which keeps its number its own.
func watch(process windows.Handle) (child, error) {
	id, err := windows.GetProcessId(process)
	if err != nil {
		return child{}, errors.Join(err, windows.CloseHandle(process))
	}
	ended := make(chan error, 1)
	go func() {
		defer windows.CloseHandle(process) //nolint:errcheck // of no more use
		ended <- waitFor(process)
	}()
	return child{id, ended}, nil
}

func waitFor(process windows.Handle) error {
	if _, err := windows.WaitForSingleObject(process, windows.INFINITE); err != nil {
		return err
	}
	var code uint32
	if err := windows.GetExitCodeProcess(process, &code); err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("the privileged child ended with exit status %d", code)
	}
	return nil
}
