package disk

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
)

// holderVariable makes the test binary a second process: it takes the lock of
// the folder that the variable names, says so, and keeps it until its input ends.
const holderVariable = "DEVCERT_TEST_HOLDS_LOCK_OF"

func TestMain(m *testing.M) {
	if path := os.Getenv(holderVariable); path != "" {
		os.Exit(holdLock(path))
	}
	os.Exit(m.Run())
}

func holdLock(path string) int {
	f := Folder{Path: path, Files: chmodFiles{}}
	unlock, err := f.Lock(context.Background(), "setup", func(string) { fmt.Println("waiting") })
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("locked")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	unlock()
	return 0
}

// otherProcess starts a holder and returns once it has said what it does first.
func otherProcess(t *testing.T, f Folder) (said string, next func() string, end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderVariable+"="+f.Path)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	next = func() string {
		lines.Scan()
		return lines.Text()
	}
	var once sync.Once
	end = func() {
		once.Do(func() {
			_ = stdin.Close()
			_ = cmd.Wait()
		})
	}
	t.Cleanup(end)
	return next(), next, end
}

// short ends soon: a lock that should be refused is.
func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func noWait(t *testing.T) func(string) {
	return func(holder string) { t.Errorf("waited for %s", holder) }
}

func TestLockExcludesAnotherProcess(t *testing.T) {
	f := Folder{Path: filepath.Join(t.TempDir(), "devcert"), Files: chmodFiles{}}
	said, _, end := otherProcess(t, f)
	require.Equal(t, "locked", said)

	var holders []string
	_, err := f.Lock(short(t), "repair", func(holder string) { holders = append(holders, holder) })
	require.ErrorIs(t, err, ErrLocked)
	require.Len(t, holders, 1, "whoever waits is told once")
	require.ErrorContains(t, err, holders[0])
	if runtime.GOOS != "windows" { // nobody may read a locked file there
		require.Regexp(t, `^process \d+, devcert setup$`, holders[0])
	}

	end()
	unlock, err := f.Lock(short(t), "repair", noWait(t))
	require.NoError(t, err)
	said, next, _ := otherProcess(t, f)
	require.Equal(t, "waiting", said, "and the other way round")
	unlock()
	require.Equal(t, "locked", next())
}

// A process that is killed leaves no lock behind.
func TestLockEndsWithItsProcess(t *testing.T) {
	f := newFolder(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holderVariable+"="+f.Path)
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked", strings.TrimSpace(line))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	unlock, err := f.Lock(short(t), "setup", noWait(t))
	require.NoError(t, err)
	unlock()
}

func TestLockExcludesGoroutines(t *testing.T) {
	f := Folder{Path: filepath.Join(t.TempDir(), "devcert"), Files: chmodFiles{}}
	var inside, rounds atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 5 {
				unlock, err := f.Lock(context.Background(), "setup", func(string) {})
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d writers at once", n)
				}
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				rounds.Add(1)
				unlock()
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 30, rounds.Load())
}

// Uninstalls and setups in any order: whoever waited while the folder went away
// gets a fresh one, and still only one is in at a time.
func TestLockWhileTheFolderIsRemoved(t *testing.T) {
	f := Folder{Path: filepath.Join(t.TempDir(), "devcert"), Files: chmodFiles{}}
	var inside atomic.Int32
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			for range 10 {
				unlock, err := f.Lock(context.Background(), "uninstall", func(string) {})
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("%d writers at once", n)
				}
				if err := f.Write(ConfigFile, []byte("{}\n"), PrivateMode); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(f.path(generationsDir)); err != nil {
					t.Error(err)
				}
				inside.Add(-1)
				if n%2 == 0 {
					if _, err := f.Remove(); err != nil {
						t.Error(err)
					}
				}
				unlock()
			}
		})
	}
	wg.Wait()
	unlock, err := f.Lock(context.Background(), "uninstall", noWait(t))
	require.NoError(t, err)
	_, err = f.Remove()
	require.NoError(t, err)
	unlock()
	require.NoDirExists(t, f.Path)
}

