package java

import (
	"context"
	"crypto/x509"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Look reports the keystore of every Java, and a JAVA_HOME that leads to none.
func (s *Store) Look(_ context.Context, m devcert.Material) []devcert.Place {
	find := s.finder()
	all, broken := s.keystores(find)
	var places []devcert.Place
	if broken != nil {
		places = append(places, devcert.Place{
			Path: "JAVA_HOME", Part: chain.PartRoot, State: devcert.Unknown, Evidence: broken.Error(),
			Remedy: "set JAVA_HOME to where a Java is installed, or unset it",
		})
	}
	for _, f := range all {
		places = append(places, s.lookAt(find, f, m))
	}
	return places
}

func (s *Store) lookAt(find finder, f file, m devcert.Material) devcert.Place {
	place := devcert.Place{Path: f.path, Part: chain.PartRoot, Machine: !s.mine(f.path), State: devcert.Unknown}
	k, info, err := f.open()
	if isDamage(err) && hasKept(f.path) {
		place.State, place.Evidence = devcert.Missing, reason(err)+"; a copy of it, from before an update that was cut short, will be put back"
		return place
	}
	if err != nil {
		place.Evidence, place.Remedy = reason(err), remedyFor(err, f.path, "see what is at "+f.path)
		return place
	}
	place.Others = others(k, m)
	switch {
	case m.Root == nil:
		place.State = devcert.Missing
		return place
	case len(k.aliases(m.Root)) > 0:
		place.State, place.VerifiedBy = devcert.Trusted, "read in the keystore"
		if k.locked {
			place.VerifiedBy += `, which has a password other than "` + password + `"`
		}
		return place
	case k.has(m.Root):
		place.State, place.Evidence = devcert.Denied, "there without the mark by which Java trusts it"
		err = errUnmarked
	default:
		place.State = devcert.Missing
		place.Evidence = fmt.Sprintf("not among its %d roots, which %s reads", k.roots(), names(f.homes))
	}
	if err == nil {
		err = s.obstacle(find, f, k, info)
	}
	if err != nil {
		place.Evidence += "; " + err.Error()
		place.Remedy = remedyFor(err, f.path, s.byHand(find, f, m.Root))
	}
	return place
}

// obstacle is why a keystore cannot be changed by us; nil when it can be tried.
// What the system's own tool makes is for that to change, whatever Javas read it;
// once the system's store has the root, that tool has nothing to do any more.
func (s *Store) obstacle(find finder, f file, k keystore, info fs.FileInfo) error {
	switch {
	case k.locked:
		return errLocked
	case readOnly(info):
		return errReadOnly
	case onReadOnlyDisk(filepath.Dir(f.path)):
		return errReadOnlyDisk
	case s.followsSystem(f.path):
		return nil
	}
	if s.mine(f.path) {
		_, err := ownKeytool(find, f)
		return err
	}
	homes, _ := machineFinder(s.Root).homes()
	if !slices.ContainsFunc(files(homes), func(of file) bool { return of.path == f.path }) {
		return errElsewhere
	}
	return nil
}

// byHand is the command that adds root to a keystore, with the keytool of the
// Java that was found first.
func (s *Store) byHand(find finder, f file, root *x509.Certificate) string {
	e := edit{path: f.path, root: s.rootFile()}
	e.keytool, _ = find.keytool(f.homes[0])
	if !s.mine(f.path) {
		e.admin = asAdmin
	}
	return e.addByHand(root)
}

// open reads a keystore.
func (f file) open() (keystore, fs.FileInfo, error) {
	if f.err != nil {
		return keystore{}, nil, f.err
	}
	data, info, err := read(f.path)
	if err != nil {
		return keystore{}, nil, err
	}
	k, err := parseKeystore(data)
	return k, info, err
}

// others are the certificates of our profile that are not the hierarchy's.
func others(k keystore, m devcert.Material) []*x509.Certificate {
	return slices.DeleteFunc(k.ours(), func(cert *x509.Certificate) bool {
		return slices.ContainsFunc([]*x509.Certificate{m.Root, m.Intermediate, m.Leaf}, func(own *x509.Certificate) bool {
			return own != nil && own.Equal(cert)
		})
	})
}

func names(homes []home) string {
	var all []string
	for _, h := range homes {
		all = append(all, string(h))
	}
	return strings.Join(all, ", ")
}
