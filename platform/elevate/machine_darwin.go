package elevate

import (
	"encoding/hex"
	"syscall"
	"unsafe"
)

// machineID is the UUID of the hardware, "" when the kernel does not tell it. A
// Mac's name is no help: it follows the network that the Mac is in.
func machineID() string {
	var id [16]byte
	wait := syscall.Timespec{Sec: 1} // for the kernel to learn it, just after it was started
	_, _, errno := syscall.Syscall(syscall.SYS_GETHOSTUUID,
		uintptr(unsafe.Pointer(&id)), uintptr(unsafe.Pointer(&wait)), 0) //nolint:gosec // both outlive the call
	if errno != 0 || id == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(id[:])
}
