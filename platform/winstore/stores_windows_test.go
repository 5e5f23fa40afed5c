package winstore

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// inProcess is the privileged side without another process: what it is asked
// goes through JSON all the same.
type inProcess struct {
	asked []string
	fails error
}

func (p *inProcess) Ready(context.Context) error { return p.fails }

func (p *inProcess) Do(ctx context.Context, what string, body any) error {
	text, err := json.Marshal(body)
	if err = errors.Join(err, p.fails); err != nil {
		return err
	}
	p.asked = append(p.asked, what)
	var deploy DeployRequest
	var withdraw WithdrawRequest
	switch what {
	case DoDeploy:
		return errors.Join(json.Unmarshal(text, &deploy), Machine{}.Deploy(ctx, deploy, nil))
	case DoWithdraw:
		return errors.Join(json.Unmarshal(text, &withdraw), Machine{}.Withdraw(ctx, withdraw, nil))
	}
	return errors.New("what is " + what)
}

// bench is this machine's three stores and a hierarchy for them.
type bench struct {
	*testing.T
	h      *chain.Hierarchy
	child  *inProcess
	stores []devcert.Store
}

// newBench leaves nothing of the hierarchy's anywhere when the test ends.
func newBench(t *testing.T) *bench {
	useMachine(t)
	if !onWine() {
		t.Skip("would ask a person about CurrentUser\\Root")
	}
	b := &bench{T: t, h: newHierarchy(t, chain.RSA), child: &inProcess{}}
	b.stores = Stores(Options{Privileged: b.child, Interactive: true, Now: time.Now})
	for _, s := range append(allStores(), Store{LocalMachine, disallowed, true}, Store{CurrentUser, disallowed, true}) {
		for _, c := range b.certs() {
			s.forget(t, c.Raw)
		}
	}
	t.Cleanup(func() {
		for _, s := range []Store{machineCA, userCA} {
			require.NoError(t, s.dropLists(b.h.Intermediate.Cert))
		}
	})
	return b
}

func (b *bench) certs() []*x509.Certificate {
	return []*x509.Certificate{b.h.Root, b.h.Intermediate.Cert, b.h.Leaf.Cert}
}

func (b *bench) material(userOnly bool) devcert.Material {
	m := materialOf(b.h)
	m.LeafKey, m.UserOnly = b.h.Leaf.Key, userOnly
	m.ServersCRL = listBy(b, b.h.Intermediate, b.h.Intermediate.Cert.NotAfter)
	return m
}

func (b *bench) deploy(userOnly bool) {
	b.Helper()
	for _, s := range b.stores {
		require.NoError(b, s.Deploy(b.Context(), b.material(userOnly)), s.Name())
	}
}

// places are those that the scope wants, by their path.
func (b *bench) places(userOnly bool) map[string]devcert.Place {
	places := map[string]devcert.Place{}
	for _, s := range b.stores {
		for _, p := range s.Look(b.Context(), materialOf(b.h)) {
			if userOnly && !p.Machine || !userOnly && !p.UserOnly {
				places[p.Path] = p
			}
		}
	}
	return places
}

func (b *bench) requireTrusted(userOnly bool) map[string]devcert.Place {
	b.Helper()
	places := b.places(userOnly)
	for path, p := range places {
		require.Equal(b, devcert.Trusted, p.State, "%s: %s", path, p.Evidence)
		require.Empty(b, p.Evidence, path)
		require.Empty(b, p.Strays, path)
	}
	return places
}

func (b *bench) withdraw() {
	b.Helper()
	for _, s := range b.stores {
		for _, c := range b.certs() {
			require.NoError(b, s.Withdraw(b.Context(), c))
			require.NoError(b, s.Withdraw(b.Context(), c), "once more")
		}
	}
	for _, s := range allStores() {
		for _, c := range b.certs() {
			s.requireMissing(b.T, c.Raw)
		}
	}
}

