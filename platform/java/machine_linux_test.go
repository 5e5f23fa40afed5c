package java

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// The machine's keystores are changed by the child, once for all of them.
func TestMachine(t *testing.T) {
	w, root := newWorld(t), newRoot(t)
	m := devcert.Material{Root: root}
	one, two, own := w.machines("java-17"), w.machines("java-21"), w.users("jdk-25")
	inOpt := w.write(w.java(w.root, "opt", "java", "openjdk"), usual(t)...)
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.Equal(t, 1, w.asked)
	for _, path := range []string{one, two, inOpt} {
		require.True(t, w.requireState(devcert.Trusted, path, m).Machine)
	}
	require.False(t, w.requireState(devcert.Trusted, own, m).Machine)
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.NoError(t, w.store.Withdraw(t.Context(), root))
	require.Equal(t, 2, w.asked)
	for _, path := range []string{one, two, inOpt, own} {
		w.requireState(devcert.Missing, path, m)
		w.requireNothingLeft(path)
	}
}

// What anybody else could have changed is neither started nor changed as root,
// and nobody is asked for rights that would not be used.
func TestMachineLeavesAlone(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		says    string
	}{
		{"a keytool that all may write", func(t *testing.T, path string) {
			tool := filepath.Join(homeOf(path), "bin", "keytool") // another name of this very program
			require.NoError(t, os.Remove(tool))
			require.NoError(t, os.WriteFile(tool, nil, 0o755))
			require.NoError(t, os.Chmod(tool, 0o777))
		}, "bin/keytool can be changed by others"},
		{"a library that the group may write", func(t *testing.T, path string) {
			library := filepath.Join(homeOf(path), "lib", "libjvm.so")
			require.NoError(t, os.WriteFile(library, nil, 0o644))
			require.NoError(t, os.Chmod(library, 0o664))
		}, "libjvm.so can be changed by others"},
		{"a folder above", func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(filepath.Dir(homeOf(path)), 0o777))
		}, "jvm can be changed by others"},
		{"a link to somebody's library", func(t *testing.T, path string) {
			theirs := filepath.Join(t.TempDir(), "libjvm.so") // below a folder that all may write
			require.NoError(t, os.WriteFile(theirs, nil, 0o644))
			require.NoError(t, os.Symlink(theirs, filepath.Join(homeOf(path), "lib", "libjvm.so")))
		}, "can be changed by others"},
		{"a link to nothing, which all may make", func(t *testing.T, path string) {
			require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "libjvm.so"), filepath.Join(homeOf(path), "lib", "libjvm.so")))
		}, "can be changed by others"},
		{"a link to somebody's folder", func(t *testing.T, path string) {
			require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(homeOf(path), "conf")))
		}, "can be changed by others"},
		{"a keystore that all may write", func(t *testing.T, path string) {
			require.NoError(t, os.Chmod(path, 0o666))
		}, "cacerts can be changed by others"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, root := newWorld(t), newRoot(t)
			path := w.machines("java-17")
			before := w.bytes(path)
			row.prepare(t, path)
			err := w.store.Deploy(t.Context(), devcert.Material{Root: root})
			require.ErrorContains(t, err, row.says)
			var exposed *exposedError
			require.ErrorAs(t, err, &exposed)
			requireRemedy(t, err, "let only root change "+exposed.path)
			require.Zero(t, w.asked)
			require.NoError(t, Machine{Root: w.root}.Trust(t.Context(), root, func() {}), "the child says no more than it does")
			require.Equal(t, before, w.bytes(path))
		})
	}
}

// A Java that is root's and elsewhere is not the child's to find.
func TestMachineElsewhere(t *testing.T) {
	w := newWorld(t)
	path := w.write(w.java(w.root, "srv", "jdk"), usual(t)...)
	w.setenv("JAVA_HOME=" + homeOf(path))
	before, m := w.bytes(path), devcert.Material{Root: newRoot(t)}
	p := w.requireState(devcert.Missing, path, m)
	require.Contains(t, p.Evidence, errElsewhere.Error())
	require.Contains(t, p.Remedy, "then: sudo "+homeOf(path)+"/bin/keytool -importcert -noprompt")
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.Equal(t, before, w.bytes(path))
	w.write(path, append(usual(t), entry{alias: "by hand", der: m.Root.Raw})...)
	err := w.store.Withdraw(t.Context(), m.Root)
	require.ErrorIs(t, err, errElsewhere)
	requireRemedy(t, err, "keytool -keystore "+path)
	require.Zero(t, w.asked)
}

