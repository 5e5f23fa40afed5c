package dotnet

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func (w *world) deploy() {
	w.t.Helper()
	require.NoError(w.t, w.store.Deploy(w.t.Context(), w.material()))
}

func (w *world) requireTrusted() {
	w.t.Helper()
	ca, my := w.places()
	require.Equal(w.t, devcert.Trusted, ca.State, ca.Evidence)
	require.Equal(w.t, devcert.Trusted, my.State, my.Evidence)
}

// files are the names, modes, times and contents below the home folder.
func (w *world) files() map[string]string {
	w.t.Helper()
	found := map[string]string{}
	require.NoError(w.t, filepath.WalkDir(w.home, func(path string, d fs.DirEntry, err error) error {
		require.NoError(w.t, err)
		info, err := d.Info()
		require.NoError(w.t, err)
		text := info.Mode().String() + info.ModTime().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			require.NoError(w.t, err)
			text += string(data)
		}
		name, _ := filepath.Rel(w.home, path)
		found[name] = text
		return nil
	}))
	return found
}

func TestDeploy(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.store.Ready(t.Context()))
	require.Empty(t, w.store.Look(t.Context(), w.material()), "no .NET here")
	w.deploy()
	require.Len(t, w.store.Look(t.Context(), w.material()), 2)
	w.requireTrusted()
	for path, mode := range map[string]fs.FileMode{
		filepath.Join(w.dir("my"), chain.Thumbprint(w.h.Leaf.Cert)+".pfx"):         0o600,
		filepath.Join(w.dir("ca"), chain.Thumbprint(w.h.Intermediate.Cert)+".pfx"): 0o600,
		w.dir("my"):                      fs.ModeDir | 0o700,
		w.dir("ca"):                      fs.ModeDir | 0o700,
		filepath.Join(w.home, ".dotnet"): fs.ModeDir | 0o700,
		filepath.Dir(w.dir("my")):        fs.ModeDir | 0o700,
	} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), path)
	}
	before := w.files()
	w.deploy()
	require.Equal(t, before, w.files(), "what is right stays untouched")
}

func TestDeployRefusesAWrongKey(t *testing.T) {
	w := newWorld(t)
	for _, key := range []chain.Pair{{}, {Key: newKey(t)}} {
		m := w.material()
		m.LeafKey = key.Key
		require.ErrorContains(t, w.store.Deploy(t.Context(), m), "the key is not its own")
	}
	require.NoDirExists(t, w.dir("my"))
}

func TestDeployMends(t *testing.T) {
	stranger := marked(t, nil)
	for _, row := range []struct {
		name  string
		wreck func(w *world, own string)
		stays []string // besides the leaf's own file
	}{
		{"its folder is gone", func(w *world, _ string) { require.NoError(t, os.RemoveAll(w.dir("my"))) }, nil},
		{"its file is gone", func(_ *world, own string) { require.NoError(t, os.Remove(own)) }, nil},
		{"its file is empty", func(_ *world, own string) { require.NoError(t, os.WriteFile(own, nil, 0o600)) }, nil},
		{"its file is cut off", func(w *world, own string) {
			require.NoError(t, os.WriteFile(own, withKey(t, w.h.Leaf)[:500], 0o600))
		}, nil},
		{"it lost its key", func(w *world, own string) {
			require.NoError(t, os.WriteFile(own, withoutKey(t, w.h.Leaf.Cert), 0o600))
		}, nil},
		{"it has another's key", func(w *world, own string) {
			require.NoError(t, os.WriteFile(own, withKey(t, chain.Pair{Cert: w.h.Leaf.Cert, Key: stranger.Key}), 0o600))
		}, nil},
		{"its file is a link to nothing", func(_ *world, own string) {
			require.NoError(t, os.Remove(own))
			require.NoError(t, os.Symlink("/nowhere", own))
		}, nil},
		{"copies without the key", func(w *world, own string) {
			for _, name := range []string{"0.pfx", "a.pfx", "z.pfx"} {
				w.put("my", name, withoutKey(t, w.h.Leaf.Cert))
			}
			require.NoError(t, os.Remove(own))
		}, nil},
		{"a file of its name with somebody else's certificate", func(_ *world, own string) {
			require.NoError(t, os.WriteFile(own, withKey(t, stranger), 0o600))
		}, []string{".1"}},
		{"a folder of its name", func(_ *world, own string) {
			require.NoError(t, os.Remove(own))
			require.NoError(t, os.Mkdir(own, 0o700))
		}, []string{".1"}},
		{"a file of its name with a password", func(_ *world, own string) {
			data, err := chain.EncodePFX(chain.PFXModern, stranger, nil, "geheim")
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(own, data, 0o600))
		}, []string{".1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.deploy()
			theirs := w.put("my", "theirs.pfx", withKey(t, stranger))
			thumb := chain.Thumbprint(w.h.Leaf.Cert)
			own := filepath.Join(w.dir("my"), thumb+".pfx")
			row.wreck(w, own)
			had, _ := os.ReadFile(own)
			w.deploy()
			w.requireTrusted()
			want := []string{thumb + ".pfx"}
			for _, s := range row.stays {
				want = append(want, thumb+s+".pfx")
				has, _ := os.ReadFile(own)
				require.True(t, bytes.Equal(had, has), "what is not ours stays")
			}
			if _, err := os.Stat(theirs); err == nil {
				want = append(want, "theirs.pfx")
			}
			names, err := list(w.dir("my"))
			require.NoError(t, err)
			require.ElementsMatch(t, want, names)
		})
	}
}

