package nss

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// browser is a real headless Chromium with a home of its own.
type browser struct {
	t    *testing.T
	path string
	home string
	env  []string
}

// newBrowser skips the test unless it is asked for: a page takes a second or two.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_BROWSERS") == "" {
		t.Skip("starts browsers: set DEVCERT_TEST_BROWSERS=1")
	}
	path, err := exec.LookPath("/usr/bin/chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	home := t.TempDir()
	return &browser{t, path, home, []string{"PATH=/usr/bin:/bin", "HOME=" + home}}
}

// opens says whether the browser gets a page of the server under a host's name,
// without any flag that would have it ignore errors.
func (b *browser) opens(s *server, host string) bool {
	b.t.Helper()
	page := fmt.Sprintf("/page%d", time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(b.t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+b.t.TempDir(), "--host-resolver-rules=MAP example.com 127.0.0.1",
		"--dump-dom", fmt.Sprintf("https://%s:%s%s", host, s.port, page))
	cmd.Env = b.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout = &out
	before := s.attempts()
	require.NoError(b.t, cmd.Run())
	require.Greater(b.t, s.attempts(), before, "the browser never came")
	got := s.served(page)
	require.Equal(b.t, got, strings.Contains(out.String(), "hello from "+page), "what was served is not what was shown")
	return got
}

// server is a TLS server that remembers the pages it gave.
type server struct {
	port  string
	mu    sync.Mutex
	pages map[string]bool
	// handshakes counts attempts, so that a browser which never came is not
	// taken for one that refused.
	handshakes int
}

func (s *server) served(page string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pages[page]
}

func (s *server) attempts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handshakes
}

// serve presents a leaf, below the intermediate that comes with it.
func serve(t *testing.T, leaf, intermediate chain.Pair) *server {
	t.Helper()
	s := &server{pages: make(map[string]bool)}
	cert := tls.Certificate{Certificate: [][]byte{leaf.Cert.Raw, intermediate.Cert.Raw}, PrivateKey: leaf.Key}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, s.port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	web := &http.Server{
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // refusals are what is wanted
		TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.handshakes++
			return &cert, nil
		}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.pages[r.URL.Path] = true
			s.mu.Unlock()
			fmt.Fprint(w, "hello from "+r.URL.Path)
		}),
	}
	go web.ServeTLS(listener, "", "")
	t.Cleanup(func() { _ = web.Close() })
	return s
}

