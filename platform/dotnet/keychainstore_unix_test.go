//go:build unix

package dotnet

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/internal/standin"
	"devcert/platform/keychain"
	"devcert/platform/securefile"
)

func TestMain(m *testing.M) { os.Exit(standin.Run(m)) }

// mac is a user with .NET, a login keychain and a hierarchy.
type mac struct {
	*standin.Machine
	t     *testing.T
	store *KeychainStore
	m     devcert.Material
}

func newMac(t *testing.T) *mac {
	w := &mac{Machine: standin.New(t), t: t}
	require.NoError(t, os.MkdirAll(filepath.Join(w.Home, ".dotnet"), 0o755))
	w.store = &KeychainStore{
		Tool: keychain.Tool{Home: w.Home, Root: w.Root}, Env: []string{"HOME=" + w.Home},
		Files: securefile.Files{}, Now: func() time.Time { return now },
	}
	h := newHierarchy(t)
	w.m = devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert, LeafKey: h.Leaf.Key}
	return w
}

func (w *mac) place() devcert.Place {
	w.t.Helper()
	places := w.store.Look(w.t.Context(), w.m)
	require.Len(w.t, places, 1)
	return places[0]
}

func (w *mac) file() string { return devCertFile(w.Home, w.m.Leaf) }

// add gives the user another development certificate, in the keychain and, as .NET
// does since version 7, in a file.
func (w *mac) add(pair chain.Pair, filed bool) {
	w.t.Helper()
	require.NoError(w.t, w.store.Tool.Import(w.t.Context(), w.Login(), pair))
	if filed {
		require.NoError(w.t, os.MkdirAll(devCerts(w.Home), 0o755))
		require.NoError(w.t, os.WriteFile(devCertFile(w.Home, pair.Cert), withKey(w.t, pair), 0o600))
	}
}

func TestKeychainStore(t *testing.T) {
	w := newMac(t)
	require.Equal(t, devcert.Missing, w.place().State)
	require.NoError(t, w.store.Deploy(t.Context(), w.m))
	p := w.place()
	require.Equal(t, devcert.Trusted, p.State, p.Evidence)
	require.Empty(t, p.Strays)
	info, err := os.Stat(w.file())
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	b, _, err := readFile(w.file(), "")
	require.NoError(t, err)
	require.NotNil(t, b.keyOf(w.m.Leaf))

	w.Calls()
	require.NoError(t, w.store.Deploy(t.Context(), w.m), "again")
	require.Empty(t, w.Calls())
	again, err := os.Stat(w.file())
	require.NoError(t, err)
	require.Equal(t, info.ModTime(), again.ModTime())

	require.NoError(t, w.store.Withdraw(t.Context(), w.m.Root), "what is no leaf")
	require.NoError(t, w.store.Withdraw(t.Context(), w.m.Leaf))
	require.NoDirExists(t, filepath.Join(w.Home, ".aspnet"))
	data, err := os.ReadFile(w.Login())
	require.NoError(t, err)
	require.Empty(t, data, "its key is gone too")
	require.NoError(t, w.store.Withdraw(t.Context(), w.m.Leaf), "what is not there")
	require.Zero(t, w.Asked())
}

func TestKeychainStoreBreaks(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*mac)
		want devcert.PlaceState
		says string
	}{
		{"dotnet dev-certs --clean", func(w *mac) {
			w.Run("delete-identity", "-Z", chain.Thumbprint(w.m.Leaf), w.Login())
			require.NoError(w.t, os.Remove(w.file()))
		}, devcert.Missing, ""},
		{"the file is gone", func(w *mac) { require.NoError(w.t, os.Remove(w.file())) }, devcert.Denied, "invalid state"},
		{"the file is damaged", func(w *mac) { require.NoError(w.t, os.WriteFile(w.file(), []byte("x"), 0o600)) }, devcert.Denied, "damaged"},
		{"the file is another's", func(w *mac) {
			require.NoError(w.t, os.WriteFile(w.file(), withKey(w.t, marked(w.t, nil, 6)), 0o600))
		}, devcert.Denied, "does not hold the leaf"},
		{"the file has no key", func(w *mac) { require.NoError(w.t, os.WriteFile(w.file(), withoutKey(w.t, w.m.Leaf), 0o600)) }, devcert.Denied, "does not hold the leaf"},
		{"gone from the keychain alone", func(w *mac) {
			w.Run("delete-identity", "-Z", chain.Thumbprint(w.m.Leaf), w.Login())
		}, devcert.Missing, ""},
		{"without its key", func(w *mac) {
			require.NoError(w.t, os.WriteFile(w.Login(), chain.EncodeCertificates(w.m.Leaf), 0o600))
		}, devcert.Stale, "no private key"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newMac(t)
			require.NoError(t, w.store.Deploy(t.Context(), w.m))
			row.do(w)
			p := w.place()
			require.Equal(t, row.want, p.State, p.Evidence)
			require.Contains(t, p.Evidence, row.says)
			require.Empty(t, p.Remedy)
			require.NoError(t, w.store.Deploy(t.Context(), w.m))
			p = w.place()
			require.Equal(t, devcert.Trusted, p.State, p.Evidence)
		})
	}
}

