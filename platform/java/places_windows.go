package java

import (
	"path/filepath"
	"strings"

	winreg "golang.org/x/sys/windows/registry"
)

// usersJavas are where tools that fetch a Java for one user put it, below their
// profile: IntelliJ and Gradle, SDKMAN, Scoop, and programs for one user.
var usersJavas = []string{
	`.jdks\*`, `.gradle\jdks\*`, `.gradle\jdks\*\*`, `.sdkman\candidates\java\*`, `scoop\apps\*jdk*\current`,
	`AppData\Local\Programs\Eclipse Adoptium\*`, `AppData\Local\Programs\Microsoft\jdk-*`,
}

// finder is for this user: what their programs run, what they have fetched, and
// what installers have noted.
func (s *Store) finder() finder {
	f := finder{env: s.lookup, exe: ".exe"}
	if profile := s.lookup("USERPROFILE"); filepath.IsAbs(profile) {
		for _, folder := range usersJavas {
			f.patterns = append(f.patterns, filepath.Join(profile, folder))
		}
	}
	f.registered = func() []string {
		return registeredHomes(append(machineViews(), view{winreg.CURRENT_USER, winreg.WOW64_64KEY},
			view{winreg.CURRENT_USER, winreg.WOW64_32KEY})...)
	}
	return f
}

// machineFinder is for what HKEY_LOCAL_MACHINE names: only administrators write
// there.
func machineFinder(string) finder {
	return finder{exe: ".exe", registered: func() []string { return registeredHomes(machineViews()...) }}
}

func machineViews() []registry {
	return []registry{view{winreg.LOCAL_MACHINE, winreg.WOW64_64KEY}, view{winreg.LOCAL_MACHINE, winreg.WOW64_32KEY}}
}

// view is a part of the registry as programs of 64 bits, or of 32, see it.
type view struct {
	root winreg.Key
	bits uint32
}

func (v view) keys(path string) []string {
	key, err := winreg.OpenKey(v.root, path, winreg.ENUMERATE_SUB_KEYS|v.bits)
	if err != nil {
		return nil
	}
	defer key.Close()
	names, _ := key.ReadSubKeyNames(maxKeys) // io.EOF where there are fewer
	return names
}

// maxKeys is how many versions of a Java are looked at.
const maxKeys = 256

func (v view) text(path, name string) (string, bool) {
	key, err := winreg.OpenKey(v.root, path, winreg.QUERY_VALUE|v.bits)
	if err != nil {
		return "", false
	}
	defer key.Close()
	text, kind, err := key.GetStringValue(name)
	return text, err == nil && kind == winreg.SZ
}

// envName compares as Windows does.
func envName(have, name string) bool { return strings.EqualFold(have, name) }

// followsSystem says no: no Java's keystore is made from Windows' stores.
func (s *Store) followsSystem(string) bool { return false }

// remake is what makes a keystore from nothing, "" where that is not known.
func remake(string) string { return "" }
