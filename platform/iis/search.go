package iis

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The limits of the search for a solution's applicationhost.config. Somebody may
// start devcert in a folder that has everything below it.
const (
	maxProjects = 20   // configurations
	levelsUp    = 16   // folders above the one that devcert is started in
	levelsDown  = 3    // and below it
	maxFolders  = 2000 // that are looked into
	maxEntries  = 1000 // of each folder
	searchLimit = 2 * time.Second
)

// search is one search for configurations. Links are not followed: what is behind
// one is found where it is, if it is here.
type search struct {
	ctx     context.Context
	folders int
	found   []string
}

// projectConfigs are those that Visual Studio keeps in .vs beside a solution: of the
// folder, of those above it, since projects stand below their solution, and then of
// those below it, nearest first.
func projectConfigs(ctx context.Context, dir string) []string {
	if dir == "" {
		return nil // not known
	}
	ctx, cancel := context.WithTimeout(ctx, searchLimit)
	defer cancel()
	s := &search{ctx: ctx}
	s.up(dir)
	s.down(dir)
	return s.found
}

// up ends with the work tree: what is above it is no part of the project.
func (s *search) up(dir string) {
	for range levelsUp {
		s.beside(dir)
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil || filepath.Dir(dir) == dir {
			return
		}
		dir = filepath.Dir(dir)
	}
}

// down looks into the folders of a level before those of the next.
func (s *search) down(dir string) {
	level := []string{dir}
	for range levelsDown {
		var next []string
		for _, above := range level {
			for _, below := range s.list(above) {
				if strings.HasPrefix(below, ".") || slices.Contains(noSolutions, strings.ToLower(below)) {
					continue
				}
				next = append(next, filepath.Join(above, below))
				s.beside(next[len(next)-1])
			}
		}
		level = next
	}
}

// noSolutions are folders that are large and have no solutions: of packages, and of
// what was built.
var noSolutions = []string{"node_modules", "packages", "bin", "obj"}

// beside takes what is in dir's .vs: .vs/config, or .vs/SOLUTION/config since Visual
// Studio 2019.
func (s *search) beside(dir string) {
	vs := filepath.Join(dir, ".vs")
	if !isKind(vs, fs.ModeDir) {
		return
	}
	for _, name := range append([]string{"."}, s.list(vs)...) {
		config := filepath.Join(vs, name, "config")
		path := filepath.Join(config, "applicationhost.config")
		if len(s.found) < maxProjects && isKind(config, fs.ModeDir) && isKind(path, 0) && !slices.Contains(s.found, path) {
			s.found = append(s.found, path)
		}
	}
}

// isKind says that path is there and of that very kind: no link.
func isKind(path string, kind fs.FileMode) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == kind
}

// list are the folders in dir, as far as the limits go.
func (s *search) list(dir string) []string {
	if s.folders++; s.folders > maxFolders || len(s.found) >= maxProjects || s.ctx.Err() != nil {
		return nil
	}
	f, err := os.Open(dir) // #nosec G304: read only
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	entries, _ := f.ReadDir(maxEntries) // what cannot be read has nothing to be found
	var names []string
	for _, e := range entries {
		if e.Type() == fs.ModeDir {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}
