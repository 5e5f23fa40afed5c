package firefox

import (
	"path/filepath"

	"devcert/devcert"
)

// Spots are where Firefox keeps profiles, also where it does not yet, the databases
// of each, and the machine's policies. What Firefox writes all the time is not among
// them.
func (s *Store) Spots() []devcert.Spot {
	all := []devcert.Spot{{Path: filepath.Join(s.Root, policyFile)}}
	for _, f := range foldersOf(s.Home, s.ConfigHome) {
		all = append(all, devcert.Spot{Path: f.base, Folder: true})
	}
	profiles, _ := s.profiles()
	for _, p := range profiles {
		for _, name := range []string{"cert9.db", "key4.db", "pkcs11.txt", "user.js"} {
			all = append(all, devcert.Spot{Path: filepath.Join(p.Path, name)})
		}
	}
	return all
}
