package java

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/run"
)

// realJavas are those of this machine with a keytool.
func realJavas(t *testing.T) []home {
	t.Helper()
	homes, _ := machineFinder("").homes()
	var found []home
	for _, h := range homes {
		if executable(filepath.Join(string(h), "bin", "keytool")) {
			found = append(found, h)
		}
	}
	if len(found) == 0 {
		t.Skip("no Java on this machine")
	}
	if os.Getenv("DEVCERT_TEST_JAVA") == "" {
		return found[:1] // each takes seconds
	}
	return found
}

// borrow makes a Java of the user's that has the keytool of a real one.
func (w *world) borrow(real home, keystore []byte) string {
	w.t.Helper()
	path := w.java(w.home, ".jdks", filepath.Base(string(real)))
	tool := filepath.Join(homeOf(path), "bin", "keytool")
	require.NoError(w.t, os.Remove(tool))
	require.NoError(w.t, os.Symlink(filepath.Join(string(real), "bin", "keytool"), tool))
	require.NoError(w.t, os.WriteFile(path, keystore, 0o640))
	return path
}

// The keytool of every Java here, with all that it may be given.
func TestRealKeytool(t *testing.T) {
	for _, real := range realJavas(t) {
		for _, name := range []string{"usual.jks", "passwordless.p12", "mac.p12"} {
			t.Run(filepath.Base(string(real))+" "+name, func(t *testing.T) {
				w, m, former := newWorld(t), devcert.Material{Root: newRoot(t)}, sampleCert(t, "root.pem")
				path := w.borrow(real, sample(t, name))
				require.NoError(t, w.store.Deploy(t.Context(), m))
				p := w.requireState(devcert.Trusted, path, m)
				require.Len(t, p.Others, 1)
				require.NoError(t, w.store.Withdraw(t.Context(), m.Root))
				require.NoError(t, w.store.Withdraw(t.Context(), former), "an alias that is not ASCII")
				w.requireState(devcert.Missing, path, m)
				k, err := parseKeystore(w.bytes(path))
				require.NoError(t, err)
				require.Len(t, k.entries, 1)
				require.Len(t, k.aliases(sampleCert(t, "other.pem")), 1)
				require.False(t, k.locked)
				require.Equal(t, bytes.HasPrefix(sample(t, name), jksMagic), bytes.HasPrefix(w.bytes(path), jksMagic))
				w.requireNothingLeft(path)
			})
		}
	}
}

// A private key in the keystore stays what it was.
func TestRealKeytoolKeepsKeys(t *testing.T) {
	real := realJavas(t)[0]
	for _, format := range []string{"jks", "pkcs12"} {
		t.Run(format, func(t *testing.T) {
			w, m := newWorld(t), devcert.Material{Root: newRoot(t)}
			made := filepath.Join(w.home, "keys")
			_, err := run.Command{Path: filepath.Join(string(real), "bin", "keytool"), Args: []string{
				"-genkeypair", "-keyalg", "EC", "-dname", "CN=key", "-alias", "key", "-keystore", made, "-storetype", format,
				"-storepass", password, "-keypass", password, "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
			}}.Run(t.Context())
			require.NoError(t, err)
			path := w.borrow(real, w.bytes(made))
			before, err := parseKeystore(w.bytes(path))
			require.NoError(t, err)
			require.NoError(t, w.store.Deploy(t.Context(), m))
			w.requireState(devcert.Trusted, path, m)
			require.NoError(t, w.store.Withdraw(t.Context(), m.Root))
			after, err := parseKeystore(w.bytes(path))
			require.NoError(t, err)
			require.True(t, sameEntries(before.entries, after.entries))
			require.Contains(t, kinds(after), secret)
		})
	}
}

func kinds(k keystore) []kind {
	var all []kind
	for _, e := range k.entries {
		all = append(all, e.kind)
	}
	return all
}

// client runs the program of testdata with a real Java and a keystore, and
// returns its lines.
func client(t *testing.T, real home, keystore string, urls ...string) []string {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_JAVA") == "" {
		t.Skip("DEVCERT_TEST_JAVA is not set: a program is compiled and run by every Java of this machine")
	}
	source, err := filepath.Abs("testdata/Client.java")
	require.NoError(t, err)
	hosts := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(hosts, []byte("127.0.0.1 localhost example.com app.dev.localhost\n"), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := append([]string{"-Djavax.net.ssl.trustStore=" + keystore, "-Djdk.net.hosts.file=" + hosts, source}, urls...)
	out, err := run.Command{Path: filepath.Join(string(real), "bin", "java"), Args: args}.Run(ctx)
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// serve answers on loopback with a chain and counts the requests.
func serve(t *testing.T, leaf chain.Pair, intermediate chain.Pair) (port int, requests *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	requests = new(atomic.Int32)
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, ErrorLog: nil,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{
			Certificate: [][]byte{leaf.Cert.Raw, intermediate.Cert.Raw}, PrivateKey: leaf.Key,
		}}},
	}
	done := make(chan struct{})
	go func() { _ = server.ServeTLS(listener, "", ""); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return listener.Addr().(*net.TCPAddr).Port, requests
}

