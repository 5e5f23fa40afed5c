package dotnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"devcert/devcert/chain"
)

// marker is an empty file in the topmost folder that devcert made: that folder,
// and those below on the way to the store, may go with the last certificate.
const marker = ".made-by-devcert"

// way are the folders from the user's home, which is not among them, to dir.
func way(home, dir string) []string {
	var path []string
	for ; dir != home && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path = append([]string{dir}, path...)
	}
	return path
}

// makeFolders makes what is missing on the way to dir, for its owner only.
func (s *Store) makeFolders(home, dir string) error {
	marked := false
	path := way(home, dir)
	for i, folder := range path {
		err := s.Files.MakeDir(folder)
		switch {
		case errors.Is(err, fs.ErrExist) && isFolder(folder):
			marked = made(path[:i+1])
		case errors.Is(err, fs.ErrExist):
			return fmt.Errorf("%s is not a folder", folder)
		case err != nil:
			return err
		case !marked:
			f, err := s.Files.Create(filepath.Join(folder, marker))
			if err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
			marked = true
		}
	}
	return nil
}

// tidy removes the folders that devcert made and nothing is in, and every marker
// once no certificate of devcert's is left. What cannot be removed stays: an
// empty folder harms nobody.
func (s *Store) tidy(ctx context.Context, home string) {
	for _, f := range folders {
		removeMade(way(home, f.in(home)))
	}
	if s.left(ctx, home) {
		return
	}
	for _, f := range folders {
		for _, folder := range way(home, f.in(home)) {
			_ = os.Remove(filepath.Join(folder, marker))
		}
	}
}

// removeMade removes those of the folders, the last one first, that devcert made and
// nothing is in.
func removeMade(path []string) {
	for i := len(path) - 1; i >= 0; i-- {
		if made(path[:i+1]) && isEmpty(path[i]) {
			_ = os.Remove(filepath.Join(path[i], marker))
			_ = os.Remove(path[i])
		}
	}
}

// made says whether devcert made the last of the folders.
func made(path []string) bool {
	for _, folder := range path {
		if _, err := os.Lstat(filepath.Join(folder, marker)); err == nil {
			return true
		}
	}
	return false
}

// isEmpty says whether there is nothing in the folder but a marker.
func isEmpty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	entries, err := f.ReadDir(2)
	return len(entries) == 0 || len(entries) == 1 && err == nil && entries[0].Name() == marker
}

// left says whether a folder still has a certificate of devcert's, or may have.
func (s *Store) left(ctx context.Context, home string) bool {
	for _, f := range folders {
		seen := sight{folder: f, dir: f.in(home)}
		if seen.files, seen.err = readFolder(ctx, seen.dir); seen.err != nil {
			return true
		}
		for _, e := range seen.entries() {
			if e.cert != nil && chain.PartOf(e.cert) != "" {
				return true
			}
		}
	}
	return false
}
