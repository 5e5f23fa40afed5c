package firefox

import (
	"errors"
	"path/filepath"
)

// folder is one place where profiles are kept.
type folder struct {
	base string
	// sandboxed says that the Firefox of these profiles comes as a snap or Flatpak:
	// it sees neither the machine's policies nor its libraries.
	sandboxed bool
}

// foldersOf lists where Firefox keeps profiles: since 147 as the XDG base directory
// specification says, unless the old folder is there (bugzilla 259356). Somebody who
// starts several Firefoxes may have all of them.
func foldersOf(home, config string) []folder {
	if !filepath.IsAbs(home) {
		return nil
	}
	if !filepath.IsAbs(config) {
		config = filepath.Join(home, ".config")
	}
	old, new := ".mozilla/firefox", "mozilla/firefox"
	snap, flatpak := filepath.Join(home, "snap/firefox/common"), filepath.Join(home, ".var/app/org.mozilla.firefox")
	return []folder{
		{filepath.Join(home, old), false},
		{filepath.Join(config, new), false},
		{filepath.Join(snap, old), true},
		{filepath.Join(snap, ".config", new), true},
		{filepath.Join(flatpak, old), true},
		{filepath.Join(flatpak, "config", new), true},
	}
}

// found is a profile and where it was found.
type found struct {
	Profile
	folder
}

// profiles lists the profiles of all folders. Beside an error, which is a
// [*listError] or several, are those that were found all the same.
func (s *Store) profiles() ([]found, error) {
	var all []found
	var failed error
	for _, f := range foldersOf(s.Home, s.ConfigHome) {
		profiles, err := Profiles(f.base)
		failed = errors.Join(failed, err)
		for _, p := range profiles {
			all = append(all, found{p, f})
		}
	}
	return all, failed
}
