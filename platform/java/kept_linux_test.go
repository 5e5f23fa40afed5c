package java

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// newDebian is a machine with Debian's hook and the keystore that it writes, which
// its Java has a link to.
func newDebian(t *testing.T) (w *world, path string) {
	w = newWorld(t)
	link := w.machines("java-17")
	in := func(name string) string {
		full := filepath.Join(w.root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		return full
	}
	require.NoError(t, os.WriteFile(in("/etc/default/cacerts"), []byte("cacerts_updates=yes\n"), 0o644))
	require.NoError(t, os.WriteFile(in("/etc/ca-certificates/update.d/jks-keystore"), nil, 0o755))
	path = in(debians)
	require.NoError(t, os.Rename(link, path))
	require.NoError(t, os.Symlink(path, link))
	return w, path
}

// wrecks are what the hook's writing in place may have come to.
var wrecks = map[string]func(whole []byte) []byte{
	"emptied":        func([]byte) []byte { return nil },
	"one byte":       func(whole []byte) []byte { return whole[:1] },
	"half":           func(whole []byte) []byte { return whole[:len(whole)/2] },
	"all but a byte": func(whole []byte) []byte { return whole[:len(whole)-1] },
}

// What the hook, or a full disk, cuts short is put back as soon as the tool is done.
func TestKeep(t *testing.T) {
	for name, wreck := range wrecks {
		t.Run(name, func(t *testing.T) {
			w, path := newDebian(t)
			before := w.bytes(path)
			require.NoError(t, os.Chmod(path, 0o640))
			settle, err := Machine{Root: w.root}.Keep(t.Context(), nil)
			require.NoError(t, err)
			info, err := os.Lstat(kept(path))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			require.Equal(t, before, w.bytes(kept(path)))
			require.NoError(t, os.WriteFile(path, wreck(before), 0o640))
			require.NoError(t, settle())
			require.Equal(t, before, w.bytes(path))
			info, err = os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o640), info.Mode())
			w.requireNothingLeft(path)
		})
	}
	t.Run("a hook that succeeds", func(t *testing.T) {
		w, path := newDebian(t)
		settle, err := Machine{Root: w.root}.Keep(t.Context(), nil)
		require.NoError(t, err)
		w.write(path, append(usual(t), entry{alias: "new", der: newRoot(t).Raw})...)
		made := w.bytes(path)
		require.NoError(t, settle())
		require.Equal(t, made, w.bytes(path))
		w.requireNothingLeft(path)
	})
	t.Run("nothing to lose", func(t *testing.T) {
		w, path := newDebian(t)
		require.NoError(t, os.WriteFile(path, []byte("junk"), 0o644))
		settle, err := Machine{Root: w.root}.Keep(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, settle())
		require.Equal(t, "junk", string(w.bytes(path)))
		w.requireNothingLeft(path)
	})
	t.Run("no hook", func(t *testing.T) {
		w := newWorld(t)
		settle, err := Machine{Root: w.root}.Keep(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, settle())
	})
}

// The next command puts back what a devcert that was killed has left, and with it
// all roots that Java had; whichever command that is, no copy stays.
func TestLeftCopy(t *testing.T) {
	for name, wreck := range wrecks {
		t.Run(name, func(t *testing.T) {
			w, path := newDebian(t)
			root, before := newRoot(t), w.bytes(path)
			m := devcert.Material{Root: root}
			killed := func() {
				t.Helper()
				require.NoError(t, os.WriteFile(kept(path), w.bytes(path), 0o600))
				require.NoError(t, os.WriteFile(path, wreck(before), 0o644))
			}
			killed()
			p := w.requireState(devcert.Missing, path, m)
			require.Empty(t, p.Remedy, "it is devcert's to mend")
			require.Contains(t, p.Evidence, "will be put back")
			require.NoError(t, w.store.Deploy(t.Context(), m))
			w.requireState(devcert.Trusted, path, m)
			w.requireNothingLeft(path)

			killed()
			require.NoError(t, w.store.Withdraw(t.Context(), root))
			require.Equal(t, before, w.bytes(path))
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o644), info.Mode())
			w.requireNothingLeft(path)

			killed()
			settle, err := Machine{Root: w.root}.Keep(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, before, w.bytes(path))
			require.NoError(t, settle())
			w.requireNothingLeft(path)
		})
	}
	for name, row := range map[string]struct{ copied, want string }{
		"the keystore is whole":    {"", ""},
		"the copy was cut as well": {"\xfe\xed", "junk"},
	} {
		t.Run(name, func(t *testing.T) {
			w, path := newDebian(t)
			if row.want != "" {
				require.NoError(t, os.WriteFile(path, []byte(row.want), 0o644))
			}
			before := w.bytes(path)
			require.NoError(t, os.WriteFile(kept(path), []byte(row.copied), 0o600))
			require.NoError(t, Machine{Root: w.root}.settleKept(t.Context(), nil))
			require.Equal(t, before, w.bytes(path))
			w.requireNothingLeft(path)
		})
	}
}

// What was not left there by devcert, or not by root, is no copy.
func TestNoCopy(t *testing.T) {
	for name, put := range map[string]func(path, other string) error{
		"a link":          func(path, other string) error { return os.Symlink(other, path) },
		"for all to read": func(path, _ string) error { return os.WriteFile(path, nil, 0o644) },
		"a folder":        func(path, _ string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			w, path := newDebian(t)
			other := filepath.Join(w.home, "mine")
			w.write(other, usual(t)...)
			require.NoError(t, os.WriteFile(path, []byte("junk"), 0o644))
			require.NoError(t, put(kept(path), other))
			m := devcert.Material{Root: newRoot(t)}
			require.Contains(t, w.requireState(devcert.Unknown, path, m).Remedy, "made anew")
			require.NoError(t, w.store.Deploy(t.Context(), m))
			require.Equal(t, "junk", string(w.bytes(path)))
			require.FileExists(t, other)
		})
	}
}
