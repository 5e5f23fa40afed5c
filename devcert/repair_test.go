package devcert

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// breakage is one way in which a machine that was set up comes to harm.
type breakage struct {
	name  string
	wreck func(m *machine)
	kinds []string // of finding, as status names them
}

var breakages = []breakage{
	{"the system's store lost the root", func(m *machine) { m.stores[SystemStore].certs = nil }, []string{TrustMissing}},
	{"Firefox distrusts it", func(m *machine) { m.stores["firefox"].denied = true }, []string{TrustDenied}},
	{"localhost.pem deleted", func(m *machine) { m.remove(disk.LeafFile) }, []string{LeafMissing}},
	{"localhost-key.pem garbage", func(m *machine) { m.write(disk.LeafKeyFile, "garbage") }, []string{LeafMissing}},
	{"localhost-key.pem another's", func(m *machine) { m.write(disk.LeafKeyFile, m.otherKey()) }, []string{PairMismatch}},
	{"the generation's leaf key another's", func(m *machine) { m.write(m.inGeneration("leaf-key.pem"), m.otherKey()) }, []string{PairMismatch}},
	{"both leaf keys another's", func(m *machine) {
		key := m.otherKey()
		m.write(disk.LeafKeyFile, key)
		m.write(m.inGeneration("leaf-key.pem"), key)
	}, []string{PairMismatch}},
	{"localhost-key.pem a folder", func(m *machine) {
		m.remove(disk.LeafKeyFile)
		require.NoError(m.t, os.MkdirAll(filepath.Join(m.path(disk.LeafKeyFile), "inside"), 0o700))
	}, []string{LeafMissing}},
	{"current garbage", func(m *machine) { m.write(disk.CurrentFile, "garbage") }, []string{StateCorrupt}},
	{"ledger garbage", func(m *machine) { m.write(disk.LedgerFile, "garbage") }, []string{StateCorrupt}},
	{"config garbage", func(m *machine) { m.write(disk.ConfigFile, "garbage") }, []string{StateCorrupt}},
	{"config deleted", func(m *machine) { m.remove(disk.ConfigFile) }, []string{StateCorrupt}},
	{"every generation deleted", func(m *machine) { require.NoError(m.t, os.RemoveAll(m.path("generations"))) }, []string{HierarchyMissing, FormerRoot, FormerRoot}},
	{"the intermediate's key lost", func(m *machine) { m.remove(m.inGeneration("intermediate-key.pem")) }, []string{HierarchyMissing}},
	{"no port bound", func(m *machine) { clear(m.binder.table) }, []string{BindingMissing}},
	{"a port bound to an old leaf", func(m *machine) { m.binder.table[44301] = "00" }, []string{BindingStale}},
	{"the bindings garbage", func(m *machine) {
		m.write(disk.BindingsFile, "garbage")
		clear(m.binder.table)
	}, []string{BindingUnknown}},
	{"a year later", func(m *machine) { m.now = m.now.Add(366 * 24 * time.Hour) }, []string{LeafExpired}},
	{"eleven months later", func(m *machine) { m.now = m.now.Add(330 * 24 * time.Hour) }, []string{LeafExpiring}},
	{"eleven years later", func(m *machine) { m.now = m.now.AddDate(11, 0, 0) }, []string{RootExpired, IntermediateExpired, LeafExpired, CRLExpired}},
	{"copied to another machine", func(m *machine) { m.host.Owner.Machine += "x" }, []string{StateForeign}},
	{"the ledger deleted", func(m *machine) { m.remove(disk.LedgerFile) }, []string{StateCorrupt}},
}

func (m *machine) remove(name string) {
	m.t.Helper()
	require.NoError(m.t, os.RemoveAll(m.path(name)))
}

func (m *machine) otherKey() string {
	m.t.Helper()
	data, err := chain.EncodeKey(must(m.t, stranger).Leaf.Key)
	require.NoError(m.t, err)
	return string(data)
}

// Each kind of loss is named, and one repair cures it.
func TestRepairOfEach(t *testing.T) {
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			m := setUp(t, "firefox")
			b.wreck(m)
			require.Equal(t, b.kinds, kindsOf(m.status().Findings))
			r := m.mustRepair()
			require.Empty(t, describe(r.Findings))
			require.Empty(t, describe(m.status().Findings))
			before := m.picture()
			require.Empty(t, m.mustRepair().Steps, "and that was all")
			require.Equal(t, before, m.picture())
			for _, s := range m.stores {
				require.Len(t, s.certs, 1, "no root is left behind in %s", s.name)
			}
		})
	}
}

