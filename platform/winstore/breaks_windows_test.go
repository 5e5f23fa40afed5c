package winstore

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// What people and programs do to the stores, what is then seen, and that Deploy,
// or taking the stray away, puts it right.
func TestBreaks(t *testing.T) {
	lm := func(name string) Store { return Store{Location: LocalMachine, Name: name} }
	cu := func(name string) Store { return Store{Location: CurrentUser, Name: name, MayAsk: true} }
	b := newBench(t)
	b.deploy(false)
	for _, row := range []struct {
		name   string
		wreck  func(b *bench)
		place  string
		state  devcert.PlaceState
		harm   devcert.Harm // "" for no stray
		mended bool         // by Deploy; else by Withdraw of the stray, if that is ours
	}{
		{"the root is deleted", func(b *bench) { b.remove(lm(Root), b.h.Root, false) }, `LocalMachine\Root`, devcert.Missing, "", true},
		{"the intermediate is deleted", func(b *bench) { b.remove(lm(CA), b.h.Intermediate.Cert, false) }, `LocalMachine\CA`, devcert.Missing, "", true},
		{"the root's list is deleted", func(b *bench) { b.removeList(b.h.Root) }, `LocalMachine\CA`, devcert.Stale, "", true},
		{"the intermediate's list is deleted", func(b *bench) { b.removeList(b.h.Intermediate.Cert) }, `LocalMachine\CA`, devcert.Stale, "", true},
		{"the leaf is deleted", func(b *bench) { b.remove(lm(My), b.h.Leaf.Cert, true) }, `LocalMachine\My`, devcert.Missing, "", true},
		{"the user's leaf is deleted", func(b *bench) { b.remove(cu(My), b.h.Leaf.Cert, true) }, `CurrentUser\My`, devcert.Missing, "", true},
		{"the leaf's key is deleted", func(b *bench) { b.dropKey(lm(My)) }, `LocalMachine\My`, devcert.Stale, "", true},
		{"the user's leaf's key is deleted", func(b *bench) { b.dropKey(cu(My)) }, `CurrentUser\My`, devcert.Stale, "", true},
		{"the leaf is there without a key", func(b *bench) {
			b.remove(lm(My), b.h.Leaf.Cert, true)
			b.add(lm(My), b.h.Leaf.Cert)
		}, `LocalMachine\My`, devcert.Stale, "", true},
		{"the root is in Disallowed", func(b *bench) { b.add(lm(disallowed), b.h.Root) }, `LocalMachine\Root`, devcert.Denied, "", true},
		{"the root is in the user's Disallowed", func(b *bench) { b.add(cu(disallowed), b.h.Root) }, `LocalMachine\Root`, devcert.Denied, "", true},
		{"the intermediate is in Disallowed", func(b *bench) { b.add(lm(disallowed), b.h.Intermediate.Cert) }, `LocalMachine\CA`, devcert.Denied, "", true},
		{"the intermediate is in Root too", func(b *bench) { b.add(lm(Root), b.h.Intermediate.Cert) },
			`LocalMachine\Root`, devcert.Trusted, devcert.HarmNotSelfSigned, false},
		{"the leaf is in Root", func(b *bench) { b.add(lm(Root), b.h.Leaf.Cert) }, `LocalMachine\Root`, devcert.Trusted, devcert.HarmNotSelfSigned, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := &bench{t, b.h, b.child, b.stores}
			b.requireTrusted(false)
			row.wreck(b)
			for path, p := range b.places(false) {
				if path != row.place {
					require.Equal(t, devcert.Trusted, p.State, "%s: %s", path, p.Evidence)
					require.Empty(t, p.Strays, path)
					continue
				}
				require.Equal(t, row.state, p.State, p.Evidence)
				require.Equal(t, row.harm != "", len(p.Strays) == 1)
				if row.harm != "" {
					require.Equal(t, row.harm, p.Strays[0].Harm)
					require.NoError(t, b.storeOf(path).Withdraw(t.Context(), p.Strays[0].Cert))
				}
			}
			if row.mended {
				require.NoError(t, b.storeOf(row.place).Deploy(t.Context(), b.material(false)))
			}
			b.requireTrusted(false)
		})
	}
	b.withdraw()
}

