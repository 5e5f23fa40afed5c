package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// finder finds the Javas of a machine.
type finder struct {
	// env gives the value of a variable, "" for none; nil where nobody's
	// environment is to be believed.
	env func(name string) string
	// patterns are of folders that may be homes of a Java, as filepath.Match
	// reads them.
	patterns []string
	// programs are links that may lead to a bin/java.
	programs []string
	// registered are the homes that installers have noted; nil where none do.
	registered func() []string
	// exe is what the names of programs end with.
	exe string
}

// home is where a Java is installed; links are resolved.
type home string

// brokenError says why a folder is not where a Java is installed.
type brokenError struct{ folder, why string }

func (e *brokenError) Error() string { return e.folder + " is not where a Java is installed: " + e.why }

// homes lists every Java once, in the order in which they are found: the one that
// this user's programs run comes first. The error is about JAVA_HOME, which
// somebody set.
func (f finder) homes() ([]home, error) {
	var found []home
	judged := map[string]error{} // mostly one Java, to which many ways lead
	add := func(folder string) error {
		if err, done := judged[folder]; done {
			return err
		}
		h, err := f.homeAt(folder)
		if err == nil && !slices.Contains(found, h) {
			found = append(found, h)
		}
		judged[folder] = err
		return err
	}
	followed := map[string]bool{}
	follow := func(path string) {
		if !followed[path] {
			followed[path] = true
			f.addProgram(path, add)
		}
	}
	var broken error
	if f.env != nil {
		if folder := f.env("JAVA_HOME"); folder != "" {
			broken = add(folder)
		}
		for _, folder := range filepath.SplitList(f.env("PATH")) {
			follow(filepath.Join(folder, "java"+f.exe))
		}
	}
	for _, path := range f.programs {
		follow(path)
	}
	if f.registered != nil {
		for _, folder := range f.registered() {
			_ = add(folder) // what an uninstalled Java has left
		}
	}
	for _, pattern := range f.patterns {
		folders, _ := filepath.Glob(pattern) // the patterns are ours
		for _, folder := range folders {
			if executable(filepath.Join(folder, "bin", "java"+f.exe)) { // most are something else
				_ = add(folder)
			}
		}
	}
	return found, broken
}

// addProgram adds the home of a java that a link or the search path leads to.
func (f finder) addProgram(path string, add func(string) error) {
	if !filepath.IsAbs(path) {
		return // it is another one in every folder
	}
	if _, err := os.Stat(path); err != nil { // as a rule: sparing a look at each folder above
		return
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		_ = add(filepath.Dir(filepath.Dir(real)))
	}
}

// homeAt judges a folder. What starts Java there can be executed; what Java
// reads its roots from need not be there.
func (f finder) homeAt(folder string) (home, error) {
	if !filepath.IsAbs(folder) {
		return "", &brokenError{folder, "it is not an absolute path"}
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", &brokenError{folder, reason(err)}
	}
	if !executable(filepath.Join(real, "bin", "java"+f.exe)) {
		return "", &brokenError{folder, "it has no program " + filepath.Join("bin", "java"+f.exe)}
	}
	if len(home(real).folders()) == 0 {
		return "", &brokenError{folder, "it has no folder " + filepath.Join("lib", "security")}
	}
	return home(real), nil
}

// folders are where a Java may have a keystore. Java 8's JDK has a JRE inside.
func (h home) folders() []string {
	var found []string
	for _, folder := range []string{
		filepath.Join(string(h), "lib", "security"),
		filepath.Join(string(h), "jre", "lib", "security"),
	} {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			found = append(found, folder)
		}
	}
	return found
}

// keytool is the home's own; false when it cannot be executed, which a runtime
// made by jlink has not.
func (f finder) keytool(h home) (string, bool) {
	path := filepath.Join(string(h), "bin", "keytool"+f.exe)
	return path, executable(path)
}

// file is a keystore and whose it is.
type file struct {
	path  string // links resolved, where they lead somewhere
	homes []home
	err   error // why path leads nowhere
}

// files lists the keystores of homes, each once.
func files(homes []home) []file {
	var found []file
	for _, h := range homes {
		for _, folder := range h.folders() {
			for _, one := range keystoresIn(folder) {
				at := slices.IndexFunc(found, func(f file) bool { return f.path == one.path })
				if at < 0 {
					at, found = len(found), append(found, one)
				}
				if !slices.Contains(found[at].homes, h) {
					found[at].homes = append(found[at].homes, h)
				}
			}
		}
	}
	return found
}

// keystoresIn gives what Java reads its roots from in a folder: jssecacerts where
// there is one and else cacerts (JSSE Reference Guide, "The Default TrustStore").
// That may change by somebody's removing the first, so both are to be right.
// Where there is neither, it is cacerts that should be there.
func keystoresIn(folder string) []file {
	var found []file
	for _, name := range []string{"jssecacerts", "cacerts"} {
		path := filepath.Join(folder, name)
		real := ""
		_, err := os.Lstat(path)
		if err == nil { // sparing a look at each folder above what is not there
			real, err = filepath.EvalSymlinks(path)
		}
		switch {
		case err == nil:
			found = append(found, file{path: real})
		case name == "cacerts" && (len(found) == 0 || !errors.Is(err, fs.ErrNotExist)):
			found = append(found, file{path: path, err: nowhere(path, err)})
		case !errors.Is(err, fs.ErrNotExist):
			found = append(found, file{path: path, err: err})
		}
	}
	return found
}

// nowhere says of a link where it was to lead.
func nowhere(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	what := "there is no such file"
	if to, linkErr := os.Readlink(path); linkErr == nil {
		what = "it is a link to " + to + ", which is not there"
	}
	return fmt.Errorf("%s: this Java trusts no server at all: %w", what, fs.ErrNotExist)
}

// reason is an error of the file system without the path, which is said already.
func reason(err error) string {
	var of *fs.PathError
	if errors.As(err, &of) {
		return strings.ToLower(of.Err.Error())
	}
	return err.Error()
}
