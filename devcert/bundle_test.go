package devcert

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// bundled is a machine whose system has roots that the test changes.
func bundled(t *testing.T, system *string) *machine {
	t.Helper()
	m := newMachine(t)
	m.host.Roots = func() ([]byte, error) { return []byte(*system), nil }
	m.mustSetup(quick())
	return m
}

func (m *machine) rootPEM() string {
	return string(chain.EncodeCertificates(m.status().Seen.Folder.Hierarchy.Root))
}

func TestBundleIsTheSystemsRootsAndOurs(t *testing.T) {
	for _, row := range []struct{ name, system, before string }{
		{"as bundles are", "one\ntwo\n", "one\ntwo\n"},
		{"without an end of line", "one", "one\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			system := row.system
			m := bundled(t, &system)
			assert.Equal(t, row.before+m.rootPEM(), string(m.read(disk.BundleFile)))
			info, err := os.Stat(m.path(disk.BundleFile))
			require.NoError(t, err)
			if runtime.GOOS != "windows" { // which has no modes
				assert.Equal(t, disk.PublicMode, info.Mode().Perm())
			}
		})
	}
}

func TestBundleIsKeptInStep(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(m *machine, system *string)
	}{
		{"the system has other roots", func(_ *machine, system *string) { *system = "three\n" }},
		{"deleted", func(m *machine, _ *string) { require.NoError(m.t, os.Remove(m.path(disk.BundleFile))) }},
		{"cut short", func(m *machine, _ *string) { m.write(disk.BundleFile, "one") }},
		{"a folder", func(m *machine, _ *string) {
			require.NoError(m.t, os.Remove(m.path(disk.BundleFile)))
			require.NoError(m.t, os.Mkdir(m.path(disk.BundleFile), 0o700))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			system := "one\ntwo\n"
			m := bundled(t, &system)
			row.spoil(m, &system)
			r := m.status()
			require.Equal(t, []string{TrustStale}, kindsOf(r.Findings))
			assert.Equal(t, disk.BundleFile, r.Findings[0].Where)
			assert.False(t, r.Broken(), "only who was pointed at it reads it")
			assert.Equal(t, []string{"file"}, stepNames(m.mustRepair().Steps))
			assert.Equal(t, system+m.rootPEM(), string(m.read(disk.BundleFile)))
			assert.Empty(t, m.status().Findings)
		})
	}
}

func TestBundleFollowsANewRoot(t *testing.T) {
	system := "one\n"
	m := bundled(t, &system)
	old := m.rootPEM()
	_, err := m.engine().Renew(context.Background(), false, true)
	require.NoError(t, err)
	assert.NotEqual(t, old, m.rootPEM())
	assert.Equal(t, system+m.rootPEM(), string(m.read(disk.BundleFile)))
	assert.Empty(t, m.status().Findings)
}

func TestBundleWhereTheSystemsRootsAreNotKnown(t *testing.T) {
	m := setUp(t)
	assert.NoFileExists(t, m.path(disk.BundleFile))
	m.host.Roots = func() ([]byte, error) { return nil, nil }
	assert.Empty(t, m.status().Findings)

	m.host.Roots = func() ([]byte, error) { return nil, errors.New("permission denied") }
	r := m.status()
	require.Equal(t, []string{TrustUnknown}, kindsOf(r.Findings))
	assert.Contains(t, r.Findings[0].Message, "permission denied")
	assert.False(t, r.Findings[0].Repairable)
}

// What mends the system's store changes its roots: the bundle has them after the
// same run.
func TestBundleFollowsTheSystemsStore(t *testing.T) {
	m := newMachine(t)
	store := m.stores[SystemStore]
	m.host.Roots = func() ([]byte, error) {
		if len(store.certs) == 0 {
			return []byte("garbage\n"), nil
		}
		return []byte("one\ntwo\n"), nil
	}
	m.mustSetup(quick())
	require.Empty(t, m.status().Findings)
	store.certs = nil
	m.write(disk.BundleFile, "garbage\n"+m.rootPEM())
	m.mustRepair()
	assert.Equal(t, "one\ntwo\n"+m.rootPEM(), string(m.read(disk.BundleFile)))
	assert.Empty(t, m.status().Findings)

	store.certs = nil
	m.write(disk.BundleFile, "cut")
	assert.Equal(t, []string{SystemStore, "file"}, stepNames(m.mustRepair().Steps), "last, and once")
	assert.Equal(t, "one\ntwo\n"+m.rootPEM(), string(m.read(disk.BundleFile)))
}

// noBundle is a disk on which there is room for all but that.
type noBundle struct{ chmodFiles }

func (f noBundle) Create(path string) (*os.File, error) {
	if strings.HasSuffix(path, disk.BundleFile+".new") {
		return nil, errors.New("no space left on device")
	}
	return f.chmodFiles.Create(path)
}

// A full disk that takes a new root and not the bundle keeps nothing else undone.
func TestANewRootWithoutItsBundle(t *testing.T) {
	for name, wish := range map[string]Request{
		"staged":  quick(),
		"at once": {Key: "ecdsa", Ports: "44300-44303", Stores: []string{NoStores}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.host.Roots = func() ([]byte, error) { return []byte("one\n"), nil }
			m.mustSetup(wish)
			m.host.Files, m.host.Owner.Machine = noBundle{}, "m2"
			_, err := m.engine().Renew(t.Context(), false, true)
			require.ErrorContains(t, err, "no space left on device")
			require.Equal(t, "m2", m.ledger().Machine)

			m.host.Files = chmodFiles{}
			root := m.rootPEM()
			m.mustRepair()
			require.Empty(t, m.status().Findings)
			require.Equal(t, root, m.rootPEM(), "it was made once")
			require.Equal(t, "one\n"+root, string(m.read(disk.BundleFile)))
		})
	}
}

// badDirs is a disk that keeps no names.
type badDirs struct{ chmodFiles }

func (badDirs) SyncDir(string) error { return errors.New("input/output error") }

// Nothing of the former generation goes before the names of the new one are safe.
func TestNamesThatAreNotKept(t *testing.T) {
	m := setUp(t)
	before := m.status().Seen.Folder.Current
	m.host.Files = badDirs{}
	_, err := m.engine().Renew(t.Context(), true, false)
	require.ErrorContains(t, err, "input/output error")
	require.DirExists(t, m.path("generations/"+before))
}
