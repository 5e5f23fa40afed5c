//go:build unix

package clients

import (
	"devcert/devcert"
	"devcert/platform/firefox"
)

// findFirefox lists each profile, and Firefox itself where it has none yet.
func findFirefox(s *searcher) []devcert.Client {
	path := s.program("firefox", "firefox-esr")
	if path == "" || confined(path) {
		return nil
	}
	bare := devcert.Client{Name: "firefox", Path: path, Store: firefoxStore, Roots: "a new profile's list", Browser: true}
	var all []devcert.Client
	for _, base := range s.firefoxBases() {
		profiles, err := firefox.Profiles(base)
		for _, p := range profiles {
			c := bare
			c.Name, c.Place, c.Roots = "firefox: "+p.Name, p.Path, s.profileRoots(p.Path)
			all = append(all, c)
		}
		if err != nil {
			bare.Evidence = err.Error()
		}
	}
	if len(all) == 0 {
		return []devcert.Client{bare}
	}
	return all
}
