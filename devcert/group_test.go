package devcert

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// grouped is a machine that can have groups, with a store for clients' authorities,
// and one group.
func grouped(t *testing.T) (m *machine, ops *x509.Certificate) {
	t.Helper()
	m = newMachine(t, "dotnet")
	m.stores["dotnet"].part = chain.PartClientIntermediate
	yes := true
	m.mustSetup(Request{Key: "ecdsa", Ports: "none", ClientCerts: &yes, KeepRootKey: &yes})
	_, err := m.engine().CreateGroup(context.Background(), "ops")
	require.NoError(t, err)
	groups, err := m.engine().Groups()
	require.NoError(t, err)
	require.Len(t, groups, 1)
	return m, groups[0].Cert
}

func (m *machine) changeGroup(change func(*Engine, context.Context, string) (*Report, error), name string) *Report {
	m.t.Helper()
	r, err := change(m.engine(), context.Background(), name)
	require.NoError(m.t, err)
	require.Empty(m.t, m.status().Findings)
	return r
}

// A group is where servers look, but while it is disabled.
func TestGroupsInStores(t *testing.T) {
	m, ops := grouped(t)
	store, own := m.stores["dotnet"], m.status().Seen.Folder.Hierarchy.ClientIntermediate.Cert
	require.Equal(t, []*x509.Certificate{own, ops}, store.certs)
	require.True(t, m.ledger().Has("dotnet", ops))
	require.Empty(t, m.status().Findings)

	store.certs = store.certs[:1]
	found := m.status().Findings
	require.Len(t, found, 1)
	require.Equal(t, IntermediateMissing, found[0].Kind)
	require.Contains(t, found[0].Message, "without devcert group ops ")
	m.mustRepair()
	require.Equal(t, []*x509.Certificate{own, ops}, store.certs)

	m.changeGroup((*Engine).DisableGroup, "ops")
	require.Equal(t, []*x509.Certificate{own}, store.certs)
	require.False(t, m.ledger().Has("dotnet", ops))
	require.Empty(t, m.changeGroup((*Engine).DisableGroup, "ops").Steps, "it is so already")
	m.changeGroup((*Engine).EnableGroup, "ops")
	require.Equal(t, []*x509.Certificate{own, ops}, store.certs)
	require.Empty(t, m.changeGroup((*Engine).EnableGroup, "ops").Steps)

	_, err := m.engine().Renew(context.Background(), true, false)
	require.NoError(t, err)
	require.Equal(t, []*x509.Certificate{own, ops}, store.certs)
	_, err = m.uninstall(false)
	require.NoError(t, err)
	require.Empty(t, store.certs)
	require.NoDirExists(t, m.host.StateDir)
}

// A new root has no groups, and nothing is left of those of the former one; nor
// where there is to be no authority for clients any more.
func TestGroupsGoWithWhatTheyAreBelow(t *testing.T) {
	no := false
	for name, ends := range map[string]func(m *machine) error{
		"a new root": func(m *machine) error {
			_, err := m.engine().Renew(context.Background(), false, true)
			return err
		},
		"no clients": func(m *machine) error {
			_, err := m.engine().Setup(context.Background(), Request{ClientCerts: &no})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, ops := grouped(t)
			require.NoError(t, ends(m))
			require.NotContains(t, m.stores["dotnet"].certs, ops)
			require.NoDirExists(t, m.path(disk.GroupsDir))
			require.Empty(t, m.status().Findings)
		})
	}
}

// What stands in the way of one store leaves the group made, and is said.
func TestGroupWhereAStoreFails(t *testing.T) {
	m, _ := grouped(t)
	m.stores["dotnet"].fails = errors.New("disk full")
	r, err := m.engine().CreateGroup(context.Background(), "partners")
	require.NoError(t, err, "the store was only found")
	require.ErrorContains(t, r.Steps[len(r.Steps)-1].Err, "disk full")
	require.Equal(t, IntermediateMissing, r.Findings[0].Kind)
	require.Len(t, r.Seen.Folder.Hierarchy.Groups, 2)
	m.stores["dotnet"].fails = nil
	m.mustRepair()
	require.Len(t, m.stores["dotnet"].certs, 3)
	require.Empty(t, m.status().Findings)
}

