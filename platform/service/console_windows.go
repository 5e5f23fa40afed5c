package service

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	kernel32              = windows.NewLazySystemDLL("kernel32.dll")
	getConsoleProcessList = kernel32.NewProc("GetConsoleProcessList")
	freeConsole           = kernel32.NewProc("FreeConsole")
)

// LeaveConsole closes the window that Windows opens for a console program which
// Task Scheduler starts: nobody asked for it, and closing it would end what is
// served. A console that anybody shares, or that a person's program opened, stays.
func LeaveConsole() {
	var ids [2]uint32
	n, _, _ := getConsoleProcessList.Call(uintptr(unsafe.Pointer(&ids[0])), uintptr(len(ids)))
	if n == 1 && parentIs("svchost.exe") {
		_, _, _ = freeConsole.Call()
	}
}

// parentIs says whether the process that started this one is called name. Task
// Scheduler's is svchost.exe, as which no person starts anything.
func parentIs(name string) bool {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return false
	}
	defer func() { _ = windows.CloseHandle(snapshot) }()
	parents, names := map[uint32]uint32{}, map[uint32]string{}
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &entry); err == nil; err = windows.Process32Next(snapshot, &entry) {
		parents[entry.ProcessID] = entry.ParentProcessID
		names[entry.ProcessID] = windows.UTF16ToString(entry.ExeFile[:])
	}
	return strings.EqualFold(names[parents[windows.GetCurrentProcessId()]], name)
}