func TestDeployTakesOthersRightsAway(t *testing.T) {
	w := newWorld(t)
	w.put("my", "keep", nil) // a folder as .NET makes it, which lets others through
	w.deploy()
	own := filepath.Join(w.dir("my"), fileName(w.h.Leaf.Cert, 0))
	require.NoError(t, os.Chmod(own, 0o644))
	w.deploy()
	info, err := os.Stat(own)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
}

func TestAnExposedKeyIsSaid(t *testing.T) {
	for _, row := range []struct {
		name         string
		file, folder fs.FileMode
		want         string
	}{
		{"as it should be", 0o600, 0o755, ""},
		{"everyone", 0o644, 0o755, "mode 0644: everyone may read it"},
		{"behind a closed folder", 0o644, 0o700, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			open(t, w.home)
			own := w.put("my", "x.pfx", withKey(t, w.h.Leaf))
			require.NoError(t, os.Chmod(own, row.file))
			require.NoError(t, os.Chmod(w.dir("my"), row.folder))
			_, my := w.places()
			require.Equal(t, devcert.Trusted, my.State, "Kestrel serves it all the same")
			if row.want == "" {
				require.Empty(t, my.Strays)
				return
			}
			require.Equal(t, []devcert.Stray{{Cert: w.h.Leaf.Cert, Harm: devcert.HarmExposed, Where: own, Why: row.want}}, my.Strays)
		})
	}
}

// open lets others through to a folder for temporary files.
func open(t *testing.T, dir string) {
	t.Helper()
	for ; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	if shielded(filepath.Join(os.TempDir(), "x")) {
		t.Skip(os.TempDir() + " lets nobody through")
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(w *world)
		want    string
	}{
		{"a file where a folder should be", func(w *world) {
			require.NoError(t, os.WriteFile(filepath.Join(w.home, ".dotnet"), nil, 0o600))
		}, "not a directory"},
		{"the store is a file", func(w *world) {
			require.NoError(t, os.MkdirAll(filepath.Dir(w.dir("ca")), 0o700))
			require.NoError(t, os.WriteFile(w.dir("ca"), nil, 0o600))
		}, "not a directory"},
		{"no home folder", func(w *world) { require.NoError(t, os.RemoveAll(w.home)) }, "no such file"},
		{"a pipe where a folder should be", func(w *world) {
			require.NoError(t, syscall.Mkfifo(filepath.Join(w.home, ".dotnet"), 0o600))
		}, "not a directory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			row.prepare(w)
			err := w.store.Deploy(t.Context(), w.material())
			require.ErrorContains(t, err, row.want)
			require.ErrorContains(t, err, "put the intermediate into "+w.dir("ca"))
			var remedy interface{ Remedy() string }
			require.True(t, errors.As(err, &remedy))
			require.Contains(t, remedy.Remedy(), w.dir("ca"))
		})
	}
	w := newWorld(t)
	w.store.Env = nil
	require.ErrorIs(t, w.store.Ready(t.Context()), errNoHome)
	require.ErrorIs(t, w.store.Deploy(t.Context(), w.material()), errNoHome)
	require.ErrorIs(t, w.store.Withdraw(t.Context(), w.h.Root), errNoHome)
}

// Nothing here waits: .NET does, and that is said.
func TestPipesAreNotWaitedFor(t *testing.T) {
	for _, where := range []string{"my", "ca", "root"} {
		t.Run(where, func(t *testing.T) {
			w := newWorld(t)
			w.deploy()
			pipe := filepath.Join(w.dir(where), "x.pfx")
			require.NoError(t, os.MkdirAll(w.dir(where), 0o700))
			require.NoError(t, syscall.Mkfifo(pipe, 0o600))
			done := make(chan struct{})
			go func() {
				defer close(done)
				ca, my := w.places()
				place := map[string]devcert.Place{"my": my, "root": my, "ca": ca}[where]
				require.Equal(t, devcert.Denied, place.State)
				require.Contains(t, place.Evidence, pipe)
				require.Equal(t, "remove "+pipe, place.Remedy)
				w.deploy()
				w.withdrawAll()
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatal("it waits for the pipe")
			}
			require.FileExists(t, pipe)
		})
	}
}