// Another's file that cannot be read hides every certificate, and is not ours to
// remove.
func TestKeychainStoreHidden(t *testing.T) {
	w := newMac(t)
	require.NoError(t, w.store.Deploy(t.Context(), w.m))
	other := filepath.Join(devCerts(w.Home), filePrefix+"0123.pfx")
	require.NoError(t, os.WriteFile(other, []byte("x"), 0o600))
	p := w.place()
	require.Equal(t, devcert.Denied, p.State)
	require.Equal(t, "remove "+other, p.Remedy)
	require.NoError(t, w.store.Withdraw(t.Context(), w.m.Leaf))
	require.FileExists(t, other)
	require.NoFileExists(t, w.file())
	require.NoError(t, os.Rename(other, filepath.Join(devCerts(w.Home), "mine.pfx")))
	require.Empty(t, w.place().Evidence, "a file that .NET does not look for")
}

// Where one certificate has a file, those that have none are not chosen among.
func TestKeychainStoreRivals(t *testing.T) {
	rival := func(w *mac, filed bool) []devcert.Stray {
		w.add(marked(w.t, nil, 7), filed)
		return w.place().Strays
	}
	w := newMac(t)
	strays := rival(w, false)
	require.Len(t, strays, 1, "it is taken while there is no leaf")
	require.Contains(t, strays[0].Why, "Kestrel takes it")
	require.NotContains(t, strays[0].Why, "no private key")

	w = newMac(t)
	require.NoError(t, w.store.Deploy(t.Context(), w.m))
	require.Empty(t, rival(w, false), "the leaf's file hides it")
	strays = rival(w, true)
	require.Len(t, strays, 1)
	require.Equal(t, devcert.HarmRival, strays[0].Harm)
	require.FileExists(t, strays[0].Where)

	old := newHierarchy(t)
	w.add(old.Leaf, true)
	p := w.place()
	require.Len(t, p.Others, 1)
	require.True(t, p.Others[0].Equal(old.Leaf.Cert))
}

func TestKeychainStoreAbsent(t *testing.T) {
	w := newMac(t)
	w.Set(standin.Settings{Broken: []string{"find-identity"}})
	require.Equal(t, devcert.Unknown, w.place().State)
	require.Error(t, w.store.Deploy(t.Context(), w.m))
	require.NoError(t, os.Rename(filepath.Join(w.Root, "usr"), filepath.Join(w.Root, "gone")))
	require.Equal(t, devcert.Unknown, w.place().State, "no tool is no answer")
	require.NoError(t, os.Rename(filepath.Join(w.Root, "gone"), filepath.Join(w.Root, "usr")))
	w.Set(standin.Settings{})
	wrong := w.m
	wrong.LeafKey = newKey(t)
	require.Error(t, w.store.Deploy(t.Context(), wrong))
	require.Empty(t, w.Calls())
	require.NoError(t, os.Remove(w.Login()))
	require.Empty(t, w.store.Look(t.Context(), w.m), "an account without a keychain")
	require.NoError(t, w.store.Withdraw(t.Context(), w.m.Leaf))
	require.NoError(t, os.Remove(filepath.Join(w.Home, ".dotnet")))
	require.Empty(t, w.store.Look(t.Context(), w.m), "without .NET")
}