// The proof: a Java program refuses us, then trusts us, never for a name that is
// not permitted, and refuses us again, also where Debian's hook was there.
func TestRealJava(t *testing.T) {
	h := newHierarchy(t)
	outside, err := chain.NewOutside(h.Intermediate, "example.com", time.Now())
	require.NoError(t, err)
	port, requests := serve(t, h.Leaf, h.Intermediate)
	bad, misled := serve(t, outside, h.Intermediate)
	urls := []string{
		fmt.Sprintf("https://localhost:%d/", port), fmt.Sprintf("https://app.dev.localhost:%d/", port),
		fmt.Sprintf("https://127.0.0.1:%d/", port), fmt.Sprintf("https://example.com:%d/", bad),
	}
	trusting := []string{"answer 200", "answer 200", "answer 200", "refused"}
	refusing := []string{"refused", "refused", "refused", "refused"}
	for _, real := range realJavas(t) {
		for _, name := range []string{"usual.jks", "passwordless.p12", "the machine's"} {
			t.Run(filepath.Base(string(real))+" "+name, func(t *testing.T) {
				w, m := newWorld(t), materialOf(h)
				path := w.borrow(real, keystoreCalled(t, name))
				before, err := parseKeystore(w.bytes(path))
				require.NoError(t, err)
				require.Equal(t, append([]string{fmt.Sprint("roots ", before.roots())}, refusing...), client(t, real, path, urls...))
				w.requireState(devcert.Missing, path, m)

				require.NoError(t, w.store.Deploy(t.Context(), m))
				requests.Store(0)
				require.Equal(t, append([]string{fmt.Sprint("roots ", before.roots()+1)}, trusting...), client(t, real, path, urls...))
				require.EqualValues(t, 3, requests.Load())
				w.requireState(devcert.Trusted, path, m)
				w.importAsHook(real, path, m)
				require.Equal(t, trusting, client(t, real, path, urls...)[1:])

				require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
				require.Equal(t, append([]string{fmt.Sprint("roots ", before.roots())}, refusing...), client(t, real, path, urls...))
				w.requireState(devcert.Missing, path, m)
				require.Zero(t, misled.Load())
			})
		}
	}
}

func keystoreCalled(t *testing.T, name string) []byte {
	t.Helper()
	if name != "the machine's" {
		return sample(t, name)
	}
	data, err := os.ReadFile("/etc/ssl/certs/java/cacerts")
	if err != nil {
		t.Skip(err)
	}
	return data
}

// importAsHook adds the root again, as Debian's hook does.
func (w *world) importAsHook(real home, path string, m devcert.Material) {
	w.t.Helper()
	_, err := run.Command{
		Path: filepath.Join(string(real), "bin", "keytool"), Stdin: bytes.NewReader(m.Root.Raw),
		Args: []string{"-importcert", "-noprompt", "-alias", "debian:devcert-0a1b2c3d.pem", "-keystore", path, "-storepass", password},
	}.Run(w.t.Context())
	require.NoError(w.t, err)
}

// What the look says of a keystore is what a Java program finds in it.
func TestRealJavaAgreesWithTheLook(t *testing.T) {
	for _, real := range realJavas(t) {
		for name, want := range map[string]struct {
			roots int
			state devcert.PlaceState
		}{
			"usual.jks":            {2, devcert.Trusted},
			"another-password.jks": {2, devcert.Trusted},
			"passwordless.p12":     {2, devcert.Trusted},
			"mac.p12":              {2, devcert.Trusted},
			"unmarked.p12":         {0, devcert.Denied},
			"encrypted.p12":        {0, devcert.Unknown},
		} {
			t.Run(filepath.Base(string(real))+" "+name, func(t *testing.T) {
				w := newWorld(t)
				path := w.borrow(real, sample(t, name))
				require.Equal(t, []string{fmt.Sprint("roots ", want.roots)}, client(t, real, path))
				w.requireState(want.state, path, devcert.Material{Root: sampleCert(t, "root.pem")})
			})
		}
	}
}