// outside serves example.com with a leaf that our intermediate must not issue.
func outside(t *testing.T, h *chain.Hierarchy) *server {
	t.Helper()
	template := *h.Leaf.Cert
	template.Subject = pkix.Name{CommonName: "example.com"}
	template.DNSNames, template.IPAddresses, template.SerialNumber = []string{"example.com"}, nil, big.NewInt(7)
	der, err := x509.CreateCertificate(rand.Reader, &template, h.Intermediate.Cert, h.Leaf.Key.Public(), h.Intermediate.Key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return serve(t, chain.Pair{Cert: cert, Key: h.Leaf.Key}, h.Intermediate)
}

// noPrivilege is for the ways that need none.
type noPrivilege struct{}

func (noPrivilege) Ready(context.Context) error           { return devcert.ErrNeedsAdmin }
func (noPrivilege) Do(context.Context, string, any) error { return devcert.ErrNeedsAdmin }

// What certutil wrote is what Chromium trusts, and what Look says of it is what
// Chromium then does.
func TestChromiumByCertutil(t *testing.T) {
	tool, b := realTool(t), newBrowser(t)
	h := newHierarchy(t, time.Now())
	root, material := h.Root, devcert.Material{Root: h.Root}
	ours, theirs := serve(t, h.Leaf, h.Intermediate), outside(t, h)
	store := &Store{Privileged: noPrivilege{}, Env: b.env}
	agree := func(want devcert.PlaceState) {
		t.Helper()
		places := store.Look(t.Context(), material)
		require.Len(t, places, 1)
		require.Equal(t, want, places[0].State, places[0].Evidence)
		require.Equal(t, want == devcert.Trusted, b.opens(ours, "localhost"))
		require.False(t, b.opens(theirs, "example.com"))
	}
	require.NoError(t, store.Deploy(t.Context(), material), "one that has never run")
	agree(devcert.Trusted)
	db := store.Look(t.Context(), material)[0].Path
	require.True(t, b.opens(ours, "127.0.0.1"))
	require.True(t, b.opens(ours, "foo.dev.localhost"))

	for _, bits := range []string{",,", "c,,", "p,,", "P,,", "T,,"} {
		certutil(t, tool, db, root.Raw, "-A", "-t", bits, "-n", "x")
		agree(devcert.Denied)
	}
	require.NoError(t, store.Deploy(t.Context(), material))
	agree(devcert.Trusted)
	require.NoError(t, store.Withdraw(t.Context(), root))
	agree(devcert.Missing)

	// A database that the browser itself has made.
	require.NoError(t, store.Deploy(t.Context(), material))
	require.Equal(t, devcert.Trusted, store.Look(t.Context(), material)[0].State)
	for _, dir := range []string{".pki", ".local"} {
		require.NoError(t, os.RemoveAll(filepath.Join(b.home, dir)))
	}
	agree(devcert.Missing)
	require.FileExists(t, filepath.Join(db, certFile))
	require.NoError(t, store.Deploy(t.Context(), material))
	agree(devcert.Trusted)
}

// Where a fresh Chromium looks is where a database is made for it.
func TestChromiumFindsItsDatabase(t *testing.T) {
	realTool(t)
	b := newBrowser(t)
	h := newHierarchy(t, time.Now())
	ours := serve(t, h.Leaf, h.Intermediate)
	for _, row := range []struct {
		name, folder, data string
	}{
		{"nothing", "", ""},
		{"the old folder", ".pki/nssdb", ""},
		{"the folder above it", ".pki", ""},
		{"data elsewhere", "", "data"},
		{"data elsewhere and the old folder", ".pki/nssdb", "data"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.home = t.TempDir()
			b.env = []string{"PATH=/usr/bin:/bin", "HOME=" + b.home}
			if row.data != "" {
				b.env = append(b.env, "XDG_DATA_HOME="+filepath.Join(b.home, row.data))
			}
			require.NoError(t, os.MkdirAll(filepath.Join(b.home, row.folder), 0o700))
			store := &Store{Privileged: noPrivilege{}, Env: b.env}
			require.NoError(t, store.Deploy(t.Context(), devcert.Material{Root: h.Root}))
			require.True(t, b.opens(ours, "localhost"))
			found := must(exec.Command("find", b.home, "-name", certFile).Output())
			require.Equal(t, 1, bytes.Count(found, []byte("\n")), string(found))
		})
	}
}

