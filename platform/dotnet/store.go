package dotnet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Store is .NET's personal store of the user whose environment it is given. It
// implements [devcert.Store].
type Store struct {
	// Env is that user's environment: HOME, PATH and what else .NET goes by.
	Env []string
	// Files makes private files.
	Files disk.Files
	Now   func() time.Time
	// Root is put before the system's folders. It is empty but in tests.
	Root string
}

var _ devcert.Store = (*Store)(nil)

// Name is "dotnet".
func (s *Store) Name() string { return "dotnet" }

// errNoHome is why nothing can be looked at. .NET would ask the system for the
// user's folder; which of the two the user means is not for us to guess.
var errNoHome = errors.New("HOME is not an absolute path")

// Ready says whether this system's .NET keeps its store in folders.
func (s *Store) Ready(context.Context) error {
	if !keepsFolders {
		return errNoFolders
	}
	_, err := s.home()
	return err
}

// Look reports both folders, where .NET is on this machine.
func (s *Store) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	if !keepsFolders || !s.present() {
		return nil
	}
	return s.look(ctx, m)
}

func (s *Store) look(ctx context.Context, m devcert.Material) []devcert.Place {
	var places []devcert.Place
	home, err := s.home()
	if err != nil {
		home = "~"
	}
	for _, f := range folders {
		seen := sight{folder: f, dir: f.in(home), err: err, now: s.Now()}
		if err == nil {
			seen.files, seen.err = readFolder(ctx, seen.dir)
			s.bar(home, &seen)
		}
		p := seen.place(m)
		if f.part == chain.PartLeaf && err == nil && m.Leaf != nil {
			p.Strays = append(p.Strays, s.exposed(seen, m.Leaf)...)
			p.Strays = append(p.Strays, s.staleExports(ctx, home, m.Leaf)...)
		}
		if f.part == chain.PartClientIntermediate && len(m.Parts(f.part))+len(p.Others) == 0 {
			continue
		}
		places = append(places, p)
	}
	return places
}

// folder is one of the folders of the store.
type folder struct {
	name string // as .NET calls it
	part chain.Part
}

// folders are those that devcert fills, in the order in which it does: a server
// never finds the leaf before the intermediate that it is to send along. The
// intermediate of clients is there for ASP.NET Core's certificate authentication,
// which the intermediates that a client sends do not reach.
var (
	intermediateFolder = folder{"ca", chain.PartIntermediate}
	leafFolder         = folder{"my", chain.PartLeaf}
	folders            = []folder{intermediateFolder, {"ca", chain.PartClientIntermediate}, leafFolder}
)

// steps lead from the home folder to that of all stores (X509Persistence and
// PersistedFiles in dotnet/runtime).
var steps = []string{".dotnet", "corefx", "cryptography", "x509stores"}

func (f folder) in(home string) string {
	return filepath.Join(append(append([]string{home}, steps...), f.name)...)
}

func (s *Store) home() (string, error) {
	home := s.env("HOME")
	if !filepath.IsAbs(home) {
		return "", fmt.Errorf("find .NET's store: %w", errNoHome)
	}
	return home, nil
}

// env is the value of a variable. An empty one counts as none.
func (s *Store) env(name string) string {
	for _, pair := range s.Env {
		if have, value, _ := strings.Cut(pair, "="); have == name {
			return value
		}
	}
	return ""
}