// A lock on a file that an uninstall removed is worth nothing, even when
// another file has its name by now.
func TestLockOnAFileThatIsGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open cannot be removed there")
	}
	f := newFolder(t)
	lock := flock.New(f.path(LockFile))
	locked, err := lock.TryLock()
	require.NoError(t, err)
	require.True(t, locked)
	defer lock.Close()
	require.True(t, f.stillThere(lock))
	require.NoError(t, os.Remove(f.path(LockFile)))
	require.False(t, f.stillThere(lock))
	write(t, f.path(LockFile), nil)
	require.False(t, f.stillThere(lock))
}

func TestLockIsGivenUp(t *testing.T) {
	f := newFolder(t)
	unlock, err := f.Lock(context.Background(), "setup", noWait(t))
	require.NoError(t, err)
	defer unlock()

	interrupted, cancel := context.WithCancel(context.Background())
	_, err = f.Lock(interrupted, "repair", func(string) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrLocked, "it was not the time that ran out")
}

// What a person may find in the lock file is shown only if it is what Lock
// writes there: the text goes to a terminal.
func TestHolder(t *testing.T) {
	f := newFolder(t)
	for _, row := range []struct{ name, content, want string }{
		{"as written", signature("4711 setup"), "process 4711, devcert setup"},
		{"as written before signatures had one length", "4711 setup\n", "process 4711, devcert setup"},
		{"the longest", signature("4194304 check-client"), "process 4194304, devcert check-client"},
		{"nobody", signature(nobody), "holder unknown"},
		{"empty", "", "holder unknown"},
		{"one word", "4711\n", "holder unknown"},
		{"an escape sequence", "4711 \x1b[2Jsetup\n", "holder unknown"},
		{"two lines", "4711 setup\nand more\n", "holder unknown"},
		{"too long", "4711 " + strings.Repeat("x", 81), "holder unknown"},
	} {
		t.Run(row.name, func(t *testing.T) {
			write(t, f.path(LockFile), []byte(row.content))
			require.Equal(t, row.want, f.holder())
		})
	}
}

// One signature takes another's place whatever was there, and nothing is left of that.
func TestSignaturesHaveOneLength(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody may read a locked file there")
	}
	for name, before := range map[string]string{
		"nothing": "", "one that is shorter": "4711 uninstall\n", "one as long": signature("4711 uninstall"),
		"a longer text": strings.Repeat("x", 3*signatureSize),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			write(t, f.path(LockFile), []byte(before))
			unlock, err := f.Lock(t.Context(), strings.Repeat("setup ", 9), noWait(t))
			require.NoError(t, err)
			text := string(read(t, f.path(LockFile)))
			require.Len(t, text, signatureSize)
			require.True(t, strings.HasPrefix(text, fmt.Sprintf("%d setup setup", os.Getpid())), "%q", text)
			require.Equal(t, signatureSize-1, strings.Index(text, "\n"))
			unlock()
			require.Equal(t, signature(nobody), string(read(t, f.path(LockFile))))
		})
	}
}

// stuck is a file that takes no bytes, or gives up only some of its own.
type stuck struct {
	*os.File
	writing, cutting error
}

func (s stuck) WriteAt(data []byte, at int64) (int, error) {
	if s.writing != nil {
		return 0, s.writing
	}
	return s.File.WriteAt(data, at)
}

func (s stuck) Truncate(size int64) error {
	if s.cutting != nil && size > 0 {
		return s.cutting
	}
	return s.File.Truncate(size)
}

// Where a signature cannot be written, the one before must not stand for it.
func TestOverwriteThatFailsLeavesNothing(t *testing.T) {
	full := errors.New("no space left on device")
	for _, row := range []struct {
		name             string
		before           string
		writing, cutting error
		left             string
	}{
		{"nothing in the way", signature("4711 setup"), nil, nil, signature(nobody)},
		{"nor behind it", strings.Repeat("x", 99), nil, nil, signature(nobody)},
		{"no byte can be written", signature(nobody), full, nil, ""},
		{"what is behind it stays", strings.Repeat("x", 99), nil, full, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), LockFile)
			write(t, path, []byte(row.before))
			fh, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			defer fh.Close()
			err = overwrite(stuck{fh, row.writing, row.cutting}, int64(len(row.before)), signature(nobody))
			require.Equal(t, row.left == "", err != nil, "%v", err)
			require.Equal(t, row.left, string(read(t, path)))
		})
	}
}

