package winstore

import (
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

// File is the path of the file that has the key; "" where that is not known: of
// CAPI keys of one user's, of keys that are not there or not in a file, and of CNG's
// that this user may not open.
func (k Key) File() string {
	if k.Container == "" {
		return ""
	}
	if k.Type == 0 {
		return k.cngFile()
	}
	if !k.Machine {
		return ""
	}
	folder, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return ""
	}
	files, err := machineKeys()
	if err != nil {
		return ""
	}
	start := keyFile(k.Container) + "_"
	for _, f := range files {
		if strings.HasPrefix(strings.ToLower(f.Name()), start) {
			return folder + `\Microsoft\Crypto\RSA\MachineKeys\` + f.Name()
		}
	}
	return ""
}

// cngFile asks the provider what it calls the key's file, and looks where it is.
func (k Key) cngFile() string {
	provider, err := windows.UTF16PtrFromString(k.Provider)
	if err != nil {
		return ""
	}
	container, err := windows.UTF16PtrFromString(k.Container)
	if err != nil {
		return ""
	}
	var name string
	err = withCNG(provider, container, k.Machine, func(key windows.Handle) (bool, error) {
		var err error
		name, err = uniqueName(key)
		return false, err
	})
	if err != nil {
		return ""
	}
	top := windows.FOLDERID_RoamingAppData
	if k.Machine {
		top = windows.FOLDERID_ProgramData
	}
	folder, err := windows.KnownFolderPath(top, 0)
	if err != nil {
		return ""
	}
	return cngFile(folder, name, k.Machine, func(path string) bool {
		info, err := os.Lstat(path)
		return err == nil && info.Mode().IsRegular()
	})
}

// uniqueName is the property of that name (ncrypt.h, NCRYPT_UNIQUE_NAME_PROPERTY),
// which is the name of its file for a key of Microsoft's software provider.
func uniqueName(key windows.Handle) (string, error) {
	property, err := windows.UTF16PtrFromString("Unique Name")
	if err != nil {
		return "", err
	}
	var name [windows.MAX_PATH]uint16
	var size uint32
	err = ncryptGetProperty(key, property, (*byte)(unsafe.Pointer(&name[0])), uint32(unsafe.Sizeof(name)), &size, ncryptSilent)
	return windows.UTF16ToString(name[:]), err // which ends at the first zero
}
