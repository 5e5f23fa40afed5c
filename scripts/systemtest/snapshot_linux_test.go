package systemtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/stretchr/testify/require"
)

// entry is everything about a file that a change would show in. What holds for a
// file only as long as nobody replaces or touches it is apart from what it is.
type entry struct {
	what  string // kind, mode, owner, size, hash of the bytes or target of the link
	touch string // time of the last change of the bytes, in nanoseconds, and inode
}

// snapshot is every file, link and folder below some folders.
type snapshot map[string]entry

// everything are the folders in which a changed file means a changed machine.
func (m *machine) everything() []string { return []string{"/etc", "/usr/local/share", homes()} }

// snapshot reads the folders; all that matter when none are given.
func (m *machine) snapshot(folders ...string) snapshot {
	m.t.Helper()
	if len(folders) == 0 {
		folders = m.everything()
	}
	all := snapshot{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				all[path], err = entryOf(path)
			}
			return err
		})
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(m.t, err)
		}
	}
	return all
}

func entryOf(path string) (entry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return entry{}, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	e := entry{what: fmt.Sprintf("%s %d:%d", info.Mode(), stat.Uid, stat.Gid)}
	switch {
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		if err != nil {
			return e, err
		}
		e.what += fmt.Sprintf(" %d %x", len(data), sha256.Sum256(data))
	case info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		if err != nil {
			return e, err
		}
		e.what += " -> " + to
	}
	e.touch = fmt.Sprintf("%d %d", info.ModTime().UnixNano(), stat.Ino)
	if info.IsDir() { // an overlay numbers folders as it likes
		e.touch = fmt.Sprint(info.ModTime().UnixNano())
	}
	return e, nil
}

// changed lists what differs in any way, touched files and folders too.
func (s snapshot) changed(after snapshot) []string {
	return s.compare(after, func(a, b entry) bool { return a == b })
}

// rewritten lists the files and links that were made, removed or written to. A
// folder shows in what is in it.
func (s snapshot) rewritten(after snapshot) []string {
	return s.compare(after, func(a, b entry) bool {
		return a == b || strings.HasPrefix(a.what, "d") && a.what == b.what
	})
}

// differing lists what is not the same to a reader, whoever wrote it when.
func (s snapshot) differing(after snapshot) []string {
	return s.compare(after, func(a, b entry) bool { return a.what == b.what })
}

func (s snapshot) compare(after snapshot, same func(a, b entry) bool) []string {
	paths := map[string]bool{}
	for path, e := range s {
		paths[path] = !same(e, after[path])
	}
	for path, e := range after {
		paths[path] = !same(s[path], e)
	}
	maps.DeleteFunc(paths, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(paths))
}

// beyond lists the paths that no pattern covers. A pattern is a path, or with
// "/…" at its end a folder with all that is in it.
func beyond(paths, patterns []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			folder, deep := strings.CutSuffix(pattern, "/…")
			return path == folder || deep && strings.HasPrefix(path, folder+"/")
		})
	})
}

// requireUnchanged runs work and requires that it changes nothing at all.
func (m *machine) requireUnchanged(work func(), folders ...string) {
	m.t.Helper()
	before := m.snapshot(folders...)
	work()
	require.Empty(m.t, before.changed(m.snapshot(folders...)), "changed, though nothing was to change")
}
