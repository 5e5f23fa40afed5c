//go:build unix

package service

import (
	"path/filepath"

	"devcert/devcert"
)

// Spots are the folders of the user's units, and of the links that start them.
func (m *systemd) Spots() []devcert.Spot {
	var all []devcert.Spot
	for _, dir := range m.dirs {
		all = append(all, devcert.Spot{Path: dir, Folder: true},
			devcert.Spot{Path: filepath.Join(dir, "default.target.wants"), Folder: true})
	}
	return all
}

// Spots are the folder of the user's agents.
func (m *launchd) Spots() []devcert.Spot { return []devcert.Spot{{Path: m.dir, Folder: true}} }
