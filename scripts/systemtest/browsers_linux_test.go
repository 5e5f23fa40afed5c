package systemtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser is a real one, headless, in a profile of the user's own. Nothing is said
// to it about certificates.
type browser struct {
	name string
	home string // HOME of a confined one; "" for the user's own
	args []string
	// stays says that it shows the page until it is ended.
	stays bool
}

const (
	chromiumProgram = "/usr/bin/chromium"
	firefoxProgram  = "/usr/bin/firefox-esr"
)

// chromiumAt is Chromium with its data in a folder.
func chromiumAt(data string) browser {
	return browser{name: "chromium", args: []string{
		chromiumProgram, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + data, "--dump-dom",
	}}
}

func firefoxAt(name, profile string) browser {
	return browser{name: name, stays: true, args: []string{firefoxProgram, "--headless", "--no-remote", "--profile", profile}}
}

// site is a TLS server with one page, for one browser: it knows what came of the
// visit, whatever the browser says.
type site struct {
	port, page string
	mu         sync.Mutex
	hellos     int          // handshakes begun
	served     bool         // the page was asked for by HTTP
	faults     bytes.Buffer // how other handshakes ended
}

func newSite(t *testing.T, cert presenter) *site {
	t.Helper()
	token := make([]byte, 8)
	_, _ = rand.Read(token) // never fails, as its documentation says
	s := &site{page: hex.EncodeToString(token)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, s.port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	server := &http.Server{
		Handler: s, ErrorLog: log.New(s, "", 0), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.hellos++
			return cert(hello)
		}},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served = s.served || r.URL.Path == "/"+s.page
	_, _ = io.WriteString(w, "hello from "+s.page)
}

// Write takes what the server has to log.
func (s *site) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.Write(line)
}

// refusal is how a browser ends a handshake because of the certificate.
var refusal = regexp.MustCompile("remote error: tls: (bad certificate|unknown certificate|unknown certificate authority)")

// end says whether the visit has come to one, and which.
func (s *site) end() (served, refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served, refusal.Match(s.faults.Bytes())
}

// visit is a browser that was sent to a site.
type visit struct {
	browser
	*site
	cmd   *exec.Cmd
	out   bytes.Buffer
	ended chan error
}

// open sends a browser to a page. It is ended with the test at the latest.
func (m *machine) open(b browser, host string, s *site) *visit {
	m.t.Helper()
	v := &visit{browser: b, site: s, ended: make(chan error, 1)}
	url := fmt.Sprintf("https://%s:%s/%s", host, s.port, s.page)
	v.cmd = m.command(context.Background(), b.args[0], append(b.args[1:], url)...)
	v.cmd.Env = append(v.cmd.Env, "MOZ_CRASHREPORTER_DISABLE=1")
	if b.home != "" {
		v.cmd.Env = append(v.cmd.Env, "HOME="+b.home)
	}
	if !b.stays {
		v.cmd.Stdout = &v.out
	}
	require.NoError(m.t, v.cmd.Start())
	go func() { v.ended <- v.cmd.Wait() }()
	m.t.Cleanup(func() { _ = syscall.Kill(-v.cmd.Process.Pid, syscall.SIGKILL) }) // a session of its own
	return v
}

// browserLimit is for one page. A browser needs two seconds on an idle machine.
const browserLimit = 90 * time.Second

// wait returns whether the browser got the page, and ends it. It got it or has
// refused the certificate: nothing else is an answer.
func (v *visit) wait(t *testing.T) bool {
	t.Helper()
	ended, limit := false, time.After(browserLimit)
	for served, refused := v.end(); !ended && (!v.stays || !served && !refused); served, refused = v.end() {
		select {
		case err := <-v.ended:
			ended = true
			require.True(t, !v.stays && err == nil, "%s ended by itself: %v", v.name, err)
		case <-limit:
			require.Fail(t, v.name+" has neither got the page nor refused it", "%s", &v.faults)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if !ended {
		v.quit(t)
	}
	served, refused := v.end()
	require.NotEqual(t, served, refused, "%s: %s", v.name, &v.faults)
	require.Positive(t, v.hellos)
	if !v.stays {
		require.Equal(t, served, strings.Contains(v.out.String(), "hello from "+v.page), "what was served is not what was shown")
	}
	return served
}

// quit ends a browser as a session's end does.
func (v *visit) quit(t *testing.T) {
	t.Helper()
	require.NoError(t, v.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-v.ended:
	case <-time.After(browserLimit):
		require.Fail(t, v.name+" does not end")
	}
}

// ask sends all browsers to a host at once, each to a server of its own, and
// returns the names of those that got the page.
func (m *machine) ask(host string, cert presenter, all ...browser) []string {
	m.t.Helper()
	var visits []*visit
	for _, b := range all {
		visits = append(visits, m.open(b, host, newSite(m.t, cert)))
	}
	var got []string
	for _, v := range visits {
		if v.wait(m.t) {
			got = append(got, v.name)
		}
	}
	return got
}
