//go:build unix

package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// The stores that clients read, by their names on the command line.
const (
	systemStore   = "system"
	javaStore     = "java"
	chromiumStore = "chromium"
	firefoxStore  = "firefox"
)

const systemRoots = "the system's store"

func systemPlaces() places {
	return places{hashed: hashedFolder, javas: javaPatterns, perls: perlFolders}
}

// maxRead is the largest file that is read to see what a client would: a bundle
// of all the world's roots has a quarter of a MiB.
const maxRead = 8 << 20

// read reads a file whole, and nothing that is no file: a FIFO would be waited for.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxRead {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, maxRead)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxRead))
}

// inFile says whether a PEM file holds the root, by its bytes, and if not why.
func (s *searcher) inFile(path string) (devcert.PlaceState, string) {
	if s.root == nil {
		return devcert.Missing, "there is no root yet"
	}
	data, err := read(path)
	switch {
	case isFolder(path):
		return devcert.Missing, path + " is a folder"
	case errors.Is(err, fs.ErrNotExist):
		return devcert.Missing, path + " does not exist"
	case err != nil:
		return devcert.Unknown, err.Error()
	}
	if pemHolds(data, s.root) {
		return devcert.Trusted, ""
	}
	return devcert.Missing, path + " does not hold the root"
}

// inFolders is inFile for a list of folders as OpenSSL reads them.
func (s *searcher) inFolders(list string) (devcert.PlaceState, string) {
	if s.root == nil {
		return devcert.Missing, "there is no root yet"
	}
	if reason := foldersLack(list, s.root); reason != "" {
		return devcert.Missing, list + ": " + reason
	}
	return devcert.Trusted, ""
}

// maxFiles is how many files of a folder are read: a system's has some hundred.
const maxFiles = 2048

// inEveryFile is inFolders for a client that reads all of a folder's files, and
// not only what links name by hash.
func (s *searcher) inEveryFile(list string) (devcert.PlaceState, string) {
	for _, folder := range filepath.SplitList(list) {
		files, _ := os.ReadDir(folder)
		for _, file := range files[:min(len(files), maxFiles)] {
			if state, _ := s.inFile(filepath.Join(folder, file.Name())); state == devcert.Trusted {
				return state, ""
			}
		}
	}
	return devcert.Missing, "no file in " + list + " holds the root"
}

// lead is what leads a client away from the system's roots: variables that name a
// file in the place of the bundle, and folders in the place of the hashed one. The
// first of each that is set counts.
type lead struct {
	files, folders []string
	// whole says that every file of the folders is read, not only what links name
	// by hash: the bundle itself is mostly among them.
	whole bool
	// alone says that one of the variables leaves nothing of the system's in force.
	alone bool
	// both says that folders without a file leave nothing of it in force.
	both bool
	// needs says why the client does not begin with a file, whatever it has beside
	// it; "" where it does. It is nil for one that begins with any.
	needs func(path string) string
}

// readable is lead.needs of what is built with GnuTLS: any file that can be read,
// even one without certificates.
func readable(path string) string {
	_, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path + " does not exist"
	case err != nil:
		return err.Error()
	}
	return ""
}

// holding is lead.needs of curl and what uses its library, built with OpenSSL: a
// file with a certificate (error 77 otherwise).
func holding(path string) string {
	if reason := readable(path); reason != "" {
		return reason
	}
	if data, err := read(path); err == nil && !bytes.Contains(data, []byte("-----BEGIN ")) {
		return path + " holds no certificates"
	}
	return ""
}

// links says whether a program is an ELF file that is linked with a library whose
// name begins so: that then begins one of its strings. debug/elf could say which of
// the strings names a library, and would be a hundredth of devcert.
func links(program, library string) bool {
	data, err := os.ReadFile(program)
	return err == nil && bytes.HasPrefix(data, []byte("\x7fELF")) && bytes.Contains(data, []byte("\x00"+library))
}

// needsOfCurl are lead.needs of a program that uses curl's library.
func needsOfCurl(program string) func(string) string {
	if links(program, "libcurl-gnutls") {
		return readable
	}
	return holding
}

// follow sees what the user's variables make of a client that reads the system's
// roots. A file that lacks the root does no harm where the system's hashed folder,
// which stays in force beside it, has it: only both together lead a client away.
func (s *searcher) follow(c *devcert.Client, l lead) {
	file, folders := s.firstSet(l.files), s.firstSet(l.folders)
	inFolders := s.inFolders
	if l.whole {
		inFolders = s.inEveryFile
	}
	if file != "" && l.needs != nil {
		if reason := l.needs(s.get(file)); reason != "" {
			refuses(c, file, file+"="+s.get(file), reason, "unset "+file)
			return
		}
	}
	var named, why []string
	worst := devcert.Missing
	for _, v := range []struct {
		name string
		look func(string) (devcert.PlaceState, string)
	}{{file, s.inFile}, {folders, inFolders}} {
		if v.name == "" {
			continue
		}
		state, reason := v.look(s.get(v.name))
		if state == devcert.Trusted {
			c.State, c.Override, c.Roots = state, v.name, v.name+"="+s.get(v.name)
			return
		}
		if state == devcert.Unknown {
			worst = state
		}
		named, why = append(named, v.name), append(why, v.name+": "+reason)
	}
	beside := file == "" && !l.both || folders == "" && (l.whole || s.hashedHasRoot())
	if len(named) == 0 || beside && !l.alone {
		return
	}
	c.State, c.Override, c.Roots = worst, named[0], strings.Join(named, " and ")
	c.Evidence, c.Remedy = strings.Join(why, "; "), "unset "+strings.Join(named, " ")
}

func (s *searcher) hashedHasRoot() bool {
	state, _ := s.inFolders(s.hashed)
	return state == devcert.Trusted
}

func (s *searcher) firstSet(names []string) string {
	for _, name := range names {
		if s.get(name) != "" {
			return name
		}
	}
	return ""
}

// refuses is a client that what it was told to read keeps from trusting anybody.
func refuses(c *devcert.Client, by, roots, why, remedy string) {
	c.State, c.Override, c.Roots, c.Evidence, c.Remedy = devcert.Missing, by, roots, why, remedy
}

// gullible is a client that was told to accept every server.
func gullible(c *devcert.Client, by, remedy string) {
	c.State, c.Override, c.Remedy, c.Careless = devcert.Trusted, by, remedy, true
	c.Roots = "nobody's: " + by + " makes it accept every server"
}

// inHome is a path in the user's home.
func (s *searcher) inHome(name ...string) string {
	return filepath.Join(append([]string{s.home}, name...)...)
}
