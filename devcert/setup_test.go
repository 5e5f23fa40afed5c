package devcert

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func TestSetupFromNothing(t *testing.T) {
	m := newMachine(t, "firefox")
	r := m.mustSetup(quick())
	require.False(t, r.Broken())
	h := r.Seen.Folder.Hierarchy
	for _, s := range m.stores {
		require.Equal(t, []string{chain.Thumbprint(h.Root)}, thumbprints(s.certs))
	}
	require.Len(t, m.binder.table, 4)
	require.Equal(t, chain.Thumbprint(h.Leaf.Cert), m.binder.table[44303])
	require.True(t, m.ledger().Has(SystemStore, h.Root))
	require.True(t, m.ledger().Has("firefox", h.Root))
	require.Empty(t, m.questions, "setup asks nothing by itself")
	require.Nil(t, h.RootKey)
	c, err := ParseConfig(m.read(disk.ConfigFile))
	require.NoError(t, err)
	require.Equal(t, "m1", c.Machine)
	require.Equal(t, noon, c.SetUp)
	require.Equal(t, "44300-44303", c.Ports)
	for _, s := range r.Steps {
		require.True(t, s.Changed, s.What)
		require.NoError(t, s.Err)
	}
}

// The ledger is written before a store is touched: a run that is killed in
// between is found and undone.
func TestTrustIsRecordedBeforeItIsGiven(t *testing.T) {
	m := newMachine(t)
	m.stores[SystemStore].onDeploy = func() { require.Len(t, m.ledger().Entries, 1) }
	m.mustSetup(quick())
}

func TestSetupAgainChangesNothing(t *testing.T) {
	m := setUp(t, "firefox")
	before := m.picture()
	m.now = m.now.Add(24 * time.Hour)
	for _, again := range []Request{{}, quick(), {Names: []string{"LOCALHOST"}}, {Stores: []string{"all"}, Scope: "machine"}} {
		r := m.mustSetup(again)
		require.Empty(t, r.Steps)
		require.Equal(t, before, m.picture())
	}
	require.Empty(t, m.mustRepair().Steps)
	_, err := m.engine().Renew(context.Background(), false, false)
	require.NoError(t, err)
	require.Equal(t, before, m.picture())
}

func TestReadOnlyCommandsChangeNothing(t *testing.T) {
	for _, row := range []struct {
		name string
		make func(testing.TB) *machine
	}{
		{"nothing there", func(t testing.TB) *machine { return newMachine(t) }},
		{"healthy", func(t testing.TB) *machine { return setUp(t) }},
		{"broken", func(t testing.TB) *machine {
			m := setUp(t)
			m.stores[SystemStore].certs = nil
			m.write(disk.LeafKeyFile, "garbage")
			m.write(disk.LedgerFile, "garbage")
			return m
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := row.make(t)
			before := m.picture()
			m.status()
			dry := m.engine()
			dry.DryRun = true
			_, err := dry.Setup(context.Background(), Request{Names: []string{"app.test"}, Permits: []string{"example.org"}})
			require.NoError(t, err)
			_, err = dry.Repair(context.Background())
			require.NoError(t, err)
			_, err = dry.Renew(context.Background(), true, true)
			require.NoError(t, err)
			_, err = dry.Uninstall(context.Background(), true)
			require.NoError(t, err)
			require.Equal(t, before, m.picture())
			require.Empty(t, m.questions)
		})
	}
}

func TestDryRunSaysWhatWouldBeDone(t *testing.T) {
	m := newMachine(t)
	dry := m.engine()
	dry.DryRun = true
	r, err := dry.Setup(context.Background(), quick())
	require.NoError(t, err)
	require.Equal(t, []string{"make hierarchy with config", "deploy system", "bind 44300-44303"}, inWords(r.Planned))
	require.NoDirExists(t, m.host.StateDir)
}

func TestRenew(t *testing.T) {
	m := setUp(t)
	leaf, root := m.read(disk.LeafFile), m.read(disk.RootFile)
	m.now = m.now.Add(24 * time.Hour)
	r, err := m.engine().Renew(context.Background(), true, false)
	require.NoError(t, err)
	require.Empty(t, r.Findings)
	require.NotEqual(t, leaf, m.read(disk.LeafFile))
	require.Equal(t, root, m.read(disk.RootFile))
	require.Equal(t, chain.Thumbprint(r.Seen.Folder.Hierarchy.Leaf.Cert), m.binder.table[44300], "and it is served")
	require.Empty(t, m.questions)
	require.Len(t, r.Seen.Folder.Others, 0)
}

func TestBindAndUnbindPorts(t *testing.T) {
	m := setUp(t)
	ctx := context.Background()
	_, err := m.engine().BindPorts(ctx, []int{8443, 44304}, "localhost", AsksUnknown)
	require.NoError(t, err)
	require.Equal(t, "8443,44300-44304", m.status().Config.Ports)
	require.Len(t, m.binder.table, 6)

	_, err = m.engine().BindPorts(ctx, []int{9}, "nobody's", AsksUnknown)
	var usage *UsageError
	require.ErrorAs(t, err, &usage)
	require.Contains(t, usage.Hint, "SHA-1")
	_, err = m.engine().UnbindPorts(ctx, []int{44301, 7})
	require.NoError(t, err)
	require.Equal(t, "8443,44300,44302-44304", m.status().Config.Ports)
	require.NotContains(t, m.binder.table, 44301)

	_, err = m.engine().UnbindPorts(ctx, nil)
	require.NoError(t, err)
	require.Empty(t, m.binder.table)
	require.Equal(t, NoPorts, m.status().Config.Ports)
	m.mustSetup(Request{})
	require.Empty(t, m.binder.table, "what was unbound stays unbound")

	_, err = newMachine(t).engine().BindPorts(ctx, []int{1}, "localhost", AsksUnknown)
	require.ErrorAs(t, err, &usage, "without setup there is nothing to bind")
}

