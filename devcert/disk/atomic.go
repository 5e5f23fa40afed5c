package disk

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Modes of what is written. Keys are private; certificates are for everyone
// who can reach them.
const (
	PrivateMode os.FileMode = 0o600
	PublicMode  os.FileMode = 0o644
)

// maxFile bounds every read: nothing devcert writes is near it, and a state
// folder that somebody filled must not fill memory too.
const maxFile = 1 << 20

// entry is one file to write.
type entry struct {
	path string
	data []byte
	more [][]byte // what is written behind data
	mode os.FileMode
	// derived says that its bytes can be made again from what is safe on disk, or will
	// be: nobody waits for them, because nobody can lose them.
	derived bool
}

// WriteFile is ReplaceFile that returns when the change will also outlast a
// power failure, for what must be on record before something else is done.
func WriteFile(files Files, path string, data []byte, mode os.FileMode) error {
	if err := ReplaceFile(files, path, data, mode); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}

// ReplaceFile replaces the file at path by data, so that a reader sees the old
// bytes or the new, after a crash too: whole, and one of the two. The caller
// holds the folder's lock: the temporary name beside path is fixed, and one that
// a killed process left is replaced.
func ReplaceFile(files Files, path string, data []byte, mode os.FileMode) error {
	return writeBeside(files, []entry{{path: path, data: data, mode: mode}})
}

// writeBeside is ReplaceFile for several files, synced together: none is put
// in its place before all are safe on disk.
func writeBeside(files Files, entries []entry) error {
	if err := writeSynced(files, entries, beside); err != nil {
		removeBeside(entries)
		return err
	}
	return putInPlace(files, entries)
}

// putInPlace renames what was written beside the entries into their places. Where
// that fails it leaves nothing beside them.
func putInPlace(files Files, entries []entry) error {
	for i, e := range entries {
		if err := files.Rename(beside(e.path), e.path); err != nil {
			removeBeside(entries[i:])
			return fmt.Errorf("replacing %s: %w", e.path, err)
		}
	}
	return nil
}

// removeBeside removes what a failure left beside the entries.
func removeBeside(entries []entry) {
	for _, e := range entries {
		_ = os.Remove(beside(e.path))
	}
}

// asNamed leaves the names of entries as they are.
func asNamed(path string) string { return path }

// writeSynced creates every entry under the name that rename gives it and
// returns when their bytes are on disk, and their names in dirs. Meanwhile the derived
// ones are written, which nobody waits for.
func writeSynced(files Files, entries []entry, rename func(string) string, dirs ...string) error {
	var open []*os.File
	var derived []entry
	var failed error
	for _, e := range entries {
		if e.derived {
			derived = append(derived, e)
			continue
		}
		f, err := create(files, rename(e.path), e)
		if failed = err; failed != nil {
			break
		}
		open = append(open, f)
	}
	if failed == nil {
		failed = syncWhile(files, open, dirs, func() error { return writeDerived(files, derived, rename) })
	}
	for _, f := range open {
		failed = cmp.Or(failed, f.Close())
	}
	return failed
}

// syncWhile syncs files and folders, and does what else there is to do meanwhile. Of
// what fails it tells one: as a rule a disk fails for all of them.
func syncWhile(files Files, open []*os.File, dirs []string, also func() error) error {
	errs := make([]error, len(dirs)+1)
	var syncing sync.WaitGroup
	for i, dir := range dirs {
		syncing.Go(func() { errs[i] = files.SyncDir(dir) })
	}
	if len(open) > 0 {
		syncing.Go(func() { errs[len(dirs)] = files.Sync(open) })
	}
	err := also()
	syncing.Wait()
	return cmp.Or(err, cmp.Or(errs...))
}

// writeDerived creates entries and does not sync.
func writeDerived(files Files, entries []entry, rename func(string) string) error {
	for _, e := range entries {
		f, err := create(files, rename(e.path), e)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func create(files Files, path string, e entry) (*os.File, error) {
	f, err := files.Create(path)
	if errors.Is(err, os.ErrExist) {
		if err := clear(files, path); err != nil {
			return nil, err
		}
		f, err = files.Create(path)
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(e.data)
	for _, part := range e.more {
		if err == nil {
			_, err = f.Write(part)
		}
	}
	if err == nil && e.mode != PrivateMode {
		err = f.Chmod(e.mode)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// clear makes room at path, where a killed process may have left a file. A folder
// with something in it is nobody's of ours, and is set aside.
func clear(files Files, path string) error {
	err := os.Remove(path)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if info, statErr := os.Lstat(path); statErr != nil || !info.IsDir() {
		return err
	}
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s%s%d", path, setAside, n)
		if _, err := os.Lstat(to); errors.Is(err, os.ErrNotExist) {
			return files.Rename(path, to)
		}
	}
}

// beside is the temporary name of path: hidden, and in the same folder, since
// a rename is atomic only there.
func beside(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
}

// ReadFile reads a regular file of at most maxFile bytes. A symbolic link, a
// pipe or a folder in its place is refused: what is read decides what is trusted.
func ReadFile(path string) ([]byte, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var read bytes.Buffer
	read.Grow(int(min(size, maxFile)) + bytes.MinRead) // as a rule, all at once
	if _, err := read.ReadFrom(io.LimitReader(f, maxFile+1)); err != nil {
		return nil, err
	}
	data := read.Bytes()
	if len(data) > maxFile {
		return nil, &os.PathError{Op: "read", Path: path, Err: errTooLarge}
	}
	return data, nil
}

func openRegular(path string) (f *os.File, size int64, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, 0, &os.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	f, err = os.Open(path)
	return f, info.Size(), err
}

var (
	errNotRegular = errors.New("not a regular file")
	errTooLarge   = errors.New("larger than 1 MiB")
)
