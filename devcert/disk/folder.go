package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Names in the state folder.
const (
	ConfigFile   = "config.json"
	LedgerFile   = "ledger.json"
	LockFile     = "lock"
	CurrentFile  = "current"
	BindingsFile = "bindings.json"
	BundleFile   = "bundle.pem"
	JavaFile     = "java.json" // of package java: see there

	RootFile         = "root.pem"
	IntermediateFile = "intermediate.pem"
	ClientFile       = "client-intermediate.pem" // where client certificates were asked for
	LeafFile         = "localhost.pem"           // leaf + intermediate
	LeafKeyFile      = "localhost-key.pem"
	LeafPFXFile      = "localhost.pfx"

	// IssuedFolder has a folder for each certificate that was issued.
	IssuedFolder = "issued"
	// GroupsDir has a folder for each group's authority: these come and go below one
	// root, and so are in no generation.
	GroupsDir = "groups"

	generationsDir = "generations"
	issuedDir      = IssuedFolder
	setAside       = ".damaged-"
)

// Folder is the state folder of one user.
type Folder struct {
	Path  string // absolute
	Files Files
	// Keep says that the folder itself is somebody else's, led to by a link:
	// Remove empties it and leaves it there.
	Keep bool
}

func (f Folder) path(names ...string) string {
	return filepath.Join(append([]string{f.Path}, names...)...)
}

// Check says whether the folder can be used: nil when it is there, or can be
// made. It changes nothing.
func (f Folder) Check() error {
	if err := f.refuseOpenParents(); err != nil {
		return err
	}
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.checkParents()
	case err != nil:
		if above := f.checkParents(); above != nil {
			return above // it names the file that is in the way
		}
		return failed("using the state folder", f.Path, err)
	case !info.IsDir():
		return failed("using the state folder", f.Path, ErrNotFolder)
	}
	return nil
}

// ErrNotFolder is returned when something other than a folder stands where the
// state folder, or a folder above it, should be.
var ErrNotFolder = errors.New("is not a folder")

var errDangling = errors.New("which is not there")