// A link would be locked elsewhere and never be found again, a folder cannot be
// locked at all: both are set aside.
func TestLockSetsAsideWhatIsNoFile(t *testing.T) {
	t.Run("a folder", func(t *testing.T) {
		f := newFolder(t)
		require.NoError(t, os.Mkdir(f.path(LockFile), 0o700))
		require.NoError(t, os.WriteFile(f.path(LockFile, "mine"), nil, 0o600))
		lockOnce(t, f)
		require.FileExists(t, f.path(LockFile+".damaged-1", "mine"))
	})
	t.Run("a link", func(t *testing.T) {
		f := newFolder(t)
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		symlink(t, elsewhere, f.path(LockFile))
		lockOnce(t, f)
		require.NoFileExists(t, elsewhere)
	})
}

func lockOnce(t *testing.T, f Folder) {
	t.Helper()
	unlock, err := f.Lock(context.Background(), "setup", noWait(t))
	require.NoError(t, err)
	unlock()
}

func TestLockWhereNoFolderCanBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	_, err := Folder{Path: filepath.Join(file, "devcert"), Files: chmodFiles{}}.Lock(context.Background(), "setup", noWait(t))
	require.Error(t, err)

	full := errors.New("read-only file system")
	f := Folder{Path: filepath.Join(t.TempDir(), "devcert"), Files: &failingFiles{failAt: 1, err: full}}
	_, err = f.Lock(context.Background(), "setup", noWait(t))
	require.ErrorIs(t, err, full)

	f.Files = &failingFiles{failAt: 2, err: full} // the generations
	_, err = f.Lock(context.Background(), "setup", noWait(t))
	require.ErrorIs(t, err, full)
	f.Files = chmodFiles{}
	unlock, err := f.Lock(short(t), "setup", noWait(t))
	require.NoError(t, err, "a failed attempt keeps no lock")
	unlock()
}

// A file where the generations go is set aside: nothing could be written below.
func TestLockMakesWayForGenerations(t *testing.T) {
	f := newFolder(t)
	require.NoError(t, os.Remove(f.path(generationsDir)))
	write(t, f.path(generationsDir), []byte("x"))
	unlock, err := f.Lock(context.Background(), "setup", noWait(t))
	require.NoError(t, err)
	defer unlock()
	require.DirExists(t, f.path(generationsDir))
	require.FileExists(t, f.path(generationsDir+setAside+"1"))
}

