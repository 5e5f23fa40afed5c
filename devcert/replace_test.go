package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

var otherRoot = Request{Permits: []string{"example.org"}}

// At no moment does a client that trusted localhost refuse it: whatever root
// the served chain has is trusted in every store.
func TestReplacingARoot(t *testing.T) {
	m := setUp(t, "firefox")
	old := m.status().Seen.Folder.Hierarchy.Root
	e := m.engine()
	e.Step = func(StepResult) {
		seen, err := e.folder().Snapshot() // status would wait until the writer is done
		require.NoError(t, err)
		current := seen.Hierarchy.Root
		for _, s := range m.stores {
			require.True(t, containsRoot(s, current), "%s refuses what is served", s.name)
		}
	}
	r, err := e.Setup(context.Background(), otherRoot)
	require.NoError(t, err)
	require.Empty(t, r.Findings)
	require.Len(t, m.questions, 1, "replacing a root that works is asked about")
	root := r.Seen.Folder.Hierarchy.Root
	require.False(t, root.Equal(old))
	for _, s := range m.stores {
		require.Equal(t, []string{chain.Thumbprint(root)}, thumbprints(s.certs), "the old one is gone afterwards")
	}
	require.Len(t, m.ledger().Entries, 2)
	require.Equal(t, chain.Thumbprint(r.Seen.Folder.Hierarchy.Leaf.Cert), m.binder.table[44300])
}

func containsRoot(s *memStore, root *x509.Certificate) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.certs {
		if r.Equal(root) {
			return true
		}
	}
	return false
}

// A new root that cannot be trusted everywhere is taken back: the old one was
// never out of use.
func TestReplacingIsGivenUpAsAWhole(t *testing.T) {
	refused := errors.New("the tool said no")
	for _, row := range []struct {
		name  string
		wreck func(*memStore)
		err   error
	}{
		{"a store fails", func(s *memStore) { s.fails = refused }, refused},
		{"a store takes it and fails", func(s *memStore) { s.fails, s.partly = refused, true }, refused},
		{"a person says no", func(s *memStore) { s.fails = ErrDeclined }, ErrDeclined},
		{"rights are lost half-way", func(s *memStore) { s.fails = ErrNeedsAdmin }, ErrNeedsAdmin},
		{"a store's tools run without complaint and do nothing", func(s *memStore) { s.deaf = true }, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t, "firefox", "java")
			old := m.status().Seen.Folder.Hierarchy.Root
			config, current := m.read(disk.ConfigFile), m.read(disk.CurrentFile)
			row.wreck(m.stores["firefox"])
			r, err := m.engine().Setup(context.Background(), otherRoot)
			require.Error(t, err)
			if row.err != nil {
				require.ErrorIs(t, err, row.err)
			}
			require.NotNil(t, r)
			require.Equal(t, config, m.read(disk.ConfigFile))
			require.Equal(t, current, m.read(disk.CurrentFile))
			for _, s := range m.stores {
				require.True(t, containsRoot(s, old), "%s still trusts the old root", s.name)
				if s.name != "firefox" {
					require.Len(t, s.certs, 1, "and not the new one, in %s", s.name)
				}
			}
			generations, err := os.ReadDir(m.path("generations"))
			require.NoError(t, err)
			require.Len(t, generations, 1)
			for _, store := range []string{SystemStore, "firefox", "java"} {
				require.True(t, m.ledger().Has(store, old))
			}

			for _, f := range m.status().Findings {
				require.Equal(t, FormerRoot, f.Kind, "at most something is left to tidy up")
				require.True(t, f.Repairable)
			}
			*m.stores["firefox"] = memStore{name: "firefox", part: chain.PartRoot, certs: m.stores["firefox"].certs}
			require.Empty(t, describe(m.mustRepair().Findings))
			require.Len(t, m.stores["firefox"].certs, 1)
			require.Len(t, m.ledger().Entries, 3)
			m.mustSetup(otherRoot)
		})
	}
}

func TestReplacingNeedsAYes(t *testing.T) {
	m := setUp(t)
	before := m.picture()
	m.answer = ErrDeclined
	_, err := m.engine().Setup(context.Background(), otherRoot)
	require.ErrorIs(t, err, ErrDeclined)
	require.Equal(t, before, m.picture())
}

