package dotnet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestWithdraw(t *testing.T) {
	w, former := newWorld(t), newHierarchy(t)
	stranger := marked(t, nil, 6)
	w.deploy()
	w.put("my", "copy.pfx", withKey(t, w.h.Leaf, w.h.Intermediate.Cert))
	w.put("my", "."+fileName(w.h.Leaf.Cert, 0)+".new", []byte("half a key"))
	w.put("my", "theirs.pfx", withKey(t, stranger))
	w.put("my", "both.pfx", withKey(t, w.h.Leaf, stranger.Cert))
	w.put("my", "former.pfx", withKey(t, former.Leaf))
	link := filepath.Join(w.home, "mine.pfx")
	require.NoError(t, os.WriteFile(link, withKey(t, w.h.Leaf), 0o600))
	require.NoError(t, os.Symlink(link, filepath.Join(w.dir("my"), "link.pfx")))

	require.NoError(t, w.store.Withdraw(t.Context(), w.h.Leaf.Cert))
	entries, err := os.ReadDir(w.dir("my"))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.ElementsMatch(t, []string{"theirs.pfx", "both.pfx", "former.pfx"}, names)
	require.FileExists(t, link)
	ca, _ := w.places()
	require.Equal(t, devcert.Trusted, ca.State)
	require.NoError(t, w.store.Withdraw(t.Context(), w.h.Leaf.Cert), "one that is not there is no error")
}

func (w *world) withdrawAll() {
	w.t.Helper()
	m := w.material()
	require.NoError(w.t, w.store.Withdraw(w.t.Context(), m.Leaf))
	require.NoError(w.t, w.store.Withdraw(w.t.Context(), m.Intermediate))
	require.NoError(w.t, w.store.Withdraw(w.t.Context(), m.Root))
}

func TestFoldersGoAsTheyCame(t *testing.T) {
	for _, row := range []struct {
		name string
		had  []string // folders, as .NET made them
		also func(w *world)
		left []string
	}{
		{"all were devcert's", nil, nil, []string{"."}},
		{"the user's .dotnet", []string{".dotnet"}, nil, []string{".", ".dotnet"}},
		{"all were .NET's", []string{".dotnet/corefx/cryptography/x509stores/my", ".dotnet/corefx/cryptography/x509stores/ca"}, nil, []string{
			".", ".dotnet", ".dotnet/corefx", ".dotnet/corefx/cryptography", ".dotnet/corefx/cryptography/x509stores",
			".dotnet/corefx/cryptography/x509stores/ca", ".dotnet/corefx/cryptography/x509stores/my",
		}},
		{"a tool came meanwhile", nil, func(w *world) {
			require.NoError(t, os.MkdirAll(filepath.Join(w.home, ".dotnet/tools"), 0o755))
		}, []string{".", ".dotnet", ".dotnet/tools"}},
		{"a certificate came meanwhile", nil, func(w *world) { w.put("my", "theirs.pfx", withKey(t, marked(t, nil))) }, []string{
			".", ".dotnet", ".dotnet/corefx", ".dotnet/corefx/cryptography", ".dotnet/corefx/cryptography/x509stores",
			".dotnet/corefx/cryptography/x509stores/my", ".dotnet/corefx/cryptography/x509stores/my/theirs.pfx",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			for _, dir := range row.had {
				require.NoError(t, os.MkdirAll(filepath.Join(w.home, dir), 0o755))
			}
			w.deploy()
			w.deploy()
			if row.also != nil {
				row.also(w)
			}
			w.withdrawAll()
			var left []string
			for name := range w.files() {
				left = append(left, name)
			}
			require.ElementsMatch(t, row.left, left)
		})
	}
}

func TestNewLeaf(t *testing.T) {
	w := newWorld(t)
	w.deploy()
	old := w.h.Leaf
	leaf, err := chain.NewLeaf(w.h.Intermediate, chain.LeafOptions{Names: []string{"localhost"}, Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	w.h.Leaf = leaf
	w.deploy()
	_, my := w.places()
	require.Equal(t, devcert.Trusted, my.State)
	require.True(t, my.Others[0].Equal(old.Cert), "the engine knows it and withdraws it")
	require.NoError(t, w.store.Withdraw(t.Context(), old.Cert))
	_, my = w.places()
	require.Empty(t, my.Others)
	w.requireTrusted()
}
