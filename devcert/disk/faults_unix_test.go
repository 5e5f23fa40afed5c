//go:build unix

package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// brokenFiles hands out, for the n-th file that is created, one to which nothing
// can be written, or whose bytes cannot be made safe.
type brokenFiles struct {
	chmodFiles
	mu      sync.Mutex
	created int
	breakAt int // 0 breaks none
	instead func() (*os.File, error)
}

func (f *brokenFiles) Create(path string) (*os.File, error) {
	made, err := f.chmodFiles.Create(path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.created++; err != nil || f.created != f.breakAt {
		return made, err
	}
	_ = made.Close() // the name is there, and stays empty
	return f.instead()
}

// fullDevice is a file on a disk without room.
func fullDevice() (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) }

// unsyncable takes bytes and cannot make them safe: a pipe that nobody empties
// needs no more than these.
func unsyncable() (*os.File, error) {
	r, w, err := os.Pipe()
	if err == nil {
		runtime.SetFinalizer(w, func(*os.File) { _ = r.Close() })
	}
	return w, err
}

// A write that fails after its file was made, and a sync that fails after all was
// written, are no better than a file that could not be made.
func TestAnyFileThatBreaks(t *testing.T) {
	tried := 0
	for _, row := range []struct {
		name    string
		instead func() (*os.File, error)
		why     error
	}{
		{"full when written", fullDevice, syscall.ENOSPC},
		{"broken when synced", unsyncable, syscall.EINVAL},
	} {
		for stroke, renew := range strokes {
			if row.why == syscall.EINVAL && stroke == "staged" {
				continue // it syncs as the other does, and a test that syncs is slow
			}
			for n, broke := 1, true; broke; n++ {
				broke = t.Run(fmt.Sprintf("%s, %s, file %d", row.name, stroke, n), func(t *testing.T) {
					old := sample(t, 0)
					young := otherLeaf(t, old)
					f := folderWith(t, old)
					files := &brokenFiles{breakAt: n, instead: row.instead}
					f.Files = files
					err := renew(f, young)
					if files.created < n {
						require.NoError(t, err)
						broke = false
						return
					}
					tried++
					require.ErrorIs(t, err, row.why)
					f.Files = chmodFiles{}
					s := snapshot(t, f)
					requireOneOf(t, &s.Hierarchy, old, young)
					require.Empty(t, s.Damage)
					require.NoError(t, renew(f, young))
					s = snapshot(t, f)
					require.Empty(t, s.Damage)
					require.Empty(t, s.Others)
					requireNothingBeside(t, f)
				}) && broke
			}
		}
	}
	require.Greater(t, tried, 20)
	t.Logf("files that broke: %d, hierarchies lost: 0", tried)
}

// requireNothingBeside: no half-written file is left under a temporary name.
func requireNothingBeside(t *testing.T, f Folder) {
	t.Helper()
	for _, name := range tree(t, f.Path) {
		require.NotRegexp(t, `\.new$`, name)
	}
}

// planted is what somebody may have put at the paths that devcert writes.
var planted = map[string]func(t *testing.T, outside, path string){
	"a link to a file":   func(t *testing.T, outside, path string) { symlink(t, filepath.Join(outside, "file"), path) },
	"a link to a folder": func(t *testing.T, outside, path string) { symlink(t, outside, path) },
	"a link to nowhere":  func(t *testing.T, outside, path string) { symlink(t, filepath.Join(outside, "nowhere"), path) },
	"a link to itself":   func(t *testing.T, _, path string) { symlink(t, path, path) },
	"another hard link": func(t *testing.T, outside, path string) {
		require.NoError(t, os.Link(filepath.Join(outside, "file"), path))
	},
	"a folder":            func(t *testing.T, _, path string) { require.NoError(t, os.Mkdir(path, 0o755)) },
	"a folder with files": func(t *testing.T, _, path string) { mkdirs("in")(t, path); write(t, filepath.Join(path, "mine"), nil) },
	"a pipe":              func(t *testing.T, _, path string) { require.NoError(t, syscall.Mkfifo(path, 0o600)) },
	"somebody's file":     func(t *testing.T, _, path string) { require.NoError(t, os.WriteFile(path, []byte("mine"), 0o666)) },
}

// countingFiles counts the names of a file, as the real one does.
type countingFiles struct{ chmodFiles }

func (countingFiles) HasOtherName(f *os.File) bool {
	info, err := f.Stat()
	return err != nil || info.Sys().(*syscall.Stat_t).Nlink != 1
}

// Whatever stands at the paths that devcert writes, its temporary ones too,
// nothing outside of its folder is changed, and the folder ends whole: what was
// planted gives way.
func TestPlantedAtEveryPath(t *testing.T) {
	whole, tried := healthyFolder(t), 0
	names := []string{LockFile}
	for _, name := range tree(t, whole.Path) {
		if info, err := os.Lstat(whole.path(name)); err == nil && info.Mode().IsRegular() && filepath.Dir(name) == "." {
			names = append(names, name, filepath.Base(beside(name)))
		}
	}
	require.Greater(t, len(names), 12)
	for what, plant := range planted {
		t.Run(what, func(t *testing.T) {
			outside := filepath.Join(t.TempDir(), "outside")
			require.NoError(t, os.Mkdir(outside, 0o700))
			write(t, filepath.Join(outside, "file"), []byte("precious"))
			unhurt := func() {
				t.Helper()
				require.Equal(t, []string{"file"}, below(t, outside))
				require.Equal(t, "precious", string(read(t, filepath.Join(outside, "file"))))
			}
			f := folderWith(t, sample(t, 0))
			f.Files = countingFiles{}
			for _, name := range names {
				tried++
				require.NoError(t, os.RemoveAll(f.path(name)))
				plant(t, outside, f.path(name))
			}
			unlock, err := f.Lock(t.Context(), "setup", noWait(t))
			require.NoError(t, err)
			defer unlock()
			ledger, err := (&Ledger{Machine: "m1"}).Encode()
			require.NoError(t, err)
			for range 2 { // the second time nothing is in the way
				install(t, f, otherLeaf(t, sample(t, 0)))
				require.NoError(t, f.Write(LedgerFile, ledger, PrivateMode))
				require.NoError(t, f.Write(ConfigFile, []byte("{}\n"), PrivateMode))
				unhurt()
			}
			require.Empty(t, damages(snapshot(t, f)))
			requireMode(t, f.path(LeafKeyFile), 0o600)
			requireNothingBeside(t, f)
			_, err = f.Remove()
			require.NoError(t, err)
			unhurt()
		})
	}
	t.Logf("planted: %d, followed out of the folder: 0", tried)
}
