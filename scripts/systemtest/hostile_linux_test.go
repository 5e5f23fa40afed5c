package systemtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// foreignCA is a CA that is nobody's of devcert's, in PEM.
func foreignCA(name string) string {
	key, keyErr := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{chain.Organization}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err := errors.Join(keyErr, err); err != nil {
		panic(err) // nothing a test could do about it
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
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
	forge func(m *machine, trusted string) // a CA of others that the machine trusts
}{
	{"a CA of others in the ledger", func(m *machine, trusted string) { m.forge("system", trusted) }},
	{"a file for a store in the ledger", func(m *machine, _ string) { m.forge("/etc/passwd", m.read(m.state("root.pem"))) }},
	{"a path for a store in the ledger", func(m *machine, trusted string) { m.forge("../../etc/shadow", trusted) }},
	{"a public suffix in the configuration", func(m *machine, _ string) {
		m.edit("config.json", `"permits": []`, `"permits": ["com"]`)
	}},
	{"every address in the configuration", func(m *machine, _ string) {
		m.edit("config.json", `"permits": []`, `"permits": ["0.0.0.0/0"]`)
	}},
	{"a CA of the forger's for the root", func(m *machine, _ string) {
		forged := foreignCA("Forged CA")
		m.write(m.state("root.pem"), forged)
		m.write(m.generation("root.pem"), forged)
		m.write(m.state("ledger.json"), "{}")
	}},
	{"current leads out of the folder", func(m *machine, _ string) { m.write(m.state("current"), "../../../../etc/ssl\n") }},
	{"files are links to root's", func(m *machine, _ string) {
		for _, name := range []string{"localhost.pem", "localhost-key.pem", "config.json", "ledger.json", "bindings.json"} {
			m.remove(m.state(name))
			require.NoError(m.t, os.Symlink("/etc/passwd", m.state(name)))
		}
	}},
	{"the lock is a link to root's file", func(m *machine, _ string) {
		m.remove(m.state("lock"))
		require.NoError(m.t, os.Symlink("/etc/passwd", m.state("lock")))
		m.remove(m.state("localhost.pem"))
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

// forgeryImage is a machine on which anna may use sudo, has set devcert up, and
// two CAs of others are trusted, one of them under a name of devcert's kind.
var forgeryImage = sync.OnceValues(func() (image, error) {
	base, err := newImage()
	if err != nil {
		return base, err
	}
	return freeze(base, func() error {
		if err := errors.Join(
			os.WriteFile("/etc/sudoers.d/systemtest", []byte(withoutAsking), 0o440),
			os.WriteFile(likeOurs, []byte(foreignCA("devcert root anna@vm DEADBEEF")), 0o644),
			os.WriteFile(company, []byte(foreignCA("Company CA")), 0o644),
		); err != nil {
			return err
		}
		if _, err := output("update-ca-certificates"); err != nil {
			return err
		}
		cmd := exec.Command("setpriv", "--reuid=anna", "--regid=anna", "--clear-groups", suite.devcert, "setup")
		cmd.Env = environment(anna)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("devcert setup: %w\n%s", err, out)
		}
		return nil
	})
})

// Anchors of others: one that only looks like devcert's, and one that does not.
const (
	likeOurs = "/usr/local/share/ca-certificates/devcert-deadbeef.crt"
	company  = "/usr/local/share/ca-certificates/company.crt"
)

func TestForgeriesReachNothing(t *testing.T) {
	for _, row := range forgeries {
		t.Run(row.name, func(t *testing.T) {
			underForgery(t, row.forge, []string{"setup"}, []string{"repair"}, []string{"renew", "--root", "--yes"})
		})
		t.Run(row.name+", uninstall", func(t *testing.T) { // before another command cleans up
			underForgery(t, row.forge, []string{"uninstall", "--all", "--yes"})
		})
	}
}

func underForgery(t *testing.T, forge func(*machine, string), commands ...[]string) {
	m := startMachine(t, forgeryImage, nil)
	user := m.as(anna)
	user.requireHealthy()
	before, others := m.snapshot("/etc", "/usr/local/share"), m.othersBundle()
	forge(user, m.read(company))
	m.must("chown", "--recursive", "--no-dereference", "anna:anna", anna.home())
	for _, args := range commands {
		r := user.run("sudo", append([]string{m.bin}, args...)...)
		require.NotContains(t, r.stderr, "panic", "%s", r)
		m.requireOnlyDevcerts(before, others)
		user.requireOwned()
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
			require.True(m.t, chain.PartOf(certs[0]) == chain.PartRoot, path)
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
	foreign := foreignCA("devcert root root@vm DEADBEEF")
	m.write(likeOurs, foreign)
	m.must("update-ca-certificates")
	pristine := m.snapshot()
	m.devcert(0, "setup")
	m.devcert(0, "setup", "--permit", "example.org", "--yes")
	m.devcert(0, "uninstall", "--all", "--yes")
	require.Equal(t, foreign, m.read(likeOurs))
	m.requireAsBefore(pristine)
}

func TestAForeignCAInPlaceOfOurAnchorStays(t *testing.T) {
	m := healthyMachine(t)
	foreign := foreignCA("Somebody's CA")
	path := m.anchor()
	m.write(path, foreign)
	doc := m.status()
	require.Equal(t, []string{"trust-stale"}, doc.kinds())
	require.Contains(t, doc.Findings[0].Message, path+", which holds something else than this root")
	for _, args := range [][]string{{"repair"}, {"uninstall", "--yes"}} {
		r := m.devcert(6, args...)
		require.Contains(t, r.stderr, path+" holds something else than this root: not devcert's to change\n  see whose "+path+" is")
		require.Equal(t, foreign, m.read(path))
	}
	require.Empty(t, m.bundled())
	m.devcert(0, "uninstall", "--yes") // nothing of the root is left
	require.Equal(t, foreign, m.read(path))
	require.NoDirExists(t, m.state())
}
