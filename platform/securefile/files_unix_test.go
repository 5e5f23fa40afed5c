//go:build unix

package securefile

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	before := syscall.Umask(0)
	defer syscall.Umask(before)

	path := filepath.Join(dir, "key")
	file, err := Files{}.Create(path)
	require.NoError(t, err)
	info, err := file.Stat()
	require.NoError(t, err)
	require.Equal(t, fileMode, info.Mode().Perm(), "private from its first instant")
	require.NoError(t, file.Close())

	_, err = Files{}.Create(path)
	require.ErrorIs(t, err, os.ErrExist)
	require.NoError(t, os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "link")))
	_, err = Files{}.Create(filepath.Join(dir, "link"))
	require.ErrorIs(t, err, os.ErrExist, "a dangling link is not followed")
	require.NoFileExists(t, filepath.Join(dir, "elsewhere"))
}

func TestMakeDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	before := syscall.Umask(0o277)
	err := Files{}.MakeDir(dir)
	syscall.Umask(before)
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, dirMode, info.Mode().Perm())
	require.ErrorIs(t, Files{}.MakeDir(dir), os.ErrExist)
	require.NoError(t, Files{}.SyncDir(dir))
	require.Error(t, Files{}.SyncDir(dir+"-not"))
}

func TestExposedAndMakePrivate(t *testing.T) {
	for _, row := range []struct {
		name  string
		dir   bool
		mode  os.FileMode
		says  string
		after os.FileMode
	}{
		{"private file", false, 0o600, "", 0o600},
		{"read-only file", false, 0o400, "", 0o400},
		{"mkcert's fault 8: an old 0644 key", false, 0o644, "mode 0644: everyone may read it", 0o600},
		{"decimal chmod of devcert (npm)", false, 0o620, "mode 0620: its group may change it", 0o600},
		{"writable by all", false, 0o666, "mode 0666: everyone may change it", 0o600},
		{"private folder", true, 0o700, "", 0o700},
		{"open folder", true, 0o755, "mode 0755: everyone may look into it", 0o700},
		{"shared folder", true, 0o770, "mode 0770: its group may replace what is in it", 0o700},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "it")
			if row.dir {
				require.NoError(t, os.Mkdir(path, 0o700))
			} else {
				require.NoError(t, os.WriteFile(path, nil, 0o600))
			}
			require.NoError(t, os.Chmod(path, row.mode))
			says, err := Files{}.Exposed(path)
			require.NoError(t, err)
			require.Equal(t, row.says, says)
			require.NoError(t, Files{}.MakePrivate(path))
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, row.after, info.Mode().Perm())
		})
	}
}

func TestExposedFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	require.NoError(t, os.WriteFile(target, nil, 0o644))
	require.NoError(t, os.Chmod(target, 0o644))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(target, link))
	says, err := Files{}.Exposed(link)
	require.NoError(t, err)
	require.Contains(t, says, "symbolic link")
	require.Error(t, Files{}.MakePrivate(link))
	info, err := os.Stat(target)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())

	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	says, err = Files{}.Exposed(fifo)
	require.NoError(t, err)
	require.NotEmpty(t, says)
	require.Error(t, Files{}.MakePrivate(fifo), "and does not wait for a reader")

	_, err = Files{}.Exposed(filepath.Join(dir, "nothing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestExposedByOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Chown(path, 12345, 12345))
	says, err := Files{}.Exposed(path)
	require.NoError(t, err)
	require.Equal(t, "owned by user id 12345", says)
	require.NoError(t, Files{}.MakePrivate(path))
	says, err = Files{}.Exposed(path)
	require.NoError(t, err)
	require.Empty(t, says)
}

func TestHasOtherName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	require.False(t, Files{}.HasOtherName(file))
	require.NoError(t, os.Link(path, path+"-too"))
	require.True(t, Files{}.HasOtherName(file))
	require.NoError(t, os.Remove(path))
	require.False(t, Files{}.HasOtherName(file))
}

// A folder whose entries everyone may rename is one thing, /tmp another.
func TestReplaceable(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		mode fs.FileMode
		want string
	}{
		{0o700, ""},
		{0o755, ""},
		{0o775, ""}, // the user's own group, on many systems
		{0o777 | fs.ModeSticky, ""},
		{0o777, "mode 0777: everyone may replace what is in it"},
		{0o703, "mode 0703: everyone may replace what is in it"},
	} {
		require.NoError(t, os.Chmod(dir, row.mode))
		got, err := Files{}.Replaceable(dir)
		require.NoError(t, err)
		require.Equal(t, row.want, got, row.mode)
	}
	require.NoError(t, os.Chmod(dir, 0o777))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))
	got, err := Files{}.Replaceable(link)
	require.NoError(t, err)
	require.NotEmpty(t, got, "what a link leads to is asked")
	_, err = Files{}.Replaceable(filepath.Join(dir, "nothing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestSync(t *testing.T) {
	var files []*os.File
	for _, name := range []string{"first", "second"} {
		file, err := Files{}.Create(filepath.Join(t.TempDir(), name))
		require.NoError(t, err)
		_, err = file.WriteString(name)
		require.NoError(t, err)
		files = append(files, file)
	}
	require.NoError(t, Files{}.Sync(files))
	require.NoError(t, Files{}.Sync(nil))
	require.NoError(t, files[1].Close())
	require.ErrorIs(t, Files{}.Sync(files), os.ErrClosed)
	require.NoError(t, files[0].Close())
}
