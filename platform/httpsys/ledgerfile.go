package httpsys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"devcert/devcert/disk"

	"github.com/gofrs/flock"
)

// Ledger is where the machine's ledger is kept: what stood in the table before
// devcert, which the privileged child must know and nobody else may forge.
type Ledger struct {
	// Folder is devcert's own on this machine, below one that Windows names.
	Folder string
	// Files makes and judges what everybody may read and only administrators
	// change. Locks makes files that others cannot even open: whoever can, can
	// lock them.
	Files, Locks disk.Files
	// Now dates what is set aside; nil means time.Now.
	Now func() time.Time
}

// Names in the folder.
const (
	ledgerName = "bindings.json"
	lockName   = "bindings.lock"
)

const (
	retryLock = 50 * time.Millisecond
	// untold is how long another devcert is waited for without a word.
	untold = time.Second
)

// path is where name is in the folder.
func (k Ledger) path(name string) string { return filepath.Join(k.Folder, name) }

// lock makes the caller the only one who changes the table through devcert,
// until unlock. While another one is, it waits until ctx ends, after calling
// waiting once.
func (k Ledger) lock(ctx context.Context, waiting func()) (unlock func(), err error) {
	started, told := time.Now(), false
	for {
		err := k.prepare()
		if err == nil {
			lock := flock.New(k.path(lockName), flock.SetFlag(os.O_RDWR))
			var free bool
			if free, err = lock.TryLock(); free && k.stillThere(lock) {
				return func() { k.unlock(lock) }, nil
			}
			_ = lock.Close()
		}
		long := time.Since(started) > untold
		var unsafe *problem
		if err != nil && (long || errors.As(err, &unsafe)) { // else it may just be being removed
			return nil, fmt.Errorf("lock the bindings: %w", err)
		}
		if long && !told {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, &problem{
				err:    fmt.Errorf("another devcert is still changing the bindings: %w", context.Cause(ctx)),
				remedy: "try again when it is done, or wait longer: --timeout 10m",
			}
		case <-time.After(retryLock):
		}
	}
}

// prepare makes the folder and the file that is locked. Any user may make
// folders beside it, and may have made this one, to write the ledger himself.
func (k Ledger) prepare() error {
	if err := k.Files.MakeDir(k.Folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make devcert's folder on this machine: %w", err)
	}
	if err := k.guarded(k.Folder, k.Files); err != nil {
		return err
	}
	file, err := k.Locks.Create(k.path(lockName))
	switch {
	case err == nil:
		return file.Close()
	case errors.Is(err, fs.ErrNotExist):
		return nil // whoever had the lock has just removed the folder
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	return k.guarded(k.path(lockName), k.Locks)
}

// guarded refuses what others than administrators can change.
func (k Ledger) guarded(path string, files disk.Files) error {
	why, err := files.Exposed(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("see who may change %s: %w", path, err)
	}
	if why == "" {
		return nil
	}
	return &problem{
		err:    fmt.Errorf("%s is not safe to use: %s", path, why),
		remedy: "see what is in it, then remove it as administrator; devcert makes it anew",
	}
}

// stillThere says whether the lock is on the file that others see: whoever had
// it last may have removed it.
func (k Ledger) stillThere(lock *flock.Flock) bool {
	opened, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(k.path(lockName))
	return err == nil && os.SameFile(opened, named)
}

// unlock lets the next one in. Where nothing is left to be remembered, nothing
// of devcert's is left either: only Windows keeps a file that another waits for.
func (k Ledger) unlock(lock *flock.Flock) {
	_, err := os.Lstat(k.path(ledgerName))
	if !errors.Is(err, fs.ErrNotExist) {
		_ = lock.Close()
		return
	}
	if runtime.GOOS != "windows" {
		_ = os.Remove(k.path(lockName)) // while it is still ours
	}
	_ = lock.Close()
	if runtime.GOOS == "windows" {
		_ = os.Remove(k.path(lockName))
	}
	_ = os.Remove(k.Folder) // stays when anything is in it
}

// read reads the ledger. One that is damaged is set aside and said to be: what
// it remembered is then lost to devcert, but still there for a person.
func (k Ledger) read() (l *ledger, aside string, err error) {
	path := k.path(ledgerName)
	if err := k.guarded(path, k.Files); err != nil {
		return nil, "", err
	}
	data, err := disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &ledger{}, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read what was bound before devcert: %w", err)
	}
	l, err = parseLedger(data)
	switch {
	case err == nil:
		return l, "", nil
	case errors.Is(err, disk.ErrSchema):
		return nil, "", &problem{err: fmt.Errorf("read %s: %w", path, err), remedy: "use the devcert that wrote it, or a newer one"}
	}
	now := time.Now
	if k.Now != nil {
		now = k.Now
	}
	aside = path + ".damaged-" + now().UTC().Format("20060102T150405.000")
	if moved := os.Rename(path, aside); moved != nil {
		return nil, "", fmt.Errorf("%s is damaged (%w) and cannot be set aside: %w", path, err, moved)
	}
	return &ledger{}, aside, nil
}

// write keeps the ledger, durably: what it says is about to be done.
func (k Ledger) write(l *ledger) error {
	path := k.path(ledgerName)
	var err error
	if l.empty() {
		if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		var data []byte
		if data, err = l.encode(); err == nil {
			err = disk.WriteFile(k.Files, path, data, disk.PublicMode)
		}
	}
	if err != nil {
		return fmt.Errorf("record what was bound before devcert: %w", err)
	}
	return nil
}
