package java

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// link makes a symbolic link, or skips where the system keeps users from it.
func link(t *testing.T, to, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	if err := os.Symlink(to, path); err != nil {
		t.Skip(err)
	}
	if _, err := os.Readlink(path); err != nil {
		t.Skip(err) // Wine makes links and cannot read them
	}
}

func homeOf(path string) string { return filepath.Join(path, "..", "..", "..") }

func TestHomes(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, w *world) (want []string)
		broken  string
	}{
		{"none", func(*testing.T, *world) []string { return nil }, ""},
		{"JAVA_HOME", func(_ *testing.T, w *world) []string {
			path := w.java(w.home, "somewhere", "jdk")
			w.setenv("JAVA_HOME=" + homeOf(path))
			return []string{path}
		}, ""},
		{"JAVA_HOME and the search path lead to the same", func(_ *testing.T, w *world) []string {
			path := w.java(w.home, ".jdks", "jdk")
			w.setenv("JAVA_HOME=" + homeOf(path))
			w.setenv("PATH=" + filepath.Join(homeOf(path), "bin") + string(os.PathListSeparator) + "bin" + string(os.PathListSeparator))
			return []string{path}
		}, ""},
		{"the search path has a link", func(t *testing.T, w *world) []string {
			path := w.java(w.home, "somewhere", "jdk")
			link(t, filepath.Join(homeOf(path), "bin", "java"+exe), filepath.Join(w.home, "bin", "java"+exe))
			w.setenv("PATH=" + filepath.Join(w.home, "bin"))
			return []string{path}
		}, ""},
		{"SDKMAN's current is a link", func(t *testing.T, w *world) []string {
			path := w.java(w.home, ".sdkman", "candidates", "java", "21.0.2-tem")
			link(t, homeOf(path), filepath.Join(w.home, ".sdkman", "candidates", "java", "current"))
			return []string{path}
		}, ""},
		{"two JDKs link to one keystore", func(t *testing.T, w *world) []string {
			one, two := w.java(w.home, ".jdks", "one"), w.java(w.home, ".jdks", "two")
			shared := filepath.Join(w.home, "cacerts")
			w.write(shared)
			link(t, shared, one)
			link(t, shared, two)
			return []string{shared}
		}, ""},
		{"Java 8's JDK has a JRE inside", func(t *testing.T, w *world) []string {
			path := w.java(w.home, ".jdks", "jdk8")
			h := homeOf(path)
			require.NoError(t, os.MkdirAll(filepath.Join(h, "jre"), 0o755))
			require.NoError(t, os.Rename(filepath.Join(h, "lib"), filepath.Join(h, "jre", "lib")))
			return []string{w.write(filepath.Join(h, "jre", "lib", "security", "cacerts"))}
		}, ""},
		{"jssecacerts comes first", func(_ *testing.T, w *world) []string {
			path := w.java(w.home, ".jdks", "jdk")
			return []string{w.write(filepath.Join(filepath.Dir(path), "jssecacerts"))}
		}, ""},
		{"and cacerts when that is removed", func(_ *testing.T, w *world) []string {
			path := w.write(w.java(w.home, ".jdks", "jdk"))
			return []string{w.write(filepath.Join(filepath.Dir(path), "jssecacerts")), path}
		}, ""},
		{"JAVA_HOME is gone", func(_ *testing.T, w *world) []string {
			w.setenv("JAVA_HOME=" + filepath.Join(w.home, "gone"))
			return nil
		}, "gone is not where a Java is installed"},
		{"JAVA_HOME is no JDK", func(t *testing.T, w *world) []string {
			w.setenv("JAVA_HOME=" + w.home)
			return nil
		}, "it has no program"},
		{"JAVA_HOME is relative", func(_ *testing.T, w *world) []string {
			w.setenv("JAVA_HOME=jdk")
			return nil
		}, "not an absolute path"},
		{"JAVA_HOME has java without a library", func(t *testing.T, w *world) []string {
			path := w.java(w.home, "usr")
			require.NoError(t, os.RemoveAll(filepath.Dir(path)))
			w.setenv("JAVA_HOME=" + homeOf(path))
			return nil
		}, "it has no folder"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			want := row.prepare(t, w)
			homes, err := w.store.finder().homes()
			var paths []string
			for _, f := range files(homes) {
				paths = append(paths, f.path)
			}
			if exe == "" {
				require.Equal(t, want, paths)
			} else { // Wine's registry may have more
				require.Subset(t, paths, want)
			}
			if row.broken == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, row.broken)
			p := w.requireState(devcert.Unknown, "JAVA_HOME", devcert.Material{Root: newRoot(t)})
			require.Contains(t, p.Evidence, row.broken)
			require.Contains(t, p.Remedy, "JAVA_HOME")
			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: newRoot(t)}))
		})
	}
}

