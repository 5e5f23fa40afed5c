package front

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
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
	_, err := s.folder.WriteRevoked(all)
	require.NoError(t, err)
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
	require.False(t, isRevoked(t, k, alice.Cert))
	require.Equal(t, []*x509.Certificate{s.made.ClientIntermediate.Cert}, k.trusted().behind)
	s.revoke(t, alice.Cert)
	k.fresh()
	require.True(t, isRevoked(t, k, alice.Cert))
	require.False(t, isRevoked(t, k, s.leaf.Cert))

	require.NoError(t, os.WriteFile(filepath.Join(s.dir, disk.RevokedFile), []byte("{"), 0o600))
	k.fresh()
	require.True(t, isRevoked(t, k, alice.Cert), "nobody is good again because the file is damaged")
	require.Equal(t, 1, s.heard(disk.RevokedFile))
	require.Equal(t, 1, s.heard("stays refused"))
}

func isRevoked(t *testing.T, k *keyring, cert *x509.Certificate) bool {
	t.Helper()
	is, err := k.trusted().isRevoked(cert)
	require.NoError(t, err)
	return is
}

// Who was revoked is not known then: nobody of whom it could be true is let in, and
// the reason is that, not that an authority is not trusted.
func TestAFrontThatStartsWithADamagedListOfTheRevoked(t *testing.T) {
	t.Parallel()
	s, k, alice := withClients(t)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, disk.RevokedFile), []byte("{"), 0o600))
	k.read(true)
	require.Nil(t, k.list(chain.HierarchyID(s.made.Root)+"/clients.crl", time.Now()))
	require.Equal(t, []string{
		"reading " + filepath.Join(s.dir, disk.RevokedFile) + ": unexpected EOF; until it can be read, " +
			"this machine's client certificates are refused (403.13), and no list of them is handed out",
	}, s.lines())

	bob, err := chain.NewSelfSigned(chain.ClientOptions{Name: "bob", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	foreign := bob.Cert
	for _, row := range []struct {
		name   string
		show   *x509.Certificate
		cas    []*x509.Certificate
		status clientauth.Status
		reason string
	}{
		{"one of this machine's", alice.Cert, nil, "403.13", `whether "alice" was revoked cannot be told: revoked.json of the state folder cannot be read: unexpected EOF`},
		{"one of this machine's, whose root was named", alice.Cert, []*x509.Certificate{s.made.Root}, "403.13", "revoked.json"},
		{"another authority's", foreign, nil, "403.16", "not trusted here"},
		{"another authority's, which was named", foreign, []*x509.Certificate{foreign}, clientauth.Accepted, ""},
		{"none", nil, nil, "403.7", "none was sent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			j := newJudge(devcert.Serving{ClientCert: devcert.RequireClientCert, ClientCAs: row.cas}, k.trusted)
			r := &http.Request{TLS: &tls.ConnectionState{}}
			if row.show != nil {
				r.TLS.PeerCertificates = []*x509.Certificate{row.show}
			}
			v := j.verdict(new(connection), r, time.Now())
			require.Equal(t, row.status, v.Status, v.Reason)
			require.Contains(t, v.Reason, row.reason)
			require.NotContains(t, v.Reason, s.dir)
			if v.Status == clientauth.Revoked {
				require.Contains(t, v.Remedy, "backup")
			}
		})
	}
	require.NoError(t, os.Remove(filepath.Join(s.dir, disk.RevokedFile)))
	s.revoke(t)
	k.fresh()
	require.False(t, isRevoked(t, k, alice.Cert), "it can be read again")
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
	require.True(t, isRevoked(t, k, ops.Cert))
	require.NoError(t, s.folder.RemoveGroup("ops"))
	k.fresh()
	require.Len(t, k.trusted().behind, 1)
}
