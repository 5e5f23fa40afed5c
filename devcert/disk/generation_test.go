package disk

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestParseGenerationID(t *testing.T) {
	for _, row := range []struct {
		name, id  string
		hierarchy string
		n         int
		ok        bool
	}{
		{name: "the first", id: "0a1b2c3d-1", hierarchy: "0a1b2c3d", n: 1, ok: true},
		{name: "a late one", id: "ffffffff-4711", hierarchy: "ffffffff", n: 4711, ok: true},
		{name: "empty", id: ""},
		{name: "no number", id: "0a1b2c3d"},
		{name: "an empty number", id: "0a1b2c3d-"},
		{name: "zero", id: "0a1b2c3d-0"},
		{name: "negative", id: "0a1b2c3d--1"},
		{name: "a sign", id: "0a1b2c3d-+1"},
		{name: "a leading zero", id: "0a1b2c3d-01"},
		{name: "beyond an int", id: "0a1b2c3d-99999999999999999999"},
		{name: "upper case", id: "0A1B2C3D-1"},
		{name: "not hex", id: "0a1b2c3g-1"},
		{name: "too short", id: "0a1b2c3-1"},
		{name: "too long", id: "0a1b2c3d4-1"},
		{name: "a path", id: "../../../etc/0a1b2c3d-1"},
		{name: "a folder behind it", id: "0a1b2c3d-1/.."},
		{name: "a backslash", id: `0a1b2c3d-1\..`},
		{name: "a newline", id: "0a1b2c3d-1\n"},
		{name: "a space", id: " 0a1b2c3d-1"},
		{name: "another script's digits", id: "0a1b2c3d-١"},
		{name: "the temporary name", id: ".0a1b2c3d-1.new"},
	} {
		t.Run(row.name, func(t *testing.T) {
			hierarchy, n, ok := ParseGenerationID(row.id)
			require.Equal(t, row.ok, ok)
			if ok {
				require.Equal(t, row.hierarchy, hierarchy)
				require.Equal(t, row.n, n)
			}
		})
	}
}

func TestWriteGeneration(t *testing.T) {
	f, h := newFolder(t), sample(t, 0)
	id, err := f.WriteGeneration(h)
	require.NoError(t, err)
	require.Equal(t, chain.HierarchyID(h.Root)+"-1", id)
	require.Equal(t, []string{
		"client-intermediate-key.pem", "client-intermediate.pem",
		"intermediate-key.pem", "intermediate.pem", "leaf-key.pem", "leaf.pem", "leaf.pfx", "root.crl", "root.pem",
	}, tree(t, f.path(generationsDir, id))[1:], "and no root-key.pem: the root's key never touches the disk")
	require.NoFileExists(t, f.path(CurrentFile), "it is not current before the switch")
	require.NoFileExists(t, f.path(LeafKeyFile))

	next, err := f.WriteGeneration(h)
	require.NoError(t, err)
	require.Equal(t, chain.HierarchyID(h.Root)+"-2", next)
	require.Equal(t, []string{id, next}, f.Generations())
}

// Most hierarchies have no authority for clients, and lack no file of it.
func TestAGenerationWithoutClients(t *testing.T) {
	f := newFolder(t)
	h := sample(t, 0)
	h.ClientIntermediate = chain.Pair{}
	_, durable, err := f.Install(h, nil)
	require.NoError(t, err)
	require.NoError(t, durable())
	s, err := f.Snapshot()
	require.NoError(t, err)
	require.Empty(t, s.Damage)
	require.Nil(t, s.Hierarchy.ClientIntermediate.Cert)
	require.NotContains(t, strings.Join(tree(t, f.Path), " "), "client")
}

func TestWriteGenerationKeepsTheRootKeyWhereAsked(t *testing.T) {
	all, err := samples()
	require.NoError(t, err)
	h := sample(t, 0)
	h.RootKey = all[0].RootKey
	f := folderWith(t, h)
	s := snapshot(t, f)
	require.Empty(t, s.Damage)
	require.True(t, chain.SameKey(h.Root, s.Hierarchy.RootKey))
	requireMode(t, f.path(generationsDir, s.Current, rootKeyFile), PrivateMode)
	require.NotContains(t, tree(t, f.Path), rootKeyFile, "there is no copy of it")
}

// What a killed run left half written is replaced, and a number is not reused
// while its generation stands.
func TestNextID(t *testing.T) {
	id := chain.HierarchyID(sample(t, 0).Root)
	for _, row := range []struct {
		name  string
		there []string
		want  string
	}{
		{"nothing", nil, id + "-1"},
		{"one", []string{id + "-1"}, id + "-2"},
		{"a gap", []string{id + "-1", id + "-7"}, id + "-8"},
		{"more than nine", []string{id + "-9", id + "-10"}, id + "-11"},
		{"another hierarchy", []string{"00000000-5"}, id + "-1"},
		{"half written", []string{"." + id + "-1.new"}, id + "-1"},
		{"strange names", []string{id + "-x", id + "-02", "README"}, id + "-1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFolder(t)
			for _, name := range row.there {
				require.NoError(t, os.Mkdir(f.path(generationsDir, name), 0o700))
				write(t, f.path(generationsDir, name, "leaf.pem"), []byte("left by a killed run"))
			}
			got, err := f.WriteGeneration(sample(t, 0))
			require.NoError(t, err)
			require.Equal(t, row.want, got)
			require.NotContains(t, string(read(t, f.path(generationsDir, got, "leaf.pem"))), "killed")
		})
	}
}

