package disk

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func TestSnapshotOfNothing(t *testing.T) {
	dir := t.TempDir()
	f := Folder{Path: filepath.Join(dir, "none"), Files: chmodFiles{}}
	s := snapshot(t, f)
	require.False(t, s.Present)
	require.True(t, s.Empty())
	require.NotNil(t, s.Ledger)
	require.Equal(t, []string{"."}, tree(t, dir), "a look makes nothing")
}

func TestSnapshotOfAnEmptyFolder(t *testing.T) {
	f := Folder{Path: filepath.Join(t.TempDir(), "devcert"), Files: chmodFiles{}}
	require.NoError(t, f.Make())
	s := snapshot(t, f)
	require.True(t, s.Present)
	require.True(t, s.Empty())
	require.Empty(t, s.Damage)

	require.NoError(t, f.makeGenerations())
	require.True(t, snapshot(t, f).Empty(), "nor are generations anything without one")
}

func TestSnapshotOfAHealthyFolder(t *testing.T) {
	f := healthyFolder(t)
	before := tree(t, f.Path)
	s := snapshot(t, f)
	require.True(t, s.Present)
	require.False(t, s.Empty())
	require.Empty(t, s.Damage)
	require.Empty(t, s.Others)
	require.Equal(t, f.Generations(), []string{s.Current})
	require.Equal(t, "{}\n", string(s.Config))
	require.Equal(t, "m1", s.Ledger.Machine)
	require.True(t, s.Ledger.Has("system", s.Hierarchy.Root))
	requireWhole(t, s)
	require.Nil(t, s.Hierarchy.RootKey)
	require.Equal(t, sample(t, 0).RootCRL, s.Hierarchy.RootCRL)
	require.Equal(t, before, tree(t, f.Path), "a look changes nothing")
}

// The name of the current generation can be lost in many ways; which one it was
// shows in the copies.
func TestSnapshotFindsTheCurrentGeneration(t *testing.T) {
	for _, row := range []struct {
		name    string
		current string
		kind    DamageKind
	}{
		{"garbage", "\x00\x01", Corrupt},
		{"empty", "", Corrupt},
		{"a path", "../../etc\n", Corrupt},
		{"two lines", "00000000-1\n00000000-2\n", Corrupt},
		{"a generation that is not there", "00000000-1\n", Differs},
	} {
		t.Run(row.name, func(t *testing.T) {
			old := sample(t, 0)
			f := folderWith(t, old)
			want := f.Generations()[0]
			newer, err := f.WriteGeneration(otherLeaf(t, old)) // made, never switched to
			require.NoError(t, err)
			write(t, f.path(CurrentFile), []byte(row.current))

			s := snapshot(t, f)
			require.Equal(t, want, s.Current, "that of the copies, not the newest")
			require.Equal(t, []string{newer}, s.Others)
			require.Len(t, s.Damage, 1)
			require.Equal(t, CurrentFile, s.Damage[0].Name)
			require.Equal(t, row.kind, s.Damage[0].Kind)
			require.Equal(t, want+"\n", string(s.Damage[0].Cure))

			require.NoError(t, os.Remove(f.path(LeafFile)))
			require.Equal(t, newer, snapshot(t, f).Current, "without copies, the newest")
		})
	}
}

func TestSnapshotWithoutAnyGeneration(t *testing.T) {
	f := healthyFolder(t)
	require.NoError(t, os.RemoveAll(f.path(generationsDir)))
	s := snapshot(t, f)
	require.Empty(t, s.Current)
	require.Equal(t, []string{"current: differs"}, damages(s))
	require.Nil(t, s.Damage[0].Cure)
	require.True(t, s.Ledger.Has("system", sample(t, 0).Root), "the ledger is read all the same")

	require.NoError(t, os.Remove(f.path(CurrentFile)))
	require.Empty(t, snapshot(t, f).Damage, "no generation and no name of one is no damage")
}

