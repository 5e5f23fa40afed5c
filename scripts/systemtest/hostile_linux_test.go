package systemtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// foreignCA is a CA that is nobody's of devcert's, in PEM.
func foreignCA(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{chain.Organization}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return string(chain.EncodeCertificates(cert))
}

// trustForeign has the machine trust a CA of somebody else's.
func (m *machine) trustForeign(name string) (path, pem string) {
	m.t.Helper()
	path, pem = filepath.Join("/usr/local/share/ca-certificates", name), foreignCA(m.t, "devcert root anna@vm DEADBEEF")
	m.write(path, pem)
	m.must("update-ca-certificates")
	return path, pem
}

// forge puts an entry into the ledger.
func (m *machine) forge(store, pem string) {
	m.t.Helper()
	var ledger map[string]any
	require.NoError(m.t, json.Unmarshal([]byte(m.read(m.state("ledger.json"))), &ledger))
	entry := map[string]any{"store": store, "root": pem, "since": time.Now().UTC().Format(time.RFC3339)}
	ledger["entries"] = append(ledger["entries"].([]any), entry)
	data, err := json.Marshal(ledger)
	require.NoError(m.t, err)
	m.write(m.state("ledger.json"), string(data))
}

// forgeries are what somebody who can write to anna's folder may leave there for
// her next command with root's rights.
var forgeries = []struct {
	name  string
	forge func(m *machine, foreign string)
}{
	{"a CA of others in the ledger", func(m *machine, foreign string) { m.forge("system", foreign) }},
	{"a file for a store in the ledger", func(m *machine, _ string) { m.forge("/etc/passwd", m.read(m.state("root.pem"))) }},
	{"a path for a store in the ledger", func(m *machine, foreign string) { m.forge("../../etc/shadow", foreign) }},
	{"a public suffix in the configuration", func(m *machine, _ string) {
		m.edit("config.json", `"permits": []`, `"permits": ["com"]`)
	}},
	{"every address in the configuration", func(m *machine, _ string) {
		m.edit("config.json", `"permits": []`, `"permits": ["0.0.0.0/0"]`)
	}},
	{"a CA of others for the root", func(m *machine, foreign string) {
		m.write(m.state("root.pem"), foreign)
		m.write(m.generation("root.pem"), foreign)
		m.write(m.state("ledger.json"), "{}")
	}},
	{"current leads out of the folder", func(m *machine, _ string) { m.write(m.state("current"), "../../../../etc/ssl\n") }},
	{"files are links to root's", func(m *machine, _ string) {
		for _, name := range []string{"localhost.pem", "localhost-key.pem", "config.json", "ledger.json", "lock"} {
			m.remove(m.state(name))
			require.NoError(m.t, os.Symlink("/etc/passwd", m.state(name)))
		}
	}},
	{"generations is a link to root's folder", func(m *machine, _ string) {
		require.NoError(m.t, os.RemoveAll(m.state("generations")))
		require.NoError(m.t, os.Symlink("/etc/ssl", m.state("generations")))
	}},
	{"temporary names are links to root's files", func(m *machine, _ string) {
		for _, name := range []string{".current.new", ".localhost.pem.new", ".ledger.json.new"} {
			require.NoError(m.t, os.Symlink("/etc/passwd", m.state(name)))
		}
		m.remove(m.state("localhost.pem"))
	}},
}

func TestForgeriesReachNothing(t *testing.T) {
	for _, row := range forgeries {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			m.sudoers(withoutAsking)
			path, foreign := m.trustForeign("devcert-deadbeef.crt")
			m.write("/usr/local/share/ca-certificates/company.crt", foreignCA(t, "Company CA"))
			m.must("update-ca-certificates")
			user := m.as(anna)
			user.devcert(0, "setup")
			before, others := m.snapshot("/etc", "/usr/local/share"), m.othersBundle()
			row.forge(user, foreignCA(t, "Forged CA"))
			m.must("chown", "--recursive", "--no-dereference", "anna:anna", anna.home())
			for _, args := range [][]string{{"setup"}, {"repair"}, {"renew", "--root", "--yes"}, {"uninstall", "--all", "--yes"}} {
				r := user.run("sudo", append([]string{m.bin}, args...)...)
				require.NotContains(t, r.stderr, "panic", "%s", r)
				m.requireOnlyDevcerts(before, others)
				require.Equal(t, foreign, m.read(path))
				user.requireOwned()
			}
		})
	}
}

// requireOnlyDevcerts requires that since before nothing but roots of devcert's
// profile came to the trust store or left it, and that no other file changed.
func (m *machine) requireOnlyDevcerts(before snapshot, others string) {
	m.t.Helper()
	changed := before.differing(m.snapshot("/etc", "/usr/local/share"))
	for _, path := range beyond(changed, []string{bundle, javaStore}) {
		require.Regexp(m.t, `^(/usr/local/share/ca-certificates/devcert-[0-9a-f]{8}\.crt|/etc/ssl/certs/(devcert-[0-9a-f]{8}\.pem|[0-9a-f]{8}\.0))$`, path)
		if data, err := os.ReadFile(path); err == nil {
			certs, err := chain.ParseCertificates(data)
			require.NoError(m.t, err, path)
			require.True(m.t, chain.IsOurs(certs[0]), path)
		}
	}
	require.Equal(m.t, others, m.othersBundle(), "certificates of others in the bundle")
}

// othersBundle is the bundle without the roots of devcert's profile.
func (m *machine) othersBundle() string {
	m.t.Helper()
	text := m.read(bundle)
	for _, cert := range m.bundled() {
		own := string(chain.EncodeCertificates(cert))
		require.Contains(m.t, text, own)
		text = strings.Replace(text, own, "", 1)
	}
	return text
}

func TestAForeignCAUnderOurNameStays(t *testing.T) {
	m := newMachine(t)
	path, foreign := m.trustForeign("devcert-deadbeef.crt")
	pristine := m.snapshot()
	m.devcert(0, "setup")
	m.devcert(0, "setup", "--permit", "example.org", "--yes")
	m.devcert(0, "uninstall", "--all", "--yes")
	require.Equal(t, foreign, m.read(path))
	m.requireAsBefore(pristine)
}

func TestAForeignCAInPlaceOfOurAnchorStays(t *testing.T) {
	m := healthyMachine(t)
	foreign := foreignCA(t, "Somebody's CA")
	path := m.anchor()
	m.write(path, foreign)
	require.Equal(t, []string{"trust-stale"}, m.status().kinds())
	r := m.devcert(6, "repair")
	require.Contains(t, r.stderr, path)
	require.Equal(t, foreign, m.read(path))
	m.devcert(0, "uninstall", "--yes")
	require.Equal(t, foreign, m.read(path))
	require.Empty(t, m.bundled())
}
