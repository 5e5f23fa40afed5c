package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"devcert/devcert/chain"
)

// Remove deletes the files and folders that devcert made, and the state folder
// itself if that leaves it empty and it is not to be kept. It returns the paths
// it left, relative to the folder, because devcert did not make them.
func (f Folder) Remove() (left []string, err error) {
	mine, left, err := f.inventory()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("removing the state folder", f.Path, err)
	}
	// The lock goes last: as long as it stands, no other writer is in.
	above := f.parents()
	if runtime.GOOS == "windows" { // where unlock has to know them
		mine = slices.DeleteFunc(mine, func(name string) bool { return name == parentsFile })
	}
	// What names a generation goes before it, or all stays as it is.
	if slices.Contains(mine, CurrentFile) {
		if err := f.removeAll([]string{CurrentFile}); err != nil {
			return left, err
		}
	}
	if err := f.removeAll(slices.DeleteFunc(mine, isLock)); err != nil {
		return left, err
	}
	last := len(left) == 0 && !f.Keep
	if len(left) == 0 && f.Keep {
		left = []string{"."}
	}
	return left, f.removeLock(last, above)
}

func isLock(name string) bool { return name == LockFile }

// removeAll removes files, links and empty folders, as many as it can, and says
// why the first stayed: what keeps one keeps the others too.
func (f Folder) removeAll(names []string) error {
	var first error
	for _, name := range names {
		err := remove(f.path(name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && first == nil {
			first = failed("removing", f.path(name), err)
		}
	}
	return first
}

// remove tries for a second on Windows, which removes nothing that somebody has
// open: a reader, who takes no lock, may just be looking.
func remove(path string) error {
	for try := 0; ; try++ {
		err := os.Remove(path)
		if err == nil || errors.Is(err, fs.ErrNotExist) || runtime.GOOS != "windows" || time.Duration(try)*retryLock > time.Second {
			return err
		}
		time.Sleep(retryLock)
	}
}

// Removable says why Remove could remove nothing: the disk is read-only, or the
// folder not ours to write to.
func (f Folder) Removable() error {
	probe, err := f.Files.Create(beside(f.path(LockFile)))
	if errors.Is(err, fs.ErrExist) {
		return nil // another run left it, and so could write
	}
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return failed("removing the state folder", f.Path, err)
	}
	return nil
}

// removeLock removes the lock, and if nothing else is in it the folder, with those
// above it. On
// Windows both are left to unlock. From the moment the lock is gone another
// writer may come in and make its own: then the folder is not ours to remove.
func (f Folder) removeLock(last bool, above []string) error {
	err := os.Remove(f.path(LockFile))
	gone := err == nil || errors.Is(err, fs.ErrNotExist)
	switch {
	case !gone && runtime.GOOS != "windows":
		return failed("removing", f.path(LockFile), err)
	case !gone || !last:
		return nil
	}
	if err = os.Remove(f.Path); err == nil {
		if err = removeEmpty(above); err != nil {
			return failed("removing the folders above the state folder", f.Path, err)
		}
		return nil
	}
	if names, readErr := os.ReadDir(f.Path); errors.Is(readErr, fs.ErrNotExist) || len(names) > 0 {
		return nil
	}
	return failed("removing the state folder", f.Path, err)
}

// removable says whether Remove would remove anything. What cannot be looked
// into may hold something.
func (f Folder) removable() bool {
	mine, left, err := f.inventory()
	return err != nil || len(mine) > 0 || (len(left) == 0 && !f.Keep)
}

// inventory parts what is in the folder into what devcert made, each folder
// behind what is in it and only if nothing else is, and the rest.
func (f Folder) inventory() (mine, left []string, err error) { return f.list(".", inState) }

// own tells what devcert makes in one of its folders: ok for a name it gives,
// and what it makes inside where that is a folder's.
type own func(n fs.DirEntry) (inside own, ok bool)

func (f Folder) list(dir string, known own) (mine, left []string, err error) {
	names, err := os.ReadDir(f.path(dir))
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		name := path.Join(dir, n.Name())
		inside, ok := known(n)
		if !ok {
			left = append(left, name)
			continue
		}
		if n.IsDir() {
			below, others, err := f.list(name, inside)
			if err != nil {
				return nil, nil, err
			}
			mine, left = append(mine, below...), append(left, others...)
			if len(others) > 0 {
				continue
			}
		}
		mine = append(mine, name)
	}
	return mine, left, nil
}

var knownNames = []string{
	ConfigFile, LedgerFile, LockFile, CurrentFile, BindingsFile, BundleFile, JavaFile, RevokedFile, RootFile, IntermediateFile, ClientFile,
	LeafFile, LeafKeyFile, LeafPFXFile, generationsDir, issuedDir, GroupsDir, parentsFile,
}

func inState(n fs.DirEntry) (own, bool) {
	switch n.Name() {
	case generationsDir:
		return inGenerations, true
	case issuedDir:
		return inIssued, true
	case GroupsDir:
		return inGroups, true
	}
	return nothing, slices.Contains(knownNames, plain(n.Name()))
}

func inGenerations(n fs.DirEntry) (own, bool) {
	_, _, ok := ParseGenerationID(plain(n.Name()))
	return inGeneration, ok
}

func inGeneration(n fs.DirEntry) (own, bool) {
	for _, file := range layout {
		if plain(n.Name()) == file.name {
			return nothing, true
		}
	}
	return nil, false
}

// inIssued knows a folder for each name that was issued, and what a killed run left
// half done of it.
func inIssued(folder fs.DirEntry) (own, bool) {
	name := inUse(folder.Name())
	var inside own
	inside = func(n fs.DirEntry) (own, bool) {
		if n.IsDir() && n.Name() == beside(name) {
			return inside, true
		}
		ending, ok := strings.CutPrefix(plain(n.Name()), name)
		return nothing, ok && slices.Contains(IssuedEndings, ending)
	}
	return inside, folder.IsDir()
}

// inGroups knows a folder for each group, under its name or a temporary one.
func inGroups(folder fs.DirEntry) (own, bool) {
	name := plain(folder.Name())
	_, err := chain.ParseGroup(name)
	return func(n fs.DirEntry) (own, bool) {
		ending, ok := strings.CutPrefix(plain(n.Name()), name)
		return nothing, ok && (ending == ".pem" || ending == "-key.pem")
	}, err == nil && folder.IsDir()
}

// nothing is for folders that stand where devcert keeps a file.
func nothing(fs.DirEntry) (own, bool) { return nil, false }

// inUse is the name that a temporary file or folder will have.
func inUse(name string) string {
	if final := strings.TrimSuffix(strings.TrimPrefix(name, "."), ".new"); name == beside(final) {
		return final
	}
	return name
}

// plain is the name that a file has in use: it may stand beside that as a
// temporary one, or as a damaged one that was set aside.
func plain(name string) string {
	if final := inUse(name); final != name {
		return final
	}
	if before, number, ok := strings.Cut(name, setAside); ok && number != "" && strings.Trim(number, "0123456789") == "" {
		return before
	}
	return name
}
