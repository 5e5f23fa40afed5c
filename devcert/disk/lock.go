package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is returned when another writer kept the lock until the time limit.
var ErrLocked = errors.New("another devcert is still changing the state folder")

// retryLock is how often a waiting writer tries again.
const retryLock = 20 * time.Millisecond

// Lock lets the caller be the only writer until the func it returns is called.
// It makes the folder. While another writer has the lock it waits, until ctx
// ends, after calling waiting once with who holds it.
func (f Folder) Lock(ctx context.Context, self string, waiting func(holder string)) (unlock func(), err error) {
	var once sync.Once
	tell := func(holder string) { once.Do(func() { waiting(holder) }) }
	for {
		if err := f.Make(); err != nil {
			return nil, err
		}
		if err := f.refuseOthers(); err != nil {
			return nil, err
		}
		// No lock can be taken on a link, whose target it would lock, nor on a
		// pipe, which would wait for its writer.
		if err := f.MakeWay(LockFile); err != nil {
			return nil, err
		}
		lock := flock.New(f.path(LockFile), flock.SetPermissions(PrivateMode))
		err := f.acquire(ctx, lock, tell)
		// An uninstall may have removed the folder after Make, or be about to.
		if (errors.Is(err, fs.ErrNotExist) || beingRemoved(err)) && ctx.Err() == nil {
			time.Sleep(retryLock)
			continue
		}
		if err != nil {
			return nil, err
		}
		// An uninstall that held the lock removed the file with the folder: this
		// lock is then on a file that nobody else will ever see.
		if f.stillThere(lock) {
			f.sign(lock, fmt.Sprintf("%d %s", os.Getpid(), self)) // before anything that may hang
			if err := f.makeGenerations(); err != nil {
				f.leave(lock)
				return nil, err
			}
			return func() { f.leave(lock) }, nil
		}
		_ = lock.Close()
	}
}

// beingRemoved says whether opening the lock failed because another writer is
// removing it: a moment in which Windows reports a sharing violation.
func beingRemoved(err error) bool {
	return runtime.GOOS == "windows" && err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, ErrLocked)
}

// refuseOthers refuses a folder that somebody uses for something else and that
// has no sign of devcert: its files would be written over where they have the
// names devcert uses, and made private where others may look into it, as /tmp.
func (f Folder) refuseOthers() error {
	names, err := os.ReadDir(f.Path)
	if err != nil {
		return nil // locking says why
	}
	taken, other, locked := "", "", false
	for _, n := range names {
		switch _, known := inState(n); {
		case n.Name() == LockFile:
			locked = true
		case n.Name() == parentsFile: // what Make leaves before there is a lock
		case !known:
			other = n.Name()
		case !n.IsDir() && n.Name() != generationsDir:
			taken = n.Name() // a folder there is never written over
		}
	}
	if locked {
		taken = ""
	}
	if taken == "" && other != "" {
		if open, err := f.Files.Exposed(f.Path); err == nil && open != "" {
			taken = other
		}
	}
	if taken == "" || f.ours() {
		return nil
	}
	return failed("using the state folder", f.Path, fmt.Errorf("%s in it is not devcert's: %w", taken, ErrNotOurs))
}

// ours looks for what only devcert can have written: a generation, a ledger, a
// configuration, or, where that is lost too, copies of one hierarchy and no
// certificate or key besides.
func (f Folder) ours() bool {
	if len(f.Generations()) > 0 {
		return true
	}
	if data, err := f.Read(LedgerFile); err == nil {
		if _, err := ParseLedger(data); err == nil || errors.Is(err, ErrSchema) {
			return true
		}
	}
	data, err := f.Read(ConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return f.copiesFit()
	}
	var config struct {
		Schema int
		SetUp  time.Time
		Stores []string
	}
	return err == nil && json.Unmarshal(data, &config) == nil &&
		config.Schema > 0 && !config.SetUp.IsZero() && config.Stores != nil
}

// ErrNotOurs is returned for a folder that somebody else uses.
var ErrNotOurs = errors.New("the folder is in use for something else")

// nobody signs the lock file of a folder in which nobody is at work.
const nobody = ""

// signatureSize is that of a lock file, in bytes, once it was signed. All signatures
// have it, so that one takes another's place without the file's blocks being freed and
// looked for again, which file systems make much of: twice in each command.
const signatureSize = 32

// signature is what stands in the lock file where text, which is ASCII, is signed: on
// one line, which blanks fill.
func signature(text string) string {
	const room = signatureSize - len("\n")
	return fmt.Sprintf("%-*.*s\n", room, room, text)
}

// leave takes the signature back, so that nobody is told of one who has left, and
// a reader can see that somebody has been here; then it lets the next writer in.
func (f Folder) leave(lock *flock.Flock) {
	f.sign(lock, nobody)
	f.unlock(lock)
}

// unlock lets the next writer in. Windows removes no file that is open: there,
// what Remove had to leave is removed now, unless another writer has it open.
func (f Folder) unlock(lock *flock.Flock) {
	_ = lock.Close()
	if runtime.GOOS != "windows" {
		return
	}
	mine, left, err := f.inventory()
	rest := slices.DeleteFunc(mine, func(name string) bool { return name == LockFile || name == parentsFile })
	if err != nil || len(rest) > 0 {
		return // nobody has removed what devcert keeps here
	}
	above := f.parents()
	_ = os.Remove(f.path(parentsFile))
	// Not tried again: by then it may be what keeps another writer's folder his.
	if os.Remove(f.path(LockFile)) == nil && len(left) == 0 && !f.Keep && os.Remove(f.Path) == nil {
		_ = removeEmpty(above)
	}
}

