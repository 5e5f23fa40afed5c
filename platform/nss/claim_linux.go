package nss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// machineFolder is devcert's own on the machine, where only root can look.
	machineFolder = "/var/lib/devcert"
	lockName      = "policies.lock"
	// madeName lists the folders of policies that devcert made.
	madeName = "policy-folders"
	// untold is how long is waited before a person is told.
	untold = time.Second
)

// claim is the right to change policies, which one process at a time has.
type claim struct {
	folder string
	lock   *os.File
}

// claimPolicies waits until ctx ends, after calling waiting once.
func claimPolicies(ctx context.Context, root string, waiting func()) (*claim, error) {
	folder := filepath.Join(root, machineFolder)
	tell := time.After(untold)
	for {
		c, err := tryClaim(folder)
		if c != nil || err != nil {
			return c, failedPolicy("lock the browsers' policies with "+folder, folder, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another devcert that changes the browsers' policies: %w", context.Cause(ctx))
		case <-tell:
			waiting()
		case <-time.After(lockRetry):
		}
	}
}

// tryClaim returns nil when another process has the claim, or is removing its lock.
func tryClaim(folder string) (*claim, error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if info, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	} else if err := rootOnly(folder, info); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, lockName)
	lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	opened, statErr := lock.Stat()
	named, lstatErr := os.Lstat(path)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		err = nil
	case err == nil && statErr == nil && lstatErr == nil && os.SameFile(opened, named):
		return &claim{folder, lock}, nil
	}
	lock.Close()
	return nil, errors.Join(err, statErr)
}

// release lets others change policies. The folder stays while a note is in it.
func (c *claim) release() {
	_ = os.Remove(filepath.Join(c.folder, lockName))
	_ = os.Remove(c.folder)
	c.lock.Close()
}

// rootOnly refuses a folder that others than root, or we ourselves in tests,
// could have made or can write to.
func rootOnly(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return &foreignError{path, "is not a folder"}
	case !ok, stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return &foreignError{path, "does not belong to root"}
	case info.Mode().Perm()&0o022 != 0:
		return &foreignError{path, "can be written to by others than root"}
	}
	return nil
}
