package devcert

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/disk"
)

// lookedAt tells of each look, which comes after the files were read.
type lookedAt struct {
	*memStore
	look func()
}

func (s lookedAt) Look(ctx context.Context, m Material) []Place {
	s.look()
	return s.memStore.Look(ctx, m)
}

// halfWritten is a machine on which another devcert is in the middle of a change:
// it has taken a file away, and puts it back and ends when end is called.
func halfWritten(t *testing.T) (m *machine, end func()) {
	m = setUp(t)
	unlock, err := m.engine().folder().Lock(t.Context(), "renew", func(string) {})
	require.NoError(t, err)
	leaf := m.read(disk.LeafFile)
	require.NoError(t, os.Remove(m.path(disk.LeafFile)))
	return m, func() {
		m.write(disk.LeafFile, string(leaf))
		require.NoError(t, os.Chmod(m.path(disk.LeafFile), 0o644))
		unlock()
	}
}

// What a reader sees of a change that another devcert is about is no finding: it
// looks again. Each of these takes no lock, and so may see half.
func TestReadersWaitForTheWriter(t *testing.T) {
	for name, read := range map[string]func(e *Engine) (*Report, error){
		"status": func(e *Engine) (*Report, error) { return e.Status(t.Context(), false) },
		"doctor": func(e *Engine) (*Report, error) { return e.Diagnose(t.Context(), Examine{}) },
		"env": func(e *Engine) (*Report, error) {
			_, r, err := e.Variables(t.Context())
			return r, err
		},
		"setup --dry-run": func(e *Engine) (*Report, error) {
			e.DryRun = true
			return e.Setup(t.Context(), quick())
		},
		"renew --dry-run": func(e *Engine) (*Report, error) {
			e.DryRun = true
			return e.Renew(t.Context(), false, false)
		},
	} {
		t.Run(name+" while it writes", func(t *testing.T) {
			m, end := halfWritten(t)
			looks := 0
			m.host.Stores[0] = lookedAt{m.stores[SystemStore], func() {
				if looks++; looks == 1 {
					time.AfterFunc(50*time.Millisecond, end)
				}
			}}
			r, err := read(m.engine())
			require.NoError(t, err)
			require.Empty(t, r.Findings)
			require.Empty(t, r.Planned)
			require.Equal(t, 2, looks)
		})
		t.Run(name+" when it has just ended", func(t *testing.T) {
			m, end := halfWritten(t)
			looks := 0
			m.host.Stores[0] = lookedAt{m.stores[SystemStore], func() {
				if looks++; looks == 1 {
					end()
				}
			}}
			r, err := read(m.engine())
			require.NoError(t, err)
			require.Empty(t, r.Findings)
			require.Equal(t, 2, looks)
		})
	}
}

// A writer that hangs keeps no reader longer than the time limit: what it has
// left is then told. Nobody who reads what is right waits at all.
func TestReadersOfALockHeldForEver(t *testing.T) {
	m, end := halfWritten(t)
	defer end()
	e := m.engine()
	e.Timeout = 100 * time.Millisecond
	r, err := e.Status(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, []string{LeafMissing}, kindsOf(r.Findings))

	whole := setUp(t)
	unlock, err := whole.engine().folder().Lock(t.Context(), "setup", func(string) {})
	require.NoError(t, err)
	defer unlock()
	looks := 0
	whole.host.Stores[0] = lookedAt{whole.stores[SystemStore], func() { looks++ }}
	require.Empty(t, whole.status().Findings)
	require.Equal(t, 1, looks)
}

// What is wrong and was left so by nobody who is at work is told at once.
func TestReadersOfWhatIsWrong(t *testing.T) {
	m := setUp(t)
	require.NoError(t, os.Remove(m.path(disk.LeafFile)))
	looks := 0
	m.host.Stores[0] = lookedAt{m.stores[SystemStore], func() { looks++ }}
	require.Equal(t, []string{LeafMissing}, kindsOf(m.status().Findings))
	require.Equal(t, 1, looks)
}

// An order is not refused, nor an export, for half of what another devcert writes.
func TestIssueAndExportWaitForTheWriter(t *testing.T) {
	for name, run := range map[string]func(e *Engine) error{
		"issue": func(e *Engine) error {
			_, err := e.Issue(t.Context(), IssueOrder{Names: []string{"api.test"}, Key: "ecdsa"})
			return err
		},
		"export": func(e *Engine) error {
			_, err := e.Export(t.Context(), Exports[0], "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			f := m.engine().folder()
			unlock, err := f.Lock(t.Context(), "setup", func(string) {})
			require.NoError(t, err)
			other := setUp(t)
			time.AfterFunc(50*time.Millisecond, func() {
				_ = os.CopyFS(m.host.StateDir+"-new", os.DirFS(other.host.StateDir))
				for _, name := range []string{"generations", "config.json", "ledger.json", "current"} {
					_ = os.RemoveAll(m.path(name))
					_ = os.Rename(m.host.StateDir+"-new/"+name, m.path(name))
				}
				unlock()
			})
			require.NoError(t, run(m.engine()))
		})
	}
}

// Whoever ends a reader that waits gets no half of a change for a report.
func TestReadersThatAreEndedWhileTheyWait(t *testing.T) {
	m, end := halfWritten(t)
	defer end()
	ctx, cancel := context.WithCancel(t.Context())
	m.host.Stores[0] = lookedAt{m.stores[SystemStore], func() { time.AfterFunc(50*time.Millisecond, cancel) }}
	_, err := m.engine().Status(ctx, false)
	require.ErrorIs(t, err, context.Canceled)
}