// Whatever the child is asked, only certificates of our own profile get in or out.
func TestRequestsRefused(t *testing.T) {
	h, other := newHierarchy(t), sampleCert(t, "other.pem")
	quote := func(cert *x509.Certificate) string {
		b, _ := json.Marshal(elevate.Certificate{DER: cert.Raw})
		return string(b)
	}
	for _, row := range []struct{ name, what, body, says string }{
		{"an intermediate to trust", trustRoot, quote(h.Intermediate.Cert), "not a devcert root"},
		{"a leaf to trust", trustRoot, quote(h.Leaf.Cert), "not a devcert root"},
		{"another's root to trust", trustRoot, quote(other), "not a devcert root"},
		{"another's root to remove", distrustCert, quote(other), "not a certificate of devcert's"},
		{"a path", distrustCert, `{"der":"","path":"/etc/ssl/certs/java/cacerts"}`, "unknown field"},
		{"a keytool", trustRoot, `{"keytool":"/tmp/keytool"}`, "unknown field"},
		{"nothing", trustRoot, `{}`, "not a certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.write(w.machines("java-17"), entry{alias: "a", der: other.Raw}, entry{alias: "b", der: h.Leaf.Cert.Raw})
			before := w.bytes(path)
			err := Machine{Root: w.root}.Handlers()[row.what](t.Context(), json.RawMessage(row.body), func() { t.Error("began") })
			require.ErrorContains(t, err, "privileged request refused")
			require.ErrorContains(t, err, row.says)
			require.Equal(t, before, w.bytes(path))
		})
	}
}

// A keystore that Debian's hook makes gets the root by the system store's Deploy.
func TestFollowsSystem(t *testing.T) {
	w, root := newWorld(t), newRoot(t)
	in := func(name string) string { return filepath.Join(w.root, name) }
	shared := in("/etc/ssl/certs/java/cacerts")
	for _, folder := range []string{"/etc/ssl/certs/java", "/etc/default", "/etc/ca-certificates/update.d"} {
		require.NoError(t, os.MkdirAll(in(folder), 0o755))
	}
	w.write(shared, usual(t)...)
	for _, name := range []string{"java-17", "java-21"} {
		require.NoError(t, os.Symlink(shared, w.java(w.root, "usr", "lib", "jvm", name)))
	}
	require.False(t, w.store.followsSystem(shared), "no hook")
	require.NoError(t, os.WriteFile(in("/etc/default/cacerts"), []byte("# yes\ncacerts_updates=yes\n"), 0o644))
	require.NoError(t, os.WriteFile(in("/etc/ca-certificates/update.d/jks-keystore"), nil, 0o644))
	require.False(t, w.store.followsSystem(shared), "the hook cannot be executed")
	require.NoError(t, os.Chmod(in("/etc/ca-certificates/update.d/jks-keystore"), 0o755))
	require.True(t, w.store.followsSystem(shared))
	require.False(t, w.store.followsSystem(in("/opt/jdk/lib/security/cacerts")))

	// The hook has run: nothing is left to do. At uninstall it leaves its entry.
	w.write(shared, append(usual(t), entry{alias: "debian:devcert-0a1b2c3d.pem", der: root.Raw})...)
	m := devcert.Material{Root: root}
	require.NoError(t, w.store.Deploy(t.Context(), m))
	require.Zero(t, w.asked)
	require.NoError(t, w.store.Withdraw(t.Context(), root))
	require.Equal(t, 1, w.asked)
	w.requireState(devcert.Missing, shared, m)
	require.NoError(t, w.store.Deploy(t.Context(), m), "the system store is left out")
	w.requireState(devcert.Trusted, shared, m)

	require.NoError(t, os.WriteFile(in("/etc/default/cacerts"), []byte("cacerts_updates=no\n"), 0o644))
	require.False(t, w.store.followsSystem(shared))
}

// What Debian's hook has made is made anew by it, and not by a new installation
// of the Java that only has a link to it.
func TestMadeAnew(t *testing.T) {
	w := newWorld(t)
	path := w.machines("java-17")
	in := func(name string) string {
		full := filepath.Join(w.root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		return full
	}
	shared := in("/etc/ssl/certs/java/cacerts")
	require.NoError(t, os.WriteFile(in("/etc/default/cacerts"), []byte("cacerts_updates=yes\n"), 0o644))
	require.NoError(t, os.WriteFile(in("/etc/ca-certificates/update.d/jks-keystore"), nil, 0o755))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(shared, path))
	want := "have " + shared + " made anew: sudo rm -f " + shared + "; sudo update-ca-certificates --fresh"
	m := devcert.Material{Root: newRoot(t)}
	require.Contains(t, w.look(m)[path].Remedy, want, "missing")
	require.NoError(t, os.WriteFile(shared, []byte("\n"), 0o644))
	require.Contains(t, w.look(m)[shared].Remedy, want, "damaged")
	require.NoError(t, os.Remove(in("/etc/ca-certificates/update.d/jks-keystore")))
	require.Contains(t, w.look(m)[shared].Remedy, "have "+shared+" made anew, by installing", "no hook")
}

