package system

import "devcert/devcert"

// Spots are the folder of the machine's own roots and what is made of them.
func (s *Store) Spots() []devcert.Spot {
	f, ok := familyOf(s.Root)
	if !ok {
		return nil
	}
	all := []devcert.Spot{{Path: f.anchors, Folder: true}, {Path: f.bundle}}
	if f.hashed != "" {
		all = append(all, devcert.Spot{Path: f.hashed, Folder: true})
	}
	if f.conf != "" {
		all = append(all, devcert.Spot{Path: f.conf})
	}
	return all
}
