package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteFile(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, path string)
	}{
		{"nothing there", func(*testing.T, string) {}},
		{"an older file", func(t *testing.T, path string) { write(t, path, []byte("old")) }},
		{"an older file that others could read", func(t *testing.T, path string) {
			write(t, path, []byte("old"))
			require.NoError(t, os.Chmod(path, 0o666))
		}},
		{"what a killed run left", func(t *testing.T, path string) { write(t, beside(path), []byte("half a")) }},
		{"an empty folder at the temporary name", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(beside(path), 0o700)) }},
	} {
		for _, mode := range []os.FileMode{PrivateMode, PublicMode} {
			t.Run(row.name+" "+mode.String(), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "file")
				row.prepare(t, path)
				require.NoError(t, WriteFile(chmodFiles{}, path, []byte("new"), mode))
				require.Equal(t, "new", string(read(t, path)))
				requireMode(t, path, mode)
				require.Equal(t, []string{".", "file"}, tree(t, filepath.Dir(path)), "no temporary file is left")
			})
		}
	}
}

// deadDisk takes what is written and makes none of it safe.
type deadDisk struct{ chmodFiles }

var errDead = errors.New("input/output error")

func (deadDisk) Sync([]*os.File) error { return errDead }
func (deadDisk) SyncDir(string) error  { return errDead }

// Who reads of it, reads it once.
func TestADiskThatFailsForAllFailsOnce(t *testing.T) {
	dir := t.TempDir()
	entries := []entry{{path: filepath.Join(dir, "one"), mode: PublicMode}, {path: filepath.Join(dir, "two"), mode: PublicMode}}
	err := writeSynced(deadDisk{}, entries, asNamed, dir, filepath.Dir(dir))
	require.EqualError(t, err, errDead.Error())
	err = syncWhile(deadDisk{}, nil, []string{dir}, func() error { return errors.New("what came first") })
	require.EqualError(t, err, "what came first")
}

// A link must never choose where a key is written: neither one at the target
// nor one that waits at the temporary name.
func TestWriteFileFollowsNoLink(t *testing.T) {
	for _, row := range []struct {
		name string
		link func(path string) string
	}{
		{"at the target", func(path string) string { return path }},
		{"at the temporary name", beside},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			elsewhere, path := filepath.Join(dir, "elsewhere"), filepath.Join(dir, "file")
			write(t, elsewhere, []byte("of somebody else"))
			symlink(t, elsewhere, row.link(path))
			require.NoError(t, WriteFile(chmodFiles{}, path, []byte("secret"), PrivateMode))
			require.Equal(t, "of somebody else", string(read(t, elsewhere)))
			info, err := os.Lstat(path)
			require.NoError(t, err)
			require.True(t, info.Mode().IsRegular())
			require.Equal(t, "secret", string(read(t, path)))
		})
	}
}

func TestWriteFileFailsCleanly(t *testing.T) {
	full := errors.New("no space left on device")
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write(t, path, []byte("old"))

	err := WriteFile(&failingFiles{failAt: 1, err: full}, path, []byte("new"), PrivateMode)
	require.ErrorIs(t, err, full)
	require.Equal(t, "old", string(read(t, path)))
	require.Equal(t, []string{".", "file"}, tree(t, dir))

	require.Error(t, WriteFile(chmodFiles{}, filepath.Join(dir, "none", "file"), nil, PrivateMode), "no such folder")

	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	require.Error(t, WriteFile(chmodFiles{}, filepath.Join(dir, "folder"), []byte("new"), PrivateMode))
	require.Equal(t, []string{".", "file", "folder"}, tree(t, dir), "the temporary file is removed after a failed rename too")
}

// privateAtBirth sees each file at the moment it is made.
type privateAtBirth struct {
	chmodFiles
	t *testing.T
}

func (p privateAtBirth) Create(path string) (*os.File, error) {
	f, err := p.chmodFiles.Create(path)
	if err == nil {
		info, err := f.Stat()
		require.NoError(p.t, err)
		require.Zero(p.t, info.Size(), "nothing is written before the file is private")
		requireMode(p.t, path, PrivateMode)
	}
	return f, err
}

func TestKeysArePrivateFromTheirFirstInstant(t *testing.T) {
	f := newFolder(t)
	f.Files = privateAtBirth{t: t}
	h := sample(t, 0)
	id := install(t, f, h)
	for _, file := range layout {
		if file.name == rootKeyFile {
			continue
		}
		requireMode(t, f.path(generationsDir, id, file.name), file.mode)
		if file.copy != "" {
			requireMode(t, f.path(file.copy), file.mode)
		}
	}
	requireMode(t, f.Path, 0o700)
	requireMode(t, f.path(generationsDir), 0o700)
	requireMode(t, f.path(generationsDir, id), 0o700)
}

// A reader sees the old bytes or the new ones, never a part and never nothing.
func TestWriteFileIsAtomicForReaders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that a reader has open cannot be replaced there; writers report it")
	}
	path := filepath.Join(t.TempDir(), "file")
	old, young := bytes.Repeat([]byte("a"), 1<<16), bytes.Repeat([]byte("b"), 1<<15)
	write(t, path, old)
	var stop atomic.Bool
	done := make(chan error)
	go func() {
		for i := 0; i < 100; i++ {
			data := old
			if i%2 == 0 {
				data = young
			}
			if err := WriteFile(chmodFiles{}, path, data, PublicMode); err != nil {
				done <- err
				return
			}
		}
		stop.Store(true)
		done <- nil
	}()
	for !stop.Load() {
		data, err := ReadFile(path)
		if err != nil || (!bytes.Equal(data, old) && !bytes.Equal(data, young)) {
			t.Errorf("a reader saw %d bytes, error %v", len(data), err)
			break
		}
	}
	require.NoError(t, <-done)
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write(t, path("full"), make([]byte, maxFile))
	write(t, path("over"), make([]byte, maxFile+1))
	require.NoError(t, os.Mkdir(path("folder"), 0o700))

	data, err := ReadFile(path("full"))
	require.NoError(t, err)
	require.Len(t, data, maxFile)
	_, err = ReadFile(path("over"))
	require.ErrorIs(t, err, errTooLarge)
	_, err = ReadFile(path("folder"))
	require.ErrorIs(t, err, errNotRegular)
	_, err = ReadFile(path("none"))
	require.ErrorIs(t, err, os.ErrNotExist)

	symlink(t, path("full"), path("link"))
	_, err = ReadFile(path("link"))
	require.ErrorIs(t, err, errNotRegular)
}
