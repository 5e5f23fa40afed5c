package devcert

import (
	"context"
	"crypto/x509"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func asking(clients bool) Request { return Request{ClientCerts: &clients} }

// An authority for clients comes with a new root, into every store that is for it,
// stays through all that follows, and goes with its key when it is no longer asked for.
func TestAnAuthorityForClients(t *testing.T) {
	m := setUp(t, "windows-ca")
	m.stores["windows-ca"].part = chain.PartClientIntermediate
	old := m.status().Seen.Folder.Hierarchy.Root
	r := m.mustSetup(asking(true))
	require.Empty(t, describe(r.Findings))
	require.Len(t, m.questions, 1, "the root that works is replaced")
	h := r.Seen.Folder.Hierarchy
	require.False(t, h.Root.Equal(old))
	require.NotNil(t, h.ClientIntermediate.Cert)
	require.True(t, chain.SameKey(h.ClientIntermediate.Cert, h.ClientIntermediate.Key))
	require.Equal(t, []*x509.Certificate{h.ClientIntermediate.Cert}, m.stores["windows-ca"].certs)

	require.Empty(t, m.mustSetup(Request{}).Steps, "an absent flag keeps what it was")
	require.NoError(t, os.Remove(m.path("client-intermediate.pem")))
	require.Equal(t, []string{"error state-corrupt client-intermediate.pem"}, describe(m.status().Findings))
	require.Empty(t, describe(m.mustRepair().Findings))

	m.stores["windows-ca"].certs = nil
	require.Equal(t, []string{"error intermediate-missing /windows-ca"}, describe(m.status().Findings))
	require.Empty(t, describe(m.mustRepair().Findings))
	require.Len(t, m.stores["windows-ca"].certs, 1)

	r = m.mustSetup(Request{Names: []string{"app.test"}})
	require.Equal(t, h.ClientIntermediate, r.Seen.Folder.Hierarchy.ClientIntermediate, "a new leaf leaves it")

	e := m.engine()
	_, err := e.Issue(t.Context(), forClient("alice"))
	require.NoError(t, err)
	r = m.mustSetup(asking(false))
	_, _, err = e.Revoke(t.Context(), "alice")
	require.ErrorContains(t, err, "nobody can sign the list")
	require.Empty(t, describe(r.Findings))
	require.Nil(t, r.Seen.Folder.Hierarchy.ClientIntermediate.Cert)
	require.True(t, r.Seen.Folder.Hierarchy.Root.Equal(h.Root))
	require.NoFileExists(t, m.path("client-intermediate.pem"))
}

func TestUninstallTakesTheAuthorityForClientsAlong(t *testing.T) {
	m := setUp(t, "windows-ca")
	m.stores["windows-ca"].part = chain.PartClientIntermediate
	m.mustSetup(asking(true))
	_, err := m.engine().Uninstall(context.Background(), false)
	require.NoError(t, err)
	require.Empty(t, m.stores["windows-ca"].certs)
	require.NoDirExists(t, m.path("."))
}
