package dotnet

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"path/filepath"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Folder is where .NET keeps the stores of the user with that home.
func Folder(home string) string { return filepath.Join(append([]string{home}, steps...)...) }

// Serves is the place that decides whether Kestrel, which nobody has configured,
// presents m's leaf with its intermediate.
func (s *Store) Serves(ctx context.Context, m devcert.Material) devcert.Place {
	var p devcert.Place
	for _, f := range []folder{leafFolder, intermediateFolder} { // without a leaf, nobody asks for more
		seen := s.see(ctx, f)
		if p = seen.place(m); p.State == devcert.Trusted && f.part == chain.PartLeaf {
			seen.passOver(m.Leaf, &p)
		}
		if p.State != devcert.Trusted {
			p.Evidence = cmp.Or(p.Evidence, p.Path+" does not hold "+nameOf(f))
			break
		}
	}
	return p
}

// Trusts is what the stores of the user's own make of root: Trusted where it is
// among their roots, which .NET takes beside the system's, and Denied where they
// keep .NET from verifying anything. Missing says that the system's decide.
func (s *Store) Trusts(ctx context.Context, root *x509.Certificate) devcert.Place {
	seen := s.see(ctx, folder{name: "root", part: chain.PartRoot})
	p := seen.place(devcert.Material{Root: root})
	if seen.barred != "" {
		p.State, p.Evidence, p.Remedy = devcert.Denied, seen.barred, "remove "+seen.barrier
	}
	return p
}

// see looks at one folder.
func (s *Store) see(ctx context.Context, f folder) sight {
	home, err := s.home()
	seen := sight{folder: f, dir: f.in(home), err: err, now: s.Now()}
	if err == nil {
		seen.files, seen.err = readFolder(ctx, seen.dir)
		s.bar(home, &seen)
	}
	return seen
}

// passOver is about a leaf that is there, and that Kestrel does not take.
func (s sight) passOver(leaf *x509.Certificate, p *devcert.Place) {
	entries := s.entries()
	at := choice(entries, s.now)
	switch {
	case at < 0:
		p.State, p.Evidence = devcert.Denied, "Kestrel finds no valid certificate in "+s.dir
	case !bytes.Equal(entries[at].der, leaf.Raw):
		p.State, p.Evidence = devcert.Denied, "Kestrel takes "+entries[at].file.path
	}
}
