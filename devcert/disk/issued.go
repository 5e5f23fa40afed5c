package disk

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
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

// IssuedNames lists the folders of what was issued. Links are not followed.
func (f Folder) IssuedNames() ([]string, error) {
	if err := f.checkDir(issuedDir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(f.path(issuedDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("reading", f.path(issuedDir), err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// checkDir refuses what stands in the place of a folder: a link would lead what is
// written, keys above all, to wherever it points.
func (f Folder) checkDir(name string) error {
	info, err := os.Lstat(f.path(name))
	if err == nil && !info.IsDir() {
		return failed("using", f.path(name), ErrNotFolder)
	}
	return nil
}

// Issued lists what was issued, by name. A folder of another's making is left out.
func (f Folder) Issued() ([]Issued, error) {
	names, err := f.IssuedNames()
	if err != nil {
		return nil, err
	}
	var all []Issued
	for _, name := range names {
		if i, ok := f.readIssued(name); ok {
			all = append(all, i)
		}
	}
	return all, nil
}

func (f Folder) readIssued(name string) (Issued, bool) {
	data, err := f.ReadIssued(name, ".pem")
	if errors.Is(err, fs.ErrNotExist) && !f.HasIssued(name, ".crt") {
		return Issued{}, false
	}
	i := Issued{Name: name, Err: err}
	if err == nil {
		i.Certs, i.Err = chain.ParseCertificates(data)
	}
	if len(i.Certs) == 0 {
		f.salvageIssued(&i)
	}
	i.Key = f.HasIssued(name, "-key.pem")
	return i, true
}

// salvageIssued takes the certificate from the file that has it alone, so that it can
// still be revoked.
func (f Folder) salvageIssued(i *Issued) {
	der, err := f.ReadIssued(i.Name, ".crt")
	if err != nil {
		return
	}
	if cert, err := x509.ParseCertificate(der); err == nil {
		i.Certs, i.Err = []*x509.Certificate{cert}, nil
	}
}

// issuedSecrets are the files there that hold keys, relative to the folder.
func (f Folder) issuedSecrets() []string {
	all, _ := f.IssuedNames()
	var names []string
	for _, of := range all {
		for _, ending := range IssuedEndings {
			name := issuedDir + "/" + of + "/" + of + ending
			if _, err := os.Lstat(f.path(name)); err == nil && SecretEnding(ending) {
				names = append(names, name)
			}
		}
	}
	return names
}

// FindIssued is the one that a person calls name: systems that do not tell upper
// from lower case have one folder for both. It reads no other's files, and nothing of
// the others but their names: there may be thousands.
func (f Folder) FindIssued(name string) (Issued, bool, error) {
	likes, err := f.issuedLike(name)
	for _, n := range likes {
		info, statErr := os.Lstat(f.IssuedDir(n))
		if errors.Is(statErr, fs.ErrNotExist) { // it has just been removed
			continue
		}
		if statErr != nil {
			return Issued{}, false, failed("reading", f.IssuedDir(n), statErr)
		}
		if !info.IsDir() {
			continue
		}
		if i, ok := f.readIssued(n); ok {
			return i, true, nil
		}
	}
	return Issued{}, false, err
}

// issuedLike are the names there that a person may take for name, in order.
func (f Folder) issuedLike(name string) ([]string, error) {
	if err := f.checkDir(issuedDir); err != nil {
		return nil, err
	}
	dir, err := os.Open(f.path(issuedDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failed("reading", f.path(issuedDir), err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, failed("reading", f.path(issuedDir), err)
	}
	likes := slices.DeleteFunc(names, func(n string) bool { return !strings.EqualFold(n, name) })
	slices.Sort(likes)
	return likes, nil
}
