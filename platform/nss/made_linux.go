package nss

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	// markName marks a database that devcert has made. It goes when the database
	// goes, or when somebody else uses it.
	markName    = "made-by-devcert.json"
	modulesFile = "pkcs11.txt" // which modules NSS loads besides its own
	// maxMade is how many folders devcert makes for a database at most: .local,
	// share, pki and nssdb.
	maxMade = 4
)

// markText is what the mark says. The folders that hold a database go with it: an
// empty ~/.pki/nssdb keeps Chromium from the new place.
type markText struct {
	Folders int `json:"folders"` // how many were made, the database's own first
}

// Install has the database in dir trust root, and makes one where there is none.
func (t Tool) Install(ctx context.Context, dir string, root *x509.Certificate) error {
	made := !exists(filepath.Join(dir, certFile))
	if err := t.Create(ctx, dir); err != nil {
		return err
	}
	err := t.Add(ctx, dir, root)
	if err != nil && made {
		err = errors.Join(err, t.settle(ctx, dir))
	}
	return err
}

// Create makes an empty database without a password, and its folder as the
// browsers make it. One that is there stays as it is. [Tool.Remove] unmakes what
// was made here.
func (t Tool) Create(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	what := "make an NSS database in " + dir
	if exists(filepath.Join(dir, certFile)) {
		return nil
	}
	if exists(filepath.Join(dir, keyFile)) {
		return failed(what, dir, t.complete(ctx, dir))
	}
	missing := missingFolders(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed(what, dir, err)
	}
	if err := mark(dir, missing); err != nil {
		return failed(what, dir, errors.Join(err, removeFolders(dir, missing)))
	}
	_, err := t.run(ctx, dir, nil, "-N", "--empty-password")
	if err != nil {
		err = errors.Join(err, unmark(dir), removeFolders(dir, missing))
	}
	return failed(what, dir, err)
}

// complete makes the certificates' file beside keys that somebody has: -N would set
// their password. Opened for writing (-X), what is missing is made.
func (t Tool) complete(ctx context.Context, dir string) error {
	_, err := t.run(ctx, dir, nil, "-K", "-X")
	if exited(err) && exists(filepath.Join(dir, certFile)) {
		return nil // there are no keys to list
	}
	return err
}

// missingFolders counts dir and the folders it is in that are not there.
func missingFolders(dir string) int {
	n := 0
	for ; n < maxMade && !exists(dir); dir = filepath.Dir(dir) {
		n++
	}
	return n
}

// mark notes that devcert makes the database in dir. A mark of a run that was
// killed knows of more folders.
func mark(dir string, folders int) error {
	if before, ok := readMark(dir); ok {
		folders = max(folders, before)
	}
	data, err := json.Marshal(markText{folders})
	if err != nil {
		return err
	}
	path := filepath.Join(dir, markName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	return errors.Join(err, file.Close())
}

// readMark says whether devcert made the database, and how many folders.
func readMark(dir string) (folders int, ok bool) {
	data, err := readFile(filepath.Join(dir, markName))
	if err != nil {
		return 0, false
	}
	return parseMark(data)
}

func parseMark(data []byte) (folders int, ok bool) {
	var m markText
	if json.Unmarshal(data, &m) != nil {
		return 0, false
	}
	return min(max(m.Folders, 0), maxMade), true
}

func unmark(dir string) error {
	err := os.Remove(filepath.Join(dir, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// settle ends what Create began, once no certificate of devcert's is left in a
// database that has its mark: one in which there is nothing else goes. What
// cannot be told keeps it.
func (t Tool) settle(ctx context.Context, dir string) error {
	folders, ok := readMark(dir)
	if !ok {
		return nil
	}
	seen, err := t.Look(ctx, dir, nil)
	if err != nil || len(seen.Others)+len(seen.Clients) > 0 {
		return nil // whoever removes that one comes here again
	}
	if !vacant(dir) || inUse(dir) {
		return unmark(dir)
	}
	for _, name := range []string{certFile, keyFile, modulesFile, markName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return removeFolders(dir, folders)
}

// removeFolders removes those that were made, unless somebody uses them by now.
func removeFolders(dir string, n int) error {
	for ; n > 0; dir, n = filepath.Dir(dir), n-1 {
		switch err := syscall.Rmdir(dir); {
		case errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST), errors.Is(err, syscall.ENOENT):
			return nil
		case err != nil:
			return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
		}
	}
	return nil
}

// vacant says that there is nothing in a database but what Create made: no
// certificate, no key of any kind, no module, and nobody is writing. What else is in
// the folder, as in a profile of Firefox, says nothing about it.
func vacant(dir string) bool {
	for _, name := range []string{certFile, keyFile} {
		if exists(filepath.Join(dir, name+"-journal")) || exists(filepath.Join(dir, name+"-wal")) || !empty(filepath.Join(dir, name)) {
			return false
		}
	}
	return !loadsModules(dir)
}

// empty says that a database is there and has no row but those that describe it:
// its salt and password, and what vouches for entries that were removed.
func empty(path string) bool {
	data, err := readFile(path)
	if err != nil {
		return false
	}
	tables, err := tablesWithRows(data)
	if err != nil || len(tables) == 0 {
		return false
	}
	for name, rows := range tables {
		if rows && name != "metaData" {
			return false
		}
	}
	return true
}

// loadsModules says whether somebody has had NSS load a module there: its own has
// no library.
func loadsModules(dir string) bool {
	data, err := readFile(filepath.Join(dir, modulesFile))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	for line := range bytes.Lines(data) {
		if library, is := bytes.CutPrefix(line, []byte("library=")); is && len(bytes.TrimSpace(library)) > 0 {
			return true
		}
	}
	return false
}

// inUse says whether a process, as far as this user can see, has the database
// open: a browser that runs would go on writing to one that is gone.
func inUse(dir string) bool {
	for _, name := range []string{certFile, keyFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
		for _, link := range links {
			if to, err := os.Readlink(link); err != nil || !strings.HasSuffix(to, "/"+name) {
				continue
			}
			if open, err := os.Stat(link); err == nil && os.SameFile(info, open) {
				return true
			}
		}
	}
	return false
}
