//go:build linux || darwin

package system

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

// claim is the right to change the store, which one process of devcert at a time
// has: two updates at once write into one file (Debian's ca-certificates.crt.new).
type claim struct {
	folder string
	dir    *os.File // has the lock
}

const (
	retryClaim = 50 * time.Millisecond
	// untold is how long is waited before a person is told. Most changes of
	// others have passed by then.
	untold = time.Second
)

// busyError says that another devcert had the store for as long as we waited.
type busyError struct{ err error }

func (e *busyError) Error() string {
	if errors.Is(e.err, context.DeadlineExceeded) {
		return "another devcert is still changing the system store"
	}
	return "wait for another devcert that changes the system store: " + e.err.Error()
}

func (e *busyError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *busyError) Remedy() string {
	return "try again when it is done, or wait longer: --timeout 10m"
}

// claimStore takes the claim. While another process has it, it waits until ctx
// ends, after calling waiting once.
func claimStore(ctx context.Context, root string, waiting func()) (*claim, error) {
	folder := filepath.Join(root, machineFolder)
	tell := time.After(untold)
	for {
		c, err := tryClaim(folder)
		if err != nil {
			return nil, failed("lock the system store with "+folder, folder, err)
		}
		if c != nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, &busyError{context.Cause(ctx)}
		case <-tell:
			waiting()
		case <-time.After(retryClaim):
		}
	}
}

// Claim is the same right for what else devcert changes on the machine: one lock
// serves all of it. Until release, folder is the caller's to keep what is to be put
// back later. A folder that others than root can change is refused.
func Claim(ctx context.Context, root string, waiting func()) (folder string, release func(), err error) {
	c, err := claimStore(ctx, root, waiting)
	if err != nil {
		return "", nil, err
	}
	return c.folder, c.release, nil
}

// tryClaim returns nil when another process has the claim.
func tryClaim(folder string) (*claim, error) {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	dir, err := os.OpenFile(folder, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // whoever had it has just removed it
	}
	if err != nil {
		return nil, err
	}
	c := &claim{folder, dir}
	locked, err := c.lock()
	if err == nil && locked {
		err = c.freshWork()
	}
	if err != nil || !locked {
		dir.Close()
		return nil, err
	}
	return c, nil
}

// lock says whether the lock was free, and is on the folder that others see.
func (c *claim) lock() (bool, error) {
	opened, err := c.dir.Stat()
	if err != nil {
		return false, err
	}
	if stat, ok := opened.Sys().(*syscall.Stat_t); !ok || int(stat.Uid) != os.Geteuid() || opened.Mode().Perm()&0o022 != 0 {
		return false, fmt.Errorf("%s can be changed by others than root", c.folder)
	}
	err = syscall.Flock(int(c.dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(c.folder)
	return err == nil && os.SameFile(opened, named), nil
}

// work is the folder of what a change needs while it is made. Nobody else can
// get there, so names in it need not be secret.
func (c *claim) work() string { return filepath.Join(c.folder, "work") }

// freshWork makes the folder, without what a process that was killed left there.
func (c *claim) freshWork() error {
	if err := os.RemoveAll(c.work()); err != nil {
		return err
	}
	return os.Mkdir(c.work(), 0o700)
}

// release lets others change the store. What cannot be removed is left to the
// next claim; the folder stays while a note is in it.
func (c *claim) release() {
	_ = os.RemoveAll(c.work())
	_ = os.Remove(c.folder)
	c.dir.Close()
}
