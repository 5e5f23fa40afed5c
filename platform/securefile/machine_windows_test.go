package securefile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

func TestMachineMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "devcert")
	err := Machine{}.MakeDir(dir)
	if errors.Is(err, windows.ERROR_INVALID_OWNER) {
		t.Skip("not elevated: the administrators cannot be made owners")
	}
	require.NoError(t, err)
	require.ErrorIs(t, Machine{}.MakeDir(dir), os.ErrExist)
	for name, files := range map[string]Machine{"open": {}, "private": {Private: true}} {
		path := filepath.Join(dir, name)
		file, err := files.Create(path)
		require.NoError(t, err)
		require.False(t, files.HasOtherName(file))
		require.NoError(t, file.Close())
		_, err = files.Create(path)
		require.ErrorIs(t, err, os.ErrExist)
		why, err := files.Exposed(path)
		require.NoError(t, err)
		require.Empty(t, why, name)
		require.Error(t, files.MakePrivate(path))
	}
	why, err := Machine{}.Exposed(dir)
	require.NoError(t, err)
	require.Empty(t, why)
}

// What a user made first is not taken for the machine's: neither by its access
// list, nor by its owner, who may be the one who asks.
func TestMachineExposed(t *testing.T) {
	for _, row := range []struct {
		name, sddl, says string
		private          bool
	}{
		{"users change", "D:(A;;FA;;;BU)", "may change it", false},
		{"a user changes", "D:(A;;FW;;;S-1-5-21-1-2-3-1001)", "S-1-5-21-1-2-3-1001 may change it", false},
		{"users add files", "D:(A;;0x2;;;BU)", "may change it", false},
		{"users change the list", "D:(A;;WD;;;BU)", "may change it", false},
		{"users read", "D:(A;;0x1200a9;;;BU)", "", false},
		{"users read what is private", "D:(A;;0x1200a9;;;BU)", "may read it", true},
		{"administrators", "D:(A;;FA;;;BA)", "", true},
		{"SYSTEM", "D:(A;;FA;;;SY)", "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			sd, err := windows.SecurityDescriptorFromString(row.sddl)
			require.NoError(t, err)
			acl, _, err := sd.DACL()
			require.NoError(t, err)
			var ace *windows.ACCESS_ALLOWED_ACE
			require.NoError(t, windows.GetAce(acl, 0, &ace))
			g := Machine{Private: row.private}.guard()
			if row.says == "" {
				require.Empty(t, g.gives(ace))
				return
			}
			require.Contains(t, g.gives(ace), row.says)
		})
	}
	user, err := me()
	require.NoError(t, err)
	if user.String() != wineUser {
		require.False(t, nobodyBelow(user), "we ourselves, without rights")
	}
}

// The rights themselves, apart from what the file system makes of them.
func TestMachineRights(t *testing.T) {
	for _, files := range []Machine{{}, {Private: true}} {
		made, err := files.attributes(true)
		require.NoError(t, err)
		sd := made.SecurityDescriptor
		owner, _, err := sd.Owner()
		require.NoError(t, err)
		require.True(t, owner.IsWellKnown(windows.WinBuiltinAdministratorsSid))
		control, _, err := sd.Control()
		require.NoError(t, err)
		require.NotZero(t, control&windows.SE_DACL_PROTECTED, "what the folder above hands down stays out")
		acl, _, err := sd.DACL()
		require.NoError(t, err)
		for i := range uint32(acl.AceCount) {
			var ace *windows.ACCESS_ALLOWED_ACE
			require.NoError(t, windows.GetAce(acl, i, &ace))
			require.Empty(t, files.guard().gives(ace))
		}
	}
}
