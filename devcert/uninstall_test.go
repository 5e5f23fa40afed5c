package devcert

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func (m *machine) uninstall(all bool) (*Report, error) {
	return m.engine().Uninstall(context.Background(), all)
}

func TestUninstall(t *testing.T) {
	m := setUp(t, "firefox")
	m.stores["firefox"].certs = append(m.stores["firefox"].certs, must(t, stranger).Root)
	r, err := m.uninstall(false)
	require.NoError(t, err)
	require.NoDirExists(t, m.host.StateDir)
	require.Empty(t, m.stores[SystemStore].certs)
	require.Equal(t, []string{"bob@pc"}, owners(m.stores["firefox"]), "what is another's stays")
	require.Empty(t, m.binder.table)
	require.Len(t, m.questions, 1)
	require.Empty(t, r.Left)
	require.False(t, m.status().Seen.Folder.Present)

	m.questions = nil
	r, err = m.uninstall(true)
	require.NoError(t, err)
	require.Empty(t, r.Steps, "where nothing is, nothing is done")
	require.Empty(t, m.questions)
	require.NoDirExists(t, m.host.StateDir, "mkcert's fault 5: it made a new CA here")
	m.mustSetup(quick())
}

func owners(s *memStore) []string {
	var out []string
	for _, r := range s.certs {
		out = append(out, r.Subject.CommonName[len("devcert root "):len(r.Subject.CommonName)-9])
	}
	return out
}

func TestUninstallNeedsAYes(t *testing.T) {
	m := setUp(t)
	before := m.picture()
	m.answer = ErrDeclined
	_, err := m.uninstall(false)
	require.ErrorIs(t, err, ErrDeclined)
	require.Equal(t, before, m.picture())
}

// The folder holds what is needed to find a root again: it stays as long as a
// store keeps one.
func TestUninstallWhereAStoreRefuses(t *testing.T) {
	refused := errors.New("the tool said no")
	for _, row := range []struct {
		name  string
		wreck func(*memStore)
		err   error
	}{
		{"it fails", func(s *memStore) { s.fails = refused }, refused},
		{"it needs rights", func(s *memStore) { s.fails = ErrNeedsAdmin }, ErrNeedsAdmin},
		{"a person says no", func(s *memStore) { s.fails = ErrDeclined }, ErrDeclined},
		{"its tools do nothing", func(s *memStore) { s.deaf = true }, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := setUp(t, "firefox")
			root := m.status().Seen.Folder.Hierarchy.Root
			row.wreck(m.stores[SystemStore])
			_, err := m.uninstall(false)
			require.Error(t, err)
			if row.err != nil {
				require.ErrorIs(t, err, row.err)
			}
			require.Empty(t, m.stores["firefox"].certs, "the others are done")
			require.True(t, m.ledger().Has(SystemStore, root))
			require.FileExists(t, m.path(disk.RootFile))

			*m.stores[SystemStore] = memStore{name: SystemStore, part: chain.PartRoot, certs: m.stores[SystemStore].certs}
			_, err = m.uninstall(false)
			require.NoError(t, err)
			require.Empty(t, m.stores[SystemStore].certs)
			require.NoDirExists(t, m.host.StateDir)
		})
	}
}

// What could not be looked into is named where its store is, with what to do.
func TestUninstallWhereNobodyCanLook(t *testing.T) {
	m := setUp(t, "firefox")
	root := m.status().Seen.Folder.Hierarchy.Root
	m.stores["firefox"].blind, m.stores["firefox"].remedy = true, "open it"
	r, err := m.uninstall(false)
	require.ErrorContains(t, err, "firefox: ")
	require.ErrorContains(t, err, "/firefox")
	require.ErrorContains(t, err, "permission denied")
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	require.Equal(t, "open it", remedied.Remedy())
	for _, s := range r.Steps {
		require.Equal(t, s.What == "firefox", s.Err != nil, "%s: %v", s.What, s.Err)
	}
	require.True(t, m.ledger().Has("firefox", root), "it may be there still")
	require.Empty(t, m.stores[SystemStore].certs)

	m.stores["firefox"].blind = false
	_, err = m.uninstall(false)
	require.NoError(t, err)
	require.NoDirExists(t, m.host.StateDir)
}

