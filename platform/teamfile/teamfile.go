// Package teamfile finds and reads the devcert.json of a repository, and the files of
// the projects that it names. A repository may come from anybody: what is read is a
// regular file, of whom this process acts for or of root, inside of the repository,
// and no longer than such files are. It never writes, and says nothing of what the
// files ask for.
package teamfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"devcert/devcert"
)

// Files reads for one user.
type Files struct {
	Home string // the user's folder: above it nobody looks
	// Sudo says that this process acts for the user who called sudo. A file that is
	// named is then as suspect as one that is found.
	Sudo bool
}

// Find implements [devcert.TeamFiles].
func (f Files) Find(dir string) (*devcert.TeamSource, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // nobody can be there, and no file is found
	}
	at, found := f.climb(dir, devcert.TeamFileName)
	if !found {
		return nil, nil //nolint:nilnil // see TeamFiles
	}
	return f.read(at, devcert.TeamFileName, suspect)
}

// Open implements [devcert.TeamFiles].
func (f Files) Open(file string) (*devcert.TeamSource, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, &devcert.NotRead{Path: file, Reason: reason(err)}
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return nil, &devcert.NotRead{Path: file, Reason: reason(err)}
	}
	trust := anybodys
	if f.Sudo {
		trust = invokers
	}
	return f.read(dir, filepath.Base(file), trust)
}

// trust says whose files are read, and from where.
type trust int

const (
	anybodys trust = iota // a person named it
	invokers              // the user's or root's
	suspect               // that, in a folder that is theirs too, and not through a link out of the repository
)

// climb goes up from dir to the first folder that has name. It goes no further than
// the top of a repository, the user's home, or the file system.
func (f Files) climb(dir, name string) (at string, found bool) {
	home, _ := filepath.EvalSymlinks(f.Home)
	for at := dir; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, name)) {
			return at, true
		}
		if at == home || at == filepath.Dir(at) || exists(filepath.Join(at, ".git")) || !sameDevice(at, filepath.Dir(at)) {
			return "", false
		}
	}
}

// exists says also of what cannot be looked at that it is there: reading it tells.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (f Files) read(dir, name string, t trust) (*devcert.TeamSource, error) {
	top, repository := f.climb(dir, ".git")
	if !repository {
		top = dir
	}
	below, err := filepath.Rel(top, dir)
	if err != nil {
		below, top = ".", dir
	}
	file := filepath.Join(dir, name)
	fail := func(err error) (*devcert.TeamSource, error) {
		return nil, &devcert.NotRead{Path: file, Reason: reason(err)}
	}
	if t == suspect {
		if why := strangers(dir); why != "" {
			return fail(errors.New("its folder is " + why))
		}
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	open := root.OpenFile
	inside := filepath.Join(below, name)
	if t != suspect {
		open, inside = os.OpenFile, file
	}
	data, err := take(open, inside, t)
	if err != nil {
		return fail(err)
	}
	return &devcert.TeamSource{Path: file, Data: data, Project: func(folder string, outside bool) (string, []byte, error) {
		return project(top, below, folder, outside, t)
	}}, nil
}

// project reads the launchSettings.json of a folder that is named from below.
func project(top, below, folder string, outside bool, t trust) (string, []byte, error) {
	file := filepath.FromSlash(path.Join(folder, devcert.ProjectFile))
	inside := filepath.Join(below, file)
	absolute := filepath.IsAbs(file) || strings.HasPrefix(folder, "/") || filepath.VolumeName(file) != ""
	if absolute {
		inside = file
	}
	shown := filepath.Join(top, inside)
	if absolute {
		shown = file
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return shown, nil, &devcert.NotRead{Path: shown, Reason: reason(err)}
	}
	defer root.Close()
	var data []byte
	switch {
	case outside:
		data, err = take(os.OpenFile, shown, t)
	case absolute || !filepath.IsLocal(inside):
		return shown, nil, devcert.ErrOutside
	default:
		if data, err = take(root.OpenFile, inside, t); escapes(err) {
			return shown, nil, devcert.ErrOutside
		}
	}
	if err != nil {
		return shown, nil, &devcert.NotRead{Path: shown, Reason: reason(err)}
	}
	return shown, data, nil
}

// take reads a regular file, a little more of it than such files may have at most.
// Opening does not wait: a pipe is opened, seen to be one and left.
func take(open func(string, int, fs.FileMode) (*os.File, error), name string, t trust) ([]byte, error) {
	file, err := open(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is " + kindOf(info.Mode()))
	}
	if t != anybodys {
		if why := strangersFile(file); why != "" {
			return nil, errors.New("it is " + why)
		}
	}
	return io.ReadAll(io.LimitReader(file, devcert.MaxTeamFile+1))
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}

// escapes says that a link led out of the repository. os has no error for it that
// could be compared.
func escapes(err error) bool {
	return err != nil && strings.Contains(err.Error(), "path escapes from parent")
}

// reason is why a file was not read, for people.
func reason(err error) string {
	var in *fs.PathError
	switch {
	case escapes(err):
		return "it is a link that leads out of the repository"
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.As(err, &in):
		return in.Err.Error()
	}
	return err.Error()
}