func TestSwitch(t *testing.T) {
	f, old := newFolder(t), sample(t, 0)
	first := install(t, f, old)
	young := otherLeaf(t, old)
	second, err := f.WriteGeneration(young)
	require.NoError(t, err)
	require.Equal(t, first, snapshot(t, f).Current, "written is not switched to")

	require.NoError(t, f.Switch(second, young, []byte("asked for\n")))
	s := snapshot(t, f)
	require.Equal(t, second, s.Current)
	require.Equal(t, []string{first}, s.Others)
	require.Empty(t, s.Damage)
	require.Equal(t, "asked for\n", string(s.Config))
	requireMode(t, f.path(ConfigFile), PrivateMode)
	for _, file := range layout {
		if file.copy != "" {
			require.Equal(t, read(t, f.path(generationsDir, second, file.name)), read(t, f.path(file.copy)), file.copy)
		}
	}
	require.NoError(t, f.Switch(second, young, nil))
	require.Equal(t, "asked for\n", string(read(t, f.path(ConfigFile))), "nil keeps the configuration")
}

// Something else may stand where a copy goes: a folder above all, which no
// rename replaces.
func TestSwitchMakesWay(t *testing.T) {
	for _, name := range []string{CurrentFile, RootFile, IntermediateFile, LeafFile, LeafKeyFile, LeafPFXFile, ConfigFile} {
		t.Run(name, func(t *testing.T) {
			f, h := healthyFolder(t), otherLeaf(t, sample(t, 0))
			require.NoError(t, os.RemoveAll(f.path(name)))
			require.NoError(t, os.MkdirAll(f.path(name, "full"), 0o700))
			id, err := f.WriteGeneration(h)
			require.NoError(t, err)
			require.NoError(t, f.Switch(id, h, []byte("{}\n")))
			require.Empty(t, snapshot(t, f).Damage)
			require.DirExists(t, f.path(name+setAside+"1", "full"), "nobody loses what was in it")
		})
	}
}

func TestSweep(t *testing.T) {
	f := newFolder(t)
	for _, name := range []string{"00000000-1", "00000000-2", "11111111-1", ".00000000-3.new", "mine", "00000000-04"} {
		require.NoError(t, os.Mkdir(f.path(generationsDir, name), 0o700))
	}
	write(t, f.path(generationsDir, "notes"), []byte("of a person"))
	require.NoError(t, f.Sweep("00000000-2"))
	require.Equal(t, []string{".", "00000000-04", "00000000-2", "mine", "notes"}, tree(t, f.path(generationsDir)))

	require.NoError(t, Folder{Path: filepath.Join(f.Path, "none"), Files: f.Files}.Sweep("00000000-2"))
}

// switchingFiles lets a writer in at the end of a reader's first pass.
type switchingFiles struct {
	chmodFiles
	change *func()
}

func (s switchingFiles) Exposed(path string) (string, error) {
	if change := *s.change; change != nil {
		*s.change = nil
		change()
	}
	return s.chmodFiles.Exposed(path)
}

// Damage that was seen while a writer switched is looked at again.
func TestSnapshotReadsAgainAfterASwitch(t *testing.T) {
	old := sample(t, 0)
	young := otherLeaf(t, old)
	f := folderWith(t, old)
	require.NoError(t, os.Remove(f.path(LeafFile)))
	change := func() { require.NoError(t, strokes["at once"](Folder{Path: f.Path, Files: chmodFiles{}}, young)) }
	f.Files = switchingFiles{change: &change}
	s := snapshot(t, f)
	require.Empty(t, s.Damage)
	require.True(t, s.Hierarchy.Leaf.Cert.Equal(young.Leaf.Cert))
}

// A reader takes no lock. However often a writer switches meanwhile, it finds
// one whole generation with keys that are its own.
func TestSnapshotWhileAWriterSwitches(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that a reader has open can be neither replaced nor removed there; writers report it")
	}
	old := sample(t, 0)
	f := folderWith(t, old)
	hierarchies := []*Hierarchy{old, otherLeaf(t, old), otherLeaf(t, old)}
	done := make(chan error)
	go func() {
		for i := range 40 {
			if err := strokes["at once"](f, hierarchies[i%len(hierarchies)]); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	for {
		select {
		case err := <-done:
			require.NoError(t, err)
			require.Empty(t, snapshot(t, f).Damage)
			return
		default:
		}
		s := snapshot(t, f)
		require.NotEmpty(t, s.Current)
		require.NotNil(t, s.Hierarchy.Leaf.Cert, "%v", damages(s))
		require.True(t, chain.SameKey(s.Hierarchy.Leaf.Cert, s.Hierarchy.Leaf.Key), "%v", damages(s))
		require.NotNil(t, s.Hierarchy.Intermediate.Key)
	}
}
