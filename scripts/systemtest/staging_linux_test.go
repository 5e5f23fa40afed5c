package systemtest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestANewRootIsStaged(t *testing.T) {
	m := healthyMachine(t)
	old := m.requireHealthy()
	port := serve(t, m.copies())
	asked := map[string]int{}
	ask := func() {
		for _, c := range poll() {
			require.True(t, m.trusts(c, ours, port), "%s refuses during the change, at question %d", c.name, asked[c.name])
			asked[c.name]++
		}
	}
	ask()
	setup := m.command(t.Context(), m.bin, "setup", "--permit", "example.org", "--yes")
	require.NoError(t, setup.Start())
	ended := make(chan error, 1)
	go func() { ended <- setup.Wait() }()
	for running := true; running; {
		ask()
		select {
		case err := <-ended:
			require.NoError(t, err)
			running = false
		default:
		}
	}
	ask()
	t.Logf("asked during the change: %v", asked)
	require.Greater(t, asked["curl"], 10)

	doc := m.requireHealthy()
	require.NotEqual(t, old.Hierarchy.Root.Fingerprint, doc.Hierarchy.Root.Fingerprint)
	m.requireOneRoot(doc)
	m.devcert(0, "setup", "--name", "app.example.org")
	m.requireOneRoot(doc)
	m.survey(port, ours, "app.example.org").require(t, ours, "app.example.org")
}

// poll are the clients that are asked again and again: one reads the bundle, one
// the folder of hash links.
func poll() []client {
	have, _ := clients()
	var out []client
	for _, c := range have {
		if c.name == "curl" || c.name == "openssl" {
			out = append(out, c)
		}
	}
	return out
}

func TestANewRootNeedsAYes(t *testing.T) {
	for _, row := range []struct {
		name string
		args []string
	}{
		{"permit", []string{"setup", "--permit", "example.org"}},
		{"renew --root", []string{"renew", "--root"}},
		{"uninstall", []string{"uninstall"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := healthyMachine(t)
			m.requireUnchanged(func() {
				r := m.devcert(5, row.args...)
				require.Contains(t, r.stderr, "--yes")
				require.Empty(t, r.stdout)
			})
			m.requireHealthy()
		})
	}
}

func TestAnExposedIntermediateStaysAFindingUntilThereIsANewRoot(t *testing.T) {
	m := healthyMachine(t)
	old := m.requireHealthy()
	m.chmod(m.generation("intermediate-key.pem"), 0o644)
	m.devcert(3, "repair")
	m.devcert(3, "repair")
	m.devcert(3, "renew", "--force")
	require.Equal(t, []string{"file-exposed"}, m.status().kinds())
	m.devcert(0, "renew", "--root", "--yes")
	doc := m.requireHealthy()
	require.NotEqual(t, old.Hierarchy.Root.Fingerprint, doc.Hierarchy.Root.Fingerprint)
	m.requireOneRoot(doc)
}

func TestARootThatOnlyExpiresIsReplacedOnDemand(t *testing.T) {
	m := healthyMachine(t)
	doc := m.requireHealthy()
	later := m.at(doc.Hierarchy.Root.NotAfter.Add(-30 * day))
	later.devcert(0, "repair")
	require.Equal(t, []string{"root-expiring?"}, later.status().kinds())
	later.devcert(0, "renew", "--root", "--yes")
	later.requireOneRoot(later.requireHealthy())
}

func TestVariablesThatHideTheRootAreAWarning(t *testing.T) {
	m := healthyMachine(t)
	elsewhere := m.home() + "/other.pem"
	m.write(elsewhere, "")
	others := m.noRoots()
	for _, row := range []struct {
		variable string
		kinds    []string
	}{
		{"SSL_CERT_FILE=" + elsewhere, []string{"env-override?"}},
		{"SSL_CERT_FILE=/nowhere", []string{"env-override?"}},
		{"REQUESTS_CA_BUNDLE=" + others, []string{"env-override?"}},
		{"SSL_CERT_FILE=" + others, nil},  // OpenSSL reads the system's folder beside it
		{"SSL_CERT_DIR=" + m.home(), nil}, // and here the system's file
		{"CURL_CA_BUNDLE=" + elsewhere, []string{"env-override?"}},
		{"SSL_CERT_FILE=" + bundle, nil},
		{"SSL_CERT_DIR=/etc/ssl/certs", nil},
	} {
		doc := m.with(row.variable).status()
		require.Equal(t, row.kinds, doc.kinds(), row.variable)
		require.Zero(t, doc.Exit, row.variable)
	}
}

func TestTheDocumentIsAllThatJSONPrints(t *testing.T) {
	m := newMachine(t)
	for _, row := range []struct {
		args []string
		code int
	}{
		{[]string{"status", "--json"}, 3},
		{[]string{"repair", "--json"}, 3},
		{[]string{"uninstall", "--json"}, 0},
		{[]string{"setup", "--json", "--permit", "com"}, 2},
		{[]string{"setup", "--json"}, 0},
		{[]string{"setup", "--json"}, 0},
		{[]string{"setup", "--json", "--permit", "example.org"}, 5},
		{[]string{"ports", "list", "--json"}, 0},
		{[]string{"version", "--json"}, 0},
		{[]string{"uninstall", "--json", "--yes"}, 0},
	} {
		var doc document
		r := m.devcert(row.code, row.args...)
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &doc), "%s", r)
		require.Equal(t, row.code, doc.Exit, "%s", r)
		require.Equal(t, row.code == 0 || row.code == 3, doc.Error == nil, "%s", r)
	}
}
