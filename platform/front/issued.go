package front

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// issuedPair are the two files of one issued certificate: the leaf and what
// follows it, and the key.
func issuedPair(name string) [2]string {
	in := path.Join(disk.IssuedFolder, name, name)
	return [2]string{in + ".pem", in + "-key.pem"}
}

// issuedFiles are the stamps of all those files that are there.
func issuedFiles(dir string) map[string]fs.FileInfo {
	names, err := disk.Folder{Path: dir}.IssuedNames()
	if err != nil {
		return nil
	}
	files := map[string]fs.FileInfo{}
	for _, name := range names {
		for _, file := range issuedPair(name) {
			if stamp := stampOf(filepath.Join(dir, filepath.FromSlash(file))); stamp != nil {
				files[file] = stamp
			}
		}
	}
	return files
}

func sameFiles(a, b map[string]fs.FileInfo) bool {
	for name := range a {
		if !sameStamp(a[name], b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}

// readIssued takes the server certificates that were issued. One that cannot be
// used is said and left out: it is none of the others' business.
func (k *keyring) readIssued(v, old *view) {
	v.issuedFiles = issuedFiles(k.folder.Path)
	names, err := k.folder.IssuedNames()
	if err != nil {
		v.issued, v.again = old.issued, v.again || passing(err)
		k.teller.once(disk.IssuedFolder, "cannot look for issued certificates: "+err.Error())
		return
	}
	k.teller.over(disk.IssuedFolder)
	for _, name := range names {
		topic := path.Join(disk.IssuedFolder, name)
		id, err := k.readPair(name, old)
		switch {
		case err != nil:
			v.again = v.again || passing(err)
			k.teller.once(topic, topic+" cannot be presented: "+err.Error())
			continue
		case id != nil:
			v.issued = append(v.issued, id)
		}
		k.teller.over(topic)
	}
	slices.SortStableFunc(v.issued, func(a, b *identity) int { return b.cert.NotAfter.Compare(a.cert.NotAfter) })
}

// readPair gives nil for what is no server's, and for what was made of another's
// request, whose key is not here.
func (k *keyring) readPair(name string, old *view) (*identity, error) {
	certs, err := readIssuedCerts(k.folder, name)
	if err != nil || len(certs) == 0 || !slices.Contains(certs[0].ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		return nil, err
	}
	key, err := readIssuedKey(k.folder, name, certs[0])
	if err != nil || key == nil {
		return nil, err
	}
	if same := old.known[chain.Thumbprint(certs[0])]; same != nil {
		return same, nil // with the sessions that clients have
	}
	return newIdentity(certs, key, k.asks), nil
}

// readIssuedCerts are a leaf and what follows it; none where there is no such file.
func readIssuedCerts(folder disk.Folder, name string) ([]*x509.Certificate, error) {
	data, err := folder.ReadIssued(name, ".pem")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return chain.ParseCertificates(data)
}

// readIssuedKey is that leaf's key; nil where there is no such file.
func readIssuedKey(folder disk.Folder, name string, leaf *x509.Certificate) (crypto.Signer, error) {
	data, err := folder.ReadIssued(name, "-key.pem")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := chain.ParseKey(data)
	if err != nil {
		return nil, err
	}
	if !chain.SameKey(leaf, key) {
		return nil, errors.New("certificate and key do not belong together")
	}
	return key, nil
}
