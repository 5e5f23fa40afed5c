package disk

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

func newGroup(t *testing.T, sample int, name string) chain.Pair {
	t.Helper()
	all, err := samples()
	require.NoError(t, err)
	pair, err := chain.NewGroup(chain.Pair{Cert: all[sample].Root, Key: all[sample].RootKey}, name, noon, nil)
	require.NoError(t, err)
	return pair
}

func groupsIn(t *testing.T, f Folder) (groups []Group, damage []Damage) {
	t.Helper()
	s, err := f.Snapshot()
	require.NoError(t, err)
	return s.Hierarchy.Groups, s.Damage
}

func TestGroups(t *testing.T) {
	f, ops, partners := healthyFolder(t), newGroup(t, 0, "ops"), newGroup(t, 0, "partners")
	require.NoError(t, f.WriteGroup("partners", partners))
	require.NoError(t, f.WriteGroup("ops", ops))
	_, err := f.WriteRevoked([]Revocation{Revoke("group ops", ops.Cert, noon)})
	require.NoError(t, err)
	groups, damage := groupsIn(t, f)
	require.Empty(t, damage)
	require.Len(t, groups, 2)
	require.Equal(t, "ops", groups[0].Name)
	require.True(t, groups[0].Disabled)
	require.False(t, groups[1].Disabled)
	require.True(t, chain.SameKey(groups[1].Cert, groups[1].Key))
	h := Hierarchy{Groups: groups}
	require.Len(t, h.ClientIntermediates(), 2)
	require.Len(t, h.ListSigners(), 2)

	mine := filepath.Join(f.Path, GroupsDir, "ops", "notes.txt")
	require.NoError(t, os.WriteFile(mine, []byte("mine"), 0o600))
	require.NoError(t, f.RemoveGroup("ops"))
	require.FileExists(t, mine)
	require.Error(t, f.WriteGroup("ops", ops), "it is in the way")
	require.FileExists(t, mine)
	left, err := f.Remove()
	require.NoError(t, err)
	require.Equal(t, []string{GroupsDir + "/ops/notes.txt"}, left)
}

// What is wrong with a group says what to do, and nothing else is taken for lost.
func TestDamagedGroup(t *testing.T) {
	for _, row := range []struct {
		name   string
		damage func(t *testing.T, f Folder)
		groups int // that are left, with or without their key
		kind   DamageKind
	}{
		{"no certificate", func(t *testing.T, f Folder) { require.NoError(t, os.Remove(f.GroupPath("ops", ".pem"))) }, 0, Unreadable},
		{"nonsense for a certificate", func(t *testing.T, f Folder) {
			require.NoError(t, os.WriteFile(f.GroupPath("ops", ".pem"), []byte("x"), 0o600))
		}, 0, Unreadable},
		{"no key", func(t *testing.T, f Folder) { require.NoError(t, os.Remove(f.GroupPath("ops", "-key.pem"))) }, 1, Unreadable},
		{"another's key", func(t *testing.T, f Folder) {
			key, err := chain.EncodeKey(newGroup(t, 0, "ops").Key)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(f.GroupPath("ops", "-key.pem"), key, 0o600))
		}, 1, Unreadable},
		{"another group's files", func(t *testing.T, f Folder) {
			data := chain.EncodeCertificates(newGroup(t, 0, "partners").Cert)
			require.NoError(t, os.WriteFile(f.GroupPath("ops", ".pem"), data, 0o600))
		}, 0, Unreadable},
		{"another root's", func(t *testing.T, f Folder) { require.NoError(t, f.WriteGroup("ops", newGroup(t, 1, "ops"))) }, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := healthyFolder(t)
			require.NoError(t, f.WriteGroup("ops", newGroup(t, 0, "ops")))
			row.damage(t, f)
			groups, damage := groupsIn(t, f)
			require.Len(t, groups, row.groups)
			for _, g := range groups {
				require.Nil(t, g.Key)
			}
			if row.kind == 0 {
				require.Empty(t, damage)
				return
			}
			require.Len(t, damage, 1)
			require.Equal(t, row.kind, damage[0].Kind)
			require.NotEmpty(t, damage[0].Remedy)
		})
	}
}

func TestExposedGroupKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its files have no modes")
	}
	f := healthyFolder(t)
	require.NoError(t, f.WriteGroup("ops", newGroup(t, 0, "ops")))
	require.NoError(t, os.Chmod(f.GroupPath("ops", "-key.pem"), 0o644))
	_, damage := groupsIn(t, f)
	require.Len(t, damage, 1)
	require.Equal(t, Exposed, damage[0].Kind)
	require.True(t, damage[0].Private)
}

// Wherever the disk fails, a group is there whole or not at all, and the next try
// makes it.
func TestAnyFailureLeavesAGroupOrNone(t *testing.T) {
	ops := newGroup(t, 0, "ops")
	for failAt := 1; ; failAt++ {
		f := healthyFolder(t)
		failing := &failingFiles{failAt: failAt, err: errors.New("disk full")}
		f.Files = failing
		err := f.WriteGroup("ops", ops)
		groups, damage := groupsIn(t, f)
		require.Empty(t, damage)
		require.LessOrEqual(t, len(groups), 1)
		if failing.calls < failAt {
			require.NoError(t, err)
			require.Greater(t, failAt, 5, "nothing failed")
			return
		}
		require.Error(t, err)
		require.NoError(t, f.WriteGroup("ops", ops))
		groups, _ = groupsIn(t, f)
		require.Len(t, groups, 1)
		left, err := f.Remove()
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// A link in the place of the folder leads nowhere that a key is written to.
func TestGroupsFollowNoLink(t *testing.T) {
	f, elsewhere := healthyFolder(t), t.TempDir()
	symlink(t, elsewhere, filepath.Join(f.Path, GroupsDir))
	require.ErrorIs(t, f.WriteGroup("ops", newGroup(t, 0, "ops")), ErrNotFolder)
	entries, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	require.Empty(t, entries)
	groups, damage := groupsIn(t, f)
	require.Empty(t, groups)
	require.Len(t, damage, 1)
	require.NotEmpty(t, damage[0].Remedy)
}