// Without rights a first setup does all that needs none.
func TestFirstSetupWithoutRights(t *testing.T) {
	m := newMachine(t, "firefox")
	m.stores[SystemStore].fails = ErrNeedsAdmin
	m.stores[SystemStore].ready = ErrNeedsAdmin
	r, err := m.engine().Setup(context.Background(), quick())
	require.ErrorIs(t, err, ErrNeedsAdmin)
	var partial *PartialError
	require.False(t, errors.As(err, &partial), "rights are what is lacking, not a part")
	require.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))
	require.Len(t, m.stores["firefox"].certs, 1)
	require.Len(t, m.binder.table, 4)
	require.FileExists(t, m.path(disk.LeafKeyFile))
	require.False(t, m.ledger().Has(SystemStore, r.Seen.Folder.Hierarchy.Root), "nothing is remembered that is not there")

	m.stores[SystemStore].fails, m.stores[SystemStore].ready = nil, nil
	certificate := m.read(disk.LeafFile)
	m.mustSetup(Request{})
	require.Equal(t, certificate, m.read(disk.LeafFile), "the second run only adds what was lacking")
}

// Half of a replacement would leave two roots: without the rights to finish it
// is not begun.
func TestReplacingWithoutRights(t *testing.T) {
	m := setUp(t)
	before := m.picture()
	m.stores[SystemStore].ready = ErrNeedsAdmin
	_, err := m.engine().Setup(context.Background(), otherRoot)
	require.ErrorIs(t, err, ErrNeedsAdmin)
	require.Equal(t, before, m.picture())
}

// Success is what the second look says, never that a tool ran.
func TestAStoreThatOnlyClaimsToTrust(t *testing.T) {
	m := newMachine(t)
	m.stores[SystemStore].deaf = true
	r, err := m.engine().Setup(context.Background(), quick())
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorContains(t, err, SystemStore)
	require.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))
	for _, s := range r.Steps {
		require.Equal(t, s.What != SystemStore, s.Changed, s.What)
		require.Equal(t, s.What == SystemStore, s.Err != nil, s.What)
	}
	require.Empty(t, m.ledger().Entries)
}

// A store that was merely found and fails is left to its finding.
func TestAFoundStoreThatFails(t *testing.T) {
	m := newMachine(t, "firefox")
	m.stores["firefox"].fails = errors.New("no certutil")
	r, err := m.engine().Setup(context.Background(), quick())
	require.NoError(t, err)
	require.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))

	m = newMachine(t, "firefox")
	m.stores["firefox"].fails = errors.New("no certutil")
	named := quick()
	named.Stores = []string{"firefox"}
	_, err = m.engine().Setup(context.Background(), named)
	var partial *PartialError
	require.ErrorAs(t, err, &partial, "asked for by name, it is an error")
}

func TestPortsThatCannotBeBound(t *testing.T) {
	m := newMachine(t)
	m.binder.fails = errors.New("in use")
	r, err := m.engine().Setup(context.Background(), quick())
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []string{BindingMissing}, kindsOf(r.Findings))
	require.Len(t, m.stores[SystemStore].certs, 1)
}

// A place that cannot be looked into is not called missing, and what may be
// there is not forgotten.
func TestABlindStore(t *testing.T) {
	m := setUp(t, "firefox")
	m.stores["firefox"].blind = true
	ledger := m.ledger()
	ledger.Record("firefox", must(t, former).Root, noon)
	data, err := ledger.Encode()
	require.NoError(t, err)
	m.write(disk.LedgerFile, string(data))
	r := m.status()
	require.Equal(t, []string{"warning trust-unknown /firefox"}, describe(r.Findings))
	require.False(t, r.Broken())
	m.stores[SystemStore].certs = nil
	_, err = m.engine().Repair(context.Background())
	require.NoError(t, err)
	require.True(t, m.ledger().Has("firefox", r.Seen.Folder.Hierarchy.Root))
	require.True(t, m.ledger().Has("firefox", must(t, former).Root))
}
