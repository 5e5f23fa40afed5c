package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What had to be made for the state folder goes with it, and nothing else.
func TestParentsGoWithTheFolder(t *testing.T) {
	for _, row := range []struct {
		name   string
		before func(t *testing.T, dir string) // dir is where the parents will be
		after  func(t *testing.T, dir string) // once they are made
		left   []string
	}{
		{name: "all were made"},
		{name: "one was there", before: mkdirs("a"), left: []string{"a"}},
		{name: "all were there", before: mkdirs("a/b/c"), left: []string{"a", "a/b", "a/b/c"}},
		{name: "somebody uses one by now", after: mkdirs("a/b/other"), left: []string{"a", "a/b", "a/b/other"}},
		{name: "a file is in one", after: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a", "mine"), nil) }, left: []string{"a", "a/mine"}},
		{
			name:  "something else is in the folder",
			after: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a", "b", "c", "state", "mine"), nil) },
			left:  []string{"a", "a/b", "a/b/c", "a/b/c/state", "a/b/c/state/mine"},
		},
		{
			name: "the note is damaged",
			after: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "a", "b", "c", "state", parentsFile), []byte("{\"folders\": [\"/\"], \"x\": 1}"))
			},
			left: []string{"a", "a/b", "a/b/c"},
		},
		{
			name: "the note names others",
			after: func(t *testing.T, dir string) {
				mkdirs("z")(t, dir)
				write(t, filepath.Join(dir, "a", "b", "c", "state", parentsFile), []byte(`{"folders": ["`+filepath.ToSlash(filepath.Join(dir, "z"))+`"]}`))
			},
			left: []string{"a", "a/b", "a/b/c", "z"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			require.NoError(t, err)
			if row.before != nil {
				row.before(t, dir)
			}
			f := Folder{Path: filepath.Join(dir, "a", "b", "c", "state"), Files: chmodFiles{}}
			unlock, err := f.Lock(t.Context(), "test", func(string) {})
			require.NoError(t, err)
			unlock()
			if row.after != nil {
				row.after(t, dir)
			}
			unlock, err = f.Lock(t.Context(), "test", func(string) {})
			require.NoError(t, err)
			_, err = f.Remove()
			require.NoError(t, err)
			unlock()
			require.Equal(t, row.left, below(t, dir))
		})
	}
}

// A folder that was moved is in folders that devcert did not make.
func TestParentsOfAFolderThatWasMoved(t *testing.T) {
	dir := t.TempDir()
	f := Folder{Path: filepath.Join(dir, "made", "state"), Files: chmodFiles{}}
	require.NoError(t, f.Make())
	mkdirs("own")(t, dir)
	moved := Folder{Path: filepath.Join(dir, "own", "state"), Files: chmodFiles{}}
	require.NoError(t, os.Rename(f.Path, moved.Path))
	unlock, err := moved.Lock(t.Context(), "test", func(string) {})
	require.NoError(t, err)
	_, err = moved.Remove()
	require.NoError(t, err)
	unlock()
	require.Equal(t, []string{"made", "own"}, below(t, dir))
}

// What was killed before it had the lock has left no folder of somebody else's.
func TestParentsBeforeTheLock(t *testing.T) {
	dir := t.TempDir()
	f := Folder{Path: filepath.Join(dir, "made", "state"), Files: chmodFiles{}}
	require.NoError(t, f.Make())
	unlock, err := f.Lock(t.Context(), "test", func(string) {})
	require.NoError(t, err)
	_, err = f.Remove()
	require.NoError(t, err)
	unlock()
	require.Empty(t, below(t, dir))
}

// Where the folder cannot be made, nothing is left of those above it.
func TestParentsOfAFolderThatCannotBeMade(t *testing.T) {
	dir := t.TempDir()
	f := Folder{Path: filepath.Join(dir, "a", "b", "state"), Files: noFolders{}}
	require.ErrorIs(t, f.Make(), os.ErrPermission)
	require.Empty(t, below(t, dir))
}

// noFolders makes none.
type noFolders struct{ chmodFiles }

func (noFolders) MakeDir(string) error { return os.ErrPermission }

func mkdirs(path string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.FromSlash(path)), 0o755))
	}
}

// below lists all that is in a folder.
func below(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if name, relErr := filepath.Rel(dir, path); relErr == nil && name != "." {
			all = append(all, filepath.ToSlash(name))
		}
		return err
	}))
	return all
}
