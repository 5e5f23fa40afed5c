package watch

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

const patience = 20 * time.Second

func write(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(time.Now().String()), 0o600))
}

// tells waits until changes are told, and until it is quiet again.
func tells(t *testing.T, w devcert.Watcher, what string) {
	t.Helper()
	select {
	case <-w.Changed():
	case <-time.After(patience):
		t.Fatal("nothing was told: " + what)
	}
	settle(w)
}

func settle(w devcert.Watcher) {
	for {
		select {
		case <-w.Changed():
		case <-time.After(300 * time.Millisecond):
			return
		}
	}
}

func TestPlan(t *testing.T) {
	dir := t.TempDir()
	at := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	write(t, at("home", "db", "cert9.db"))
	write(t, at("home", "certs", "a.pem"))
	for _, row := range []struct {
		name string
		spot devcert.Spot
		in   string // the folder that is watched for it
		all  bool
		want string // an entry that matters
		not  string // and one that does not
	}{
		{"a file", devcert.Spot{Path: at("home", "db", "cert9.db")}, at("home", "db"), false, "cert9.db", "cert9.db-journal"},
		{"a file that is not there yet", devcert.Spot{Path: at("home", "db", "new")}, at("home", "db"), false, "new", "cert9.db"},
		{"a folder", devcert.Spot{Path: at("home", "certs"), Folder: true}, at("home", "certs"), true, "anything", ""},
		{"a folder, from above", devcert.Spot{Path: at("home", "certs"), Folder: true}, at("home"), false, "certs", "db"},
		{"folders that are not there", devcert.Spot{Path: at("home", "x", "y", "z"), Folder: true}, at("home"), false, "x", "y"},
	} {
		t.Run(row.name, func(t *testing.T) {
			i := plan([]devcert.Spot{row.spot}, os.Stat, false)[row.in]
			require.NotNil(t, i)
			require.Equal(t, row.all, i.all)
			require.True(t, i.wants(row.want))
			require.True(t, row.not == "" || !i.wants(row.not))
		})
	}
	deep := plan([]devcert.Spot{{Path: at("home", "db", "cert9.db")}}, os.Stat, true)
	require.True(t, deep[dir].wants("home"), "whoever moves a folder above away is seen")
	if runtime.GOOS != "windows" { // which knows no such folders
		require.NoError(t, os.Chmod(dir, 0o777|os.ModeSticky))
		deep = plan([]devcert.Spot{{Path: at("home", "db", "cert9.db")}, {Path: at("new")}}, os.Stat, true)
		require.False(t, deep[dir].wants("home"), "where everybody writes, only what would appear there matters")
		require.True(t, deep[dir].wants("new"))
	}
	require.Empty(t, plan([]devcert.Spot{{Path: "relative"}, {Path: `HKCU\x`, Key: true}}, os.Stat, true))
}

// ways are those in which changes are seen.
func ways(t *testing.T, try func(t *testing.T, w *Watcher)) {
	refuse := func() (*fsnotify.Watcher, error) { return nil, errors.New("no more of them") }
	for name, begin := range map[string]func() *Watcher{
		"told by the system": func() *Watcher { return start(fsnotify.NewWatcher, time.Hour) },
		"by comparing":       func() *Watcher { return start(refuse, 50*time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin()
			defer w.Close()
			try(t, w)
		})
	}
}

func TestChangesAreTold(t *testing.T) {
	ways(t, func(t *testing.T, w *Watcher) {
		dir := t.TempDir()
		file, folder := filepath.Join(dir, "a", "file"), filepath.Join(dir, "b", "c", "folder")
		spots := []devcert.Spot{{Path: file}, {Path: folder, Folder: true}}
		write(t, file)
		cover := func() { w.Cover(spots); settle(w) }
		cover()
		write(t, file)
		tells(t, w, "a file is written")
		write(t, filepath.Join(dir, "a", "another"))
		select {
		case <-w.Changed():
			t.Fatal("what does not matter was told")
		case <-time.After(300 * time.Millisecond):
		}
		write(t, filepath.Join(folder, "x"))
		tells(t, w, "a folder appears, with those above it")
		cover()
		write(t, filepath.Join(folder, "y"))
		tells(t, w, "something appears in it")
		if runtime.GOOS == "windows" {
			return // what is watched is not removed there
		}
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "b")))
		tells(t, w, "it goes")
		cover()
		write(t, filepath.Join(folder, "z"))
		tells(t, w, "it is made again")
		cover()
		require.NoError(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "moved")))
		tells(t, w, "a folder above is moved away")
		cover()
		write(t, file)
		tells(t, w, "another comes in its place")
		cover()
		write(t, file)
		tells(t, w, "and is written to")
	})
}

func TestNoiseIsOneChange(t *testing.T) {
	w := New()
	defer w.Close()
	dir := t.TempDir()
	w.Cover([]devcert.Spot{{Path: dir, Folder: true}})
	for range 2000 {
		write(t, filepath.Join(dir, "noisy"))
	}
	tells(t, w, "noise")
	require.LessOrEqual(t, len(w.Changed()), 1)
}

func TestWeakness(t *testing.T) {
	w := start(func() (*fsnotify.Watcher, error) { return nil, os.NewSyscallError("inotify_init1", emfile) }, time.Hour)
	defer w.Close()
	weak := w.Cover([]devcert.Spot{{Path: filepath.Join(t.TempDir(), "a")}})
	require.Contains(t, weak, "compared every minute")
	require.Contains(t, weak, "max_user_instances")
	all := start(fsnotify.NewWatcher, time.Hour)
	defer all.Close()
	require.Empty(t, all.Cover([]devcert.Spot{{Path: filepath.Join(t.TempDir(), "a")}}))
}
