package systemtest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newClientSite is a site that asks for a client's certificate, and serves nobody
// without one that roots accept. It names their subjects to its clients, as
// servers do, so that a browser offers what fits.
func newClientSite(t *testing.T, cert presenter, roots *x509.CertPool) *clientSite {
	t.Helper()
	return startClientSite(t, &tls.Config{GetCertificate: cert, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots})
}

// newNamelessSite takes whatever a browser offers, and names nobody, as IIS does.
func newNamelessSite(t *testing.T, cert presenter) *clientSite {
	t.Helper()
	return startClientSite(t, &tls.Config{GetCertificate: cert, ClientAuth: tls.RequireAnyClientCert})
}

func startClientSite(t *testing.T, config *tls.Config) *clientSite {
	t.Helper()
	s := &clientSite{site: &site{page: "page"}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, s.port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	server := &http.Server{Handler: s, ErrorLog: log.New(s.site, "", 0), ReadHeaderTimeout: time.Minute, TLSConfig: config}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// clientSite remembers who came.
type clientSite struct {
	*site
	who []string // the names of the certificates that the last visitor sent
}

// String is what the server has to log.
func (s *clientSite) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.String()
}

func (s *clientSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/"+s.page {
		s.mu.Lock()
		s.who = nil
		for _, c := range r.TLS.PeerCertificates {
			s.who = append(s.who, c.Subject.CommonName)
		}
		s.mu.Unlock()
	}
	s.site.ServeHTTP(w, r)
}

// without is how the server ends a handshake in which no certificate was sent.
const without = "client didn't provide a certificate"

// settled is how long a browser that was turned away once is watched: a further
// connection of the same visit may bring the certificate.
const settled = 5 * time.Second

// admits sends a browser there, and returns the certificates by which it got in;
// none where it was turned away for having none. Nothing else is an answer.
func (m *machine) admits(b browser, s *clientSite) []string {
	m.t.Helper()
	v := m.open(b, "localhost", s.site)
	var turnedAway time.Time
	came := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if turnedAway.IsZero() && strings.Contains(s.faults.String(), without) {
			turnedAway = time.Now()
		}
		return s.served || !turnedAway.IsZero() && time.Since(turnedAway) > settled
	}
	for end := time.Now().Add(browserLimit); !came(); time.Sleep(20 * time.Millisecond) {
		require.True(m.t, time.Now().Before(end), "%s has neither got in nor been turned away for having none: %s", b.name, s)
	}
	if !v.stays {
		require.NoError(m.t, <-v.ended, "%s", b.name)
	} else {
		v.quit(m.t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.t.Logf("%s got in by %q; handshakes that failed: %s", b.name, s.who, &s.faults)
	require.Equal(m.t, s.served, len(s.who) > 0)
	if !v.stays {
		require.Equal(m.t, s.served, strings.Contains(v.out.String(), "hello from "+s.page), "what was served is not what was shown")
	}
	return s.who
}

// autoSelect has Chromium offer whatever fits, as an administrator may: it would
// ask a person which one. For Firefox the preference below is that.
func (m *machine) autoSelect() {
	m.t.Helper()
	pattern, err := json.Marshal(map[string]any{"pattern": "https://localhost", "filter": map[string]any{}})
	require.NoError(m.t, err)
	policy, err := json.Marshal(map[string]any{"AutoSelectCertificateForUrls": []string{string(pattern)}})
	require.NoError(m.t, err)
	const folder = "/etc/chromium/policies/managed"
	require.NoError(m.t, os.MkdirAll(folder, 0o755))
	m.write(filepath.Join(folder, "systemtest.json"), string(policy))
	for _, name := range []string{"home", "work"} {
		appendPreference(m.t, m.profile(name))
	}
}

func appendPreference(t *testing.T, profile string) {
	t.Helper()
	const automatic = `user_pref("security.default_personal_cert", "Select Automatically");` + "\n"
	require.NoError(t, appendTo(filepath.Join(profile, "user.js"), automatic))
}

// TestBrowsersOfferAClientCertificate has real browsers visit servers that want a
// client's certificate: before they have one, with it, and after it was taken
// away. Another one, of a hierarchy that the server does not know, stays.
func TestBrowsersOfferAClientCertificate(t *testing.T) {
	m := browserMachine(t, true)
	m.devcert(0, "setup")
	m.autoSelect()
	ours, others := newClientHierarchy(t, "anna@ours"), newClientHierarchy(t, "anna@theirs")
	roots := x509.NewCertPool()
	roots.AddCert(ours.Root)
	alice, stranger := issueClient(t, ours, "alice"), issueClient(t, others, "stranger")
	ask := func(b browser) []string { return m.admits(b, newClientSite(t, m.copies(), roots)) }

	places := m.personal("offer", alice)
	require.Len(t, places, 3, places)
	for _, b := range m.own() {
		require.Contains(t, m.admits(b, newNamelessSite(t, m.copies())), "alice", "%s, to a server that names nobody", b.name)
	}
	require.Empty(t, m.personal("withdraw", alice))
	m.personal("offer", stranger)
	for _, b := range m.own() {
		require.Empty(t, ask(b), b.name)
		require.Contains(t, m.admits(b, newNamelessSite(t, m.copies())), "stranger", "%s, to a server that names nobody", b.name)
	}
	// The stranger's came first: Firefox, when it is to choose by itself, takes that
	// one where a server names nobody, and Chromium the one that was issued last.
	require.Equal(t, places, m.personal("offer", alice))
	require.Equal(t, places, m.personal("offers", alice))
	for _, b := range m.own() {
		require.Equal(t, []string{"alice", ours.ClientIntermediate.Cert.Subject.CommonName}, ask(b), "%s sends the intermediate behind it, which the server does not have", b.name)
	}
	require.Empty(t, m.personal("withdraw", alice))
	require.Empty(t, m.personal("offers", alice))
	for _, b := range m.own() {
		require.Empty(t, ask(b), b.name)
	}
	require.Equal(t, places, m.personal("offers", stranger))
	m.requireHealthy()
}
