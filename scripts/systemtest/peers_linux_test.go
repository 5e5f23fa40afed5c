package systemtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFaultsOfPeers has, for each fault that was reproduced in mkcert 1.4.4, what
// devcert does instead. The numbers are of no importance but to find them; the third,
// first runs at once, has package crowd.
func TestFaultsOfPeers(t *testing.T) {
	for _, row := range []struct {
		fault string
		test  func(t *testing.T)
	}{
		{"1 an expired root is called installed", expiredRoot},
		{"2 a dying root issues leaves for longer than it lives", dyingRoot},
		{"4 a lost certificate with its key kept cannot be made again", lostCertificate},
		{"5 uninstall where nothing is makes a CA", uninstallOfNothing},
		{"6 a flag behind a name is taken for a name", flagsAndNames},
		{"7 a request for a CA is granted", requestForACA},
		{"8 a key file that is open to all stays so", openKeyFile},
		{"9 a misspelt store installs nothing and says nothing", misspeltStore},
		{"10 a store that fails is no failure", failingStore},
		{"11 tools are missed because PATH is short", shortPath},
		{"12 an anchor that is gone is not missed", missedAnchor},
	} {
		t.Run(row.fault, row.test)
	}
}

func expiredRoot(t *testing.T) {
	m := healthyMachine(t)
	old := m.requireHealthy()
	later := m.at(old.Hierarchy.Root.NotAfter.Add(day))
	later.devcert(0, "setup")
	doc := later.requireHealthy()
	require.NotEqual(t, old.Hierarchy.Root.Fingerprint, doc.Hierarchy.Root.Fingerprint)
	later.requireOneRoot(doc)
}

func dyingRoot(t *testing.T) {
	m := healthyMachine(t)
	end := m.requireHealthy().Hierarchy.Root.NotAfter
	later := m.at(end.Add(-30 * day))
	require.Contains(t, later.status().kinds(), "root-expiring?")
	require.Contains(t, later.devcert(0, "renew", "--force").stdout, "root-expiring")
	doc := later.status()
	require.Equal(t, end, doc.Hierarchy.Leaf.NotAfter)
	require.Equal(t, []string{"root-expiring?"}, doc.kinds())
}

func lostCertificate(t *testing.T) {
	m := healthyMachine(t)
	m.remove(m.state("localhost.pem"))
	m.remove(m.generation("leaf.pem"))
	require.Contains(t, m.status().kinds(), "leaf-missing")
	m.devcert(0, "setup")
	m.requireHealthy()
	m.pair()
}

func uninstallOfNothing(t *testing.T) {
	m := newMachine(t)
	m.requireUnchanged(func() { m.devcert(0, "uninstall", "--yes") })
}

func flagsAndNames(t *testing.T) {
	m := healthyMachine(t)
	long := strings.Repeat("a", 70) + ".test"
	m.requireUnchanged(func() {
		require.Contains(t, m.devcert(2, "setup", "localhost", "-ecdsa").stderr, "-ecdsa")
		require.Contains(t, m.devcert(2, "setup", "--name", "a..test").stderr, "a..test")
		require.Contains(t, m.devcert(2, "setup", "--name", long).stderr, long)
	})
}

// requestForACA is decided where requests are read: no command takes one yet.
func requestForACA(t *testing.T) {
	t.Skip("TestRequestCannotChooseItsProfile in devcert/chain: only key and names of a request are used")
}

func openKeyFile(t *testing.T) {
	m := healthyMachine(t)
	before := m.read(m.state("localhost-key.pem"))
	m.chmod(m.state("localhost-key.pem"), 0o644)
	require.Equal(t, []string{"file-exposed"}, m.status().kinds())
	m.devcert(0, "setup")
	m.requireHealthy()
	require.NotEqual(t, before, m.read(m.state("localhost-key.pem")), "others may have read the old one")
	require.Contains(t, m.snapshot(m.state("localhost-key.pem"))[m.state("localhost-key.pem")].what, "-rw------- ")
}

func misspeltStore(t *testing.T) {
	m := newMachine(t)
	m.requireUnchanged(func() { require.Contains(t, m.devcert(2, "setup", "--stores", "systm").stderr, "systm") })
}

// failingStore is a tool that fails with a message.
func failingStore(t *testing.T) {
	m := newMachine(t)
	require.NoError(t, hide(javas))
	before := m.snapshot("/etc", "/usr/local/share")
	m.replace("/usr/sbin/update-ca-certificates", "#!/bin/sh\necho 'E: the disk has died' >&2\nexit 3\n")
	r := m.devcert(6, "setup")
	require.Contains(t, r.stderr, "the disk has died")
	require.Contains(t, r.stderr, "exit status 3")
	require.Equal(t, []string{"trust-missing"}, m.status().kinds())
	require.Empty(t, before.differing(m.snapshot("/etc", "/usr/local/share")), "an anchor that somebody's next update would trust")
}

// replace puts a script in a tool's place.
func (m *machine) replace(tool, script string) {
	m.t.Helper()
	path := m.t.TempDir() + "/tool"
	m.write(path, script)
	m.chmod(path, 0o755)
	m.must("mount", "--bind", path, tool)
}

func shortPath(t *testing.T) {
	m := newMachine(t).with("PATH=")
	m.devcert(0, "setup")
	m.requireHealthy()
}

func missedAnchor(t *testing.T) {
	m := healthyMachine(t)
	m.remove(m.anchor())
	require.Equal(t, []string{"trust-stale"}, m.status().kinds())
	m.devcert(0, "setup")
	m.anchor()
	m.requireHealthy()
}
