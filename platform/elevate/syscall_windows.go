package elevate

import "golang.org/x/sys/windows"

// What golang.org/x/sys/windows does not declare. All of it lives in System32.
//
//go:generate go run golang.org/x/sys/windows/mkwinsyscall -output zsyscall_windows.go syscall_windows.go

//sys	shellExecuteEx(info *shellExecuteInfo) (err error) = shell32.ShellExecuteExW
//sys	getConsoleWindow() (window windows.HWND) = kernel32.GetConsoleWindow
//sys	getAncestor(window windows.HWND, flags uint32) (ancestor windows.HWND) = user32.GetAncestor

const (
	maskNoCloseProcess = 0x40  // SEE_MASK_NOCLOSEPROCESS: we get a handle to wait for
	maskNoAsync        = 0x100 // SEE_MASK_NOASYNC: it is done when the call returns
	maskNoUI           = 0x400 // SEE_MASK_FLAG_NO_UI: errors are ours to show
	rootOwner          = 3     // GA_ROOTOWNER
)

// shellExecuteInfo is SHELLEXECUTEINFOW.
type shellExecuteInfo struct {
	size       uint32
	mask       uint32
	window     windows.HWND
	verb       *uint16
	file       *uint16
	parameters *uint16
	directory  *uint16
	show       int32
	instance   windows.Handle
	idList     uintptr
	class      *uint16
	classKey   windows.Handle
	hotKey     uint32
	icon       windows.Handle
	process    windows.Handle
}

// processIDInformation is SYSTEM_PROCESS_ID_INFORMATION.
type processIDInformation struct {
	processID uintptr
	image     windows.NTUnicodeString
}
