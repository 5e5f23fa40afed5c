//go:build unix

package dotnet

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestLookForTheLeaf(t *testing.T) {
	other := marked(t, nil)
	for _, row := range []struct {
		name     string
		prepare  func(w *world)
		state    devcert.PlaceState
		evidence string
	}{
		{"nothing there", func(*world) {}, devcert.Missing, ""},
		{"with its key, under any name", func(w *world) { w.put("my", "x.pfx", withKey(t, w.h.Leaf)) }, devcert.Trusted, ""},
		{"with its chain beside it", func(w *world) {
			w.put("my", "x.pfx", withKey(t, w.h.Leaf, w.h.Intermediate.Cert))
		}, devcert.Trusted, ""},
		{"without its key", func(w *world) { w.put("my", "x.pfx", withoutKey(t, w.h.Leaf.Cert)) },
			devcert.Stale, "x.pfx has no private key"},
		{"with another's key", func(w *world) {
			w.put("my", "x.pfx", withKey(t, chain.Pair{Cert: w.h.Leaf.Cert, Key: other.Key}))
		}, devcert.Denied, "the private key in x.pfx is another certificate's"},
		{"not what .NET calls PKCS#12", func(w *world) { w.put("my", "x.P12", withKey(t, w.h.Leaf)) }, devcert.Missing, ""},
		{"a bare certificate", func(w *world) { w.put("my", "x.pfx", w.h.Leaf.Cert.Raw) }, devcert.Missing, ""},
		{"a folder of that name", func(w *world) { w.put("my/x.pfx", "y", nil) }, devcert.Missing, ""},
		{"damaged", func(w *world) { w.put("my", fileName(w.h.Leaf.Cert, 0), []byte("x")) },
			devcert.Missing, "is damaged: not PKCS#12"},
		{"hidden behind what cannot be read", func(w *world) { w.put("my", "x.pfx", []byte{0x30, 0x80}) },
			devcert.Unknown, "could not read x.pfx: PKCS#12 in an encoding"},
		{"hidden in a file that is too large", func(w *world) { w.put("my", "x.pfx", make([]byte, maxSize+1)) },
			devcert.Unknown, "could not read x.pfx: larger than 1 MiB"},
		{"there, beside what cannot be read", func(w *world) {
			w.put("my", "a.pfx", []byte{0x30, 0x80})
			w.put("my", "b.pfx", withKey(t, w.h.Leaf))
		}, devcert.Trusted, ""},
		{"the folder is a file", func(w *world) {
			require.NoError(t, os.MkdirAll(filepath.Dir(w.dir("my")), 0o700))
			require.NoError(t, os.WriteFile(w.dir("my"), nil, 0o600))
		}, devcert.Unknown, "not a directory"},
		{"too many files", func(w *world) {
			for i := range maxFiles + 1 {
				w.put("my", string(rune('a'+i%26))+time.Duration(i).String()+suffix, nil)
			}
		}, devcert.Unknown, "more than 256 files"},
		{"the store that .NET has not is not empty", func(w *world) {
			w.put("my", "x.pfx", withKey(t, w.h.Leaf))
			w.put("disallowed", "README", nil)
		}, devcert.Denied, "disallowed is not empty"},
		{"it has folders only, which .NET lets pass", func(w *world) {
			w.put("my", "x.pfx", withKey(t, w.h.Leaf))
			w.put("disallowed/x", "y", nil)
		}, devcert.Trusted, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.prepare(w)
			_, my := w.places()
			require.Equal(t, row.state, my.State, my.Evidence)
			require.Contains(t, my.Evidence, row.evidence)
			require.Equal(t, row.evidence == "", my.Evidence == "")
			require.Equal(t, w.dir("my"), my.Path)
			require.Equal(t, chain.PartLeaf, my.Part)
			require.False(t, my.Machine)
			require.Equal(t, row.state == devcert.Trusted, my.VerifiedBy != "")
		})
	}
}