// A folder in use for something else is not taken over: its files of our names
// would be written over, and removed by an uninstall. One of ours is, however
// much of it is lost.
func TestLockRefusesAFolderOfOthers(t *testing.T) {
	whole := healthyFolder(t)
	copies := func(names ...string) map[string][]byte {
		files := map[string][]byte{}
		for _, name := range names {
			files[name] = read(t, whole.path(name))
		}
		return files
	}
	stranger := otherBytes(t, LeafFile, sample(t, 1))
	config := []byte(`{"schema": 1, "setUp": "2026-11-21T12:00:00Z", "stores": ["all"]}`)
	with := func(files map[string][]byte, name string, data []byte) map[string][]byte {
		files[name] = data
		return files
	}
	for _, row := range []struct {
		name  string
		files map[string][]byte
		ours  bool
	}{
		{"a file called root.pem", map[string][]byte{RootFile: []byte("mine")}, false},
		{"another's configuration", map[string][]byte{ConfigFile: []byte(`{"schema": 1, "stores": "many"}`)}, false},
		{"another's configuration beside our root", with(copies(RootFile), ConfigFile, []byte("{}")), false},
		{"another's ledger", map[string][]byte{LedgerFile: []byte(`{"accounts": []}`)}, false},
		{"another's certificate beside our root", with(copies(RootFile), LeafFile, stranger), false},
		{"another's key beside our root", with(copies(RootFile, LeafFile), LeafKeyFile, []byte("mkcert's")), false},
		{"our key alone", copies(LeafKeyFile), false},
		{"our configuration alone", map[string][]byte{ConfigFile: config}, true},
		{"a newer one", map[string][]byte{ConfigFile: bytes.Replace(config, []byte("1"), []byte("2"), 1)}, true},
		{"a newer ledger alone", map[string][]byte{LedgerFile: []byte(`{"schema": 2}`)}, true},
		{"our root alone", copies(RootFile), true},
		{"our root beside somebody's file", with(copies(RootFile), "notes.txt", nil), true},
		{"nothing but somebody's file, where others may look", map[string][]byte{"notes.txt": []byte("mine")}, false},
		{"all copies", copies(RootFile, IntermediateFile, LeafFile, LeafKeyFile, LeafPFXFile, CurrentFile), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := Folder{Path: t.TempDir(), Files: chmodFiles{}}
			for name, data := range row.files {
				write(t, f.path(name), data)
			}
			if open, _ := f.Files.Exposed(f.Path); open == "" && row.files["notes.txt"] != nil && !row.ours {
				t.Skip("there are no modes here: the folder is not open to others")
			}
			unlock, err := f.Lock(context.Background(), "setup", noWait(t))
			if row.ours {
				require.NoError(t, err)
				unlock()
				return
			}
			require.ErrorIs(t, err, ErrNotOurs)
			require.NoFileExists(t, f.path(LockFile))
			for name, data := range row.files {
				require.Equal(t, data, read(t, f.path(name)))
			}
		})
	}
}

// linkedFiles says that every file has another name.
type linkedFiles struct{ chmodFiles }

func (linkedFiles) HasOtherName(*os.File) bool { return true }

// A lock that has another name is locked, and nothing is written through it.
func TestLockOnAFileWithAnotherName(t *testing.T) {
	f := newFolder(t)
	f.Files = linkedFiles{}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	write(t, elsewhere, []byte("precious"))
	require.NoError(t, os.Link(elsewhere, f.path(LockFile)))
	unlock, err := f.Lock(context.Background(), "setup", noWait(t))
	require.NoError(t, err)
	require.Equal(t, "precious", string(read(t, elsewhere)))
	_, err = f.Lock(short(t), "repair", func(string) {})
	require.ErrorIs(t, err, ErrLocked, "it keeps others out all the same")
	_, err = f.Remove()
	require.NoError(t, err)
	unlock()
	require.NoDirExists(t, f.Path)
	require.Equal(t, "precious", string(read(t, elsewhere)))
}

// Who is named is who has the lock now, not one who had it before: neither one
// that ended, nor one that was killed, nor one that left while others waited.
func TestHolderIsNeverOneWhoHasLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("nobody may read a locked file there")
	}
	t.Run("left", func(t *testing.T) {
		f := newFolder(t)
		lockOnce(t, f)
		require.Equal(t, signature(nobody), string(read(t, f.path(LockFile))))
	})
	t.Run("killed", func(t *testing.T) {
		f := newFolder(t)
		write(t, f.path(LockFile), []byte("4711 uninstall\n")) // as SIGKILL leaves it
		said, _, _ := otherProcess(t, f)
		require.Equal(t, "locked", said)
		var holder string
		_, err := f.Lock(short(t), "repair", func(h string) { holder = h })
		require.ErrorIs(t, err, ErrLocked)
		require.Regexp(t, `^process \d+, devcert setup$`, holder)
		require.NotContains(t, holder, "4711")
	})
	t.Run("another by the time limit", func(t *testing.T) {
		f := newFolder(t)
		first, err := f.Lock(t.Context(), "setup", noWait(t))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		second := flock.New(f.path(LockFile))
		defer second.Close()
		_, err = f.Lock(ctx, "repair", func(holder string) {
			require.Equal(t, fmt.Sprintf("process %d, devcert setup", os.Getpid()), holder)
			first()
			require.NoError(t, second.Lock())
			write(t, f.path(LockFile), []byte("4712 renew\n"))
		})
		require.ErrorIs(t, err, ErrLocked)
		require.ErrorContains(t, err, "(process 4712, devcert renew)")
	})
}

