package devcert

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// windowsMachine has the three stores of Windows besides none called system.
func windowsMachine(t *testing.T) *machine {
	m := newMachine(t)
	delete(m.stores, SystemStore)
	m.host.Stores = nil
	for _, s := range []*memStore{
		{name: "windows-root", part: chain.PartRoot},
		{name: "windows-ca", part: chain.PartIntermediate},
		{name: "windows-my", part: chain.PartLeaf},
	} {
		m.stores[s.name] = s
		m.host.Stores = append(m.host.Stores, s)
	}
	return m
}

func (m *machine) requireParts(root, intermediate, leaf *x509.Certificate) {
	m.t.Helper()
	require.Equal(m.t, []*x509.Certificate{root}, m.stores["windows-root"].certs)
	require.Equal(m.t, []*x509.Certificate{intermediate}, m.stores["windows-ca"].certs)
	require.Equal(m.t, []*x509.Certificate{leaf}, m.stores["windows-my"].certs)
	require.Equal(m.t, chain.Thumbprint(leaf), m.binder.table[44300])
	require.Len(m.t, m.ledger().Entries, 3)
}

// Every part goes into its store and comes out of it when another takes its place.
func TestPartsOfAHierarchy(t *testing.T) {
	m := windowsMachine(t)
	h := m.mustSetup(quick()).Seen.Folder.Hierarchy
	m.requireParts(h.Root, h.Intermediate.Cert, h.Leaf.Cert)

	t.Run("a new leaf", func(t *testing.T) {
		r, err := m.engine().Renew(context.Background(), true, false)
		require.NoError(t, err)
		require.Empty(t, r.Findings)
		now := r.Seen.Folder.Hierarchy
		require.False(t, now.Leaf.Cert.Equal(h.Leaf.Cert))
		m.requireParts(h.Root, h.Intermediate.Cert, now.Leaf.Cert)
	})
	t.Run("a new root", func(t *testing.T) {
		now := m.mustSetup(otherRoot).Seen.Folder.Hierarchy
		require.False(t, now.Root.Equal(h.Root))
		m.requireParts(now.Root, now.Intermediate.Cert, now.Leaf.Cert)
	})
	t.Run("uninstall", func(t *testing.T) {
		_, err := m.engine().Uninstall(context.Background(), false)
		require.NoError(t, err)
		for _, s := range m.stores {
			require.Empty(t, s.certs, s.name)
		}
		require.NoDirExists(t, m.host.StateDir)
	})
}

func TestRepairingParts(t *testing.T) {
	for _, row := range []struct {
		name  string
		wreck func(m *machine)
		kinds []string
		calls []string
	}{
		{"the intermediate is gone", func(m *machine) { m.stores["windows-ca"].certs = nil },
			[]string{IntermediateMissing}, []string{"windows-ca"}},
		{"the intermediate's lists are gone", func(m *machine) { m.stores["windows-ca"].unlisted = true },
			[]string{CRLExpired}, []string{"windows-ca"}},
		{"the leaf is gone", func(m *machine) { m.stores["windows-my"].certs = nil }, []string{LeafMissing}, []string{"windows-my"}},
		{"the leaf's key does not open", func(m *machine) { m.stores["windows-my"].denied = true },
			[]string{KeyMissing}, []string{"windows-my"}},
		{"the root is gone", func(m *machine) { m.stores["windows-root"].certs = nil }, []string{TrustMissing}, []string{"windows-root"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := windowsMachine(t)
			m.mustSetup(quick())
			row.wreck(m)
			for _, s := range m.stores {
				s.calls = nil
			}
			require.Equal(t, row.kinds, kindsOf(m.status().Findings))
			require.Empty(t, m.mustRepair().Findings)
			var called []string
			for _, s := range m.host.Stores {
				if len(m.stores[s.Name()].calls) > 0 {
					called = append(called, s.Name())
				}
			}
			require.Equal(t, row.calls, called, "nothing else was touched")
		})
	}
}

