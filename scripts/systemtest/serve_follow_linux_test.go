package systemtest

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// presented is the leaf that a new connection to a port gets; "" where nobody
// listens. It comes with its chain, to the root that is now in the state folder.
func (f *front) presented(port int) string {
	f.t.Helper()
	conn, err := f.handshake(port, f.trusting("h2"))
	if err != nil {
		require.ErrorContains(f.t, err, "connection refused")
		return ""
	}
	defer conn.Close()
	return chain.Thumbprint(conn.ConnectionState().PeerCertificates[0])
}

// answers says whether curl gets a page at a port. It must be refused otherwise:
// anything else is neither.
func (f *front) answers(port int) bool {
	f.t.Helper()
	r := f.run("curl", "-sS", "--max-time", "30", "-o", "/dev/null", "https://localhost:"+strconv.Itoa(port)+"/")
	if r.code != 0 {
		require.Equal(f.t, 7, r.code, "%s", r)
	}
	return r.code == 0
}

// streams are connections that get lines for as long as they are open.
type streams struct {
	from *application
	all  []*bufio.Scanner
}

// stream opens count streams, each on a connection of its own.
func (f *front) stream(from *application, count int) *streams {
	f.t.Helper()
	s := &streams{from: from}
	for i := range count {
		go func() { from.event(strconv.Itoa(i)) <- "hello" }() // the answer begins with it
		answer, err := f.client([]string{"http/1.1", "h2"}[i%2]).Get("https://localhost:44300/events?" + strconv.Itoa(i))
		require.NoError(f.t, err)
		f.t.Cleanup(func() { _ = answer.Body.Close() })
		s.all = append(s.all, bufio.NewScanner(answer.Body))
		s.read(f.t, i, "hello")
	}
	return s
}

func (s *streams) read(t *testing.T, i int, want string) {
	t.Helper()
	require.True(t, s.all[i].Scan(), "stream %d was cut off: %v", i, s.all[i].Err())
	require.Equal(t, "data: "+want, s.all[i].Text())
	require.True(t, s.all[i].Scan())
}

// flow has every stream get one more line.
func (s *streams) flow(t *testing.T, text string) {
	t.Helper()
	for i := range s.all {
		s.from.event(strconv.Itoa(i)) <- text
		s.read(t, i, text)
	}
}

// end ends every stream as a whole answer.
func (s *streams) end(t *testing.T) {
	t.Helper()
	for i, lines := range s.all {
		close(s.from.event(strconv.Itoa(i)))
		require.False(t, lines.Scan(), "stream %d", i)
		require.NoError(t, lines.Err(), "stream %d was cut off", i)
	}
}

// TestServeRenew renews, repairs and makes new while connections stream.
func TestServeRenew(t *testing.T) {
	m, n := serveMachine(t)
	a := m.newApplication()
	f := m.serve(n, "--to", a.url())
	s := f.stream(a, 50)

	leaf := func() string { return m.status().Hierarchy.Leaf.Thumbprint }
	first := leaf()
	require.Equal(t, first, f.presented(44300))
	m.devcert(0, "renew", "--force")
	second := leaf()
	require.NotEqual(t, first, second)
	require.Equal(t, second, f.presented(44300), "the next handshake")
	require.Equal(t, second, f.presented(44399))
	s.flow(t, "after renew")

	require.NoError(t, os.Remove(m.generation("leaf.pem")))
	require.Equal(t, second, f.presented(44300), "what was good is kept")
	m.devcert(0, "repair")
	require.Equal(t, leaf(), f.presented(44300), "after repair")

	s.flow(t, "after repair")
	s.end(t)
	eventually(t, "the log lacks streams", func() bool { return len(f.requests("/events")) == 50 })
	for _, l := range f.requests("/events") {
		require.Empty(t, l.Error)
	}
}