// A store that nothing was put into, and that nobody can look into, has nothing
// to take out.
func TestUninstallBesideAnUnknownStore(t *testing.T) {
	m := newMachine(t, "firefox")
	m.stores["firefox"].blind, m.stores["firefox"].remedy = true, "open it"
	_, err := m.engine().Setup(context.Background(), quick())
	require.NoError(t, err)
	require.Empty(t, m.stores["firefox"].calls)
	_, err = m.uninstall(false)
	require.NoError(t, err)
	require.NoDirExists(t, m.host.StateDir)
}

// A root whose ledger was lost is shown, and removed with all only.
func TestUninstallOfAFormerRoot(t *testing.T) {
	m := setUp(t)
	m.remove(".")
	m.binder.table = map[int]string{}
	require.Equal(t, []string{HierarchyMissing, FormerRoot}, kindsOf(m.status().Findings))
	_, err := m.uninstall(false)
	require.NoError(t, err)
	require.Len(t, m.stores[SystemStore].certs, 1)
	m.stores[SystemStore].certs = append(m.stores[SystemStore].certs, must(t, stranger).Root)
	_, err = m.uninstall(true)
	require.NoError(t, err)
	require.Equal(t, []string{"bob@pc"}, owners(m.stores[SystemStore]))
	require.NoDirExists(t, m.host.StateDir)
}

func TestUninstallLeavesWhatItDoesNotKnow(t *testing.T) {
	m := setUp(t)
	m.write("notes.txt", "mine")
	r, err := m.uninstall(false)
	require.NoError(t, err)
	require.Equal(t, []string{"notes.txt"}, r.Left)
	require.Equal(t, "mine", string(m.read("notes.txt")))
	require.NoFileExists(t, m.path(disk.LeafKeyFile))
}

// Damage to the folder does not keep a root in a store.
func TestUninstallOfADamagedFolder(t *testing.T) {
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			m := setUp(t, "firefox")
			b.wreck(m)
			r, err := m.uninstall(true)
			require.NoError(t, err)
			require.Empty(t, m.stores[SystemStore].certs)
			require.Empty(t, m.stores["firefox"].certs)
			if len(r.Left) > 0 {
				require.Equal(t, []string{"localhost-key.pem/inside"}, r.Left, "somebody's, in the place of ours")
				return
			}
			require.NoDirExists(t, m.host.StateDir)
		})
	}
}

// A folder that a link leads to is the user's: link and folder stay.
func TestUninstallOfALinkedFolder(t *testing.T) {
	m := newMachine(t)
	m.host.Link = m.host.StateDir + "-link"
	require.NoError(t, os.Mkdir(m.host.StateDir, 0o700))
	m.mustSetup(quick())
	r, err := m.uninstall(false)
	require.NoError(t, err)
	require.Equal(t, []string{"."}, r.Left)
	names, err := os.ReadDir(m.host.StateDir)
	require.NoError(t, err)
	require.Empty(t, names)
	r, err = m.uninstall(false)
	require.NoError(t, err)
	require.Empty(t, r.Steps, "nothing of devcert's is there any more")
}

// folderBinder is a binder whose table is in the state folder and goes with it.
type folderBinder struct {
	*memBinder
	file string // as long as it is there, the table is
}

func (b folderBinder) Table(ctx context.Context) (PortTable, error) {
	if _, err := os.Stat(b.file); err != nil {
		return PortTable{}, nil
	}
	return b.memBinder.Table(ctx)
}

// What is gone is gone, also if the disk was too full to write so into a table
// that went with the folder.
func TestUninstallOnAFullDisk(t *testing.T) {
	full := errors.New("no space left on device")
	m := setUp(t)
	m.binder.fails = full
	_, err := m.uninstall(false)
	require.ErrorIs(t, err, full, "the ports are still bound")

	m.binder.fails = nil
	m.mustSetup(quick())
	m.binder.fails = full
	m.host.Binder = folderBinder{m.binder, m.path(disk.CurrentFile)}
	r, err := m.uninstall(false)
	require.NoError(t, err)
	require.NoDirExists(t, m.host.StateDir)
	for _, s := range r.Steps {
		require.NoError(t, s.Err)
	}
}
