package nss

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"devcert/platform/run"
)

// problem is what was tried on a database, why it failed and what to do.
type problem struct {
	what, remedy string
	err          error
}

func (e *problem) Error() string {
	var errno syscall.Errno
	var ran *run.Error
	switch {
	case wantsPassword(e.err):
		return e.what + ": it has a password (" + wrongPassword + ")"
	case errors.As(e.err, &ran):
		return e.what + ": certutil: " + ran.Reason()
	case errors.As(e.err, &errno):
		return e.what + ": " + errno.Error() // what names the folder
	}
	return e.what + ": " + e.err.Error()
}

func (e *problem) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *problem) Remedy() string { return e.remedy }

// damagedError is a database that is none.
type damagedError struct{ path string }

func (e *damagedError) Error() string { return e.path + " is not an SQLite database" }

// noKeysError is a database without what vouches for the trust in it.
type noKeysError struct{ path string }

func (e *noKeysError) Error() string { return e.path + ", which vouches for trust, is not there" }

// lockedError is a database that another process has locked.
type lockedError struct {
	path string
	pid  int32
}

func (e *lockedError) Error() string {
	if e.pid <= 0 { // it has no number here: another container's, or a lock of an open file
		return e.path + " is locked by another process"
	}
	return fmt.Sprintf("%s is locked by process %d", e.path, e.pid)
}

// ambiguousError is a certificate that certutil cannot single out.
type ambiguousError struct{ dir string }

func (e *ambiguousError) Error() string {
	return "certutil cannot tell this certificate from another one there"
}

// readOnlyError is a file that this user may not write.
type readOnlyError struct {
	path string
	err  error
}

func (e *readOnlyError) Error() string { return e.path + " cannot be written: " + e.err.Error() }
func (e *readOnlyError) Unwrap() error { return e.err }

// wrongPassword is the name of NSS's error, in every language.
const wrongPassword = "SEC_ERROR_BAD_PASSWORD" //nolint:gosec // no password

const again = ", then run the same command again"

// failed is the error of what was tried on the database in dir; nil where err is.
func failed(what, dir string, err error) error {
	if err == nil {
		return nil
	}
	return &problem{what, remedyFor(dir, err), err}
}

func remedyFor(dir string, err error) string {
	var damaged *damagedError
	var locked *lockedError
	var ambiguous *ambiguousError
	var readOnly *readOnlyError
	var noKeys *noKeysError
	by := "certutil -d " + Quote("sql:"+dir)
	switch {
	case wantsPassword(err):
		return "give the password to certutil, which asks for it: devcert export root | " + by + " -A -t C,, -n devcert"
	case errors.As(err, &damaged):
		return "move " + damaged.path + " away, or restore it from a backup" + again
	case errors.As(err, &noKeys):
		return "restore " + noKeys.path + " from a backup, or let devcert repair make a new one"
	case errors.As(err, &locked):
		return "close the browser, or what else has " + locked.path + " open" + again
	case errors.As(err, &ambiguous):
		return "see " + by + " -L and remove it by hand: " + by + " -D -n NICKNAME"
	case errors.As(err, &readOnly):
		return "make " + readOnly.path + " writable for yourself" + again
	case errors.Is(err, fs.ErrNotExist):
		return "start the browser once, which makes the database" + again
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS), errors.Is(err, unix.ENOTDIR):
		return "see that " + dir + " is a folder of your own that you can write to" + again
	case errors.Is(err, context.DeadlineExceeded):
		return "see what keeps certutil waiting: " + by + " -L"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return "free space in " + dir + again
	}
	return "see what certutil says: " + by + " -L; a damaged database can be moved away, the browser makes a new one"
}

// wantsPassword says whether err is that a database has a password.
func wantsPassword(err error) bool {
	var ran *run.Error
	return errors.As(err, &ran) && strings.Contains(ran.Output, wrongPassword)
}

// exited says whether err is that certutil ran to its end and was not content.
func exited(err error) bool {
	var exit interface{ ExitCode() int }
	return errors.As(err, &exit) && exit.ExitCode() >= 0
}

// changeable finds out whether the database can be changed at all, and waits for
// others that are changing it.
func changeable(ctx context.Context, dir string) error {
	if _, err := readHeld(dir); err != nil {
		return err
	}
	for _, path := range []string{dir, filepath.Join(dir, certFile), filepath.Join(dir, keyFile)} {
		if err := unix.Access(path, unix.W_OK); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &readOnlyError{path, err}
		}
	}
	return unlocked(ctx, dir)
}

const (
	lockWait  = 2 * time.Second // others hold a lock for one change
	lockRetry = 50 * time.Millisecond
)

// unlocked waits until no other process is changing the database. certutil waits
// a second or two itself, and then has no word for the reason.
func unlocked(ctx context.Context, dir string) error {
	path := filepath.Join(dir, certFile)
	end := time.Now().Add(lockWait)
	for {
		pid, err := lockHolder(path)
		if err != nil || pid == 0 {
			return err
		}
		if time.Now().After(end) {
			return &lockedError{path, pid}
		}
		select {
		case <-ctx.Done():
			return errors.Join(&lockedError{path, pid}, context.Cause(ctx))
		case <-time.After(lockRetry):
		}
	}
}

// SQLite's lock bytes: 0x40000000 says that somebody waits to write, the one
// after it that somebody is about to (sqlite.org/lockingv3.html). Readers hold
// those behind them, and do not matter.
const (
	lockStart  = 0x40000000
	lockLength = 2
)

// lockHolder is the process that is changing the database, 0 when none is.
func lockHolder(path string) (int32, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	// Asking for a read lock needs no right to write, and meets write locks only.
	lock := unix.Flock_t{Type: unix.F_RDLCK, Start: lockStart, Len: lockLength}
	if err := unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, fmt.Errorf("ask whether %s is locked: %w", path, err)
	}
	if lock.Type == unix.F_UNLCK {
		return 0, nil
	}
	return lock.Pid, nil
}

// failedPolicy is the error of what was tried in a folder of policies; nil where
// err is. One that has its own remedy keeps it.
func failedPolicy(what, dir string, err error) error {
	if err == nil {
		return nil
	}
	remedy := "see that root, and only root, can write to " + dir + again
	var own interface{ Remedy() string }
	switch {
	case errors.As(err, &own):
		remedy = own.Remedy()
	case errors.Is(err, unix.EROFS):
		remedy = "make " + dir + " writable" + again
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		remedy = "free space for " + dir + again
	}
	return &problem{what, remedy, err}
}
