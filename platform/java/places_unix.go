//go:build unix

package java

import (
	"path/filepath"
)

// usersJavas are where the tools that fetch a Java for one user put it, below
// their home: SDKMAN, IntelliJ and Gradle, asdf, mise, jabba, coursier.
var usersJavas = []string{
	".sdkman/candidates/java/*", ".jdks/*", ".gradle/jdks/*", ".gradle/jdks/*/*", ".asdf/installs/java/*",
	".local/share/mise/installs/java/*", ".jabba/jdk/*",
}

// finder is for this user: what their programs run and what they have fetched.
func (s *Store) finder() finder {
	f := machineFinder(s.Root)
	f.env = s.lookup
	if home := s.lookup("HOME"); filepath.IsAbs(home) {
		for _, folder := range usersJavas {
			f.patterns = append(f.patterns, filepath.Join(home, filepath.FromSlash(folder+bundled)))
			if bundled != "" {
				f.patterns = append(f.patterns, filepath.Join(home, folder))
			}
		}
		for _, folder := range moreOfUsers {
			f.patterns = append(f.patterns, filepath.Join(home, folder))
		}
	}
	return f
}

// machineFinder is for what the system and its administrators have installed.
func machineFinder(root string) finder {
	f := finder{}
	for _, folder := range machinesJavas {
		f.patterns = append(f.patterns, filepath.Join(root, folder))
	}
	for _, program := range machinesPrograms {
		f.programs = append(f.programs, filepath.Join(root, program))
	}
	return f
}

func envName(have, name string) bool { return have == name }