// checkParents looks for what stands in the way of making the folder: a file
// above it, or a link to nowhere in its own place or above.
func (f Folder) checkParents() error {
	for dir := f.Path; ; dir = filepath.Dir(dir) {
		// Not merely that something is there: it may have been made just now.
		if to, err := os.Readlink(dir); err == nil && !exists(dir) {
			return failed("using the state folder", f.Path, fmt.Errorf("%s is a link to %s, %w", dir, to, errDangling))
		}
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return failed("using the state folder", f.Path, fmt.Errorf("%s %w", dir, ErrNotFolder))
		}
		if err == nil || dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// refuseOpenParents refuses a folder that anybody can move away and put another
// in its place, whose keys and whose root devcert would then take for its own. A
// link on the way there may be replaced as well as what it leads to.
func (f Folder) refuseOpenParents() error {
	for _, way := range f.ways() {
		for dir := way; ; dir = filepath.Dir(dir) {
			if why, err := f.Files.Replaceable(dir); err == nil && why != "" {
				return failed("using the state folder", f.Path, &openParentError{dir, why})
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

// ways are the folder above f, without links as far as it is there, and as it is
// named.
func (f Folder) ways() []string {
	named := filepath.Dir(f.Path)
	for dir := named; ; dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil && real != dir {
			return []string{real, named}
		}
		if err == nil || dir == filepath.Dir(dir) {
			return []string{named}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Exists says whether there is a state folder.
func (f Folder) Exists() bool {
	info, err := os.Stat(f.Path)
	return err == nil && info.IsDir()
}

// Make creates the folder, private, and the folders above it that are missing,
// which go with it.
func (f Folder) Make() error {
	if err := f.Check(); err != nil {
		return err
	}
	for try := 1; ; try++ {
		err := f.makeAll()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist) && try < maxMake: // an uninstall has just removed what is above
		default:
			return failed("making the state folder", f.Path, err)
		}
	}
}

// maxMake is how often Make begins anew.
const maxMake = 10

func (f Folder) makeAll() error {
	above, err := f.makeParents()
	if err != nil {
		return err
	}
	if err := f.Files.MakeDir(f.Path); err != nil && !errors.Is(err, fs.ErrExist) {
		return errors.Join(err, removeEmpty(above))
	}
	return f.noteParents(above)
}

// makeGenerations is for the holder of the lock alone: made earlier, it would
// stand in the way of an uninstall that is about to remove the folder.
func (f Folder) makeGenerations() error {
	dir := f.path(generationsDir)
	if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
		if _, err := f.SetAside(generationsDir); err != nil {
			return failed("making way for", dir, err)
		}
	}
	if err := f.Files.MakeDir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return failed("making the state folder", f.Path, err)
	}
	return nil
}

// Write replaces one file of the folder. What is no file is set aside first:
// nothing can be renamed onto a folder.
func (f Folder) Write(name string, data []byte, mode os.FileMode) error {
	if err := f.MakeWay(name); err != nil {
		return err
	}
	if err := WriteFile(f.Files, f.path(name), data, mode); err != nil {
		return failed("writing", f.path(name), err)
	}
	return nil
}

// WriteDerived is Write, for a file anybody may read, of what can be made again
// at any time: it does not wait until the bytes are safe on disk. Who reads one
// that a power failure cut short finds out by comparing. The file has the parts one
// behind the other.
func (f Folder) WriteDerived(name string, parts ...[]byte) error {
	if err := f.MakeWay(name); err != nil {
		return err
	}
	e := entry{path: f.path(name), data: parts[0], more: parts[1:], mode: PublicMode, derived: true}
	if err := writeBeside(f.Files, []entry{e}); err != nil {
		return failed("writing", e.path, err)
	}
	return nil
}

// Holds says whether one file of the folder has these parts, one behind the other, and
// nothing else. It reads no more than it needs for that, and does not keep it.
func (f Folder) Holds(name string, parts ...[]byte) (bool, error) {
	file, size, err := openRegular(f.path(name))
	if err != nil {
		return false, err
	}
	defer file.Close()
	for _, part := range parts {
		size -= int64(len(part))
	}
	if size != 0 {
		return false, nil
	}
	chunk := make([]byte, 32<<10)
	for _, part := range parts {
		for len(part) > 0 {
			n := min(len(chunk), len(part))
			switch _, err := io.ReadFull(file, chunk[:n]); {
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), err == nil && !bytes.Equal(chunk[:n], part[:n]):
				return false, nil
			case err != nil:
				return false, err
			}
			part = part[n:]
		}
	}
	n, _ := file.Read(chunk[:1])
	return n == 0, nil
}

// Read returns the bytes of one file of the folder; an error that satisfies
// fs.ErrNotExist when it is not there.
func (f Folder) Read(name string) ([]byte, error) { return ReadFile(f.path(name)) }

// SetAside renames a damaged file out of the way, so that nobody loses what
// was in it, and returns its new name. A name that is taken gets a number.
func (f Folder) SetAside(name string) (string, error) {
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s%s%d", name, setAside, n)
		if _, err := os.Lstat(f.path(to)); err == nil {
			continue
		}
		err := f.Files.Rename(f.path(name), f.path(to))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return to, err
	}
}

// MakeWay sets aside what stands at name unless it is a regular file, which a
// write replaces.
func (f Folder) MakeWay(name string) error {
	info, err := os.Lstat(f.path(name))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Mode().IsRegular()) {
		return nil
	}
	if err == nil {
		_, err = f.SetAside(name)
	}
	if err != nil {
		return failed("making way for", f.path(name), err)
	}
	return nil
}

// MakePrivate takes others' rights to a file or folder away.
func (f Folder) MakePrivate(name string) error {
	if err := f.Files.MakePrivate(f.path(name)); err != nil {
		return failed("making private", f.path(name), err)
	}
	return nil
}
