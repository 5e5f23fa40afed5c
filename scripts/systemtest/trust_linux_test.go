package systemtest

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/cli/schema/schematest"
)

// The names that the clients are asked about. All of them lead to the server:
// /etc/hosts of the machines says so.
const (
	ours      = "localhost"   // what devcert issued
	permitted = "app.test"    // within the constraints, issued by a thief
	forbidden = "example.com" // outside of them, issued by the same thief
)

func TestClientsTrustWhatSetupMade(t *testing.T) {
	m := newMachine(t)
	pristine := m.snapshot()
	m.devcert(0, "setup", "--stores", "none") // certificates to present, and no trust
	thief := map[string]*tls.Certificate{permitted: m.steal(permitted), forbidden: m.steal(forbidden)}
	port := serve(t, byName(m.copies(), thief))
	m.survey(port, ours, permitted, forbidden).require(t)

	m.devcert(0, "setup", "--stores", "all")
	m.requireHealthy()
	// The thief's certificate for a permitted name shows that the other one is
	// refused for its name and for nothing else.
	m.survey(port, ours, permitted, forbidden).require(t, ours, permitted)

	port = serve(t, byName(present(m.pair()), thief)) // uninstall takes the files
	m.devcert(0, "uninstall", "--yes")
	m.survey(port, ours, permitted, forbidden).require(t)
	m.requireGone(pristine)
}

// pair is the leaf and its key as they are now.
func (m *machine) pair() *tls.Certificate {
	m.t.Helper()
	pair, err := tls.X509KeyPair([]byte(m.read(m.state("localhost.pem"))), []byte(m.read(m.state("localhost-key.pem"))))
	require.NoError(m.t, err)
	return &pair
}

func present(pair *tls.Certificate) presenter {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }
}

// requireGone requires that the machine is to every reader what it was before,
// and that nothing of devcert's is where only a client would find it.
func (m *machine) requireGone(pristine snapshot) {
	m.t.Helper()
	m.requireAsBefore(pristine)
	if _, err := exec.LookPath("keytool"); err == nil {
		aliases := m.javaAliases()
		require.Greater(m.t, len(aliases), 100)
		require.NotContains(m.t, strings.Join(aliases, " "), "devcert")
	}
}

func (m *machine) requireAsBefore(pristine snapshot) {
	m.t.Helper()
	allowed := []string{javaStore} // has the dates of its entries in it
	require.Empty(m.t, beyond(pristine.differing(m.snapshot()), allowed), "not as before setup")
	require.NoDirExists(m.t, m.state())
	require.Empty(m.t, m.danglingLinks())
}

// javaAliases lists what Java calls the roots it trusts.
func (m *machine) javaAliases() []string {
	m.t.Helper()
	var aliases []string
	for line := range strings.Lines(m.must("keytool", "-list", "-keystore", javaStore, "-storepass", "changeit")) {
		if alias, _, ok := strings.Cut(line, ", "); ok && strings.Contains(line, "trustedCertEntry") {
			aliases = append(aliases, alias)
		}
	}
	return aliases
}

// javaStore is what Debian's hook makes of the same anchors.
const javaStore = "/etc/ssl/certs/java/cacerts"

func (m *machine) danglingLinks() []string {
	m.t.Helper()
	links, err := filepath.Glob("/etc/ssl/certs/*")
	require.NoError(m.t, err)
	var dangling []string
	for _, link := range links {
		if _, err := os.Stat(link); err != nil {
			dangling = append(dangling, link)
		}
	}
	return dangling
}

func TestJavaTrustsWhatSetupMade(t *testing.T) {
	m := healthyMachine(t)
	if _, err := exec.LookPath("keytool"); err != nil {
		t.Skip("no Java on this machine")
	}
	require.Contains(t, m.javaAliases(), "debian:devcert-"+m.requireHealthy().Hierarchy.ID+".pem")
}

func TestSetupAgainChangesNothing(t *testing.T) {
	m := healthyMachine(t)
	m.requireUnchanged(func() {
		r := m.devcert(0, "setup")
		require.Contains(t, r.stdout, "Nothing to do")
		require.Empty(t, r.stderr)
		m.devcert(0, "repair")
		m.devcert(0, "renew")
		m.devcert(0, "setup", "--name", "localhost", "--ports", "44300-44399", "--key", "rsa", "--permit", "app.test")
	})
}

func TestTwentySetupsAtOnceMakeOneHierarchy(t *testing.T) {
	m := newMachine(t)
	commands := make([]*exec.Cmd, 20)
	outputs := make([]strings.Builder, len(commands))
	for i := range commands {
		commands[i] = m.command(t.Context(), m.bin, "setup", "--json")
		commands[i].Stdout, commands[i].Stderr = &outputs[i], os.Stderr
		require.NoError(t, commands[i].Start())
	}
	made := map[string]bool{}
	for i, cmd := range commands {
		require.NoError(t, cmd.Wait(), outputs[i].String())
		var doc document
		require.NoError(t, schematest.Judge([]byte(outputs[i].String()), 0))
		require.NoError(t, json.Unmarshal([]byte(outputs[i].String()), &doc))
		made[doc.Hierarchy.Root.Fingerprint] = true
	}
	require.Len(t, made, 1, "hierarchies that some run called the present one")
	require.True(t, made[m.requireHealthy().Hierarchy.Root.Fingerprint])
	require.Len(t, m.anchors(), 1)
	require.Len(t, m.generations(), 1)
}

// anchors lists the files of the anchors folder that have devcert's kind of name.
func (m *machine) anchors() []string {
	m.t.Helper()
	paths, err := filepath.Glob("/usr/local/share/ca-certificates/devcert-*")
	require.NoError(m.t, err)
	return paths
}

func (m *machine) generations() []string {
	m.t.Helper()
	paths, err := filepath.Glob(m.state("generations", "*"))
	require.NoError(m.t, err)
	return paths
}

func TestProbeSaysWhoAnswers(t *testing.T) {
	m := healthyMachine(t)
	mine, other, silent := serve(t, m.copies()), serve(t, present(m.steal(permitted))), freePort(t)
	m.devcert(0, "ports", "unbind", "--all")
	m.devcert(0, "ports", "bind", mine, other, silent)
	states := map[string]string{}
	doc := m.look(m.devcert(3, "status", "--probe", "--json"))
	for _, b := range doc.Bindings {
		states[strconv.Itoa(b.Port)] = b.State
	}
	require.Equal(t, map[string]string{mine: "live", other: "foreign", silent: "bound"}, states)
	require.Equal(t, []string{"listener-differs"}, doc.kinds())
	m.devcert(0, "ports", "unbind", other)
	m.devcert(0, "status", "--probe")
}

// freePort is a port where nobody listens.
func freePort(t *testing.T) string { t.Helper(); return freePorts(t, 1)[0] }

// freePorts are n of them. All are held before one is let go: of ports that are asked
// for one after the other, two can be the same.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		require.NoError(t, err)
		ports = append(ports, port)
	}
	return ports
}