func (f Folder) acquire(ctx context.Context, lock *flock.Flock, waiting func(string)) error {
	free, err := lock.TryLock()
	if err != nil {
		return failed("locking", f.path(LockFile), err)
	}
	if free {
		return nil
	}
	// Whoever has the lock for a moment only is not worth a word, and one who has
	// just taken it has signed it by then.
	brief, cancel := context.WithTimeout(ctx, retryLock)
	defer cancel()
	if _, err := lock.TryLockContext(brief, retryLock/4); err == nil {
		return nil
	}
	waiting(f.holder())
	if _, err := lock.TryLockContext(ctx, retryLock); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%w (%s)", ErrLocked, f.holder()) // maybe another by now
		}
		return failed("locking", f.path(LockFile), err)
	}
	return nil
}

func (f Folder) stillThere(lock *flock.Flock) bool {
	ours, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(f.path(LockFile))
	return err == nil && os.SameFile(ours, named)
}

// sign writes who holds the lock, or that nobody does, for the message of those who
// wait. It is not the lock: that is the system's, and ends with the process. Where the
// system lets nobody write to a locked file, those who wait are told less; also where
// the file has another name, under which it may be anybody's. A lock on that one is as
// good: whoever else comes in by the name in the folder finds it taken.
func (f Folder) sign(lock *flock.Flock, text string) {
	fh, err := os.OpenFile(f.path(LockFile), os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer fh.Close()
	opened, err := fh.Stat()
	locked, lockErr := lock.Stat()
	if errors.Join(err, lockErr) != nil || !os.SameFile(opened, locked) || f.Files.HasOtherName(fh) {
		return
	}
	if err := overwrite(fh, opened.Size(), signature(text)); err != nil {
		// Windows lets nobody write to it: its time says that somebody has been here.
		_ = os.Chtimes(f.path(LockFile), time.Time{}, time.Now())
	}
}

// overwrite has a file of that size hold text and nothing else. Where it cannot, as on
// a full disk that writes nothing in place, it leaves nothing, least of all that nobody
// is there: whoever looks then asks for the lock itself.
func overwrite(file interface {
	io.WriterAt
	Truncate(size int64) error
}, size int64, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	if err == nil && size > int64(len(text)) { // what somebody else wrote there
		err = file.Truncate(int64(len(text)))
	}
	if err != nil {
		_ = file.Truncate(0)
	}
	return err
}

func (f Folder) holder() string {
	data, err := ReadFile(f.path(LockFile))
	if err != nil {
		return "holder unknown"
	}
	pid, command, ok := strings.Cut(strings.TrimSpace(string(data)), " ")
	if !ok || len(command) > 80 || strings.ContainsFunc(pid+command, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "holder unknown"
	}
	return fmt.Sprintf("process %s, devcert %s", pid, command)
}

// signatureNow is what stands where the lock file has its signature, "" where there is
// no room for one, and whether the file has no other name.
func (f Folder) signatureNow() (text string, alone bool) {
	fh, size, err := openRegular(f.path(LockFile))
	if err != nil {
		return "", false
	}
	defer fh.Close()
	data := make([]byte, signatureSize)
	if _, err := io.ReadFull(fh, data); err != nil || size != signatureSize {
		return "", false
	}
	return string(data), !f.Files.HasOtherName(fh)
}

// left says that the last writer has taken his signature back, and that the next could
// have put his in its place.
func (f Folder) left(info os.FileInfo) bool {
	text, alone := f.signatureNow()
	return alone && text == signature(nobody) && info.Mode().Perm()&0o200 != 0
}

// Stamp is what the lock file was like at a moment.
type Stamp struct {
	info os.FileInfo // nil when it was not there
	text string      // whose signature was in it
}

// Stamp notes what [Folder.Moved] compares.
func (f Folder) Stamp() Stamp {
	info, err := os.Lstat(f.path(LockFile))
	if err != nil {
		return Stamp{}
	}
	text, _ := f.signatureNow()
	return Stamp{info, text}
}

// same says that nobody has signed the lock file or left it in between. Whoever does
// both within one tick of the file system's clock leaves another signature, at least
// for the one who looked while he was there.
func (s Stamp) same(other Stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() &&
		s.info.ModTime().Equal(other.info.ModTime()) && s.text == other.text
}

// Moved says whether another writer has been at work since the stamp was taken, so
// that what was read meanwhile may be half of the old and half of the new. It
// waits for one that still is, until ctx ends, after calling waiting once where
// that takes longer than patience; then, and where nobody was, it says no.
func (f Folder) Moved(ctx context.Context, since Stamp, waiting func(holder string)) bool {
	begun, told := time.Now(), false
	busy := f.Busy()
	if !busy && f.Stamp().same(since) {
		return false
	}
	for busy {
		if !told && time.Since(begun) > patience {
			waiting(f.holder())
			told = true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(retryLock):
		}
		busy = f.Busy()
	}
	return ctx.Err() == nil
}

// patience is how long a reader waits for a writer before it says so.
const patience = 2 * time.Second

// Busy says whether another writer has the lock now. Whoever has it has signed it
// before anything was changed, where that was possible. Where it does not say that
// nobody is there, Busy asks by a lock that many may have, for no longer than that;
// it makes nothing.
func (f Folder) Busy() bool {
	info, err := os.Lstat(f.path(LockFile))
	if err != nil || !info.Mode().IsRegular() || f.left(info) {
		return false
	}
	lock := flock.New(f.path(LockFile), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	_ = lock.Close()
	return err == nil && !free
}
