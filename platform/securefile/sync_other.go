//go:build !linux

package securefile

import (
	"cmp"
	"os"
	"sync"
)

// Sync waits for all of them side by side.
func (Files) Sync(files []*os.File) error {
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for i, f := range files {
		all.Go(func() { errs[i] = f.Sync() })
	}
	all.Wait()
	return cmp.Or(errs...) // a disk fails for all of them
}
