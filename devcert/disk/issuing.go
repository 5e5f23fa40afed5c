package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A certificate and its key are two files, and no system replaces two in one stroke
// and leaves alone what else is in their folder. So they are written whole into a
// folder of their own. Renaming that is the stroke: from then on readers take what
// is in it, and whoever holds the lock moves its files to their places, in this run
// or, after a kill, in the next.

// stagedIssued is the folder of files that are being written.
func (f Folder) stagedIssued(name string) string { return beside(f.IssuedDir(name)) }

// pendingIssued is the folder of files that count, and are not all in their places.
// An empty one says that there is none with its ending any more.
func (f Folder) pendingIssued(name string) string { return beside(f.path(issuedDir, name, name)) }

func (f Folder) pendingIssuedPath(name, ending string) string {
	return filepath.Join(f.pendingIssued(name), name+ending)
}

// ReadIssued returns the bytes of the file of name with that ending; an error that
// satisfies fs.ErrNotExist when there is none.
func (f Folder) ReadIssued(name, ending string) ([]byte, error) {
	for _, dir := range []string{issuedDir, filepath.Join(issuedDir, name)} {
		if err := f.checkDir(dir); err != nil {
			return nil, err
		}
	}
	data, err := ReadFile(f.pendingIssuedPath(name, ending))
	switch {
	case err == nil && len(data) == 0:
		return nil, &os.PathError{Op: "open", Path: f.IssuedPath(name, ending), Err: fs.ErrNotExist}
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return data, err
	}
	return ReadFile(f.IssuedPath(name, ending))
}

// HasIssued says whether there is such a file, readable or not.
func (f Folder) HasIssued(name, ending string) bool {
	info, err := os.Lstat(f.pendingIssuedPath(name, ending))
	if err == nil {
		return info.Size() > 0
	}
	_, err = os.Lstat(f.IssuedPath(name, ending))
	return err == nil
}

// WriteIssued replaces what is there of name by files. What was there and has no
// successor goes; what is not devcert's stays. A reader finds the old files or the
// new ones, after a kill too.
func (f Folder) WriteIssued(name string, files []IssuedFile) error {
	err := f.makeIssuedDir()
	if err == nil {
		err = f.checkDir(filepath.Join(issuedDir, name))
	}
	if err == nil {
		err = f.FinishIssued(name)
	}
	if err == nil {
		err = f.stageIssued(name, files)
	}
	if err == nil {
		err = f.commitIssued(name)
	}
	if err != nil {
		_ = os.RemoveAll(f.stagedIssued(name))
		return err
	}
	return f.FinishIssued(name)
}

// makeIssuedDir makes the folder in which each name has its own. It is synced before
// there is anything in it: one that is empty may be what a killed run left, and is
// synced again.
func (f Folder) makeIssuedDir() error {
	if err := f.checkDir(issuedDir); err != nil {
		return err
	}
	dir := f.path(issuedDir)
	err := f.Files.MakeDir(dir)
	if errors.Is(err, fs.ErrExist) {
		if used, err := hasEntries(dir); err != nil || used {
			return err
		}
		err = nil
	}
	if err == nil {
		err = f.Files.SyncDir(f.Path)
	}
	if err != nil {
		return failed("making", dir, err)
	}
	return nil
}

// hasEntries says whether there is anything in a folder.
func hasEntries(path string) (bool, error) {
	dir, err := os.Open(path)
	if err != nil {
		return false, failed("reading", path, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, failed("reading", path, err)
	}
	return len(names) > 0, nil
}

// stageIssued writes the files, and what says which are to go.
func (f Folder) stageIssued(name string, files []IssuedFile) error {
	staged := f.stagedIssued(name)
	var entries []entry
	for _, ending := range IssuedEndings {
		e := entry{path: filepath.Join(staged, name+ending), mode: PublicMode}
		if SecretEnding(ending) {
			e.mode = PrivateMode
		}
		at := slices.IndexFunc(files, func(file IssuedFile) bool { return file.Ending == ending })
		if at >= 0 {
			e.data = files[at].Data
		} else if !f.HasIssued(name, ending) {
			continue
		}
		entries = append(entries, e)
	}
	err := os.RemoveAll(staged) // what a killed run left
	if err == nil {
		err = f.Files.MakeDir(staged)
	}
	if err == nil {
		err = writeSynced(f.Files, entries, asNamed, staged)
	}
	if err != nil {
		return failed("writing", f.IssuedDir(name), err)
	}
	return nil
}

// commitIssued makes what is staged what counts.
func (f Folder) commitIssued(name string) error {
	to, changed := f.IssuedDir(name), []string{f.path(issuedDir)}
	if _, err := os.Lstat(to); err == nil {
		to, changed = f.pendingIssued(name), append(changed, to)
	}
	err := f.Files.Rename(f.stagedIssued(name), to)
	if err == nil {
		err = f.syncDirs(changed...)
	}
	if err != nil {
		return failed("writing", f.IssuedDir(name), err)
	}
	return nil
}

// FinishIssued moves the files of name to their places that a run which was stopped
// has left pending.
func (f Folder) FinishIssued(name string) error {
	if _, err := os.Lstat(f.pendingIssued(name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, step := range f.finishing(name) {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// finishing are the steps of FinishIssued. After any of them, and before, a reader
// finds the same.
func (f Folder) finishing(name string) []func() error {
	dir := f.IssuedDir(name)
	var steps []func() error
	do := func(doing, path string, act func() error) {
		steps = append(steps, func() error {
			if err := act(); err != nil {
				return failed(doing, path, err)
			}
			return nil
		})
	}
	drop := func(path string) { do("removing", path, func() error { return removeFile(path) }) }
	for _, ending := range IssuedEndings {
		from, to := f.pendingIssuedPath(name, ending), f.IssuedPath(name, ending)
		info, err := os.Lstat(from)
		if err != nil {
			continue
		}
		steps = append(steps, func() error { return f.MakeWay(filepath.Join(issuedDir, name, name+ending)) })
		if info.Size() == 0 {
			drop(to)
			drop(from)
		} else {
			do("replacing", to, func() error { return f.Files.Rename(from, to) })
		}
	}
	drop(f.pendingIssued(name))
	do("writing", dir, func() error { return f.Files.SyncDir(dir) })
	return steps
}

// interruptedIssued are the names that have files pending.
func (f Folder) interruptedIssued() []string {
	all, _ := f.IssuedNames()
	return slices.DeleteFunc(all, func(name string) bool {
		_, err := os.Lstat(f.pendingIssued(name))
		return err != nil
	})
}

// removeFile is remove that does not mind when there is nothing.
func removeFile(path string) error {
	if err := remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveIssued takes the files of name away, and its folder when that is empty.
func (f Folder) RemoveIssued(name string) error {
	for _, ending := range IssuedEndings {
		for _, path := range []string{f.IssuedPath(name, ending), f.pendingIssuedPath(name, ending)} {
			if err := removeFile(path); err != nil {
				return failed("removing", path, err)
			}
		}
	}
	_ = os.Remove(f.pendingIssued(name))
	_ = os.Remove(f.IssuedDir(name)) // what somebody else keeps there stays
	_ = os.Remove(f.path(issuedDir))
	return nil
}