// A file for which there is no other copy: what it held is taken from wherever
// else a part of it stands.
func TestSnapshotTakesPartsFromAnywhere(t *testing.T) {
	gone := func(names ...string) func(*testing.T, Folder, string) {
		return func(t *testing.T, f Folder, id string) {
			for _, name := range names {
				if f.path(name) != f.path(generationsDir, id, name) {
					_ = os.Remove(f.path(name))
				}
				_ = os.Remove(f.path(generationsDir, id, name))
			}
		}
	}
	for _, row := range []struct {
		name  string
		wreck func(*testing.T, Folder, string)
		check func(*testing.T, *Snapshot)
	}{
		{"the root, from the ledger", gone("root.pem", RootFile), requireWhole},
		{"the intermediate, from the leaf's chain", gone("intermediate.pem", IntermediateFile), requireWhole},
		{"the leaf, from the copy", gone("leaf.pem"), requireWhole},
		{"the leaf's key, from the copy", gone("leaf-key.pem"), requireWhole},
		{"the PFX, made anew", gone("leaf.pfx", LeafPFXFile), requireWhole},
		{"no key of the intermediate anywhere", gone(intermediateKeyFile), func(t *testing.T, s *Snapshot) {
			require.Nil(t, s.Hierarchy.Intermediate.Key)
			require.NotNil(t, s.Hierarchy.Leaf.Key, "what is served is whole")
		}},
		{"no leaf anywhere", gone("leaf.pem", LeafFile), func(t *testing.T, s *Snapshot) {
			require.Nil(t, s.Hierarchy.Leaf.Cert)
			require.NotNil(t, s.Hierarchy.Intermediate.Key, "a new one can be issued")
		}},
		{"a whole stranger's set", func(t *testing.T, f Folder, id string) {
			for _, file := range layout {
				for _, name := range []string{generationsDir + "/" + id + "/" + file.name, file.copy} {
					if _, err := os.Lstat(f.path(name)); name != "" && err == nil {
						write(t, f.path(name), otherBytes(t, file.name, sample(t, 1)))
					}
				}
			}
		}, func(t *testing.T, s *Snapshot) {
			require.True(t, s.Hierarchy.Root.Equal(sample(t, 0).Root), "the ledger knows whose generation it is")
			require.Nil(t, s.Hierarchy.Intermediate.Cert)
			require.Nil(t, s.Hierarchy.Intermediate.Key)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := healthyFolder(t)
			row.wreck(t, f, f.Generations()[0])
			row.check(t, snapshot(t, f))
		})
	}
}

// A generation from before the last renewal is in the copies when a run was
// killed at the switch: generation and copies each fit in themselves.
func TestSnapshotPrefersTheGenerationToOlderCopies(t *testing.T) {
	old := sample(t, 0)
	f := folderWith(t, old)
	young := otherLeaf(t, old)
	id, err := f.WriteGeneration(young)
	require.NoError(t, err)
	require.NoError(t, f.Write(CurrentFile, []byte(id+"\n"), PublicMode))
	s := snapshot(t, f)
	require.True(t, s.Hierarchy.Leaf.Cert.Equal(young.Leaf.Cert))
	require.True(t, chain.SameKey(young.Leaf.Cert, s.Hierarchy.Leaf.Key))
	require.Equal(t, []string{"localhost-key.pem: differs", "localhost.pem: differs", "localhost.pfx: corrupt"}, damages(s))
	heal(t, f, s)
	require.Empty(t, snapshot(t, f).Damage)
}

// "Could not look" is never "not there".
func TestSnapshotOfWhatCannotBeRead(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("modes keep nobody out here")
	}
	locked := func(t *testing.T, path string) {
		require.NoError(t, os.Chmod(path, 0))
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	}
	for _, name := range []string{".", generationsDir} {
		t.Run("the folder "+name, func(t *testing.T) {
			f := healthyFolder(t)
			locked(t, f.path(name))
			_, err := f.Snapshot()
			require.ErrorIs(t, err, os.ErrPermission)
			require.ErrorContains(t, err, f.Path)
		})
	}
	for _, file := range filesOf(t, healthyFolder(t)) {
		t.Run(file, func(t *testing.T) {
			f := healthyFolder(t)
			name := realName(t, f, file)
			locked(t, f.path(name))
			require.Equal(t, []string{name + ": unreadable"}, damages(snapshot(t, f)))
		})
	}
}

// A ledger that could not be read must not be written anew.
func TestChangeable(t *testing.T) {
	unread := &Snapshot{Damage: []Damage{{Name: LedgerFile, Kind: Unreadable, Reason: "permission denied"}}}
	require.ErrorContains(t, unread.Changeable(), "permission denied")
	for _, d := range []Damage{{Name: LedgerFile, Kind: Corrupt}, {Name: ConfigFile, Kind: Unreadable}} {
		require.NoError(t, (&Snapshot{Damage: []Damage{d}}).Changeable())
	}
}
