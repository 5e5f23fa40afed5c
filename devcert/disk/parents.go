package disk

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// parentsFile names the folders above the state folder that devcert had to make:
// they go with it. One that was there before is in no such file, and stays.
const parentsFile = ".made-by-devcert.json"

type parentsJSON struct {
	Folders []string `json:"folders"` // without links, the topmost first
}

// makeParents makes the folders above f that are missing, as the system makes
// them by default, and returns them, the topmost first. Where one cannot be made,
// none is left.
func (f Folder) makeParents() (made []string, err error) {
	var missing []string
	for dir := filepath.Dir(f.Path); !exists(dir) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		err := os.Mkdir(dir, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue // somebody else was faster
		}
		if err != nil {
			return nil, errors.Join(err, removeEmpty(made))
		}
		made = append(made, dir)
	}
	return made, nil
}

// noteParents records in f which folders above it were made.
func (f Folder) noteParents(made []string) error {
	if len(made) == 0 {
		return nil
	}
	in := parentsJSON{}
	for _, dir := range made {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return err
		}
		in.Folders = append(in.Folders, real)
	}
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	file, err := f.Files.Create(f.path(parentsFile))
	if errors.Is(err, fs.ErrExist) {
		return nil // another writer made the folder
	}
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	return errors.Join(err, file.Close())
}

// parents are the folders above f that devcert made, the topmost first: those
// that are above it still.
func (f Folder) parents() []string {
	var in parentsJSON
	data, err := f.Read(parentsFile)
	if err != nil || UnmarshalStrict(data, &in) != nil {
		return nil
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(f.Path))
	if err != nil {
		return nil
	}
	var made []string
	for dir := above; slices.Contains(in.Folders, dir); dir = filepath.Dir(dir) {
		made = append([]string{dir}, made...)
	}
	return made
}

// removeEmpty removes folders, the last one first, up to one that somebody uses.
func removeEmpty(folders []string) error {
	for _, dir := range slices.Backward(folders) {
		if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
			return nil //nolint:nilerr // nobody's who cannot look into it
		}
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