// A store gets the root's own list, but not where the root can revoke more, and one
// that the intermediate signs for as long as it lasts itself.
func TestListsForAStore(t *testing.T) {
	m := windowsMachine(t)
	h := m.mustSetup(quick()).Seen.Folder.Hierarchy
	lists := func() (root []byte, servers *x509.RevocationList) {
		t.Helper()
		got := m.stores["windows-ca"].got
		if got.ServersCRL == nil {
			return got.RootCRL, nil
		}
		servers, err := chain.CheckCRL(got.ServersCRL, h.Intermediate.Cert)
		require.NoError(t, err)
		require.Equal(t, h.Intermediate.Cert.NotAfter, servers.NextUpdate)
		return got.RootCRL, servers
	}
	root, servers := lists()
	require.Equal(t, h.RootCRL, root)
	require.Empty(t, servers.RevokedCertificateEntries)

	_, err := m.engine().Issue(t.Context(), IssueOrder{Names: []string{"shop.test"}, Flaw: chain.FlawRevoked, Key: chain.ECDSA})
	require.NoError(t, err)
	require.Len(t, m.status().Seen.material().Revoked, 1, "a look knows what the list is to name")
	repair := func() {
		m.stores["windows-ca"].unlisted = true
		m.mustRepair()
	}
	repair()
	_, servers = lists()
	require.Len(t, servers.RevokedCertificateEntries, 1)

	was := m.read(disk.RevokedFile)
	m.write(disk.RevokedFile, "{")
	repair()
	_, servers = lists()
	require.Nil(t, servers, "what was revoked is not made good")
	m.write(disk.RevokedFile, string(was))

	seen := m.status().Seen
	seen.Folder.Revoked = append(seen.Folder.Revoked, disk.Revocation{Issuer: hex.EncodeToString(h.Root.SubjectKeyId), Revoked: chain.Revoked{Serial: big.NewInt(1), At: m.now}})
	require.Nil(t, seen.material().RootCRL, "a key that was kept until then has revoked more")

	kept := true
	h = m.mustSetup(Request{KeepRootKey: &kept}).Seen.Folder.Hierarchy
	root, servers = lists()
	require.Nil(t, root)
	require.Empty(t, servers.RevokedCertificateEntries, "another intermediate's")
}

func TestFindingsAboutParts(t *testing.T) {
	other := &x509.Certificate{Raw: []byte("other"), Issuer: must(t, stranger).Root.Subject}
	for _, row := range []struct {
		name   string
		change func(s *scene)
		want   []string
	}{
		{"the intermediate in a Root store", func(s *scene) {
			s.place(0).Strays = []Stray{{Cert: s.hierarchy().Intermediate.Cert, Harm: HarmNotSelfSigned, Why: "it is not self-signed"}}
		}, []string{"error intermediate-in-root /windows-root"}},
		{"the leaf in a Root store", func(s *scene) {
			s.place(0).Strays = []Stray{{Cert: s.hierarchy().Leaf.Cert, Harm: HarmNotSelfSigned, Why: "it is not self-signed"}}
		}, []string{"warning leaf-in-root /windows-root"}},
		{"somebody's certificate in a Root store", func(s *scene) {
			s.place(0).Strays = []Stray{{Cert: other, Harm: HarmNotSelfSigned, Why: "it is not self-signed"}}
		}, []string{"warning intermediate-in-root /windows-root (by hand)"}},
		{"a rival", func(s *scene) {
			s.place(1).Part, s.place(1).Strays = chain.PartLeaf, []Stray{{Cert: other, Harm: HarmRival, Why: "Kestrel prefers it"}}
		}, []string{"warning rival-certificate /firefox (by hand)"}},
		{"a former leaf that the ledger knows", func(s *scene) {
			leaf := must(s.t, former).Leaf.Cert
			s.place(1).Part, s.place(1).Others = chain.PartLeaf, []*x509.Certificate{leaf}
			s.seen.Folder.Ledger.Record("firefox", leaf, noon)
		}, []string{"warning rival-certificate /firefox"}},
		{"an intermediate of another user", func(s *scene) {
			s.place(1).Part, s.place(1).Others = chain.PartIntermediate, []*x509.Certificate{must(s.t, stranger).Intermediate.Cert}
		}, nil},
		{"a place of the machine's, for a user alone", func(s *scene) {
			s.config.Scope, s.place(0).Machine, s.place(0).State = ScopeUser, true, Missing
		}, nil},
		{"a place of the user's, for a user alone", func(s *scene) {
			s.config.Scope, s.place(0).State = ScopeUser, Missing
		}, []string{"error trust-missing /windows-root"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.seen.Stores[0].Store, s.place(0).Path = "windows-root", "/windows-root"
			row.change(s)
			require.Equal(t, append([]string{}, row.want...), describe(s.findings()))
		})
	}
}

// Leaves have one name: which is meant says the thumbprint, as Windows shows it.
func TestNamesOfCertificates(t *testing.T) {
	h := must(t, sample)
	leaf := h.Leaf.Cert
	require.Equal(t, leaf.Subject.CommonName+", SHA-1 "+chain.Thumbprint(leaf), nameOf(leaf))
	require.Equal(t, h.Root.Subject.CommonName, nameOf(h.Root))
	require.Equal(t, h.Intermediate.Cert.Subject.CommonName, nameOf(h.Intermediate.Cert))
}
