//go:build unix

package dotnet

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/securefile"
)

// world is a home folder with .NET's own, and a hierarchy.
type world struct {
	t     testing.TB
	home  string
	store *Store
	h     *chain.Hierarchy
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, home: t.TempDir()}
	require.NoError(t, os.Chmod(w.home, 0o755))
	w.store = &Store{
		Env: []string{"HOME=" + w.home, "PATH=/usr/bin:/bin"}, Files: securefile.Files{}, Root: t.TempDir(),
		Now: func() time.Time { return now },
	}
	w.h = newHierarchy(t)
	return w
}

func (w *world) material() devcert.Material {
	return devcert.Material{Root: w.h.Root, Intermediate: w.h.Intermediate.Cert, Leaf: w.h.Leaf.Cert, LeafKey: w.h.Leaf.Key}
}

func (w *world) dir(name string) string { return folder{name: name}.in(w.home) }

// put writes a file of a folder of the store.
func (w *world) put(folder, name string, data []byte) string {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(w.dir(folder), 0o755))
	path := filepath.Join(w.dir(folder), name)
	require.NoError(w.t, os.WriteFile(path, data, 0o600))
	return path
}

// places are those of the intermediate and of the leaf.
func (w *world) places() (ca, my devcert.Place) {
	w.t.Helper()
	places := w.store.look(w.t.Context(), w.material())
	require.Len(w.t, places, 2)
	return places[0], places[1]
}
