package disk

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// Issued is what one folder of issued certificates holds.
type Issued struct {
	Name  string
	Certs []*x509.Certificate // the certificate, and what stands behind it; empty with an error
	Key   bool                // its private key is there too
	Err   error               // why it cannot be read
}

// Cert is the certificate itself; nil when it cannot be read.
func (i Issued) Cert() *x509.Certificate {
	if len(i.Certs) == 0 {
		return nil
	}
	return i.Certs[0]
}

// IssuedFile is one file of a folder of issued certificates.
type IssuedFile struct {
	Ending string // behind the name: see [IssuedEndings]
	Data   []byte
}

// IssuedEndings are what there can be of each name, in the order in which it is
// written: the key, all of it as PKCS#12, the certificate alone in DER, and the
// chain in PEM, by which it is known.
var IssuedEndings = []string{"-key.pem", ".pfx", ".crt", ".pem"}

// SecretEnding says whether a file with that ending holds a private key.
func SecretEnding(ending string) bool { return ending == "-key.pem" || ending == ".pfx" }

// IssuedPath is where the file of name with that ending is, or would be.
func (f Folder) IssuedPath(name, ending string) string {
	return f.path(issuedDir, name, name+ending)
}

// IssuedDir is the folder of those files.
func (f Folder) IssuedDir(name string) string { return f.path(issuedDir, name) }

// Issued lists what was issued, by name. A folder of another's making is left out.
func (f Folder) Issued() ([]Issued, error) {
	entries, err := os.ReadDir(f.path(issuedDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("reading", f.path(issuedDir), err)
	}
	var all []Issued
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if i, ok := f.readIssued(e.Name()); ok {
			all = append(all, i)
		}
	}
	return all, nil
}

func (f Folder) readIssued(name string) (Issued, bool) {
	data, err := ReadFile(f.IssuedPath(name, ".pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return Issued{}, false
	}
	i := Issued{Name: name, Err: err}
	if err == nil {
		i.Certs, i.Err = chain.ParseCertificates(data)
	}
	_, err = os.Lstat(f.IssuedPath(name, "-key.pem"))
	i.Key = err == nil
	return i, true
}

// issuedSecrets are the files there that hold keys, relative to the folder.
func (f Folder) issuedSecrets() []string {
	entries, _ := os.ReadDir(f.path(issuedDir))
	var names []string
	for _, e := range entries {
		for _, ending := range IssuedEndings {
			name := issuedDir + "/" + e.Name() + "/" + e.Name() + ending
			if _, err := os.Lstat(f.path(name)); err == nil && SecretEnding(ending) {
				names = append(names, name)
			}
		}
	}
	return names
}

// FindIssued is the one that a person calls name: systems that do not tell upper
// from lower case have one folder for both.
func (f Folder) FindIssued(name string) (Issued, bool, error) {
	all, err := f.Issued()
	at := slices.IndexFunc(all, func(i Issued) bool { return strings.EqualFold(i.Name, name) })
	if at < 0 {
		return Issued{}, false, err
	}
	return all[at], true, nil
}

// WriteIssued replaces what is there of name by files, all safe on disk before the
// first is replaced. What was there and has no successor goes.
func (f Folder) WriteIssued(name string, files []IssuedFile) error {
	dir := f.path(issuedDir, name)
	for _, d := range []string{f.path(issuedDir), dir} {
		if err := f.Files.MakeDir(d); err != nil && !errors.Is(err, fs.ErrExist) {
			return failed("making", d, err)
		}
	}
	var entries []entry
	for _, ending := range IssuedEndings {
		at := slices.IndexFunc(files, func(file IssuedFile) bool { return file.Ending == ending })
		if at < 0 {
			if err := os.Remove(f.IssuedPath(name, ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return failed("removing", f.IssuedPath(name, ending), err)
			}
			continue
		}
		mode := PublicMode
		if SecretEnding(ending) {
			mode = PrivateMode
		}
		entries = append(entries, entry{f.IssuedPath(name, ending), files[at].Data, mode})
	}
	for _, e := range entries {
		if err := f.MakeWay(filepath.Join(issuedDir, name, filepath.Base(e.path))); err != nil {
			return err
		}
	}
	if err := writeBeside(f.Files, entries); err != nil {
		return failed("writing", dir, err)
	}
	return f.syncDirs(dir, f.path(issuedDir))
}

// RemoveIssued takes the files of name away, and its folder when that is empty.
func (f Folder) RemoveIssued(name string) error {
	for _, ending := range IssuedEndings {
		if err := os.Remove(f.IssuedPath(name, ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed("removing", f.IssuedPath(name, ending), err)
		}
	}
	_ = os.Remove(f.path(issuedDir, name)) // what somebody else keeps there stays
	_ = os.Remove(f.path(issuedDir))
	return nil
}
