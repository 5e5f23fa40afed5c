package securefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// Sync has the kernel begin with all of them and then waits for one after the other:
// the first one's commit of the journal serves them all, where several callers at once
// get one each.
func (Files) Sync(files []*os.File) error {
	for _, f := range files {
		_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // a hint
	}
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}
