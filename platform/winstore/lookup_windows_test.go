package winstore

import (
	"context"
	"io/fs"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestLookupFindsByThumbprint(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.RSA)
	thumb := chain.Thumbprint(h.Leaf.Cert)
	_, err := Lookup{}.Find(context.Background(), thumb)
	require.ErrorIs(t, err, fs.ErrNotExist)
	ca := Store{Location: LocalMachine, Name: CA}
	ca.forget(t, h.Intermediate.Cert.Raw)
	_, err = ca.Add(h.Intermediate.Cert.Raw, "")
	require.NoError(t, err)
	for _, l := range []Location{LocalMachine, CurrentUser} {
		my := Store{Location: l, Name: My}
		t.Run(my.String(), func(t *testing.T) {
			my.forget(t, h.Leaf.Cert.Raw)
			_, err := my.Add(h.Leaf.Cert.Raw, "")
			require.NoError(t, err)
			c, err := Lookup{}.Find(context.Background(), thumb)
			require.NoError(t, err)
			require.True(t, c.Leaf.Equal(h.Leaf.Cert))
			require.False(t, c.HasKey, "it came without its key")
			require.Len(t, c.Chain, 1)
			require.True(t, c.Chain[0].Equal(h.Intermediate.Cert))

			_, err = my.Delete(h.Leaf.Cert.Raw, false)
			require.NoError(t, err)
			_, err = my.AddKey(h.Leaf, KeyOptions{})
			require.NoError(t, err)
			c, err = Lookup{}.Find(context.Background(), thumb)
			require.NoError(t, err)
			require.True(t, c.HasKey)
			require.Nil(t, c.Key, "the key stays in its store")
		})
	}
}

func TestLookupKnowsWhoIsTrusted(t *testing.T) {
	useMachine(t)
	h := newHierarchy(t, chain.ECDSA)
	trusted := func(user bool) (root, between bool) {
		roots, ca, err := Lookup{}.Trusted(context.Background(), user)
		require.NoError(t, err)
		return slices.ContainsFunc(roots, h.Root.Equal), slices.ContainsFunc(ca, h.Intermediate.Cert.Equal)
	}
	put := func(l Location, name string, der []byte) {
		s := Store{Location: l, Name: name, MayAsk: true}
		s.forget(t, der)
		_, err := s.Add(der, "")
		require.NoError(t, err)
	}
	for _, user := range []bool{false, true} {
		root, between := trusted(user)
		require.False(t, root || between)
	}
	put(CurrentUser, CA, h.Intermediate.Cert.Raw)
	_, between := trusted(false)
	require.False(t, between, "services do not see the user's")
	_, between = trusted(true)
	require.True(t, between)
	put(LocalMachine, Root, h.Root.Raw)
	for _, user := range []bool{false, true} {
		root, _ := trusted(user)
		require.True(t, root, "user %t", user)
	}
	put(LocalMachine, disallowed, h.Root.Raw)
	for _, user := range []bool{false, true} {
		root, _ := trusted(user)
		require.False(t, root, "Disallowed takes trust away")
	}
}