func TestGroupIsRefused(t *testing.T) {
	m := newMachine(t)
	m.mustSetup(Request{Key: "ecdsa", Ports: "none"})
	for name, change := range map[string]func() error{
		"the root's key is gone": func() error {
			_, err := m.engine().CreateGroup(context.Background(), "ops")
			return err
		},
		"no such group": func() error {
			_, err := m.engine().DisableGroup(context.Background(), "ops")
			return err
		},
		"no name for one": func() error {
			_, err := m.engine().EnableGroup(context.Background(), "../x")
			return err
		},
	} {
		before := m.picture()
		var wrong *UsageError
		require.ErrorAs(t, change(), &wrong, name)
		require.NotEmpty(t, wrong.Hint, name)
		require.Equal(t, before, m.picture(), name)
	}
}

// The list that a group's end is on is judged by before anything changes.
func TestGroupBesideADamagedList(t *testing.T) {
	m, _ := grouped(t)
	require.NoError(t, os.WriteFile(m.path(disk.RevokedFile), []byte("{"), 0o600))
	_, err := m.engine().DisableGroup(context.Background(), "ops")
	require.ErrorContains(t, err, disk.RevokedFile)
	require.Len(t, m.stores["dotnet"].certs, 2)
}

// What the root's list said when its key goes, it goes on saying: nobody can sign
// another.
func TestTheLastListOfTheRoot(t *testing.T) {
	m, ops := grouped(t)
	m.changeGroup((*Engine).DisableGroup, "ops")
	no := false
	var said []string
	e := m.engine()
	e.Say = func(line string) { said = append(said, line) }
	_, err := e.Setup(context.Background(), Request{KeepRootKey: &no})
	require.NoError(t, err)
	require.Contains(t, said, "groups stay as they are now: without the root's key none can be made, disabled or enabled")
	h := &m.status().Seen.Folder.Hierarchy
	require.Nil(t, h.RootKey)
	list, err := x509.ParseRevocationList(h.RootCRL)
	require.NoError(t, err)
	require.NoError(t, list.CheckSignatureFrom(h.Root))
	require.Len(t, list.RevokedCertificateEntries, 1)
	require.Zero(t, ops.SerialNumber.Cmp(list.RevokedCertificateEntries[0].SerialNumber))
	require.WithinDuration(t, h.Root.NotAfter, list.NextUpdate, 0)
	require.Empty(t, m.status().Findings)
}

// A key that others could read is not secret again because its rights are taken away.
func TestAnExposedGroupIsRemembered(t *testing.T) {
	m, ops := grouped(t)
	if runtime.GOOS == "windows" {
		t.Skip("its files have no modes")
	}
	require.NoError(t, os.Chmod(m.path(disk.GroupsDir+"/ops/ops-key.pem"), 0o644))
	r, err := m.engine().Repair(context.Background())
	require.NoError(t, err)
	require.True(t, r.Broken())
	require.Equal(t, "devcert group disable ops", m.status().Findings[0].Remedy)
	require.Equal(t, []string{hex.EncodeToString(ops.SubjectKeyId)}, m.ledger().Exposed)
	m.changeGroup((*Engine).DisableGroup, "ops")
}

// A group that is damaged is not made anew: what it issued would be out of reach.
func TestADamagedGroupIsNotMadeAnew(t *testing.T) {
	m, _ := grouped(t)
	require.NoError(t, os.Remove(m.path(disk.GroupsDir+"/ops/ops.pem")))
	key := m.read(disk.GroupsDir + "/ops/ops-key.pem")
	require.Equal(t, StateCorrupt, m.status().Findings[0].Kind)
	_, err := m.engine().CreateGroup(context.Background(), "ops")
	var wrong *UsageError
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, key, m.read(disk.GroupsDir+"/ops/ops-key.pem"))
}