// A reader that asks whether anybody writes has the lock for an instant, and is
// nobody to wait for aloud.
func TestLockWaitsForNoInstant(t *testing.T) {
	f := newFolder(t)
	reader := flock.New(f.path(LockFile), flock.SetFlag(os.O_CREATE|os.O_RDONLY))
	free, err := reader.TryRLock()
	require.NoError(t, err)
	require.True(t, free)
	time.AfterFunc(time.Millisecond, func() { _ = reader.Close() })
	unlock, err := f.Lock(t.Context(), "setup", func(holder string) { t.Log("a slow machine: told of", holder) })
	require.NoError(t, err)
	unlock()
}

func TestMoved(t *testing.T) {
	never := func(holder string) { t.Errorf("told of %s", holder) }
	t.Run("nobody", func(t *testing.T) {
		f := newFolder(t)
		require.False(t, f.Moved(t.Context(), f.Stamp(), never))
		lockOnce(t, f)
		require.False(t, f.Moved(t.Context(), f.Stamp(), never))
	})
	t.Run("one that began before and has ended", func(t *testing.T) {
		f := newFolder(t)
		unlock, err := f.Lock(t.Context(), "setup", noWait(t))
		require.NoError(t, err)
		since := f.Stamp()
		unlock()
		require.True(t, f.Moved(t.Context(), since, never) || runtime.GOOS == "windows")
	})
	t.Run("one that has ended within a tick of the clock", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("nobody may read a locked file there")
		}
		f, tick := newFolder(t), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		unlock, err := f.Lock(t.Context(), "setup", noWait(t))
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(f.path(LockFile), tick, tick))
		since := f.Stamp()
		unlock()
		require.NoError(t, os.Chtimes(f.path(LockFile), tick, tick))
		require.True(t, f.Moved(t.Context(), since, never))
	})
	t.Run("a first one", func(t *testing.T) {
		f := newFolder(t)
		since := f.Stamp()
		lockOnce(t, f)
		require.True(t, f.Moved(t.Context(), since, never))
	})
	t.Run("one that removed all", func(t *testing.T) {
		f := newFolder(t)
		lockOnce(t, f)
		since := f.Stamp()
		require.NoError(t, os.Remove(f.path(LockFile)))
		require.True(t, f.Moved(t.Context(), since, never))
	})
	t.Run("one that is at it", func(t *testing.T) {
		f := newFolder(t)
		unlock, err := f.Lock(t.Context(), "setup", noWait(t))
		require.NoError(t, err)
		time.AfterFunc(30*time.Millisecond, unlock)
		require.True(t, f.Moved(t.Context(), f.Stamp(), func(string) {}))
	})
	t.Run("one that stays, and whose it is", func(t *testing.T) {
		f := newFolder(t)
		unlock, err := f.Lock(t.Context(), "setup", noWait(t))
		require.NoError(t, err)
		defer unlock()
		require.False(t, f.Moved(short(t), f.Stamp(), func(string) {}))
	})
}

// A writer who could not sign is at work all the same.
func TestBusyWithoutASignature(t *testing.T) {
	for name, hinder := range map[string]func(path string) error{
		"the file has another name":  nil,
		"it cannot be written to":    func(path string) error { return os.Chmod(path, 0o400) },
		"the disk was full":          func(path string) error { return os.Truncate(path, 0) },
		"one was killed before that": func(path string) error { return os.WriteFile(path, []byte("1 setup\n"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			lockOnce(t, f)
			if hinder == nil {
				f.Files = linkedFiles{}
			} else {
				require.NoError(t, hinder(f.path(LockFile)))
			}
			require.False(t, f.Busy())
			lock := flock.New(f.path(LockFile), flock.SetFlag(os.O_RDONLY))
			locked, err := lock.TryLock()
			require.NoError(t, err)
			require.True(t, locked)
			require.True(t, f.Busy())
			require.NoError(t, lock.Close())
			require.NoError(t, os.Chmod(f.path(LockFile), 0o600)) // Windows removes none that is read-only
		})
	}
}