// A look says why it cannot say more; what it sees is never "missing" then.
func TestLookUnknown(t *testing.T) {
	m := devcert.Material{Root: newRoot(t)}
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		says    string
	}{
		{"no keystore at all", func(*testing.T, string) {}, "there is no such file: this Java trusts no server at all"},
		{"a link to nothing", func(t *testing.T, path string) { link(t, path+".gone", path) }, "cacerts.gone, which is not there"},
		{"a folder", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o755)) }, "is not a regular file"},
		{"huge", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, jksMagic, 0o600))
			require.NoError(t, os.Truncate(path, maxFile+1))
		}, "at most 8 MiB"},
		{"empty", func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) }, "not a keystore"},
		{"cut", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, sample(t, "usual.jks")[:300], 0o600))
		}, "cut short"},
		{"encrypted", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, sample(t, "encrypted.p12"), 0o600))
		}, "are encrypted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.java(w.home, ".jdks", "jdk-21")
			row.prepare(t, path)
			p := w.requireState(devcert.Unknown, path, m)
			require.Contains(t, p.Evidence, row.says)
			require.NotEmpty(t, p.Remedy)
			require.NoError(t, w.store.Deploy(t.Context(), m))
			w.requireState(devcert.Unknown, path, m)
		})
	}
}

func TestLookEvidence(t *testing.T) {
	root := sampleCert(t, "root.pem")
	for _, row := range []struct {
		name     string
		keystore string
		root     bool
		state    devcert.PlaceState
		says     string
	}{
		{"another password, and there", "another-password.jks", true, devcert.Trusted, `a password other than "changeit"`},
		{"another password, and not there", "another-password.jks", false, devcert.Missing, `a password other than "changeit"`},
		{"without a mark", "unmarked.p12", true, devcert.Denied, "without the mark"},
		{"JKS", "usual.jks", true, devcert.Trusted, "read in the keystore"},
		{"PKCS#12", "passwordless.p12", true, devcert.Trusted, "read in the keystore"},
		{"not there", "passwordless.p12", false, devcert.Missing, "not among its 2 roots"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, m := newWorld(t), devcert.Material{Root: newRoot(t)}
			if row.root {
				m.Root = root
			}
			path := w.java(w.home, ".jdks", "jdk-21")
			require.NoError(t, os.WriteFile(path, sample(t, row.keystore), 0o600))
			p := w.requireState(row.state, path, m)
			require.Contains(t, p.VerifiedBy+p.Evidence, row.says)
			require.Equal(t, row.state == devcert.Trusted, p.VerifiedBy != "")
		})
	}
}

// A withdrawal has nothing to do in a Java without keystore.
func TestWithdrawWithoutKeystore(t *testing.T) {
	w := newWorld(t)
	w.java(w.home, ".jdks", "jdk-21")
	require.NoError(t, w.store.Withdraw(t.Context(), newRoot(t)))
}

func TestByHandIsOneLine(t *testing.T) {
	mark := map[bool]string{true: `"`, false: "'"}[runtime.GOOS == "windows"]
	e := edit{keytool: `C:\Program Files\jdk\bin\keytool.exe`, path: `/opt/jdk/cacerts`, admin: "sudo "}
	line := e.byHand(removeArgs("devcert-x"))
	require.Equal(t, "run by hand: sudo "+mark+`C:\Program Files\jdk\bin\keytool.exe`+mark+` -delete -noprompt -alias devcert-x -keystore /opt/jdk/cacerts`, line)
	require.False(t, strings.Contains(line, "\n"))
}

// The privileged child knows of no file with the root: what it says holds wherever
// it is read.
func TestByHandWithoutAFile(t *testing.T) {
	root := newRoot(t)
	e := edit{keytool: "/usr/bin/keytool", path: "/opt/jdk/cacerts", admin: "sudo "}
	require.Equal(t, "run by hand: devcert export root --out devcert-root.pem, then: sudo /usr/bin/keytool "+
		strings.Join(addArgs(root), " ")+" -file devcert-root.pem -keystore /opt/jdk/cacerts", e.addByHand(root))
	e.root = "/home/anna/.local/share/devcert/root.pem"
	require.NotContains(t, e.addByHand(root), "export")
}