// Without an executable certutil the policies do it. This writes to /etc: it runs
// only where scripts/private-machine has made that private.
func TestChromiumByPolicy(t *testing.T) {
	b := newBrowser(t)
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" {
		t.Skip("changes this machine's policies: run it by scripts/test-system")
	}
	if tool, ok := FindTool(); ok {
		require.NoError(t, syscall.Mount(os.DevNull, tool.Path, "", syscall.MS_BIND, ""))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(tool.Path, syscall.MNT_DETACH)) })
	}
	_, ok := FindTool()
	require.False(t, ok, "what is not executable is not installed")

	h, another := newHierarchy(t, time.Now()), newHierarchy(t, time.Now())
	material := devcert.Material{Root: h.Root}
	ours, theirs, others := serve(t, h.Leaf, h.Intermediate), outside(t, h), serve(t, another.Leaf, another.Intermediate)
	asked := 0
	store := &Store{Privileged: direct{Changer{}.Handlers(), &asked}, Env: b.env}
	managed := "/etc/chromium/policies/managed"
	agree := func(want devcert.PlaceState) {
		t.Helper()
		places := store.Look(t.Context(), material)
		require.Len(t, places, 1)
		require.Equal(t, want, places[0].State, places[0].Evidence)
		require.Equal(t, want == devcert.Trusted, b.opens(ours, "localhost"))
		require.False(t, b.opens(theirs, "example.com"))
	}
	policy := func(name, text string) {
		t.Helper()
		path := filepath.Join(managed, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		t.Cleanup(func() { _ = os.Remove(path) })
	}
	agree(devcert.Missing)
	require.NoError(t, store.Deploy(t.Context(), material))
	agree(devcert.Trusted)
	require.True(t, b.opens(ours, "127.0.0.1"))
	require.True(t, b.opens(ours, "foo.dev.localhost"))

	policy("malformed", "{")
	agree(devcert.Trusted)
	policy("off", `{"CAPlatformIntegrationEnabled":false}`)
	agree(devcert.Trusted)

	// Another's certificates: a later file hides ours, an earlier one is hidden.
	theirPolicy := `{"CACertificates":["` + encode(another.Root.Raw) + `",]} // theirs`
	policy("zcorp", theirPolicy)
	require.Equal(t, devcert.Stale, store.Look(t.Context(), material)[0].State)
	require.False(t, b.opens(ours, "localhost"))
	require.NoError(t, store.Deploy(t.Context(), material))
	agree(devcert.Trusted)
	require.True(t, b.opens(ours, "127.0.0.1"))
	require.True(t, b.opens(ours, "foo.dev.localhost"))
	require.True(t, b.opens(others, "localhost"), "theirs went on counting")
	require.NoError(t, os.Remove(filepath.Join(managed, "zcorp")))
	policy("corp", theirPolicy)
	agree(devcert.Trusted)
	require.True(t, b.opens(others, "localhost"))

	policy("distrust", `{"CADistrustedCertificates":["`+encode(h.Root.Raw)+`"]}`)
	agree(devcert.Denied)
	require.NoError(t, os.Remove(filepath.Join(managed, "distrust")))
	agree(devcert.Trusted)

	require.NoError(t, store.Withdraw(t.Context(), h.Root))
	agree(devcert.Missing)
	require.True(t, b.opens(others, "localhost"))
	require.NoFileExists(t, filepath.Join(managed, ownName))
}

// With certutil, a policy of others that switches the databases off is seen, and
// answered by a policy.
func TestChromiumWithDatabasesSwitchedOff(t *testing.T) {
	realTool(t)
	b := newBrowser(t)
	if os.Getenv("DEVCERT_TEST_MACHINE") == "" {
		t.Skip("changes this machine's policies: run it by scripts/test-system")
	}
	managed := "/etc/chromium/policies/managed"
	require.NoError(t, os.MkdirAll(managed, 0o755))
	h := newHierarchy(t, time.Now())
	ours, asked := serve(t, h.Leaf, h.Intermediate), 0
	store := &Store{Privileged: direct{Changer{}.Handlers(), &asked}, Env: b.env}
	material := devcert.Material{Root: h.Root, UserOnly: true}
	require.NoError(t, store.Deploy(t.Context(), material))
	require.True(t, b.opens(ours, "localhost"))

	off := filepath.Join(managed, "off.json")
	require.NoError(t, os.WriteFile(off, []byte(`{"CAPlatformIntegrationEnabled":false}`), 0o644))
	t.Cleanup(func() { _ = os.Remove(off) })
	places := store.Look(t.Context(), material)
	require.Len(t, places, 2)
	require.Equal(t, devcert.Missing, places[0].State)
	require.False(t, b.opens(ours, "localhost"))
	material.UserOnly = false
	require.NoError(t, store.Deploy(t.Context(), material))
	require.True(t, b.opens(ours, "localhost"))
	require.NoError(t, store.Withdraw(t.Context(), h.Root))
	require.False(t, b.opens(ours, "localhost"))
}
