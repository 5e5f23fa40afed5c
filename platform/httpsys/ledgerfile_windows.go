package httpsys

import (
	"fmt"
	"path/filepath"

	"devcert/platform/securefile"

	"golang.org/x/sys/windows"
)

// MachineLedger is the ledger of this machine. Windows says where it is, since
// the variables belong to whoever started this process.
func MachineLedger() (Ledger, error) {
	data, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		return Ledger{}, fmt.Errorf("find the folder for the data of this machine: %w", err)
	}
	return Ledger{
		Folder: filepath.Join(data, "devcert"),
		Files:  securefile.Machine{}, Locks: securefile.Machine{Private: true},
	}, nil
}
