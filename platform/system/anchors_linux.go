package system

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	maxDepth   = 8     // folders in folders
	maxAnchors = 20000 // files looked at
)

// held is an anchor file that holds the root.
type held struct {
	path string
	mode fs.FileMode
	sole bool // and no other certificate
}

// scan is what the anchors folder holds.
type scan struct {
	held   []held
	others []*x509.Certificate // further roots of our profile
	failed []error             // what could not be looked at
	seen   int
}

// scanAnchors looks at every file that the family's tool would take, whatever
// its name is. An entry that leads nowhere is nothing to the tool either; one
// that cannot be read is a failure of the look.
func (f family) scanAnchors(root *x509.Certificate) *scan {
	s := &scan{}
	f.scanFolder(f.anchors, root, s, 0)
	s.others = unique(s.others)
	return s
}

func (f family) scanFolder(folder string, root *x509.Certificate, s *scan, depth int) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.failed = append(s.failed, err)
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if s.seen++; s.seen > maxAnchors {
			s.failed = append(s.failed, fmt.Errorf("%s holds more than %d files", f.anchors, maxAnchors))
			return
		}
		switch {
		case entry.IsDir() && f.deep && depth < maxDepth:
			f.scanFolder(path, root, s, depth+1)
		case entry.IsDir(), f.only && filepath.Ext(path) != f.ext:
		default:
			s.file(path, root)
		}
	}
}

func (s *scan) file(path string, root *x509.Certificate) {
	info, err := os.Stat(path)
	if err != nil && errors.Is(err, fs.ErrPermission) {
		s.failed = append(s.failed, err)
	}
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	data, mode, err := read(path)
	if err != nil {
		s.failed = append(s.failed, err)
		return
	}
	ders := certificates(data)
	if holds(ders, root) {
		s.held = append(s.held, held{path: path, mode: mode, sole: sole(ders)})
	}
	s.others = append(s.others, ourRoots(ders, root)...)
}

// sole says whether all of ders is one and the same certificate.
func sole(ders [][]byte) bool {
	for _, der := range ders {
		if !bytes.Equal(der, ders[0]) {
			return false
		}
	}
	return true
}

// madeFile names the topmost folder that had to be made for the anchors.
const madeFile = "made-folder"

// makeAnchors makes the folder of anchors where it is missing, as in small images
// or after somebody cleaned up. What it makes is noted first, for unmakeAnchors.
func (c *claim) makeAnchors(anchors string) error {
	top := ""
	for path := anchors; ; path = filepath.Dir(path) {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		top = path
	}
	if top == "" {
		return nil
	}
	note := filepath.Join(c.folder, madeFile)
	if err := os.WriteFile(note, []byte(top), 0o600); err != nil {
		return failed("write "+note, c.folder, err)
	}
	return failed("make the folder "+anchors, anchors, os.MkdirAll(anchors, 0o755))
}

// unmakeAnchors removes what makeAnchors made, once no root of devcert's is there.
// A folder that somebody else uses by now is theirs and stays.
func (c *claim) unmakeAnchors(anchors string) error {
	note := filepath.Join(c.folder, madeFile)
	top, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if ours, _ := filepath.Glob(filepath.Join(anchors, "devcert-*")); len(ours) > 0 {
		return nil
	}
	for path := anchors; os.Remove(path) == nil && path != string(top); {
		path = filepath.Dir(path)
	}
	return os.Remove(note)
}