func TestRepairTouchesNothingElse(t *testing.T) {
	m := setUp(t, "firefox")
	before := m.picture()
	certificate := m.read(disk.LeafFile)
	m.stores["firefox"].certs = nil
	m.stores["firefox"].calls, m.stores[SystemStore].calls = nil, nil
	m.mustRepair()
	require.Len(t, m.stores["firefox"].calls, 1)
	require.Empty(t, m.stores[SystemStore].calls, "the healthy store is left in peace")
	require.Equal(t, certificate, m.read(disk.LeafFile))
	require.Equal(t, len(before), len(m.picture()))
}

func TestRepairOnly(t *testing.T) {
	m := setUp(t)
	m.stores[SystemStore].certs = nil
	clear(m.binder.table)
	e := m.engine()
	e.Only = []string{BindingMissing}
	r, err := e.Repair(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{TrustMissing}, kindsOf(r.Findings))
	require.Len(t, m.binder.table, 4)
	require.Empty(t, m.stores[SystemStore].certs)
}

// What is left out by --only may be what the rest needs.
func TestRepairOnlyPortsWithoutALeaf(t *testing.T) {
	m := setUp(t)
	m.remove(disk.LeafFile)
	m.remove(m.inGeneration("leaf.pem"))
	clear(m.binder.table)
	e := m.engine()
	e.Only = []string{BindingMissing}
	r, err := e.Repair(context.Background())
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.Contains(t, kindsOf(r.Findings), LeafMissing)
	require.Empty(t, m.mustRepair().Findings)
}

// A folder that came from elsewhere stays foreign until it has a hierarchy of
// its own: mending something else in it does not make it this machine's.
func TestForeignStaysForeignUntilReplaced(t *testing.T) {
	m := setUp(t)
	m.host.Owner.Machine = "m2"
	clear(m.binder.table)
	e := m.engine()
	e.Only = []string{BindingMissing}
	_, err := e.Repair(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{StateForeign}, kindsOf(m.status().Findings))
	_, err = m.engine().BindPorts(context.Background(), []int{8443}, "localhost", AsksUnknown)
	require.NoError(t, err)
	require.Equal(t, []string{StateForeign}, kindsOf(m.status().Findings))
	c, err := ParseConfig(m.read(disk.ConfigFile))
	require.NoError(t, err)
	require.Equal(t, []string{"m1", "m1"}, []string{c.Machine, m.ledger().Machine})
	m.mustRepair()
	require.Empty(t, m.status().Findings)
}

func TestRepairWithoutSetup(t *testing.T) {
	m := newMachine(t)
	r := m.mustRepair()
	require.Nil(t, r.Config)
	require.Equal(t, []string{HierarchyMissing}, kindsOf(r.Findings))
	require.NoDirExists(t, m.host.StateDir)
}

func TestExposedKeys(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	t.Run("the leaf's gets a new leaf", func(t *testing.T) {
		m := setUp(t)
		old := m.read(disk.LeafKeyFile)
		require.NoError(t, os.Chmod(m.path(disk.LeafKeyFile), 0o644))
		require.Equal(t, []string{FileExposed}, kindsOf(m.status().Findings))
		require.Empty(t, m.mustRepair().Findings)
		require.NotEqual(t, old, m.read(disk.LeafKeyFile))
	})
	t.Run("the intermediate's stays a finding until there is a new hierarchy", func(t *testing.T) {
		m := setUp(t)
		require.NoError(t, os.Chmod(m.path(m.inGeneration("intermediate-key.pem")), 0o644))
		for range 2 {
			require.Equal(t, []string{FileExposed}, kindsOf(m.mustRepair().Findings))
			info, err := os.Stat(m.path(m.inGeneration("intermediate-key.pem")))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		}
		_, err := m.engine().Renew(context.Background(), true, false)
		require.NoError(t, err)
		require.Equal(t, []string{FileExposed}, kindsOf(m.status().Findings), "a new leaf does not help")

		m.stores[SystemStore].fails = errors.New("no")
		_, err = m.engine().Renew(context.Background(), false, true)
		require.Error(t, err)
		require.Equal(t, []string{FileExposed}, kindsOf(m.status().Findings), "nor does a new root that was given up")
		m.stores[SystemStore].fails = nil
		r, err := m.engine().Renew(context.Background(), false, true)
		require.NoError(t, err)
		require.Empty(t, describe(r.Findings))
		require.Empty(t, describe(m.status().Findings))
		require.Empty(t, m.ledger().Exposed)
	})
}
