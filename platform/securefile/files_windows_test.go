package securefile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

func TestMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state ä")
	require.NoError(t, Files{}.MakeDir(dir))
	require.ErrorIs(t, Files{}.MakeDir(dir), os.ErrExist)
	path := filepath.Join(dir, "key.pem")
	file, err := Files{}.Create(path)
	require.NoError(t, err)
	_, err = file.WriteString("secret")
	require.NoError(t, err)
	require.False(t, Files{}.HasOtherName(file))
	require.NoError(t, file.Close())
	_, err = Files{}.Create(path)
	require.ErrorIs(t, err, os.ErrExist)
	for _, made := range []string{dir, path} {
		why, err := Files{}.Exposed(made)
		require.NoError(t, err)
		require.Empty(t, why, made)
	}
	_, err = Files{}.Exposed(filepath.Join(dir, "not there"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The rights themselves, apart from what the file system makes of them.
func TestPrivateRights(t *testing.T) {
	owner, err := me()
	require.NoError(t, err)
	for _, dir := range []bool{false, true} {
		sd, err := privateRights(owner, dir)
		require.NoError(t, err)
		acl, _, err := sd.DACL()
		require.NoError(t, err)
		require.EqualValues(t, 3, acl.AceCount)
		for i := range uint32(3) {
			var ace *windows.ACCESS_ALLOWED_ACE
			require.NoError(t, windows.GetAce(acl, i, &ace))
			require.Empty(t, private.gives(ace))
			require.Equal(t, dir, ace.Header.AceFlags&windows.CONTAINER_INHERIT_ACE != 0)
		}
	}
}

// private is what Files guards.
var private = guard{usOrSystem, mayRead | mayChange}

func TestGives(t *testing.T) {
	for _, row := range []struct {
		name, sddl, says string
	}{
		{"everyone reads", "D:(A;;FR;;;WD)", "may read it"},
		{"users change", "D:(A;;FA;;;BU)", "may change it"},
		{"users may delete", "D:(A;;SD;;;BU)", "may change it"},
		{"everyone may look at attributes", "D:(A;;0x80;;;WD)", ""},
		{"what only children inherit", "D:(A;OICIIO;FA;;;WD)", ""},
		{"everyone is denied", "D:(D;;FA;;;WD)", ""},
		{"the creator", "D:(A;;FA;;;CO)", ""},
		{"administrators", "D:(A;;FA;;;BA)", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			sd, err := windows.SecurityDescriptorFromString(row.sddl)
			require.NoError(t, err)
			acl, _, err := sd.DACL()
			require.NoError(t, err)
			var ace *windows.ACCESS_ALLOWED_ACE
			require.NoError(t, windows.GetAce(acl, 0, &ace))
			if row.says == "" {
				require.Empty(t, private.gives(ace))
				return
			}
			require.Contains(t, private.gives(ace), row.says)
		})
	}
}

func TestMakePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	everyone, err := windows.SecurityDescriptorFromString("D:(A;;FA;;;WD)")
	require.NoError(t, err)
	acl, _, err := everyone.DACL()
	require.NoError(t, err)
	require.NoError(t, windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, acl, nil))
	why, err := Files{}.Exposed(path)
	require.NoError(t, err)
	require.Contains(t, why, "may change it")
	require.NoError(t, Files{}.MakePrivate(path))
	why, err = Files{}.Exposed(path)
	require.NoError(t, err)
	require.NotContains(t, why, "may change it") // Wine keeps Unix modes, and leaves "may read it"
}

// TestRenameWaitsForReaders: Windows lets nobody replace a file that is open.
func TestRenameWaitsForReaders(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "new"), filepath.Join(dir, "old")
	require.NoError(t, os.WriteFile(from, []byte("new"), 0o600))
	require.NoError(t, os.WriteFile(to, []byte("old"), 0o600))
	reader, err := os.Open(to)
	require.NoError(t, err)
	closed := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { closed <- reader.Close() })
	require.NoError(t, Files{}.Rename(from, to))
	require.NoError(t, <-closed)
	now, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "new", string(now))
	require.ErrorIs(t, Files{}.Rename(from, to), os.ErrNotExist)
}