func (b *bench) storeOf(path string) devcert.Store {
	for _, s := range b.stores {
		for _, p := range s.Look(b.Context(), devcert.Material{}) {
			if p.Path == path {
				return s
			}
		}
	}
	b.Fatal(path)
	return nil
}

func (b *bench) add(s Store, cert *x509.Certificate) {
	b.Helper()
	added, err := s.Add(cert.Raw, "")
	require.NoError(b, err)
	require.True(b, added)
}

func (b *bench) remove(s Store, cert *x509.Certificate, key bool) {
	b.Helper()
	deleted, err := s.Delete(cert.Raw, key)
	require.NoError(b, err)
	require.True(b, deleted)
}

// removeList removes the one list of the machine's that issuer signed.
func (b *bench) removeList(issuer *x509.Certificate) {
	b.Helper()
	lists, err := machineCA.Lists()
	require.NoError(b, err)
	for _, der := range lists {
		if _, err := chain.CheckCRL(der, issuer); err == nil {
			deleted, err := machineCA.DeleteList(der)
			require.NoError(b, err)
			require.True(b, deleted)
			return
		}
	}
	require.FailNow(b, "there is none")
}

func (b *bench) dropKey(s Store) {
	b.Helper()
	require.NoError(b, s.requireKey(b.T, KeyOpens, b.h.Leaf.Cert.Raw).delete())
}

// The intermediate was moved to Root instead of being copied there.
func TestIntermediateMoved(t *testing.T) {
	b := newBench(t)
	b.deploy(false)
	ca := b.h.Intermediate.Cert
	b.remove(Store{Location: LocalMachine, Name: CA}, ca, false)
	b.add(Store{Location: LocalMachine, Name: Root}, ca)
	places := b.places(false)
	require.Equal(t, devcert.Missing, places[`LocalMachine\CA`].State)
	require.Len(t, places[`LocalMachine\Root`].Strays, 1)
	require.NoError(t, b.stores[0].Withdraw(t.Context(), ca))
	require.NoError(t, b.stores[1].Deploy(t.Context(), b.material(false)))
	b.requireTrusted(false)
	b.withdraw()
}

// Other people's certificates are spoken of and stay, whatever devcert does.
func TestOthersStay(t *testing.T) {
	b := newBench(t)
	issuer := selfSigned(t, func(c *x509.Certificate) { c.Subject.CommonName = "corp root" })
	others := map[Store]*x509.Certificate{
		{LocalMachine, Root, false}: signed(t, func(c *x509.Certificate) { c.Subject.CommonName = "corp issuing" }, issuer).Cert,
		{LocalMachine, CA, false}:   issuer.Cert,
		{CurrentUser, My, false}:    selfSigned(t, func(c *x509.Certificate) { c.ExtraExtensions = kestrel("\x07") }).Cert,
		{LocalMachine, My, false}:   selfSigned(t, func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }).Cert,
	}
	former := newHierarchy(t, chain.RSA).Root
	others[Store{CurrentUser, Root, true}] = former
	for s, c := range others {
		s.forget(t, c.Raw)
		_, err := s.Add(c.Raw, IISExpressName)
		require.NoError(t, err)
	}
	before := everything(t)
	b.deploy(false)
	places := b.places(false)
	for s, harm := range map[string]devcert.Harm{
		`LocalMachine\Root`: devcert.HarmNotSelfSigned, `CurrentUser\My`: devcert.HarmRival, `LocalMachine\My`: devcert.HarmRival,
	} {
		require.Equal(t, devcert.Trusted, places[s].State, places[s].Evidence)
		require.Len(t, places[s].Strays, 1, s)
		require.Equal(t, harm, places[s].Strays[0].Harm)
	}
	require.Empty(t, places[`LocalMachine\CA`].Strays)
	user := b.stores[0].Look(t.Context(), materialOf(b.h))[1]
	require.True(t, slices.ContainsFunc(user.Others, former.Equal))
	b.withdraw()
	after := everything(t)
	slices.Sort(before)
	slices.Sort(after)
	require.Equal(t, before, after)
}
