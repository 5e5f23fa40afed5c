package clients

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"devcert/devcert"
	"devcert/platform/firefox"
	"devcert/platform/winstore"
)

// windowsMachine is what is read of a Windows machine to find its clients. None of
// it starts a program. What is decided from it is pure, so that it is the same on
// every system; paths are Windows' everywhere.
type windowsMachine struct {
	// env is a variable's value, "" when it is not set.
	env func(name string) string
	// text is a string value of the registry, with its variables expanded; "" when
	// there is none. A key starts with HKLM or HKCU; both views of it are read, the
	// 64-bit one first.
	text func(key, name string) string
	// number is a number of the registry, and whether there is one.
	number func(key, name string) (uint64, bool)
	// keys are the names of the keys below one.
	keys func(key string) []string
	// file says whether a regular file that is not empty is there. An application
	// alias of the Microsoft Store is none: it may only open the Store.
	file func(path string) bool
	read func(path string) ([]byte, error)
	// version is what the resource of a program says, "8.7.1.0"; "" without one.
	version  func(path string) string
	profiles func(base string) ([]firefox.Profile, error)
	// systemRoots is [firefox.EnterpriseRoots].
	systemRoots func(profileDir string) (on bool, evidence string, err error)
	// listed is [winstore.Listed].
	listed func(m devcert.Material) bool
	// keystores are the places of the store "java".
	keystores func(m devcert.Material) []devcert.Place
}

// windowsRoot is the store that programs read which leave trust to Windows.
const windowsRoot = "windows-root"

var (
	machineRoot = winstore.Store{Location: winstore.LocalMachine, Name: winstore.Root}.String()
	userRoot    = winstore.Store{Location: winstore.CurrentUser, Name: winstore.Root}.String()
	bothRoots   = machineRoot + " and " + userRoot
)

// windowsFinder finds clients and judges what they read for one hierarchy.
type windowsFinder struct {
	windowsMachine
	devcert.Material
	// rootFile is where people find the root as PEM.
	rootFile string
}

// programs are the given paths that lead to a program, each once.
func (f *windowsFinder) programs(paths ...string) []string {
	var found []string
	seen := make(map[string]bool)
	for _, path := range paths {
		path = strings.ReplaceAll(strings.Trim(path, `" `), "/", `\`)
		key := strings.ToLower(path)
		if !isAbsolute(path) || seen[key] || !f.file(path) {
			continue
		}
		seen[key] = true
		found = append(found, path)
	}
	return found
}

// first is the first of the paths that leads to a program; none when none does.
func (f *windowsFinder) first(paths ...string) []string {
	found := f.programs(paths...)
	return found[:min(len(found), 1)]
}

// onPath are the places where a console would look for a program.
func (f *windowsFinder) onPath(program string) []string {
	var paths []string
	for _, folder := range strings.Split(f.env("PATH"), ";") {
		if folder = strings.Trim(folder, `" `); folder != "" {
			paths = append(paths, join(folder, program))
		}
	}
	return paths
}

// appPaths are where a program has registered itself for the Run dialog.
func (f *windowsFinder) appPaths(program string) []string {
	var paths []string
	for _, hive := range hives {
		paths = append(paths, f.text(hive+`\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\`+program, ""))
	}
	return paths
}

// hives are the parts of the registry that programs are registered in. Windows and
// browsers look into the user's first for programs, the machine's first for policies.
var hives = []string{"HKCU", "HKLM"}

// inProgramFiles are a program's places below the folders for programs.
func (f *windowsFinder) inProgramFiles(program string) []string {
	var paths []string
	for _, name := range []string{"ProgramFiles", "ProgramW6432", "ProgramFiles(x86)"} {
		if folder := f.env(name); folder != "" {
			paths = append(paths, join(folder, program))
		}
	}
	return paths
}

// system is a file of Windows' own folder for programs.
func (f *windowsFinder) system(name string) string {
	return join(f.env("SystemRoot"), "System32", name)
}

// windowsClient is a client that does as Windows' stores do.
func (f *windowsFinder) windowsClient(name, path, roots string) devcert.Client {
	return devcert.Client{Name: name, Path: path, Version: shortVersion(f.version(path)), Store: windowsRoot, Roots: roots}
}

// ownRoots makes of a client one that takes its roots from a file alone.
func (f *windowsFinder) ownRoots(c *devcert.Client, path string) {
	c.Store, c.Place, c.Roots = "", "", path
	c.State, c.Evidence = f.inFile(path)
}

// besides is about folders that OpenSSL reads besides a file: links by the hashes of
// names, which nobody has on Windows but who made them.
func (f *windowsFinder) besides(c *devcert.Client, folders ...string) {
	for _, folder := range folders {
		if folder != "" && c.State == devcert.Missing {
			c.State, c.Evidence = devcert.Unknown, c.Evidence+"; it also reads the folder "+folder
		}
	}
}

// inFile says whether a PEM file holds the root, by its bytes, and if not why.
func (f *windowsFinder) inFile(path string) (devcert.PlaceState, string) {
	if f.Root == nil {
		return devcert.Missing, "there is no root yet"
	}
	data, err := f.read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return devcert.Missing, "there is no such file"
	case err != nil:
		return devcert.Unknown, err.Error()
	case !pemHolds(data, f.Root):
		return devcert.Missing, "it does not hold the root"
	}
	return devcert.Trusted, ""
}

// pemHolds says whether a bundle has a certificate, by its bytes.
func pemHolds(data []byte, cert *x509.Certificate) bool {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PRIVATE KEY" && string(block.Bytes) == string(cert.Raw) {
			return true
		}
	}
	return false
}

// verifiesNothing is a client that was told to accept every server.
func verifiesNothing(c *devcert.Client, by string) {
	c.State, c.Override = devcert.Trusted, by
	c.Evidence = by + " makes it accept every server, whoever it is"
}

// join makes a path of Windows', on every system.
func join(parts ...string) string {
	joined := strings.ReplaceAll(strings.Join(parts, `\`), "/", `\`)
	head, tail := "", joined
	if strings.HasPrefix(joined, `\\`) { // a share
		head, tail = `\`, joined[1:]
	}
	for strings.Contains(tail, `\\`) {
		tail = strings.ReplaceAll(tail, `\\`, `\`)
	}
	return head + tail
}

// folderOf is the folder of a path, without a separator at its end; "" when it
// has none.
func folderOf(path string) string {
	return path[:max(strings.LastIndexByte(path, '\\'), 0)]
}

// baseOf is the last part of a path.
func baseOf(path string) string { return path[strings.LastIndexByte(path, '\\')+1:] }

// isAbsolute says whether a path means the same in every folder: C:\… or \\server\….
func isAbsolute(path string) bool {
	if strings.HasPrefix(path, `\\`) {
		return true
	}
	if len(path) < 3 || path[1] != ':' || path[2] != '\\' && path[2] != '/' {
		return false
	}
	letter := path[0] | 0x20
	return 'a' <= letter && letter <= 'z'
}

// shortVersion leaves out the parts of a resource's version that say nothing:
// 8.7.1.0 is 8.7.1.
func shortVersion(version string) string { return strings.TrimSuffix(version, ".0") }

// atLeast says whether a version is major.minor or newer; known is false when it
// does not start with two numbers.
func atLeast(version string, major, minor int) (newer, known bool) {
	var have [2]int
	n, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &have[0], &have[1])
	if n < 2 {
		return false, false
	}
	return have[0] > major || have[0] == major && have[1] >= minor, true
}
