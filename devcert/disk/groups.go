package disk

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"devcert/devcert/chain"
)

// Group is a client intermediate of its own, for some clients.
type Group struct {
	Name string
	chain.Pair
	// Disabled says that its root has it on its revocation list.
	Disabled bool
}

// GroupPath is where the file of a group with that ending is, or would be.
func (f Folder) GroupPath(name, ending string) string { return f.path(GroupsDir, name, name+ending) }

// WriteGroup keeps a new group, whole or not at all. One of that name and a former
// root's goes; what somebody else put beside it stays, and is in the way.
func (f Folder) WriteGroup(name string, pair chain.Pair) error {
	key, err := chain.EncodeKey(pair.Key)
	if err != nil {
		return err
	}
	if err := f.checkDir(GroupsDir); err != nil {
		return err
	}
	final := f.path(GroupsDir, name)
	staged := beside(final)
	if err := os.RemoveAll(staged); err != nil {
		return failed("writing", final, err)
	}
	for _, dir := range []string{f.path(GroupsDir), staged} {
		if err := f.Files.MakeDir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return failed("making", dir, err)
		}
	}
	err = writeSynced(f.Files, []entry{
		{path: filepath.Join(staged, name+"-key.pem"), data: key, mode: PrivateMode},
		{path: filepath.Join(staged, name+".pem"), data: chain.EncodeCertificates(pair.Cert), mode: PublicMode},
	}, asNamed)
	if err == nil {
		err = f.RemoveGroup(name)
	}
	if err == nil {
		err = f.Files.Rename(staged, final)
	}
	if err != nil {
		_ = os.RemoveAll(staged)
		return failed("writing", final, err)
	}
	return f.syncDirs(final, f.path(GroupsDir), f.Path)
}

// RemoveGroup removes a group. What somebody else put beside it stays.
func (f Folder) RemoveGroup(name string) error {
	for _, ending := range []string{".pem", "-key.pem"} {
		if err := os.Remove(f.GroupPath(name, ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return failed("removing", f.GroupPath(name, ending), err)
		}
	}
	_ = os.Remove(f.path(GroupsDir, name))
	_ = os.Remove(f.path(GroupsDir))
	return nil
}

// GroupNames are those that have a folder, by name.
func (f Folder) GroupNames() []string {
	if f.checkDir(GroupsDir) != nil {
		return nil // which readGroups tells
	}
	entries, _ := os.ReadDir(f.path(GroupsDir))
	var names []string
	for _, e := range entries {
		if name, err := chain.ParseGroup(e.Name()); err == nil && e.IsDir() {
			names = append(names, name)
		}
	}
	return names
}

// readGroups takes the groups below the present root. Those of a former one are
// nobody's any more, and stay until another of their name takes the place.
func (s *Snapshot) readGroups(f Folder) {
	if err := f.checkDir(GroupsDir); err != nil {
		s.lostGroup(GroupsDir, err, "remove it, and put the folder back")
	}
	for _, name := range f.GroupNames() {
		data, err := ReadFile(f.GroupPath(name, ".pem"))
		file := GroupsDir + "/" + name + "/" + name
		var certs []*x509.Certificate
		if err == nil {
			certs, err = chain.ParseCertificates(data)
		}
		if err == nil && chain.GroupOf(certs[0]) != name {
			err = errors.New("it is not the certificate of that group")
		}
		switch {
		case err != nil:
			s.lostGroup(file+".pem", err, "put it back from a backup; without one, devcert renew --root ends all that was ever issued")
			continue
		case s.Hierarchy.Root == nil, chain.CheckSignature(certs[0], s.Hierarchy.Root) != nil:
			continue
		}
		g := Group{Name: name, Pair: chain.Pair{Cert: certs[0]}, Disabled: IsRevoked(s.Revoked, certs[0])}
		if g.Key, err = f.groupKey(g); err != nil && !g.Disabled {
			s.lostGroup(file+"-key.pem", err, "put it back from a backup; without one, devcert group disable "+name+", and make another")
		}
		s.Hierarchy.Groups = append(s.Hierarchy.Groups, g)
	}
}

func (f Folder) groupKey(g Group) (crypto.Signer, error) {
	data, err := ReadFile(f.GroupPath(g.Name, "-key.pem"))
	if err != nil {
		return nil, err
	}
	key, err := chain.ParseKey(data)
	if err == nil && !chain.SameKey(g.Cert, key) {
		err = errors.New("it is not the key of the certificate beside it")
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

// lostGroup is damage that nobody but a person can undo.
func (s *Snapshot) lostGroup(name string, err error, remedy string) {
	s.damaged(name, Unreadable, reason(err).Error())
	s.Damage[len(s.Damage)-1].Remedy = remedy
}

// ClientIntermediates are the authorities for clients that there are, those of
// groups that are disabled too.
func (h *Hierarchy) ClientIntermediates() []*x509.Certificate {
	var all []*x509.Certificate
	if cert := h.ClientIntermediate.Cert; cert != nil {
		all = append(all, cert)
	}
	for _, g := range h.Groups {
		all = append(all, g.Cert)
	}
	return all
}

// ListSigners sign their revocation lists whenever these are asked for: the
// authorities whose key is there. A root without its key has signed its one list.
func (h *Hierarchy) ListSigners() []chain.Pair {
	all := []chain.Pair{h.Intermediate, h.ClientIntermediate}
	if h.RootKey != nil {
		all = append(all, chain.Pair{Cert: h.Root, Key: h.RootKey})
	}
	for _, g := range h.Groups {
		all = append(all, g.Pair)
	}
	return slices.DeleteFunc(all, func(p chain.Pair) bool { return p.Cert == nil || p.Key == nil })
}
