package winstore

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// Options are what the stores need to know.
type Options struct {
	Privileged Privileged
	// Interactive says that a person is there, who can answer Windows' dialog
	// about CurrentUser\Root. Without one that store is not changed.
	Interactive bool
	Now         func() time.Time // by which rivals and expired certificates are judged
}

// Stores are windows-root, windows-ca and windows-my, in that order.
//
// Root and CA have two places each: the machine's, and the user's, which stands
// in for it where only the user's own may be changed. Both of My are to hold the
// leaf: HTTP.sys reads the machine's, Kestrel the user's.
func Stores(o Options) []devcert.Store {
	stores := make([]devcert.Store, len(kinds))
	for i, k := range kinds {
		stores[i] = &partStore{k, o}
	}
	return stores
}

// partStore keeps one part of a hierarchy. It implements [devcert.Store].
type partStore struct {
	kind
	Options
}

// disallowed is the store that takes trust away, whatever Root has.
const disallowed = "Disallowed"

// at is the store of one location.
func (s *partStore) at(l Location) Store {
	return Store{Location: l, Name: s.in, MayAsk: s.Interactive}
}

// Name is what the store is called on the command line.
func (s *partStore) Name() string { return s.name }

// Ready says whether the machine's place can be changed. The user's needs no
// rights, so that where only that is wanted there is nothing to ask.
func (s *partStore) Ready(ctx context.Context) error { return s.Privileged.Ready(ctx) }

// forClients is the same store where it is for the client intermediate; nil for
// stores that do not hold it.
func (s *partStore) forClients() *partStore {
	if s.part != chain.PartIntermediate {
		return nil
	}
	return &partStore{clientKind, s.Options}
}

// Look reports the machine's place, then the user's; of the client intermediate
// where there is one, or a former one.
func (s *partStore) Look(_ context.Context, m devcert.Material) []devcert.Place {
	places := s.look(m)
	if also := s.forClients(); also != nil {
		for _, p := range also.look(m) {
			if len(m.Parts(also.part))+len(p.Others) > 0 {
				places = append(places, p)
			}
		}
	}
	return places
}

func (s *partStore) look(m devcert.Material) []devcert.Place {
	sights := []sight{s.see(LocalMachine, m), s.see(CurrentUser, m)}
	said := s.ask(m, sights)
	places := make([]devcert.Place, len(sights))
	for i, seen := range sights {
		places[i] = seen.place(m, said)
	}
	if places[0].State == devcert.Missing {
		places[0].Evidence = onlyUsers(sights[1], m.Part(s.part))
	}
	return places
}

// see looks into one store. It asks nobody and changes nothing.
func (s *partStore) see(l Location, m devcert.Material) sight {
	store := s.at(l)
	seen := sight{kind: s.kind, store: store, rights: elevated(), now: s.Now()}
	seen.entries, seen.err = store.List()
	if seen.err == nil {
		seen.merged, seen.err = store.ListMerged()
	}
	if seen.err == nil && s.keepsLists() {
		var lists [][]byte
		lists, seen.err = store.lists(merged)
		seen.lacks = lacking(m, lists, s.Now())
	}
	if seen.err != nil {
		return seen
	}
	for _, wanted := range m.Parts(s.part) {
		if seen.banned == "" && holds(seen.merged, wanted) {
			seen.banned = bannedBy(wanted)
		}
	}
	if s.part == chain.PartLeaf && m.Leaf != nil && holds(seen.merged, m.Leaf) {
		key, err := store.Key(m.Leaf.Raw)
		if err != nil { // not the key: the store could not be read a second time
			key = Key{State: KeyUnknown, Err: err}
		}
		seen.key = key
	}
	return seen
}

// bannedBy names the Disallowed store that has cert; "" when none is seen to.
// One that cannot be read says nothing: Windows' own verdict is asked for too.
func bannedBy(cert *x509.Certificate) string {
	for _, l := range []Location{LocalMachine, CurrentUser} {
		store := Store{Location: l, Name: disallowed}
		if there, err := store.Has(cert.Raw); err == nil && there {
			return store.String()
		}
	}
	return ""
}

// ask has Windows judge the chain, once, as seen from the place that has the
// root. What other parts are banned by is those parts' matter, not the root's.
func (s *partStore) ask(m devcert.Material, sights []sight) ruling {
	if s.part != chain.PartRoot {
		return ruling{}
	}
	machine, there := false, false
	for _, seen := range sights {
		if m.Root != nil && seen.err == nil && holds(seen.merged, m.Root) {
			there = true
			machine = machine || seen.store.Location == LocalMachine
		}
	}
	q, ok := question(m, s.Now())
	if !there || !ok || bannedBy(m.Root)+bannedBy(m.Intermediate)+bannedBy(m.Leaf) != "" {
		return ruling{}
	}
	q.Machine = machine
	verdict, err := Verify(q)
	return ruling{asked: true, verdict: verdict, root: m.Root, err: err}
}

