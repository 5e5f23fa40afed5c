package systemtest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is devcert's own front as a site that lets nobody in without a client's
// certificate of this machine's.
type gate struct {
	*front
	folder string
	pages  int
}

func (m *machine) gate(n *network) *gate {
	m.t.Helper()
	folder := filepath.Join(m.home(), "site")
	m.must("mkdir", folder)
	return &gate{front: m.serve(n, "--client-cert", "require", "--static", folder, "--port", "44300"), folder: folder}
}

// answer is what came of a browser's visit: a status of HTTP's, and the SHA-1
// thumbprint of the certificate that the browser has shown; "" for none.
type answer struct {
	status int
	shown  string
}

var shutOut = answer{status: 403}

// visit sends a browser to a page that nobody has asked for yet.
func (g *gate) visit(b browser) answer {
	g.t.Helper()
	g.pages++
	name := "page-" + strconv.Itoa(g.pages) + ".html"
	g.write(filepath.Join(g.folder, name), "come in")
	url := "https://localhost:44300/" + name
	var dom string
	if b.stays {
		quit := g.show(b, url)
		defer quit()
	} else {
		dom = g.must(b.args[0], append(b.args[1:], url)...)
	}
	var seen []logged
	for end := time.Now().Add(browserLimit); len(seen) == 0; time.Sleep(20 * time.Millisecond) {
		require.True(g.t, time.Now().Before(end), "%s has not come\n%s", b.name, g.said)
		seen = g.requests("/" + name)
	}
	a := answer{seen[0].Status, seen[0].ClientCert}
	if !b.stays {
		require.Equal(g.t, a.status == 200, strings.Contains(dom, "come in"), "%s", dom)
		require.Equal(g.t, a == shutOut, strings.Contains(dom, "403.7"), "%s", dom)
	}
	return a
}

// requireAll sends all the browsers there.
func (g *gate) requireAll(want answer, when string) {
	g.t.Helper()
	for _, b := range g.own() {
		require.Equal(g.t, want, g.visit(b), "%s, %s", b.name, when)
	}
}

// offering is the SHA-1 thumbprint of a certificate that was issued. It is offered
// by the clients named, and by no others.
func (m *machine) offering(name string, by ...string) string {
	m.t.Helper()
	var doc struct {
		Issued []struct {
			Name, Thumbprint string
			OfferedBy        []struct{ Client string }
		}
	}
	require.NoError(m.t, json.Unmarshal([]byte(m.devcert(0, "list", "--json").stdout), &doc))
	for _, c := range doc.Issued {
		if c.Name != name {
			continue
		}
		var clients []string
		for _, o := range c.OfferedBy {
			clients = append(clients, o.Client)
		}
		require.Equal(m.t, by, clients, name)
		return c.Thumbprint
	}
	require.Fail(m.t, name+" is not listed")
	return ""
}

// TestTheCommandLetsBrowsersIn is a person's own path: setup, issue, and a browser
// gets in at a site that requires a certificate. Nothing is imported by hand. It
// does not before, and no more after the certificate was taken back.
func TestTheCommandLetsBrowsersIn(t *testing.T) {
	m := browserMachine(t, true).with("DEVCERT_PASSWORD=open-sesame")
	m.devcert(0, "setup", "--client-certs")
	m.autoSelect()
	g := m.gate(m.ownNetwork())
	g.requireAll(shutOut, "nothing was issued")
	m.devcert(0, "issue", "alice", "--client")
	g.requireAll(shutOut, "it was not installed")

	m.devcert(0, "issue", "alice", "--client", "--install", "--force")
	alice := m.offering("alice", "chromium", "firefox")
	g.requireAll(answer{200, alice}, "it is installed")
	m.devcert(0, "revoke", "alice")
	require.Equal(t, alice, m.offering("alice"))
	g.requireAll(shutOut, "it was revoked")

	m.devcert(0, "issue", "bob", "--client", "--install")
	g.requireAll(answer{200, m.offering("bob", "chromium", "firefox")}, "another one is installed")
	r := m.devcert(0, "renew", "--root", "--yes")
	require.Contains(t, r.stderr, "accepted no longer: bob\n")
	require.Contains(t, r.stderr, "  devcert issue bob --client --install\n")
	m.offering("bob")
	g.requireAll(shutOut, "its root is gone, and it with that")
	m.devcert(0, "issue", "bob", "--client", "--install")
	g.requireAll(answer{200, m.offering("bob", "chromium", "firefox")}, "it was issued again")
	m.requireHealthy()
}

// TestBrowsersAndOtherServers is what TestTheCommandLetsBrowsersIn is, at a server
// of somebody else's, which the browsers trust without devcert: it names the root
// from which clients are to come. A certificate of the user's own, by no one that it
// knows, is beside that of devcert's all the time, and is there when devcert is gone.
func TestBrowsersAndOtherServers(t *testing.T) {
	m := browserMachine(t, true).with("DEVCERT_PASSWORD=open-sesame")
	m.autoSelect()
	company, file := m.clientCA("company")
	m.importCA("company", file)
	pair := company.issue(t, "localhost")
	present := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }
	own := issueClient(t, newClientHierarchy(t, "somebody@else"), "own")
	places := m.personal("offer", own)

	m.devcert(0, "setup", "--client-certs")
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(m.read(m.state("root.pem")))))
	all := func(want ...string) {
		t.Helper()
		for _, b := range m.own() {
			who := m.admits(b, newClientSite(t, present, roots))
			require.Equal(t, len(want), min(len(who), 1), "%s: %v", b.name, who)
			require.Subset(t, who, want, b.name)
		}
	}
	all()
	m.devcert(0, "issue", "alice", "--client", "--install")
	all("alice")
	m.devcert(0, "setup", "--client-certs=false")
	all()
	m.devcert(0, "setup", "--client-certs", "--yes")
	roots.AppendCertsFromPEM([]byte(m.read(m.state("root.pem"))))
	m.devcert(0, "issue", "alice", "--client", "--install")
	all("alice")
	m.devcert(0, "uninstall", "--yes")
	all()
	require.Equal(t, places, m.personal("offers", own))
}

// importCA has the browsers trust an authority, as a person does by hand.
func (m *machine) importCA(name, file string) {
	m.t.Helper()
	database := filepath.Join(m.home(), ".local/share/pki/nssdb")
	require.True(m.t, exists(database))
	for _, dir := range []string{database, m.profile("home"), m.profile("work")} {
		m.must(certutilProgram, "-d", "sql:"+dir, "-A", "-t", "C,,", "-n", name, "-i", file)
	}
}
