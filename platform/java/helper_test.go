package java

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

var exe = map[bool]string{true: ".exe"}[runtime.GOOS == "windows"]

// TestMain lets a copy of this program be the keytool of the tests' Javas.
func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "keytool" {
		if err := standIn(os.Args[1:]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// standIn does what keytool does with JKS, or, where a file beside it says so,
// what it should not do.
func standIn(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ill, _ := os.ReadFile(filepath.Join(filepath.Dir(self), "ill"))
	value := func(flag string) string { return args[slices.Index(args, flag)+1] }
	path := value("-keystore")
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	k, err := parseKeystore(data)
	if err != nil || value("-storepass") != password {
		return errors.Join(errors.New("keytool error: java.io.IOException"), err)
	}
	at := slices.IndexFunc(k.entries, func(e entry) bool { return e.alias == value("-alias") })
	switch {
	case string(ill) == "fails":
		_ = os.Truncate(path, 0) // as keytool does before it writes
		return errors.New("keytool error: java.io.IOException: fails")
	case string(ill) == "idle":
		return nil
	case string(ill) == "greedy":
		k.entries = k.entries[1:]
	case args[0] == "-delete" || slices.Contains(args, "-delete"):
		if at < 0 {
			return errors.New("keytool error: no such alias")
		}
		k.entries = slices.Delete(k.entries, at, at+1)
	case at >= 0:
		return errors.New("keytool error: alias exists")
	default:
		text, err := io.ReadAll(os.Stdin)
		block, _ := pem.Decode(text)
		if block == nil {
			return errors.Join(errors.New("keytool error: no certificate"), err)
		}
		k.entries = append(k.entries, entry{alias: value("-alias"), der: block.Bytes})
	}
	return os.WriteFile(path, encodeJKS(k.entries, password), 0o600)
}

// encodeJKS writes certificates as Java does.
func encodeJKS(entries []entry, password string) []byte {
	var b bytes.Buffer
	number := func(n int) { b.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) }
	text := func(s string) {
		b.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s))))
		b.WriteString(s)
	}
	b.Write(jksMagic)
	number(2)
	number(len(entries))
	for _, e := range entries {
		number(tagCertificate)
		text(e.alias)
		b.Write(make([]byte, 8))
		text("X.509")
		number(len(e.der))
		b.Write(e.der)
	}
	sum := jksDigest(b.Bytes(), password)
	return append(b.Bytes(), sum[:]...)
}

// world is a machine of a test's own.
type world struct {
	t          *testing.T
	root, home string // of the file system, of the user
	store      *Store
	asked      int // of the privileged child
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	w := &world{t: t, root: filepath.Join(dir, "machine"), home: filepath.Join(dir, "home")}
	for _, folder := range []string{w.root, w.home} {
		require.NoError(t, os.Mkdir(folder, 0o755))
	}
	w.store = &Store{Privileged: direct{w}, Root: w.root, Env: []string{
		"HOME=" + w.home, "USERPROFILE=" + w.home,
	}}
	return w
}

// direct is a privileged child without a pipe.
type direct struct{ *world }

func (direct) Ready(context.Context) error { return nil }

func (d direct) Do(ctx context.Context, what string, body any) error {
	d.asked++
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return Machine{Root: d.root}.Handlers()[what](ctx, encoded, func() {})
}

var _ elevate.Handlers = Machine{}.Handlers()

func (w *world) setenv(pair string) { w.store.Env = append(w.store.Env, pair) }

// java installs a Java at a path below one of the world's folders and returns
// where its keystore is to be, which is not made.
func (w *world) java(folder ...string) string {
	w.t.Helper()
	h := filepath.Join(folder...)
	require.NoError(w.t, os.MkdirAll(filepath.Join(h, "bin"), 0o755))
	security := filepath.Join(h, "lib", "security")
	require.NoError(w.t, os.MkdirAll(security, 0o755))
	self, err := os.Executable()
	require.NoError(w.t, err)
	for _, name := range []string{"java", "keytool"} {
		path := filepath.Join(h, "bin", name+exe)
		if name == "java" {
			require.NoError(w.t, os.WriteFile(path, nil, 0o755))
		} else if exe != "" || os.Link(self, path) != nil { // Windows removes no name of what runs
			program, err := os.ReadFile(self)
			require.NoError(w.t, err)
			require.NoError(w.t, os.WriteFile(path, program, 0o755))
		}
	}
	return filepath.Join(security, "cacerts")
}

// users and machines are Javas with a usual keystore.
func (w *world) users(name string) string {
	return w.write(w.java(w.home, ".jdks", name), usual(w.t)...)
}

func (w *world) machines(name string) string {
	if runtime.GOOS != "linux" {
		w.t.Skip("the system's folders are in the registry, or other ones")
	}
	return w.write(w.java(w.root, "usr", "lib", "jvm", name), usual(w.t)...)
}

// usual is what keystores hold without us.
func usual(t testing.TB) []entry {
	return []entry{{alias: "other", der: sampleCert(t, "other.pem").Raw}}
}

func (w *world) write(path string, entries ...entry) string {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(path, encodeJKS(entries, password), 0o644))
	return path
}

// ill makes the keytool of a keystore's Java misbehave.
func (w *world) ill(path, how string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(homeOf(path), "bin", "ill"), []byte(how), 0o644))
}

func (w *world) look(m devcert.Material) map[string]devcert.Place {
	w.t.Helper()
	places := map[string]devcert.Place{}
	for _, p := range w.store.Look(w.t.Context(), m) {
		require.Equal(w.t, chain.PartRoot, p.Part)
		require.NotContains(w.t, places, p.Path, "the same place twice")
		places[p.Path] = p
	}
	return places
}

func (w *world) requireState(want devcert.PlaceState, path string, m devcert.Material) devcert.Place {
	w.t.Helper()
	p, ok := w.look(m)[path]
	require.True(w.t, ok, "no place %s", path)
	require.Equal(w.t, want, p.State, p.Evidence)
	return p
}

func (w *world) bytes(path string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(w.t, err)
	return data
}

// requireNothingLeft says that no draft is beside a keystore.
func (w *world) requireNothingLeft(path string) {
	w.t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(w.t, err)
	for _, e := range entries {
		require.NotContains(w.t, e.Name(), "devcert")
	}
}

func newHierarchy(t testing.TB) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h
}

func materialOf(h *chain.Hierarchy) devcert.Material {
	return devcert.Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}
}

func newRoot(t testing.TB) *x509.Certificate {
	t.Helper()
	return newHierarchy(t).Root
}

func requireRemedy(t *testing.T, err error, says string) {
	t.Helper()
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	require.Contains(t, remedied.Remedy(), says)
}
