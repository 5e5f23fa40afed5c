package front

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// withClients is a stage whose hierarchy has an authority for clients.
func withClients(t *testing.T) (*stage, *keyring, chain.Pair) {
	t.Helper()
	s := setUp(t)
	made, err := chain.New(chain.Options{Owner: "a@b", ClientCerts: true, Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	s.made, s.leaf = made, made.Leaf
	s.install(t)
	alice, err := chain.NewClient(made.ClientIntermediate, chain.ClientOptions{Name: "alice", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	return s, newKeyring(s.folder, s.binder, 0, &teller{say: s.say}), alice
}

func (s *stage) revoke(t *testing.T, certs ...*x509.Certificate) {
	t.Helper()
	var all []disk.Revocation
	for _, c := range certs {
		all = append(all, disk.Revoke("alice", c, time.Now()))
	}
	require.NoError(t, s.folder.WriteRevoked(all))
}

// The list of the clients' authority is signed when it is asked for, good for ten
// minutes, and has what was revoked by then.
func TestTheListOfClientsIsSignedOnRequest(t *testing.T) {
	t.Parallel()
	s, k, alice := withClients(t)
	path := chain.HierarchyID(s.made.Root) + "/clients.crl"
	require.Equal(t, []string{chain.CRLBase + "/" + path}, alice.Cert.CRLDistributionPoints)
	now := time.Now()
	read := func() *x509.RevocationList {
		list, err := x509.ParseRevocationList(k.list(path, now))
		require.NoError(t, err)
		require.NoError(t, list.CheckSignatureFrom(s.made.ClientIntermediate.Cert))
		return list
	}
	before := read()
	require.Empty(t, before.RevokedCertificateEntries)
	require.WithinDuration(t, now.Add(10*time.Minute), before.NextUpdate, time.Second)
	s.revoke(t, alice.Cert)
	after := read()
	require.Len(t, after.RevokedCertificateEntries, 1)
	require.Zero(t, alice.Cert.SerialNumber.Cmp(after.RevokedCertificateEntries[0].SerialNumber))
	now = now.Add(time.Hour)
	require.Positive(t, read().Number.Cmp(before.Number), "a later list has a greater number")
	require.Nil(t, k.list(chain.HierarchyID(s.made.Root)+"/", now), "the server's intermediate publishes none")
}

func TestTheFrontKnowsWhoWasRevoked(t *testing.T) {
	t.Parallel()
	s, k, alice := withClients(t)
	k.read(true)
	require.False(t, k.trusted().isRevoked(alice.Cert))
	require.Equal(t, []*x509.Certificate{s.made.ClientIntermediate.Cert}, k.trusted().behind)
	s.revoke(t, alice.Cert)
	k.fresh()
	require.True(t, k.trusted().isRevoked(alice.Cert))
	require.False(t, k.trusted().isRevoked(s.leaf.Cert))

	require.NoError(t, os.WriteFile(filepath.Join(s.dir, disk.RevokedFile), []byte("{"), 0o600))
	k.fresh()
	require.True(t, k.trusted().isRevoked(alice.Cert), "nobody is good again because the file is damaged")
	require.Equal(t, 1, s.heard(disk.RevokedFile))
	late := newKeyring(s.folder, s.binder, 0, &teller{say: s.say})
	late.read(true)
	require.Equal(t, nobody, late.trusted(), "and a front that starts then trusts nobody")
	require.Nil(t, late.list(chain.HierarchyID(s.made.Root)+"/clients.crl", time.Now()))
	s.revoke(t)
	require.False(t, late.fresh().trust.isRevoked(alice.Cert))
	require.NotEqual(t, nobody, late.trusted())
}

// The front knows a group's authority as soon as there is one, signs its list, and
// refuses what is below it while the root's list has it.
func TestTheFrontKnowsGroups(t *testing.T) {
	t.Parallel()
	s, k, _ := withClients(t)
	k.read(true)
	root := chain.Pair{Cert: s.made.Root, Key: s.made.RootKey}
	ops, err := chain.NewGroup(root, "ops", time.Now(), nil)
	require.NoError(t, err)
	require.NoError(t, s.folder.WriteGroup("ops", ops))
	k.fresh()
	require.Equal(t, []*x509.Certificate{s.made.ClientIntermediate.Cert, ops.Cert}, k.trusted().behind)
	list, err := x509.ParseRevocationList(k.list(chain.HierarchyID(s.made.Root)+"/group-ops.crl", time.Now()))
	require.NoError(t, err)
	require.NoError(t, list.CheckSignatureFrom(ops.Cert))
	s.revoke(t, ops.Cert)
	k.fresh()
	require.True(t, k.trusted().isRevoked(ops.Cert))
	require.NoError(t, s.folder.RemoveGroup("ops"))
	k.fresh()
	require.Len(t, k.trusted().behind, 1)
}