// A remedy is a command that runs as it stands, from whatever folder.
func TestRootIsNamedWhole(t *testing.T) {
	w := newWorld(t)
	path := w.machines("java-17")
	require.NoError(t, os.WriteFile(path, sample(t, "another-password.jks"), 0o644))
	w.store.StateDir = "/home/it's anna/devcert"
	remedy := w.look(devcert.Material{Root: newRoot(t)})[path].Remedy
	require.Contains(t, remedy, `-file '/home/it'\''s anna/devcert/root.pem' -keystore `)
}

// Once the system's store has the root its tool is not run again: what keeps
// devcert from changing such a keystore is then in the way, and said.
func TestFollowsSystemInVain(t *testing.T) {
	for _, row := range []struct {
		name, keystore string
		mode           os.FileMode
		says, remedy   string
	}{
		{"read-only", "usual.jks", 0o444, errReadOnly.Error(), "writable for its owner"},
		{"another password", "another-password.jks", 0o644, errLocked.Error(), "then: sudo "},
		{"nothing in the way", "usual.jks", 0o644, "not among its 2 roots", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.machines("java-17")
			require.NoError(t, os.WriteFile(path, sample(t, row.keystore), 0o644))
			shared := filepath.Join(w.root, "/var/lib/ca-certificates/java-cacerts") // SUSE's
			require.NoError(t, os.MkdirAll(filepath.Dir(shared), 0o755))
			require.NoError(t, os.Rename(path, shared))
			require.NoError(t, os.Chmod(shared, row.mode))
			require.NoError(t, os.Symlink(shared, path))
			require.True(t, w.store.followsSystem(shared))
			p := w.requireState(devcert.Missing, shared, devcert.Material{Root: newRoot(t)})
			require.Contains(t, p.Evidence, row.says)
			require.Contains(t, p.Remedy, row.remedy)
			require.Equal(t, row.remedy == "", p.Remedy == "")
		})
	}
}

// A look waits for nobody.
func TestLookAtAFIFO(t *testing.T) {
	w := newWorld(t)
	path := w.java(w.home, ".jdks", "jdk-21")
	require.NoError(t, syscall.Mkfifo(path, 0o644))
	done := make(chan devcert.Place, 1)
	go func() { done <- w.look(devcert.Material{Root: newRoot(t)})[path] }()
	select {
	case p := <-done:
		require.Equal(t, devcert.Unknown, p.State)
		require.Contains(t, p.Evidence, "is not a regular file")
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for a writer")
	}
}

// What stands under the draft's name and was not left there by devcert stays.
func TestDraftInTheWay(t *testing.T) {
	for name, make := range map[string]func(path, other string) error{
		"a link":           func(path, other string) error { return os.Symlink(other, path) },
		"another name":     func(path, other string) error { return os.Link(other, path) },
		"for all to write": func(path, _ string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666)) },
		"a FIFO":           func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path, other := w.users("jdk-21"), filepath.Join(w.home, "mine")
			require.NoError(t, os.WriteFile(other, []byte("mine"), 0o600))
			require.NoError(t, make(beside(path), other))
			err := w.store.Deploy(t.Context(), devcert.Material{Root: newRoot(t)})
			require.ErrorContains(t, err, "add the root to "+path)
			require.Equal(t, "mine", string(w.bytes(other)))
			_, err = os.Lstat(beside(path))
			require.NoError(t, err)
		})
	}
}

// A keystore of a usual size takes no time that a status would notice.
func BenchmarkLook(b *testing.B) {
	data, err := os.ReadFile("/etc/ssl/certs/java/cacerts")
	if err != nil {
		b.Skip(err)
	}
	h, err := chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	store := &Store{Env: os.Environ()}
	for b.Loop() {
		store.Look(b.Context(), devcert.Material{Root: h.Root})
	}
}

// Nor is a keytool started as the user that others could have put there.
func TestOwnKeytoolLeftAlone(t *testing.T) {
	for _, part := range []string{"bin", "."} {
		w, m := newWorld(t), devcert.Material{Root: newRoot(t)}
		path := w.users("jdk-21")
		before, open := w.bytes(path), filepath.Join(homeOf(path), part)
		require.NoError(t, os.Chmod(open, 0o777))
		p := w.requireState(devcert.Missing, path, m)
		require.Contains(t, p.Evidence, open+" can be changed by others")
		require.Contains(t, p.Remedy, "let only its user and root change "+open)
		require.NoError(t, w.store.Deploy(t.Context(), m))
		require.Equal(t, before, w.bytes(path))
	}
}
