package nss

import (
	"path/filepath"

	"devcert/devcert"
)

// Spots are the databases of all browsers, those that a browser may yet make, and
// the folders of their policies.
func (s *Store) Spots() []devcert.Spot {
	var all []devcert.Spot
	for _, h := range homes(s.Env) {
		for _, dir := range []string{h.old, h.new} {
			for _, name := range []string{certFile, keyFile, "pkcs11.txt"} {
				all = append(all, devcert.Spot{Path: filepath.Join(dir, name)})
			}
		}
	}
	user := lookup(s.Env, "HOME")
	for _, k := range kinds {
		if k.policies != "" {
			all = append(all, devcert.Spot{Path: k.managed(s.Root), Folder: true})
		}
		if !filepath.IsAbs(user) {
			continue
		}
		for _, name := range k.snaps {
			all = append(all, devcert.Spot{Path: filepath.Join(user, "snap", name, "current")})
		}
		for _, id := range k.flatpaks {
			all = append(all, devcert.Spot{Path: filepath.Join(user, ".var", "app", id)})
		}
	}
	return all
}
