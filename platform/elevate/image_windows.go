package elevate

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// maxPath is the longest path there is, in UTF-16 units.
const maxPath = 1 << 15

// image returns the path of a process's program as the kernel calls it, which
// is the same for everybody, whatever drives they have.
func image(id uint32) (string, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, id)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) { // another account's
		return imageOfOthers(id)
	}
	if err != nil {
		return "", fmt.Errorf("find the program of process %d: %w", id, err)
	}
	defer windows.CloseHandle(process) //nolint:errcheck // it was only read
	return imageOf(process, windows.PROCESS_NAME_NATIVE)
}

func imageOf(process windows.Handle, form uint32) (string, error) {
	buffer := make([]uint16, maxPath)
	size := uint32(maxPath)
	if err := windows.QueryFullProcessImageName(process, form, &buffer[0], &size); err != nil {
		return "", fmt.Errorf("find the program of a process: %w", err)
	}
	return windows.UTF16ToString(buffer[:size]), nil
}

// imageOfOthers needs no right to the process.
func imageOfOthers(id uint32) (string, error) {
	buffer := make([]uint16, maxPath-1)
	info := processIDInformation{processID: uintptr(id)}
	info.image.MaximumLength = uint16(2 * len(buffer)) //nolint:gosec // 65534
	info.image.Buffer = &buffer[0]
	err := windows.NtQuerySystemInformation(windows.SystemProcessIdInformation,
		unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return "", fmt.Errorf("find the program of process %d: %w", id, err)
	}
	return windows.UTF16ToString(buffer[:info.image.Length/2]), nil
}

// program is the path by which this very program can be started again, also by
// an account that does not have our drives.
func program() (string, error) { return imageOf(windows.CurrentProcess(), 0) }