func TestStores(t *testing.T) {
	b := newBench(t)
	before := everything(t)
	for path, p := range b.places(false) {
		require.Equal(t, devcert.Missing, p.State, path)
	}
	b.deploy(false)
	places := b.requireTrusted(false)
	require.Len(t, places, 4)
	require.Equal(t, byChain, places[`LocalMachine\Root`].VerifiedBy)
	require.Equal(t, byKey, places[`LocalMachine\My`].VerifiedBy)
	require.Equal(t, machineLeafName, Store{Location: LocalMachine, Name: My}.requireEntry(t, b.h.Leaf.Cert.Raw).FriendlyName)
	require.Equal(t, []string{DoDeploy, DoDeploy, DoDeploy}, b.child.asked)
	for _, name := range []string{Root, CA} {
		Store{Location: CurrentUser, Name: name}.requireMissing(t, b.h.Root.Raw)
		Store{Location: CurrentUser, Name: name}.requireMissing(t, b.h.Intermediate.Cert.Raw)
	}
	keys := b.keys()
	b.deploy(false)
	require.Len(t, b.child.asked, 3, "nobody is asked for rights where all is well")
	b.requireTrusted(false)
	b.withdraw()
	require.Equal(t, before, everything(t))
	for _, key := range keys {
		require.Equal(t, KeyMissing, stateOf(key.delete()), "the key is gone with the leaf")
	}
}

func (b *bench) keys() (keys []Key) {
	for _, s := range personal {
		keys = append(keys, s.requireKey(b.T, KeyOpens, b.h.Leaf.Cert.Raw))
	}
	return keys
}

func TestStoresOfAUser(t *testing.T) {
	b := newBench(t)
	b.child.fails = devcert.ErrNeedsAdmin
	b.deploy(true)
	places := b.requireTrusted(true)
	require.Len(t, places, 3)
	require.Equal(t, byChain, places[`CurrentUser\Root`].VerifiedBy)
	for _, p := range b.places(false) {
		require.Equal(t, p.Machine, p.State == devcert.Missing, p.Path)
		if p.Machine {
			require.Contains(t, p.Evidence, "only CurrentUser\\")
		}
	}
	b.withdraw()
	for _, s := range b.stores {
		require.ErrorIs(t, s.Ready(t.Context()), devcert.ErrNeedsAdmin)
		err := s.Deploy(t.Context(), b.material(false))
		require.ErrorIs(t, err, devcert.ErrNeedsAdmin)
	}
	for path, p := range b.places(false) {
		require.Equal(t, devcert.Missing, p.State, "%s: no leaf for Kestrel that nobody trusts", path)
	}

	// Nobody is there to answer Windows.
	alone := Stores(Options{Privileged: b.child, Now: time.Now})[0]
	err := alone.Deploy(t.Context(), b.material(true))
	require.ErrorIs(t, err, devcert.ErrDeclined)
	require.ErrorIs(t, err, ErrWouldAsk)
	Store{Location: CurrentUser, Name: Root}.requireMissing(t, b.h.Root.Raw)
}

// A refusal leaves the machine's stores as they were.
func TestMachineRefuses(t *testing.T) {
	b := newBench(t)
	foreign := selfSigned(t, nil)
	thief := newKey(t)
	forged := forge(t, b.h.Root, thief, nil)
	before := everything(t)
	for name, r := range map[string]DeployRequest{
		"foreign":                  {Part: chain.PartRoot, Chain: ders(foreign.Cert)},
		"forged root":              {Part: chain.PartRoot, Chain: ders(forged)},
		"intermediate as root":     {Part: chain.PartRoot, Chain: ders(b.h.Intermediate.Cert)},
		"leaf, another's key":      {Part: chain.PartLeaf, Chain: ders(b.h.Leaf.Cert, b.h.Intermediate.Cert, b.h.Root), Key: encodeKey(t, thief)},
		"leaf without its issuers": {Part: chain.PartLeaf, Chain: ders(b.h.Leaf.Cert), Key: encodeKey(t, b.h.Leaf.Key)},
	} {
		err := b.child.Do(t.Context(), DoDeploy, r)
		var refused *refusedError
		require.ErrorAs(t, err, &refused, name)
	}
	system, err := Store{Location: LocalMachine, Name: Root}.List()
	require.NoError(t, err)
	require.NotEmpty(t, system)
	require.Error(t, b.child.Do(t.Context(), DoWithdraw, WithdrawRequest{"windows-root", system[0].DER}))
	own := Store{Location: CurrentUser, Name: My}
	own.forget(t, foreign.Cert.Raw)
	b.add(own, foreign.Cert)
	require.Error(t, b.stores[0].Withdraw(t.Context(), must(t, system[0].DER)), "nor by way of the store")
	require.Error(t, b.stores[2].Withdraw(t.Context(), foreign.Cert))
	b.remove(own, foreign.Cert, false)
	require.Equal(t, before, everything(t))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.child.Do(ctx, DoDeploy, DeployRequest{Part: chain.PartRoot, Chain: ders(b.h.Root)}), context.Canceled)
	require.ErrorIs(t, b.stores[0].Withdraw(ctx, b.h.Root), context.Canceled)
	require.Equal(t, before, everything(t))
}