// Deploy puts the parts of m where they belong: see deploy.
func (s *partStore) Deploy(ctx context.Context, m devcert.Material) error {
	err := s.deploy(ctx, m)
	if also := s.forClients(); also != nil {
		for _, cert := range m.Parts(also.part) {
			one := m
			one.ClientIntermediate, one.Groups = cert, nil
			if err == nil {
				err = also.deploy(ctx, one)
			}
		}
	}
	return err
}

// deploy puts the part of m where it belongs, and takes it out of Disallowed:
// nobody but a person can have put it there, and this is a person's wish too.
// The privileged child is only started for a place that does not serve yet. What
// the machine does not get the user does not either: Kestrel would present a leaf
// that nobody trusts, instead of whatever it had.
func (s *partStore) deploy(ctx context.Context, m devcert.Material) error {
	cert := m.Part(s.part)
	if cert == nil {
		return fmt.Errorf("add to %s: there is no %s", s.name, s.part)
	}
	if s.part == chain.PartLeaf && !chain.SameKey(cert, m.LeafKey) {
		return fmt.Errorf("add to %s: the leaf came without its private key", s.name)
	}
	for _, above := range kinds { // Windows judges a chain from its root down
		if above.name == s.name {
			break
		}
		m.After(above.name)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err := Store{Location: CurrentUser, Name: disallowed}.Delete(cert.Raw, false)
	banned := translate(err)
	if !m.UserOnly {
		if err := s.deployMachine(ctx, m); err != nil {
			return errors.Join(banned, err)
		}
	}
	if m.UserOnly || s.part == chain.PartLeaf {
		return errors.Join(banned, s.deployUser(ctx, m, chain.Pair{Cert: cert, Key: m.LeafKey}))
	}
	return banned
}

func (s *partStore) deployMachine(ctx context.Context, m devcert.Material) error {
	if s.look(m)[0].State == devcert.Trusted {
		return nil
	}
	r, err := s.request(m)
	if err != nil {
		return err
	}
	defer clear(r.Key)
	return s.Privileged.Do(ctx, DoDeploy, r)
}

// request carries the part with what is above it, which proves it.
func (s *partStore) request(m devcert.Material) (DeployRequest, error) {
	r := DeployRequest{Part: s.part}
	for _, part := range lineage(s.part) {
		cert := m.Part(part)
		if cert == nil {
			return r, fmt.Errorf("add to %s: there is no %s above the %s", s.name, part, s.part)
		}
		r.Chain = append(r.Chain, cert.Raw)
	}
	if s.keepsLists() {
		has, err := s.at(LocalMachine).Lists()
		r.Lists = lacking(m, has, s.Now()).of(m)
		return r, translate(err)
	}
	if s.part != chain.PartLeaf {
		return r, nil
	}
	key, err := chain.EncodeKey(m.LeafKey)
	r.Key = key
	return r, err
}

func (s *partStore) deployUser(ctx context.Context, m devcert.Material, pair chain.Pair) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	store := s.at(CurrentUser)
	var err error
	if s.part == chain.PartLeaf {
		_, err = store.AddKey(pair, KeyOptions{FriendlyName: userLeafName, Exportable: true})
	} else {
		_, err = store.Add(pair.Cert.Raw, "")
	}
	if err == nil && s.keepsLists() {
		var has [][]byte
		if has, err = store.Lists(); err == nil {
			err = store.addLists(lacking(m, has, s.Now()).of(m), pair.Cert)
		}
	}
	return translate(err)
}

// Withdraw removes cert from both places, whatever part it is: what is in the
// wrong store leaves that one, and stays in the right one. What is not of
// devcert's profile is refused, in the user's stores too. The lists that came with
// an intermediate go with it, or alone where it went by other hands.
func (s *partStore) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	r := WithdrawRequest{Store: s.name, DER: cert.Raw}
	_, lists, err := r.accept()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = s.at(CurrentUser).dropLists(lists)
	if err == nil {
		_, err = s.at(CurrentUser).Delete(cert.Raw, s.in == My)
	}
	failed := translate(err)
	there, err := s.at(LocalMachine).Has(cert.Raw)
	if err == nil && !there && lists != nil {
		var has [][]byte
		has, err = s.at(LocalMachine).Lists()
		there = slices.ContainsFunc(has, func(der []byte) bool { return goesWith(lists, der) })
	}
	if err != nil {
		return errors.Join(failed, translate(err))
	}
	if there {
		err = s.Privileged.Do(ctx, DoWithdraw, r)
	}
	return errors.Join(failed, err)
}
