package dotnet

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Deploy puts the intermediate and the leaf with its key into their folders.
// What is right already is not touched.
func (s *Store) Deploy(ctx context.Context, m devcert.Material) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	home, err := s.home()
	if err != nil {
		return err
	}
	if m.Leaf != nil && !chain.SameKey(m.Leaf, m.LeafKey) {
		return errors.New("put the leaf into .NET's store: the key is not its own, or is missing")
	}
	for _, f := range folders {
		key := crypto.Signer(nil)
		if f.part == chain.PartLeaf {
			key = m.LeafKey
		}
		for _, cert := range m.Parts(f.part) {
			if err := s.put(ctx, home, f, cert, key); err != nil {
				return changed("put "+nameOf(f)+" into "+f.in(home), f.in(home), err)
			}
		}
	}
	return nil
}

func nameOf(f folder) string { return "the " + string(f.part) }

// put makes the folder hold cert, with key where it is for keys. Files that hold
// nothing else and are in the way of that, such as a copy without the key that
// .NET meets first, go.
func (s *Store) put(ctx context.Context, home string, f folder, cert *x509.Certificate, key crypto.Signer) error {
	dir := f.in(home)
	seen := sight{folder: f, dir: dir}
	if seen.files, seen.err = readFolder(ctx, dir); seen.err != nil {
		return seen.err
	}
	entries := seen.entries()
	if at := find(entries, cert.Raw); at >= 0 && (key == nil || entries[at].key != nil) {
		return s.tighten(entries[at].file.path, key)
	}
	data, err := encode(cert, key)
	if err != nil {
		return err
	}
	if err := s.makeFolders(home, dir); err != nil {
		return err
	}
	path, err := seen.freePath(cert)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(s.Files, path, data, disk.PrivateMode); err != nil {
		return err
	}
	for _, other := range seen.files {
		if other.path != path && other.bundle != nil && other.bundle.isOf(cert) {
			if err := os.Remove(other.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// tighten takes others' rights to a key away.
func (s *Store) tighten(path string, key crypto.Signer) error {
	if key == nil || isLink(path) {
		return nil
	}
	return s.Files.MakePrivate(path)
}

// encode pins the one encoding that every .NET reads: triple DES without a
// password. A file for nobody but its owner, whose password .NET must know without
// being told, gains nothing by a better one.
func encode(cert *x509.Certificate, key crypto.Signer) ([]byte, error) {
	if key != nil {
		return chain.EncodePFX(chain.PFXLegacy, chain.Pair{Cert: cert, Key: key}, nil, "")
	}
	data, err := pkcs12.LegacyDES.WithIterations(1).EncodeTrustStore([]*x509.Certificate{cert}, "")
	if err != nil {
		return nil, fmt.Errorf("making a PKCS#12 file without a key: %w", err)
	}
	return data, nil
}

// maxCopies is how many names .NET itself tries.
const maxCopies = 9

// fileName is what .NET calls the file of a certificate, or a further one where
// that name is taken (OpenSslDirectoryBasedStoreProvider).
func fileName(cert *x509.Certificate, copy int) string {
	if copy == 0 {
		return chain.Thumbprint(cert) + suffix
	}
	return fmt.Sprintf("%s.%d%s", chain.Thumbprint(cert), copy, suffix)
}

// freePath is the first name of cert's at which there is nothing, or nothing but
// cert or the damaged remains of a file.
func (s sight) freePath(cert *x509.Certificate) (string, error) {
	for copy := range maxCopies + 1 {
		path := filepath.Join(s.dir, fileName(cert, copy))
		at := slices.IndexFunc(s.files, func(f file) bool { return f.path == path })
		if at >= 0 && s.files[at].remains(cert) {
			return path, nil
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%d files there have its name and hold something else", maxCopies+1)
}

// remains says whether a file of cert's name holds cert alone, or nothing that
// anybody could miss.
func (f file) remains(cert *x509.Certificate) bool {
	if f.bundle != nil {
		return f.bundle.isOf(cert)
	}
	return errors.Is(f.err, errNoPFX) || errors.Is(f.err, fs.ErrNotExist) || errors.Is(f.err, fs.ErrPermission)
}

// Withdraw removes the files that are cert's alone, wherever in the two
// folders they are and whatever they are called, what a killed run left of them,
// and the folders that devcert made once they are empty.
func (s *Store) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	if err := s.Ready(ctx); err != nil {
		return err
	}
	home, err := s.home()
	if err != nil {
		return err
	}
	var failures []error
	for _, f := range folders {
		dir := f.in(home)
		files, err := readFolder(ctx, dir)
		for _, file := range files {
			damaged := filepath.Base(file.path) == fileName(cert, 0) && errors.Is(file.err, errNoPFX)
			if damaged || file.bundle != nil && file.bundle.isOf(cert) {
				err = errors.Join(err, remove(file.path))
			}
		}
		err = errors.Join(err, remove(filepath.Join(dir, "."+fileName(cert, 0)+".new"))) // see disk.ReplaceFile
		if err != nil {
			failures = append(failures, changed("remove "+chain.Thumbprint(cert)+" from "+dir, dir, err))
		}
	}
	s.tidy(ctx, home)
	return errors.Join(failures...)
}

func remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
