package clients

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"

	"devcert/devcert/lazy"
)

// Folders of clients are called so, and os.MkdirTemp's number.
const scratchPrefix = "devcert-ask-"

var scratchName = lazy.Regexp("^" + scratchPrefix + "[0-9]{1,10}$")

// inUse is the file of a folder that is locked while somebody uses that: the
// system takes the lock away from one that was killed.
const inUse = ".devcert-in-use"

// scratch makes a folder for one run of a client.
func scratch() (dir string, remove func() error, err error) {
	dir, unlock, err := claim()
	if err != nil {
		return "", nil, fmt.Errorf("make a folder for a client: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	remove = func() error {
		killEscaped(dir)
		return errors.Join(unlock(), removeAll(dir)) // Windows removes no open file
	}
	for _, folder := range made {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return "", nil, errors.Join(fmt.Errorf("make a folder for a client: %w", err), remove())
		}
	}
	return dir, remove, nil
}

// claim makes a folder and locks it. Between the two a sweep may take it for one
// that was left; then another is made.
func claim() (dir string, unlock func() error, err error) {
	for {
		dir, err := os.MkdirTemp("", scratchPrefix)
		if err != nil {
			return "", nil, err
		}
		lock := flock.New(filepath.Join(dir, inUse), flock.SetPermissions(0o600))
		locked, err := lock.TryLock()
		if _, gone := os.Lstat(lock.Path()); locked && gone == nil {
			return dir, lock.Unlock, nil
		}
		_ = lock.Close()
		if err != nil && !os.IsNotExist(err) {
			return "", nil, errors.Join(err, removeAll(dir))
		}
	}
}

// abandoned is after what time a folder without a lock was left: an exam takes
// minutes at most.
const abandoned = 24 * time.Hour

// sweep removes the folders that this user's devcerts left when they were killed,
// and ends what was started there and still runs. What cannot be removed is left
// to the next one: it is in nobody's way.
func sweep(now time.Time) {
	base, err := filepath.EvalSymlinks(os.TempDir()) // as the homes of clients were given
	if err != nil || !onlyOwnersReplace(base) {
		return
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		if scratchName().MatchString(e.Name()) {
			sweepOne(filepath.Join(base, e.Name()), now)
		}
	}
}

// sweepOne removes one folder, if it is a folder of this user's that nobody uses.
// Nobody else can put anything into it, so that what is seen there stays.
func sweepOne(dir string, now time.Time) {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || !private(dir, info) {
		return
	}
	file, err := os.Lstat(filepath.Join(dir, inUse))
	switch {
	case os.IsNotExist(err) && now.Sub(info.ModTime()) > abandoned:
	case err != nil || !file.Mode().IsRegular():
		return
	default:
		lock := flock.New(filepath.Join(dir, inUse), flock.SetFlag(os.O_RDWR))
		locked, err := lock.TryLock()
		if runtime.GOOS == "windows" || !locked || err != nil {
			_ = lock.Close() // Windows removes no open file
		} else {
			defer lock.Close()
		}
		if !locked || err != nil {
			return
		}
	}
	killEscaped(dir)
	_ = removeAll(dir)
}

// elsewhere is what helps where scratch cannot make a folder.
func elsewhere() string {
	name := "TMPDIR"
	if runtime.GOOS == "windows" {
		name = "TMP" // os.TempDir's first choice there
	}
	return fmt.Sprintf("make %s writable, or set %s to a folder that is", os.TempDir(), name)
}

// removeAll tries again while something still writes: a process that was killed
// takes a moment to be gone.
func removeAll(dir string) error {
	var err error
	for wait := time.Millisecond; wait < 2*time.Second; wait *= 2 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("remove the folder of a client: %w", err)
}
