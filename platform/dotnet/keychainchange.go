package dotnet

import (
	"context"
	"crypto/x509"
	"errors"
	"path/filepath"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
	"devcert/platform/keychain"
)

// Deploy puts the leaf with its key into the keychain, and then into its file. What
// is right already is not touched. It asks nobody: nobody is trusted by it.
func (s *KeychainStore) Deploy(ctx context.Context, m devcert.Material) error {
	if err := s.Ready(ctx); err != nil || m.Leaf == nil {
		return err
	}
	if !chain.SameKey(m.Leaf, m.LeafKey) {
		return errors.New("put the leaf into .NET's store: the key is not its own, or is missing")
	}
	m.After(devcert.KeychainStore) // a server finds the leaf no sooner than what it is to send along
	seen := s.see(ctx)
	if seen.err != nil {
		return changed("put the leaf into "+s.login(), filepath.Dir(s.login()), seen.err)
	}
	pair := chain.Pair{Cert: m.Leaf, Key: m.LeafKey}
	if !seen.keyed[chain.Thumbprint(m.Leaf)] {
		// A certificate that lost its key would keep the key from joining it.
		if err := s.Tool.Delete(ctx, s.login(), m.Leaf); err != nil {
			return err
		}
		if err := s.Tool.Import(ctx, s.login(), pair); err != nil {
			return err
		}
	}
	return s.write(seen, pair)
}

// write makes the file hold the leaf, without a password, which .NET would not know.
func (s *KeychainStore) write(seen keychainSight, pair chain.Pair) error {
	home, err := s.shared().home()
	if err != nil {
		return err
	}
	dir, path := devCerts(home), devCertFile(home, pair.Cert)
	failed := func(err error) error {
		if err == nil {
			return nil
		}
		return changed("put the leaf into "+path, dir, err)
	}
	if own := seen.fileOf(pair.Cert); own != nil && own.serves(pair.Cert) {
		return failed(s.shared().tighten(own.path, pair.Key))
	}
	data, err := encode(pair.Cert, pair.Key)
	if err != nil {
		return err
	}
	if err := s.shared().makeFolders(home, dir); err != nil {
		return failed(err)
	}
	return failed(disk.WriteFile(s.Files, path, data, disk.PrivateMode))
}

// Withdraw removes a leaf of devcert's profile with its key from the keychain, its
// file, and the folders that devcert made once they are empty.
func (s *KeychainStore) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	if chain.PartOf(cert) != chain.PartLeaf {
		return nil // no other came here
	}
	home, err := s.shared().home()
	if err != nil {
		return err
	}
	err = s.Tool.DeleteIdentity(ctx, s.login(), cert)
	if errors.Is(err, keychain.ErrNoKeychain) {
		err = nil // no keychain
	}
	path := devCertFile(home, cert)
	b, _, readErr := readFile(path, "")
	if errors.Is(readErr, errNoPFX) || b != nil && b.isOf(cert) {
		err = errors.Join(err, remove(path))
	}
	err = errors.Join(err, remove(filepath.Join(devCerts(home), "."+filepath.Base(path)+".new"))) // see disk.ReplaceFile
	removeMade(way(home, devCerts(home)))
	if err != nil {
		return changed("remove "+chain.Thumbprint(cert)+" from .NET's store", devCerts(home), err)
	}
	return nil
}
