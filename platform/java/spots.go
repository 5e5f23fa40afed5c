package java

import (
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// Spots are the keystores of each Java, and the folders in which another may
// appear.
func (s *Store) Spots() []devcert.Spot {
	f := s.finder()
	var all []devcert.Spot
	for _, pattern := range f.patterns {
		dir := filepath.Dir(pattern)
		for strings.ContainsAny(dir, "*?[") { // what appears below is found by the hourly look
			dir = filepath.Dir(dir)
		}
		all = append(all, devcert.Spot{Path: dir, Folder: true})
	}
	for _, program := range f.programs {
		all = append(all, devcert.Spot{Path: program})
	}
	homes, _ := f.homes()
	for _, h := range homes {
		for _, folder := range h.folders() {
			for _, name := range []string{"cacerts", "jssecacerts"} {
				all = append(all, devcert.Spot{Path: filepath.Join(folder, name)})
			}
		}
	}
	return all
}