// What is asked for without its issuers or its key is not asked of anybody.
func TestDeployNeedsItAll(t *testing.T) {
	b := newBench(t)
	for i, change := range []func(*devcert.Material){
		func(m *devcert.Material) { m.Root = nil },
		func(m *devcert.Material) { m.Root = nil },
		func(m *devcert.Material) { m.LeafKey = newKey(t) },
	} {
		m := b.material(false)
		change(&m)
		require.Error(t, b.stores[i].Deploy(t.Context(), m))
		require.Error(t, b.stores[i].Deploy(t.Context(), devcert.Material{}))
	}
	require.Empty(t, b.child.asked)
	for path, p := range b.places(false) {
		require.Equal(t, devcert.Missing, p.State, path)
	}
}

// The client intermediate goes where IIS looks for it, beside the server's, and is
// missed there only while there is one.
func TestStoresWithClients(t *testing.T) {
	b := newBench(t)
	for {
		h, err := chain.New(chain.Options{Owner: "alice@pc", ClientCerts: true, Key: chain.ECDSA, Now: now})
		require.NoError(t, err)
		if b.h = h; verifiable(h.Root) && verifiable(h.Intermediate.Cert) && verifiable(h.ClientIntermediate.Cert) && verifiable(h.Leaf.Cert) {
			break
		}
	}
	client := b.h.ClientIntermediate.Cert
	for _, s := range allStores() {
		for _, c := range append(b.certs(), client) {
			s.forget(t, c.Raw)
		}
	}
	ca := b.stores[1]
	m := b.material(false)
	require.Len(t, ca.Look(t.Context(), m), 2, "nobody asked for one")
	m.ClientIntermediate = client
	require.NoError(t, b.stores[0].Deploy(t.Context(), m))
	seen := func() (states []devcert.PlaceState) {
		for _, p := range ca.Look(t.Context(), m) {
			if p.Part == chain.PartClientIntermediate {
				states = append(states, p.State)
			}
		}
		return states
	}
	require.Equal(t, []devcert.PlaceState{devcert.Missing, devcert.Missing}, seen())
	require.NoError(t, ca.Deploy(t.Context(), m))
	require.Equal(t, devcert.Trusted, seen()[0])
	there, err := Store{Location: LocalMachine, Name: CA}.Has(client.Raw)
	require.NoError(t, err)
	require.True(t, there)

	ops := client
	for ops.Equal(client) || !verifiable(ops) {
		pair, err := chain.NewGroup(chain.Pair{Cert: b.h.Root, Key: b.h.RootKey}, "ops", now, nil)
		require.NoError(t, err)
		ops = pair.Cert
	}
	m.Groups = []*x509.Certificate{ops}
	require.Equal(t, devcert.Stale, seen()[0], "it is without the group")
	require.NoError(t, ca.Deploy(t.Context(), m))
	require.Equal(t, devcert.Trusted, seen()[0])
	require.NoError(t, ca.Withdraw(t.Context(), ops))
	require.Equal(t, devcert.Stale, seen()[0])

	m.ClientIntermediate, m.Groups = nil, nil
	places := ca.Look(t.Context(), m)
	require.Equal(t, chain.PartClientIntermediate, places[2].Part, "a former one is seen")
	require.True(t, places[2].Others[0].Equal(client))
	require.NoError(t, ca.Withdraw(t.Context(), client))
	require.Len(t, ca.Look(t.Context(), m), 2)
	there, err = Store{Location: LocalMachine, Name: CA}.Has(b.h.Intermediate.Cert.Raw)
	require.NoError(t, err)
	require.True(t, there, "the server's stays")
}
