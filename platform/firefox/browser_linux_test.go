package firefox

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func newHierarchy(t *testing.T) *chain.Hierarchy {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return h
}

// browser is a real Firefox with a HOME of its own.
type browser struct {
	t    *testing.T
	path string
	home string
}

// newBrowser skips the test where browsers are not to be run or there is none.
func newBrowser(t *testing.T, home string) *browser {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_BROWSERS") != "1" {
		t.Skip("runs Firefox: only with DEVCERT_TEST_BROWSERS=1")
	}
	for _, path := range []string{"/usr/bin/firefox-esr", "/usr/bin/firefox"} {
		if _, err := os.Stat(path); err == nil {
			return &browser{t, path, home}
		}
	}
	t.Skip("no Firefox is installed")
	return nil
}

// profile makes a profile that resolves example.com to this machine, and runs
// Firefox once in it, which makes its database.
func (b *browser) profile(name string) string {
	b.t.Helper()
	path := mkdir(b.t, b.home, ".config/mozilla/firefox", "abcdefgh."+name)
	write(b.t, `user_pref("network.dns.localDomains", "example.com");
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("security.OCSP.enabled", 0);
`, path, "user.js")
	list := filepath.Join(b.home, ".config/mozilla/firefox/profiles.ini")
	data, _ := os.ReadFile(list)
	n := strings.Count(string(data), "[Profile")
	text := fmt.Sprintf("%s[Profile%d]\nName=%s\nIsRelative=1\nPath=abcdefgh.%s\n\n", data, n, name, name)
	require.NoError(b.t, os.WriteFile(list, []byte(text), 0o644))
	b.open(path, "about:blank", func() bool {
		_, noDatabase := os.Stat(filepath.Join(path, "cert9.db"))
		_, notBegun := os.Stat(filepath.Join(path, "prefs.js"))
		return noDatabase == nil && notBegun == nil
	})
	require.FileExists(b.t, filepath.Join(path, "cert9.db"))
	return path
}

// open lets Firefox show a page until done says that it has seen enough, and ends
// it then as a session manager does. It must come to that in time.
func (b *browser) open(profile, url string, done func() bool) {
	b.t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(b.path, "--headless", "--no-remote", "--profile", profile, url)
	cmd.Env = []string{"HOME=" + b.home, "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "MOZ_CRASHREPORTER_DISABLE=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(b.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }()
	limit := time.After(60 * time.Second)
	for !done() {
		select {
		case err := <-ended:
			require.Fail(b.t, "Firefox ended by itself", "%v: %s", err, out.String())
		case <-limit:
			require.Fail(b.t, "Firefox did nothing in time", "%s: %s", url, out.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
	require.NoError(b.t, cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-ended:
	case <-limit:
		require.Fail(b.t, "Firefox did not end", "%s: %s", url, out.String())
	}
}

// site is a TLS server with one certificate, which knows whether it was asked for
// a page and how handshakes ended.
type site struct {
	port string
	mu   sync.Mutex
	asks int
	logs bytes.Buffer
}

func newSite(t *testing.T, h *chain.Hierarchy, leaf chain.Pair, more ...[]byte) *site {
	t.Helper()
	s := &site{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asks++
			fmt.Fprintln(w, "hello")
		}),
		ErrorLog: log.New(s, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{
			Certificate: append([][]byte{leaf.Cert.Raw, h.Intermediate.Cert.Raw}, more...), PrivateKey: leaf.Key,
		}}},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	_, s.port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return s
}

// Write takes what the server logs.
func (s *site) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs.Write(line)
}

// visit opens the site by a name: was the page asked for? A refusal is a handshake
// that Firefox broke off because of the certificate.
func (s *site) visit(b *browser, profile, name string) bool {
	b.t.Helper()
	s.mu.Lock()
	s.asks = 0
	s.logs.Reset()
	s.mu.Unlock()
	asked := false
	b.open(profile, "https://"+name+":"+s.port+"/", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		asked = s.asks > 0
		return asked || refusal.Match(s.logs.Bytes())
	})
	return asked
}

func (s *site) refused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return refusal.Match(s.logs.Bytes())
}

var refusal = regexp.MustCompile("remote error: tls: (bad certificate|unknown certificate)")

// outside is a leaf for a name that our intermediate must not sign, signed by it.
func outside(t *testing.T, h *chain.Hierarchy, name string) chain.Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, Subject: h.Leaf.Cert.Subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, h.Intermediate.Cert, key.Public(), h.Intermediate.Key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return chain.Pair{Cert: cert, Key: key}
}