// Of the same certificate twice .NET takes the first, with or without its key.
func TestTheFirstCopyCounts(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a.pfx", "b.pfx", "c.pfx", "d.pfx"} {
		w.put("my", name, withKey(t, w.h.Leaf))
	}
	names, err := list(w.dir("my"))
	require.NoError(t, err)
	w.put("my", names[1], withoutKey(t, w.h.Leaf.Cert))
	_, my := w.places()
	require.Equal(t, devcert.Trusted, my.State)
	w.put("my", names[0], withoutKey(t, w.h.Leaf.Cert))
	_, my = w.places()
	require.Equal(t, devcert.Stale, my.State)
	require.Equal(t, names[0]+" has no private key", my.Evidence)
}

func TestLookForTheIntermediate(t *testing.T) {
	w := newWorld(t)
	ca, _ := w.places()
	require.Equal(t, devcert.Missing, ca.State)
	require.Equal(t, chain.PartIntermediate, ca.Part)
	w.put("ca", "x.pfx", withoutKey(t, w.h.Intermediate.Cert))
	ca, my := w.places()
	require.Equal(t, devcert.Trusted, ca.State)
	require.Equal(t, devcert.Missing, my.State)
	require.Empty(t, ca.Others)
}

func TestOthersOfOurProfile(t *testing.T) {
	w, former := newWorld(t), newHierarchy(t)
	w.put("my", "a.pfx", withKey(t, former.Leaf))
	w.put("my", "b.pfx", withKey(t, marked(t, nil, 6)))
	w.put("my", "c.pfx", withKey(t, w.h.Leaf))
	w.put("ca", "a.pfx", withoutKey(t, former.Intermediate.Cert))
	w.put("ca", "b.pfx", withoutKey(t, w.h.Intermediate.Cert))
	w.put("ca", "c.pfx", withoutKey(t, former.Leaf.Cert))
	ca, my := w.places()
	require.Equal(t, []*x509.Certificate{former.Leaf.Cert}, my.Others)
	require.Equal(t, []*x509.Certificate{former.Intermediate.Cert}, ca.Others)

	places := w.store.look(t.Context(), devcert.Material{})
	require.Len(t, places[1].Others, 2, "without a hierarchy all that there are")
	require.Equal(t, devcert.Missing, places[1].State)
	require.Empty(t, places[1].Strays)
}

func TestNoHome(t *testing.T) {
	w := newWorld(t)
	for _, home := range []string{"", "relative"} {
		w.store.Env = []string{"HOME=" + home}
		ca, my := w.places()
		require.Equal(t, devcert.Unknown, ca.State)
		require.Equal(t, devcert.Unknown, my.State)
		require.Contains(t, my.Evidence, "HOME is not an absolute path")
		require.Equal(t, "set HOME to your home folder", my.Remedy)
	}
}

func TestLookChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.places()
	entries, err := os.ReadDir(w.home)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// The folder for intermediates is to hold every authority for clients.
func TestAuthoritiesForClients(t *testing.T) {
	w := newWorld(t)
	made, err := chain.New(chain.Options{Owner: "a@b", ClientCerts: true, Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	w.h = made
	ops, err := chain.NewGroup(chain.Pair{Cert: made.Root, Key: made.RootKey}, "ops", now, nil)
	require.NoError(t, err)
	m := w.material()
	m.ClientIntermediate, m.Groups = made.ClientIntermediate.Cert, []*x509.Certificate{ops.Cert}
	clients := func(m devcert.Material) devcert.Place {
		places := w.store.look(t.Context(), m)
		require.Len(t, places, 3)
		require.Equal(t, chain.PartClientIntermediate, places[1].Part)
		return places[1]
	}
	require.Equal(t, devcert.Missing, clients(m).State)
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.Equal(t, devcert.Trusted, clients(m).State)
	require.Empty(t, clients(m).Others)
	require.NoError(t, w.store.Withdraw(t.Context(), ops.Cert))
	p := clients(m)
	require.Equal(t, devcert.Stale, p.State)
	require.Contains(t, p.Evidence, "without devcert group ops ")
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.Equal(t, devcert.Trusted, clients(m).State)
	m.Groups = nil
	require.Equal(t, []*x509.Certificate{ops.Cert}, clients(m).Others)
}
