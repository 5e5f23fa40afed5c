package devcert

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// sharedStore is a store where other machines of the same user's have their
// roots too.
type sharedStore struct{ *memStore }

func (s sharedStore) Look(ctx context.Context, m Material) []Place {
	places := s.memStore.Look(ctx, m)
	for i := range places {
		places[i].Shared, places[i].Machine = true, false
	}
	return places
}

// guestMachine is a Linux under Windows: a system store of its own, and Windows'
// beside it.
func guestMachine(t *testing.T) (*machine, *memStore) {
	m := newMachine(t)
	windows := &memStore{name: "windows-root", part: chain.PartRoot}
	m.stores[windows.name] = windows
	m.host.Stores = append(m.host.Stores, sharedStore{windows})
	return m, windows
}

// setup sets up, and leaves what stands to be judged.
func (m *machine) setup(r Request) *Report {
	m.t.Helper()
	report, err := m.engine().Setup(m.t.Context(), r)
	require.NoError(m.t, err)
	return report
}

// Windows' store is not the system's there: it is one that was found, so that its
// failure is a warning, and asking for the system does not ask for it.
func TestWindowsFromAGuest(t *testing.T) {
	t.Run("it is found", func(t *testing.T) {
		m, windows := guestMachine(t)
		r := m.mustSetup(quick())
		require.Empty(t, r.Findings)
		require.Equal(t, r.Seen.Folder.Hierarchy.Root, windows.certs[0])
	})
	t.Run("it fails", func(t *testing.T) {
		m, windows := guestMachine(t)
		windows.fails = ErrDeclined
		r := m.setup(quick())
		require.False(t, r.Broken())
		require.Equal(t, []string{"warning trust-missing /windows-root"}, describe(r.Findings))
	})
	t.Run("it fails where it was asked for", func(t *testing.T) {
		m, windows := guestMachine(t)
		windows.fails = ErrDeclined
		named := quick()
		named.Stores = []string{"system", "windows-root"}
		_, err := m.engine().Setup(t.Context(), named)
		require.ErrorIs(t, err, ErrDeclined)
	})
	t.Run("it is a person's to mend", func(t *testing.T) {
		m, windows := guestMachine(t)
		windows.blind, windows.remedy = true, "type this there"
		r := m.setup(quick())
		require.Equal(t, []string{"warning trust-unknown /windows-root (by hand)"}, describe(r.Findings))
		require.Empty(t, windows.calls)
		require.False(t, slices.ContainsFunc(r.Steps, func(s StepResult) bool { return s.store == windows.name }))
		_, err := m.uninstall(false)
		require.NoError(t, err, "nothing is on record that nobody can look for")
	})
	t.Run("the system alone", func(t *testing.T) {
		m, windows := guestMachine(t)
		only := quick()
		only.Stores = []string{SystemStore}
		r := m.mustSetup(only)
		require.Empty(t, r.Findings)
		require.Empty(t, windows.certs)
		require.False(t, r.Wants(windows.name, r.Seen.Stores[len(r.Seen.Stores)-1].Places[0]))
	})
}

// What the same user's other machines have put there is theirs.
func TestSharedRoots(t *testing.T) {
	m, windows := guestMachine(t)
	m.mustSetup(quick())
	other, err := chain.New(chain.Options{Owner: "alice@pc", Key: chain.ECDSA, Now: m.now})
	require.NoError(t, err)
	windows.certs = append(windows.certs, other.Root)
	require.Empty(t, m.status().Findings)
	former := m.mustSetup(otherRoot)
	require.Empty(t, former.Findings)
	require.Len(t, windows.certs, 2, "one's own former root goes all the same")
	_, err = m.uninstall(true)
	require.NoError(t, err)
	require.Len(t, windows.certs, 1)
	require.True(t, windows.certs[0].Equal(other.Root))
}

// A store that was merely found, and did not trust the old root, does not keep
// the machine from a new one.
func TestReplacingWithoutAFoundStore(t *testing.T) {
	for _, row := range []struct {
		name   string
		before error // of the setup
		names  []string
		given  bool // the new root is given up
	}{
		{"it never trusted", ErrDeclined, nil, false},
		{"it trusts the old one", nil, nil, true},
		{"it was asked for", nil, []string{"system", "firefox"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t, "firefox")
			m.stores["firefox"].fails = row.before
			first := quick()
			first.Stores = row.names
			m.setup(first)
			if row.names != nil {
				m.stores["firefox"].certs = nil
			}
			m.stores["firefox"].fails = errors.New("no certutil")
			r, err := m.engine().Setup(t.Context(), otherRoot)
			if row.given {
				require.ErrorContains(t, err, "the new root is given up")
				return
			}
			require.NoError(t, err)
			require.True(t, r.NewRoot())
			require.Equal(t, []string{"warning trust-missing /firefox"}, describe(r.Findings))
		})
	}
}
