package dotnet

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// sight is what was seen of one folder. Judging it is pure.
type sight struct {
	folder
	dir   string
	err   error // the look failed; nothing else is known then
	files []file
	now   time.Time
	// barred is why .NET cannot use the folder whatever is in it, and barrier the
	// path that has to go; "" when nothing was seen.
	barred, barrier string
}

// entry is a certificate that .NET finds in the folder.
type entry struct {
	file *file
	der  []byte
	cert *x509.Certificate // nil where crypto/x509 refuses it
	key  crypto.Signer     // nil where the file has none that is its own
}

// entries are what .NET finds, in its order: of the same certificate twice, the
// first counts, with or without its key.
func (s sight) entries() []entry {
	var all []entry
	for i := range s.files {
		f := &s.files[i]
		if f.bundle == nil {
			continue
		}
		e := entry{file: f}
		e.der, e.cert, e.key = f.bundle.taken()
		if find(all, e.der) < 0 {
			all = append(all, e)
		}
	}
	return all
}

func find(entries []entry, der []byte) int {
	return slices.IndexFunc(entries, func(e entry) bool { return bytes.Equal(e.der, der) })
}

// place says what the sight means for m.
func (s sight) place(m devcert.Material) devcert.Place {
	p := devcert.Place{Path: s.dir, Part: s.part, State: devcert.Missing}
	if s.err != nil {
		p.State, p.Evidence, p.Remedy = devcert.Unknown, s.err.Error(), remedyFor(s.err, s.dir)
		return p
	}
	entries := s.entries()
	wanted := m.Parts(s.part)
	if len(wanted) > 0 {
		p.Each(wanted, func(cert *x509.Certificate) (devcert.PlaceState, string, string) { return s.state(entries, cert) })
		if s.barred != "" && p.State != devcert.Missing {
			p.Remedy = "remove " + s.barrier
		}
	}
	for _, e := range entries {
		if e.cert != nil && chain.PartOf(e.cert) == s.part && !slices.ContainsFunc(wanted, e.cert.Equal) {
			p.Others = append(p.Others, e.cert)
		}
	}
	if s.part == chain.PartLeaf && m.Leaf != nil {
		p.Strays = rivals(entries, m.Leaf, s.now)
	}
	return p
}

// state is that of the place for the certificate it is for.
func (s sight) state(entries []entry, wanted *x509.Certificate) (state devcert.PlaceState, verifiedBy, evidence string) {
	at := find(entries, wanted.Raw)
	if at < 0 {
		return s.absent(wanted)
	}
	e := entries[at]
	name := filepath.Base(e.file.path)
	switch {
	case s.barred != "":
		return devcert.Denied, "", s.barred
	case s.part != chain.PartLeaf:
		return devcert.Trusted, "bytes in " + name, ""
	case e.key != nil:
		return devcert.Trusted, "certificate and key in " + name, ""
	case len(e.file.bundle.keys) > 0 || e.file.bundle.sealed:
		return devcert.Denied, "", "the private key in " + name + " is another certificate's"
	}
	return devcert.Stale, "", name + " has no private key"
}

// absent tells a folder without the certificate from one that may yet hold it,
// in a file that could not be read.
func (s sight) absent(wanted *x509.Certificate) (devcert.PlaceState, string, string) {
	evidence := s.barred
	for _, f := range s.files {
		name := filepath.Base(f.path)
		switch {
		case f.mayHide():
			return devcert.Unknown, "", fmt.Sprintf("could not read %s: %v", name, plain(f.err))
		case f.err != nil && name == fileName(wanted, 0):
			evidence = fmt.Sprintf("%s is damaged: %v", name, plain(f.err))
		}
	}
	return devcert.Missing, "", evidence
}

// mayHide says whether .NET might read what could not be read here.
func (f file) mayHide() bool {
	for _, known := range []error{errPassword, errNoPFX, errCostly, errNotAFile, fs.ErrNotExist} {
		if errors.Is(f.err, known) {
			return false
		}
	}
	return f.err != nil
}

// plain is an error without the path, which is named already.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// bar looks for what makes .NET fail over every certificate, or wait for ever.
func (s *Store) bar(home string, seen *sight) {
	for _, f := range seen.files {
		if errors.Is(f.err, errNotAFile) {
			seen.barTo(f.path)
			return
		}
	}
	if seen.name == intermediateFolder.name {
		return
	}
	roots := folder{name: "root"}.in(home)
	names, _ := list(roots)
	for _, name := range names {
		path := filepath.Join(roots, name)
		if f, _, err := openRegular(path); err == nil {
			_ = f.Close()
		} else if errors.Is(err, errNotAFile) && !isFolder(path) {
			seen.barTo(path)
			return
		}
	}
	// .NET has no such store on Unix, and refuses all others while it has files
	// (OpenSslDirectoryBasedStoreProvider in dotnet/runtime).
	disallowed := folder{name: "disallowed"}.in(home)
	if hasFiles(disallowed) {
		seen.barrier = "the files in " + disallowed
		seen.barred = disallowed + " is not empty, so that .NET opens no store at all"
	}
}

func (s *sight) barTo(path string) {
	s.barrier, s.barred = path, path+" is a pipe, socket or device, on which .NET waits for ever"
}

func hasFiles(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	entries, _ := f.ReadDir(maxNames)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !isFolder(filepath.Join(dir, e.Name())) })
}

// exposed are the files with the leaf's key that others may read or replace: by
// their mode, in folders that let others through.
func (s *Store) exposed(seen sight, leaf *x509.Certificate) []devcert.Stray {
	var strays []devcert.Stray
	for _, f := range seen.files {
		if f.bundle == nil || f.bundle.keyOf(leaf) == nil || isLink(f.path) || shielded(f.path) {
			continue
		}
		if why, err := s.Files.Exposed(f.path); err == nil && why != "" {
			strays = append(strays, devcert.Stray{Cert: leaf, Harm: devcert.HarmExposed, Where: f.path, Why: why})
		}
	}
	return strays
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// shielded says whether a folder above path lets nobody but its owner through.
func shielded(path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o011 == 0 {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}
