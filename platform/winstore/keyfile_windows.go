package winstore

import (
	"strings"

	"golang.org/x/sys/windows"
)

// File is the path of the file that has the key; "" where that is not known: of
// keys of one user's, of CNG's, and of those that are not there.
func (k Key) File() string {
	if !k.Machine || k.Container == "" || k.Type == 0 {
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
