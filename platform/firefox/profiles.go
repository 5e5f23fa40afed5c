package firefox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Profile is one profile of a user.
type Profile struct {
	// Name is what the profile is called in Firefox: "default-release".
	Name string
	// Path is its folder, which exists.
	Path string
	// Default says that some installation of Firefox starts with it.
	Default bool
}

// listError is a list of profiles that could not be read or understood.
type listError struct {
	path string
	err  error
}

func (e *listError) Error() string {
	return "read the Firefox profiles of " + e.path + ": " + e.err.Error()
}
func (e *listError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *listError) Remedy() string {
	if errors.Is(e.err, errNotINI) {
		return "move " + e.path + " away and start Firefox, which writes it anew, or restore it from a backup"
	}
	return unreadable(e.path, e.err, func(right, path string) string {
		remedy := "let yourself read " + e.path + ": chmod u+" + right + " " + path
		if filepath.Ext(e.path) == ".ini" {
			return remedy + " (as root's, it is yours after sudo chown \"$USER\" " + path + ")"
		}
		return remedy + " if that is your own, and otherwise take the profile out of profiles.ini" // another account's
	})
}

// Profiles lists the profiles that base knows of: the folder with profiles.ini,
// which is ~/.mozilla/firefox, ~/Library/Application Support/Firefox or
// %APPDATA%\Mozilla\Firefox. Those that Firefox starts with come first. Beside an
// error are those that were found all the same; where there is no such folder,
// there are none. A profile whose folder is missing is none.
func Profiles(base string) ([]Profile, error) {
	listed, err := sectionsOf(filepath.Join(base, "profiles.ini"))
	installs, installErr := sectionsOf(filepath.Join(base, "installs.ini"))
	found := listing{base: base}
	for _, s := range append(listed, installs...) {
		found.installation(s)
	}
	for _, s := range listed {
		found.section(s)
	}
	for _, path := range found.defaults { // what only an installation knows of
		found.add(nameOf(path), path)
	}
	slices.SortStableFunc(found.profiles, func(a, b Profile) int {
		switch {
		case a.Default == b.Default:
			return 0
		case a.Default:
			return -1
		}
		return 1
	})
	return found.profiles, errors.Join(err, installErr, found.failed)
}

func sectionsOf(path string) ([]section, error) {
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &listError{path, err}
	}
	sections, err := parseINI(data)
	if err != nil {
		return nil, &listError{path, err}
	}
	return sections, nil
}

// listing is what was found below one folder.
type listing struct {
	base     string
	defaults []string // folders that installations start with
	profiles []Profile
	failed   error // folders that could not be looked at
}

// installation notes what an installation starts with: [InstallHASH] in
// profiles.ini, [HASH] in installs.ini (Firefox 67 on). Both have the profile's
// path, relative or not, in Default; a profile has only "1" there.
func (l *listing) installation(s section) {
	if path := s.keys["Default"]; path != "" && !isProfile(s) {
		l.defaults = append(l.defaults, l.path(path))
	}
}

func isProfile(s section) bool { return strings.HasPrefix(s.name, "Profile") }

func (l *listing) section(s section) {
	path := s.keys["Path"]
	if !isProfile(s) || path == "" {
		return
	}
	path = l.path(path)
	l.add(s.keys["Name"], path)
	if s.keys["StoreID"] != "" {
		l.group(path)
	}
}

// group adds the profiles of the group that path belongs to. Of those, which
// people make with the profile menu (Firefox 138 on), profiles.ini names only the
// one that was used last; the others are folders beside it.
func (l *listing) group(path string) {
	parent := filepath.Dir(path)
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		beside := filepath.Join(parent, entry.Name())
		if _, err := os.Stat(filepath.Join(beside, "compatibility.ini")); err == nil {
			l.add(nameOf(beside), beside)
		}
	}
}

// path is where a profile lies. Firefox says with IsRelative how to read what
// stands there, and no path is absolute and relative at once.
func (l *listing) path(stands string) string {
	path := filepath.FromSlash(stands)
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.base, path)
	}
	return filepath.Clean(path)
}

func (l *listing) add(name, path string) {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		l.failed = errors.Join(l.failed, &listError{path, err})
	}
	if err != nil || !info.IsDir() {
		return
	}
	for _, p := range l.profiles {
		if other, err := os.Stat(p.Path); p.Path == path || err == nil && os.SameFile(info, other) {
			return
		}
	}
	if name == "" {
		name = nameOf(path)
	}
	name = strings.ToValidUTF8(name, "\uFFFD")
	l.profiles = append(l.profiles, Profile{Name: name, Path: path, Default: slices.Contains(l.defaults, path)})
}

// nameOf is the name in a folder that Firefox has named: after eight random letters
// and a dot.
func nameOf(path string) string {
	folder := filepath.Base(path)
	if salt, name, is := strings.Cut(folder, "."); is && len(salt) == 8 && name != "" {
		return name
	}
	return folder
}

// String is the profile for people.
func (p Profile) String() string { return fmt.Sprintf("%s (%s)", p.Name, p.Path) }
