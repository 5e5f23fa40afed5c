package cli

import (
	"errors"
	"os"
	"path/filepath"

	"devcert/devcert/disk"
)

// outDir is the folder that --out names.
type outDir struct {
	dir   string
	files disk.Files
	force bool
}

func (o *outDir) Where() string { return o.dir }

// Ready says what is in the way of any of the files.
func (o *outDir) Ready(name string) error {
	info, err := os.Stat(o.dir)
	switch {
	case err == nil && !info.IsDir():
		return &inTheWay{o.dir, "it is no folder", "name a folder with --out"}
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return &writeError{o.dir, err}
	}
	for _, ending := range disk.IssuedEndings {
		if err := mayWrite(filepath.Join(o.dir, name+ending), o.force); err != nil {
			return err
		}
	}
	return nil
}

// Write makes the folder where it is missing. What was written goes again when a
// file fails: half of it is of use to nobody.
func (o *outDir) Write(name string, files []disk.IssuedFile) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return &writeError{o.dir, err}
	}
	for n, file := range files {
		path := filepath.Join(o.dir, name+file.Ending)
		err := writeExport(o.files, path, file.Data, disk.SecretEnding(file.Ending), o.force)
		if err == nil {
			continue
		}
		for _, done := range files[:n] {
			_ = os.Remove(filepath.Join(o.dir, name+done.Ending))
		}
		return err
	}
	return nil
}