func TestBadInputMakesNothing(t *testing.T) {
	for _, r := range []Request{{Names: []string{"a..b"}}, {Permits: []string{"com"}}, {Ports: "9-1"}, {Stores: []string{"netscape"}}, {Key: "dsa"}} {
		m := newMachine(t)
		_, err := m.engine().Setup(context.Background(), r)
		var usage *UsageError
		require.ErrorAs(t, err, &usage)
		require.NoDirExists(t, m.host.StateDir)

		m = setUp(t)
		before := m.picture()
		_, err = m.engine().Setup(context.Background(), r)
		require.ErrorAs(t, err, &usage)
		require.Equal(t, before, m.picture())
	}
}

// mkcert's fault 3: first runs at once left leaves that did not verify.
func TestManySetupsAtOnce(t *testing.T) {
	m := newMachine(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		e := m.engine()
		e.Say = func(string) {}
		wg.Go(func() { _, errs[i] = e.Setup(context.Background(), quick()) })
	}
	wg.Wait()
	require.Equal(t, make([]error, 8), errs)
	require.Len(t, m.stores[SystemStore].certs, 1)
	require.Empty(t, m.status().Findings)
	generations, err := os.ReadDir(m.path("generations"))
	require.NoError(t, err)
	require.Len(t, generations, 1)
}

// Interrupted at any step, a run ends with an error, and the next completes it.
func TestInterruptedAtEachStep(t *testing.T) {
	for n := 1; ; n++ {
		m := newMachine(t, "firefox")
		ctx, cancel := context.WithCancel(context.Background())
		e, steps := m.engine(), 0
		e.Step = func(StepResult) {
			if steps++; steps == n {
				cancel()
			}
		}
		r, err := e.Setup(ctx, quick())
		cancel()
		if steps < n {
			require.NoError(t, err)
			require.Greater(t, n, 4)
			return
		}
		t.Run(fmt.Sprintf("after step %d", n), func(t *testing.T) {
			if len(r.Findings) > 0 || err != nil {
				require.ErrorIs(t, err, context.Canceled)
			}
			m.mustSetup(quick())
			require.Empty(t, m.status().Findings)
			require.Len(t, m.stores[SystemStore].certs, 1)
		})
	}
}

// The first setup makes an open folder private, before it writes a key.
func TestSetupInAnOpenFolder(t *testing.T) {
	for _, open := range []string{".", "generations"} {
		t.Run(open, func(t *testing.T) {
			m := newMachine(t)
			require.NoError(t, os.MkdirAll(m.path(open), 0o700))
			require.NoError(t, os.Chmod(m.path(open), 0o777))
			if why, _ := m.host.Files.Exposed(m.path(open)); why == "" {
				t.Skip("there are no modes here")
			}
			r := m.mustSetup(quick())
			require.Equal(t, tighten, r.Steps[0].action)
			require.Equal(t, create, r.Steps[1].action)
			info, err := os.Stat(m.path(open))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		})
	}
}

// Whatever was asked for, nothing is written into a folder that is open.
func TestAnOpenFolderIsClosedFirst(t *testing.T) {
	m := setUp(t)
	require.NoError(t, os.Chmod(m.host.StateDir, 0o777))
	if why, _ := m.host.Files.Exposed(m.host.StateDir); why == "" {
		t.Skip("there are no modes here")
	}
	r, err := m.engine().Renew(context.Background(), true, false)
	require.NoError(t, err)
	require.Equal(t, tighten, r.Steps[0].action)
	require.Equal(t, reissue, r.Steps[1].action)
	require.Empty(t, r.Findings)
}

// A file that a newer devcert wrote is neither damaged nor understood: no command
// touches anything, uninstall least of all.
func TestNewerFilesAreRefused(t *testing.T) {
	newer := fmt.Errorf("the binding table: %w", disk.ErrSchema)
	for _, row := range []struct {
		name  string
		wreck func(m *machine)
	}{
		{"config.json", func(m *machine) { m.write(disk.ConfigFile, `{"schema": 2, "names": {}}`) }},
		{"ledger.json", func(m *machine) { m.write(disk.LedgerFile, `{"schema": 2}`) }},
		{"the binding table", func(m *machine) { m.host.Binder = newerBinder{m.binder, newer} }},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t)
			row.wreck(m)
			before, e := m.picture(), m.engine()
			ctx := context.Background()
			for name, command := range map[string]func() (*Report, error){
				"status":    func() (*Report, error) { return e.Status(ctx, false) },
				"setup":     func() (*Report, error) { return e.Setup(ctx, quick()) },
				"repair":    func() (*Report, error) { return e.Repair(ctx) },
				"renew":     func() (*Report, error) { return e.Renew(ctx, true, false) },
				"uninstall": func() (*Report, error) { return e.Uninstall(ctx, true) },
			} {
				_, err := command()
				var usage *UsageError
				require.ErrorAs(t, err, &usage, name)
				require.Contains(t, usage.Problem, row.name)
				require.Contains(t, usage.Problem, "written by a newer devcert")
				require.Contains(t, usage.Hint, "use the devcert that wrote it")
				require.Equal(t, before, m.picture(), name)
			}
		})
	}
}

type newerBinder struct {
	Binder
	err error
}

func (b newerBinder) Table(context.Context) (PortTable, error) { return PortTable{}, b.err }