// TestServeFollowsTheTable binds, unbinds, uninstalls and sets up, beside a front
// that is never started again.
func TestServeFollowsTheTable(t *testing.T) {
	m, n := serveMachine(t)
	a := m.newApplication()
	f := m.serveAloud(n, "--to", a.url())
	require.True(t, f.answers(44310))
	go func() { a.event("kept") <- "0" }()
	kept, err := f.client("h2").Get("https://localhost:44310/events?kept")
	require.NoError(t, err)

	m.devcert(0, "ports", "unbind", "44310")
	eventually(t, "44310 is still served", func() bool { return !f.answers(44310) })
	require.True(t, f.answers(44311))
	m.devcert(0, "ports", "bind", "44310", "8443")
	eventually(t, "44310 is not served again", func() bool { return f.answers(44310) })
	eventually(t, "8443 is not served", func() bool { return f.answers(8443) })

	close(a.event("kept"))
	text, err := io.ReadAll(kept.Body)
	require.NoError(t, err, "a connection of 44310 was cut off")
	require.Equal(t, "data: 0\n\n", string(text))

	m.devcert(0, "uninstall", "--yes")
	eventually(t, "44300 is served after uninstall", func() bool {
		return m.run("curl", "-sS", "https://localhost:44300/").code == 7 // before, it is distrusted
	})
	told := regexp.MustCompile("(?m)(what devcert set up is gone|^ports 8443,44300-44399 are served no longer)")
	eventually(t, "the end is not told: "+f.said.String(), func() bool { return told.MatchString(f.said.String()) })
	require.True(t, f.running(), f.said)
	m.devcert(0, "setup")
	eventually(t, "44300 is not served after setup", func() bool { return f.answers(44300) })
	require.Equal(t, m.status().Hierarchy.Leaf.Thumbprint, f.presented(44300))
	code, _ := f.stop(15)
	require.Zero(t, code, f.said)
}

// TestServeNeedsSetup starts a front where there is nothing to serve.
func TestServeNeedsSetup(t *testing.T) {
	m := newMachine(t)
	m.ownNetwork()
	pristine := m.snapshot()
	r := m.devcert(2, "serve")
	require.Contains(t, r.stderr, "devcert setup")
	require.Empty(t, pristine.changed(m.snapshot()), "serving changes nothing")
}

// TestServeIssued presents by name what was issued, and publishes the revocation
// list.
func TestServeIssued(t *testing.T) {
	m, n := serveMachine(t)
	f := m.serve(n, "--to", m.newApplication().url())
	ask := func() int { return m.run("curl", "-sS", "-o", "/dev/null", "https://app.test:44300/").code }
	require.Equal(t, 60, ask())
	m.keepIssued("app.test")
	eventually(t, "app.test is not presented", func() bool { return ask() == 0 })
	require.True(t, f.answers(44300))
	require.Equal(t, m.status().Hierarchy.Leaf.Thumbprint, f.presented(44300))

	lists := "http://localhost:44298/"
	list := lists + m.status().Hierarchy.ID + "/root.crl"
	require.Equal(t, m.read(m.generation("root.crl")), m.curl("-4", list))
	require.Equal(t, m.read(m.generation("root.crl")), m.curl("-6", list))
	for _, path := range []string{"", "root.crl", "other/root.crl", m.status().Hierarchy.ID + "/root.pem", m.status().Hierarchy.ID + "/../../config.json"} {
		require.Equal(t, "404", m.curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", lists+path), path)
	}
}

// keepIssued puts a certificate where issued ones are.
func (m *machine) keepIssued(name string) {
	m.t.Helper()
	pair := m.steal(name)
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(m.t, err)
	var certs []byte
	for _, der := range pair.Certificate {
		certs = append(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	require.NoError(m.t, os.MkdirAll(m.state("issued", name), 0o700))
	secret := m.state("issued", name, name+"-key.pem")
	require.NoError(m.t, os.WriteFile(secret, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	m.write(m.state("issued", name, name+".pem"), string(certs))
}
