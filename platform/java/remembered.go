package java

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"devcert/devcert/disk"
	"devcert/platform/securefile"
)

// maxRemembered is how many homes are remembered at most; the oldest give way.
const maxRemembered = 50

// rememberedJSON is a file of the state folder: the Javas of this user's that
// devcert has changed and that only a variable led to. Who changes the variable
// still has devcert's root there. It is no more than a hint where to look: what
// is changed there, as the user, is a keystore that has a certificate of
// devcert's, by the rules for every other. The machine's Javas are not in it, and
// the privileged child never reads it.
type rememberedJSON struct {
	Schema int      `json:"schema"`
	Homes  []string `json:"homes"`
}

func (s *Store) folder() disk.Folder { return disk.Folder{Path: s.StateDir, Files: securefile.Files{}} }

// remembered are the folders in that file. One that others could have written
// says nothing.
func (s *Store) remembered() []string {
	if s.StateDir == "" {
		return nil
	}
	f := s.folder()
	if open, err := f.Files.Exposed(filepath.Join(f.Path, disk.JavaFile)); err != nil || open != "" {
		return nil
	}
	data, err := f.Read(disk.JavaFile)
	if err != nil {
		return nil
	}
	homes, _ := parseRemembered(data)
	return homes
}

func parseRemembered(data []byte) ([]string, error) {
	var in rememberedJSON
	if err := disk.CheckSchema(data, 1); err != nil {
		return nil, err
	}
	if err := disk.UnmarshalStrict(data, &in); err != nil {
		return nil, err
	}
	if len(in.Homes) > maxRemembered || slices.ContainsFunc(in.Homes, func(h string) bool { return !filepath.IsAbs(h) }) {
		return nil, errors.New("not a list of homes of Javas")
	}
	return in.Homes, nil
}

// remember notes the homes of a keystore that is about to be changed, unless
// devcert finds them without a variable.
func (s *Store) remember(find finder, homes []home) error {
	find.env = nil
	always, _ := find.homes()
	had := s.remembered()
	noted := slices.Clone(had)
	for _, h := range homes {
		if !slices.Contains(always, h) && !slices.Contains(noted, string(h)) {
			noted = append(noted, string(h))
		}
	}
	if s.StateDir == "" || len(noted) == len(had) {
		return nil
	}
	data, err := json.Marshal(rememberedJSON{Schema: 1, Homes: noted[max(0, len(noted)-maxRemembered):]})
	if err != nil {
		return err
	}
	return s.folder().Write(disk.JavaFile, append(data, '\n'), disk.PrivateMode)
}

// keystores are those of the Javas that find finds, and of the remembered ones
// those that have a certificate of devcert's. The error is about JAVA_HOME.
func (s *Store) keystores(find finder) ([]file, error) {
	homes, broken := find.homes()
	all := files(homes)
	for _, folder := range s.remembered() {
		h, err := find.homeAt(folder)
		if err != nil || slices.Contains(homes, h) {
			continue // what was removed has no root
		}
		for _, f := range files([]home{h}) {
			if !slices.ContainsFunc(all, func(other file) bool { return other.path == f.path }) && f.hasOurs() {
				all = append(all, f)
			}
		}
	}
	return all, broken
}

// hasOurs says whether a keystore has a certificate of devcert's; also where it is
// there and cannot be looked into: nothing is then known of it.
func (f file) hasOurs() bool {
	k, _, err := f.open()
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return len(k.ours()) > 0
}
