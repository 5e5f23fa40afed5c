package java

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/disk"
	"devcert/platform/securefile"
	"devcert/scripts/fuzzlimit"
)

// withState gives the store a state folder.
func (w *world) withState() *world {
	w.t.Helper()
	w.store.StateDir = filepath.Join(w.home, "state")
	require.NoError(w.t, securefile.Files{}.MakeDir(w.store.StateDir))
	return w
}

// unset takes a variable away.
func (w *world) unset(name string) {
	var env []string
	for _, pair := range w.store.Env {
		if !strings.HasPrefix(pair, name+"=") {
			env = append(env, pair)
		}
	}
	w.store.Env = env
}

// odd is a Java that only JAVA_HOME leads to.
func (w *world) odd(name string) string {
	w.t.Helper()
	path := w.write(w.java(w.home, "work", name), usual(w.t)...)
	w.setenv("JAVA_HOME=" + homeOf(path))
	return path
}

func (w *world) memory() string { return filepath.Join(w.store.StateDir, disk.JavaFile) }

// A Java that JAVA_HOME named once has the root until it is taken out there.
func TestAJavaThatIsNoLongerNamed(t *testing.T) {
	w, h := newWorld(t).withState(), newHierarchy(t)
	path, usual := w.odd("jdk"), w.users("jdk-21")
	m := materialOf(h)
	before := w.bytes(path)
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.NotContains(t, string(w.bytes(w.memory())), "jdk-21", "that one is found without")

	w.unset("JAVA_HOME")
	w.requireState(devcert.Trusted, path, m)
	require.Equal(t, []*x509.Certificate{h.Root}, w.look(devcert.Material{})[path].Others)
	next := materialOf(newHierarchy(t))
	require.NoError(t, w.store.Deploy(t.Context(), next))
	w.requireState(devcert.Trusted, path, next)
	require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
	require.NoError(t, w.store.Withdraw(t.Context(), next.Root))
	require.Equal(t, before, w.bytes(path))
	require.NotContains(t, w.look(m), path, "without a certificate of devcert's it is nobody's business")
	require.Contains(t, w.look(m), usual)
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.Equal(t, before, w.bytes(path), "nobody asked for it")
	require.Zero(t, w.asked)
}

// What is remembered is a hint: it leads to nothing that would not be changed
// otherwise, and to no more than the file is worth.
func TestWhatIsRememberedIsAHint(t *testing.T) {
	for _, row := range []struct {
		name string
		harm func(t *testing.T, w *world, path string)
		says string // "" where the root stays, and nothing is said
	}{
		{name: "the file is gone", harm: func(t *testing.T, w *world, _ string) { require.NoError(t, os.Remove(w.memory())) }},
		{name: "damaged", harm: func(t *testing.T, w *world, _ string) {
			require.NoError(t, os.WriteFile(w.memory(), []byte("{"), 0o600))
		}},
		{name: "a newer devcert's", harm: func(t *testing.T, w *world, path string) {
			text := strings.Replace(string(w.bytes(w.memory())), `"schema":1`, `"schema":2`, 1)
			require.NoError(t, os.WriteFile(w.memory(), []byte(text), 0o600))
		}},
		{name: "others may write it", harm: func(t *testing.T, w *world, _ string) {
			if exe != "" {
				t.Skip("has no modes")
			}
			require.NoError(t, os.Chmod(w.memory(), 0o666))
		}},
		{name: "the Java is gone", harm: func(t *testing.T, _ *world, path string) {
			require.NoError(t, os.Remove(filepath.Join(homeOf(path), "bin", "java"+exe)))
		}},
		{name: "others may change its keytool", says: "let only", harm: func(t *testing.T, _ *world, path string) {
			if exe != "" {
				t.Skip("has no modes")
			}
			require.NoError(t, os.Chmod(filepath.Join(homeOf(path), "bin", "keytool"), 0o777))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, h := newWorld(t).withState(), newHierarchy(t)
			path := w.odd("jdk")
			require.NoError(t, w.store.Deploy(t.Context(), materialOf(h)))
			w.unset("JAVA_HOME")
			row.harm(t, w, path)
			with := w.bytes(path)
			err := w.store.Withdraw(t.Context(), h.Root)
			require.Equal(t, with, w.bytes(path))
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			requireRemedy(t, err, row.says)
		})
	}
}

// The list does not grow without end.
func TestOnlySomeAreRemembered(t *testing.T) {
	w := newWorld(t).withState()
	var homes []home
	for i := range maxRemembered + 3 {
		homes = append(homes, home(filepath.Join(w.home, "jdk", strings.Repeat("x", i+1))))
		require.NoError(t, w.store.remember(w.store.finder(), homes[i:]))
	}
	require.Len(t, w.store.remembered(), maxRemembered)
	require.Equal(t, string(homes[len(homes)-1]), w.store.remembered()[maxRemembered-1])
}

func FuzzRemembered(f *testing.F) {
	f.Add([]byte(`{"schema":1,"homes":["/srv/jdk"]}`))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		homes, err := parseRemembered(data)
		for _, h := range homes {
			if err != nil || !filepath.IsAbs(h) {
				t.Fatalf("%q of %q", homes, data)
			}
		}
	})
}
