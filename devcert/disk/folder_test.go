package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, dir string) (path string)
		bad     bool
	}{
		{"a folder", func(_ *testing.T, dir string) string { return dir }, false},
		{"not there yet", func(_ *testing.T, dir string) string { return filepath.Join(dir, "new") }, false},
		{"nor its parents", func(_ *testing.T, dir string) string { return filepath.Join(dir, "a", "b", "c") }, false},
		{"a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), nil)
			return filepath.Join(dir, "file")
		}, true},
		{"below a file", func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, "file"), nil)
			return filepath.Join(dir, "file", "a", "b")
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			f := Folder{Path: row.prepare(t, dir), Files: chmodFiles{}}
			before := tree(t, dir)
			err := f.Check()
			require.Equal(t, before, tree(t, dir), "it changes nothing")
			if !row.bad {
				require.NoError(t, err)
				require.NoError(t, f.Make())
				require.True(t, f.Exists())
				require.NoError(t, f.Make(), "a second time is no error")
				return
			}
			require.ErrorContains(t, err, f.Path)
			require.Error(t, f.Make())
			require.False(t, f.Exists())
			_, err = f.Snapshot()
			require.ErrorContains(t, err, f.Path)
		})
	}
}

func TestSetAside(t *testing.T) {
	f := newFolder(t)
	for i, want := range []string{"config.json.damaged-1", "config.json.damaged-2"} {
		write(t, f.path(ConfigFile), []byte{byte(i)})
		aside, err := f.SetAside(ConfigFile)
		require.NoError(t, err)
		require.Equal(t, want, aside)
		require.Equal(t, []byte{byte(i)}, read(t, f.path(want)), "the older one is kept too")
		require.NoFileExists(t, f.path(ConfigFile))
	}
	aside, err := f.SetAside(ConfigFile)
	require.NoError(t, err, "nothing there is nothing to lose")
	require.Empty(t, aside)
}

func TestMakeWay(t *testing.T) {
	f := newFolder(t)
	require.NoError(t, f.MakeWay("nothing"))
	write(t, f.path("file"), nil)
	require.NoError(t, f.MakeWay("file"))
	require.FileExists(t, f.path("file"), "a file is replaced by the rename")
	require.NoError(t, os.Mkdir(f.path("folder"), 0o700))
	require.NoError(t, f.MakeWay("folder"))
	require.NoDirExists(t, f.path("folder"))
	require.DirExists(t, f.path("folder"+setAside+"1"))
}

func TestWriteAndRead(t *testing.T) {
	f := newFolder(t)
	_, err := f.Read(ConfigFile)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, f.Write(ConfigFile, []byte("one"), PrivateMode))
	require.NoError(t, f.Write(ConfigFile, []byte("two"), PrivateMode))
	data, err := f.Read(ConfigFile)
	require.NoError(t, err)
	require.Equal(t, "two", string(data))

	full := errors.New("no space left on device")
	f.Files = &failingFiles{failAt: 1, err: &fs.PathError{Op: "create", Path: "hidden name", Err: full}}
	err = f.Write(ConfigFile, []byte("three"), PrivateMode)
	require.ErrorIs(t, err, full)
	require.EqualError(t, err, "writing "+f.path(ConfigFile)+": no space left on device")
}

var lookalikes = []string{".config.json", "config.json.damaged-by-the-dog", "config.json.new", "localhost.pem.bak", "xconfig.json"}

func TestRemove(t *testing.T) {
	for _, row := range []struct {
		name  string
		files []string // beside a healthy folder's own
		left  []string
	}{
		{"only our own", nil, nil},
		{"what killed runs and repairs left", []string{".config.json.new", "ledger.json.damaged-1", "localhost.pem.damaged-12", LockFile, BindingsFile, BundleFile}, nil},
		{"a person's file", []string{"notes.txt"}, []string{"notes.txt"}},
		{"names that only look like ours", lookalikes, lookalikes},
		{"what killed runs and repairs left below", []string{"generations/ID/.leaf.pem.new", "generations/ID/leaf-key.pem.damaged-1", "generations/.0123abcd-2.new/root.pem"}, nil},
		{"what was issued", []string{"issued/app/app.pem", "issued/app/app-key.pem", "issued/app/.app.pfx.new", "issued/app/app.crt"}, nil},
		{"a person's file in a generation", []string{"generations/ID/notes.txt"}, []string{"generations/ID/notes.txt"}},
		{"a person's generation", []string{"generations/old/root.pem"}, []string{"generations/old"}},
		{"a person's files among what was issued", []string{"issued/app/app.pem", "issued/app/other.pem", "issued/list.txt"}, []string{"issued/app/other.pem", "issued/list.txt"}},
		{"a person's folder in the place of a file", []string{"bundle.pem/a/b", "config.json.damaged-1/a"}, []string{"bundle.pem/a", "config.json.damaged-1/a"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := healthyFolder(t)
			id := f.Generations()[0]
			require.NoError(t, os.MkdirAll(f.path(issuedDir, "client"), 0o700))
			inGeneration := func(names []string) (out []string) {
				for _, name := range names {
					out = append(out, strings.Replace(name, "ID", id, 1))
				}
				return out
			}
			for _, name := range inGeneration(row.files) {
				require.NoError(t, os.MkdirAll(filepath.Dir(f.path(name)), 0o700))
				write(t, f.path(name), []byte("x"))
			}
			left, err := f.Remove()
			require.NoError(t, err)
			require.ElementsMatch(t, inGeneration(row.left), left)
			if len(row.left) == 0 {
				require.NoDirExists(t, f.Path)
				return
			}
			for _, name := range filesOf(t, f) {
				in := func(stays string) bool { return name == stays || strings.HasPrefix(name, stays+"/") }
				require.True(t, slices.ContainsFunc(left, in), "%s is ours and still there", name)
			}
			require.False(t, f.removable(), "there is nothing more to remove")
			lockOnce(t, f)
			install(t, f, sample(t, 1))
			again, err := f.Remove()
			require.NoError(t, err)
			require.ElementsMatch(t, left, again, "what stayed is in nobody's way")
		})
	}
}

// A folder that a link led to is its owner's, and the link would lead nowhere.
func TestRemoveKeepsALinkedFolder(t *testing.T) {
	f := healthyFolder(t)
	f.Keep = true
	left, err := f.Remove()
	require.NoError(t, err)
	require.Equal(t, []string{"."}, left)
	require.Equal(t, []string{"."}, tree(t, f.Path), "and empty")
	require.False(t, f.removable())
}

// A renewal removes former generations and not what somebody put into them.
func TestSweepLeavesWhatItDoesNotKnow(t *testing.T) {
	f := healthyFolder(t)
	old := f.Generations()[0]
	write(t, f.path(generationsDir, old, "notes.txt"), []byte("mine"))
	write(t, f.path(generationsDir, "notes.txt"), []byte("mine"))
	current := install(t, f, otherLeaf(t, sample(t, 0)))
	require.Equal(t, []string{"notes.txt"}, tree(t, f.path(generationsDir, old))[1:])
	require.FileExists(t, f.path(generationsDir, "notes.txt"))
	s := snapshot(t, f)
	require.Equal(t, current, s.Current)
	require.Empty(t, s.Damage)
}

func TestRemoveNothing(t *testing.T) {
	f := Folder{Path: filepath.Join(t.TempDir(), "none"), Files: chmodFiles{}}
	left, err := f.Remove()
	require.NoError(t, err)
	require.Empty(t, left)
}

// A link in the folder is removed, not what it leads to.
func TestRemoveFollowsNoLink(t *testing.T) {
	f := healthyFolder(t)
	home := filepath.Join(t.TempDir(), "home")
	require.NoError(t, os.Mkdir(home, 0o700))
	write(t, filepath.Join(home, "thesis"), []byte("years"))
	require.NoError(t, os.RemoveAll(f.path(generationsDir)))
	symlink(t, home, f.path(generationsDir))
	_, err := f.Remove()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(home, "thesis"))
	require.NoDirExists(t, f.Path)
}

// A link to nowhere is neither a folder nor a place where one can be made.
func TestLinkToNowhere(t *testing.T) {
	f := Folder{Path: filepath.Join(t.TempDir(), "link"), Files: chmodFiles{}}
	symlink(t, filepath.Join(t.TempDir(), "nowhere"), f.Path)
	err := f.Check()
	require.ErrorIs(t, err, errDangling)
	require.ErrorContains(t, err, "nowhere, which is not there")
	var remedied *FolderError
	require.ErrorAs(t, err, &remedied)
	require.Contains(t, remedied.Remedy(), "make the folder that the link leads to")
	require.ErrorIs(t, Folder{Path: filepath.Join(f.Path, "devcert"), Files: f.Files}.Check(), errDangling, "nor below it")
	_, err = f.Lock(context.Background(), "setup", noWait(t))
	require.ErrorIs(t, err, errDangling)
}

// Whoever may rename the state folder puts one of his own in its place: its root
// would be trusted and its keys believed. Nothing is made there, nor read.
func TestFolderThatOthersMayReplace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	for _, row := range []struct {
		name   string
		mode   os.FileMode
		path   string // below the folder that has the mode
		refuse bool
	}{
		{"everyone may, straight above", 0o777, "state", true},
		{"everyone may, further above", 0o777, "a/b/state", true},
		{"everyone may, and may not look", 0o733, "state", true},
		{"but only move his own", 0o777 | os.ModeSticky, "state", false},
		{"the group may, which is often the user's own", 0o775, "state", false},
		{"nobody else", 0o755, "a/state", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			above := filepath.Join(t.TempDir(), "above")
			require.NoError(t, os.Mkdir(above, 0o755))
			require.NoError(t, os.Chmod(above, row.mode))
			f := Folder{Path: filepath.Join(above, row.path), Files: chmodFiles{}}
			unlock, err := f.Lock(t.Context(), "setup", noWait(t))
			if !row.refuse {
				require.NoError(t, err)
				unlock()
				return
			}
			requireReplaceable(t, err, above)
			require.Empty(t, below(t, above))
			_, err = f.Snapshot()
			requireReplaceable(t, err, above)
		})
	}
	t.Run("one that is there already", func(t *testing.T) {
		f := healthyFolder(t)
		before := tree(t, f.Path)
		require.NoError(t, os.Chmod(filepath.Dir(f.Path), 0o777))
		_, err := f.Snapshot()
		requireReplaceable(t, err, filepath.Dir(f.Path))
		_, err = f.Lock(t.Context(), "repair", noWait(t))
		requireReplaceable(t, err, filepath.Dir(f.Path))
		require.Equal(t, before, tree(t, f.Path))
	})
	t.Run("where a link on the way leads", func(t *testing.T) {
		open, own := filepath.Join(t.TempDir(), "open"), t.TempDir()
		require.NoError(t, os.Mkdir(open, 0o700))
		require.NoError(t, os.Chmod(open, 0o777))
		symlink(t, open, filepath.Join(own, "link"))
		requireReplaceable(t, Folder{Path: filepath.Join(own, "link", "a", "state"), Files: chmodFiles{}}.Make(), open)
		require.Empty(t, below(t, open))
	})
	t.Run("where the link itself is", func(t *testing.T) {
		open, own := filepath.Join(t.TempDir(), "open"), t.TempDir()
		require.NoError(t, os.Mkdir(open, 0o700))
		require.NoError(t, os.Chmod(open, 0o777))
		symlink(t, own, filepath.Join(open, "link"))
		requireReplaceable(t, Folder{Path: filepath.Join(open, "link", "state"), Files: chmodFiles{}}.Make(), open)
		require.Empty(t, below(t, own))
	})
}

func requireReplaceable(t *testing.T, err error, dir string) {
	t.Helper()
	var refused *FolderError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, dir+" above it has mode 07")
	require.Contains(t, refused.Remedy(), "chmod o-w "+dir+"\n")
}

// Whatever byte of a long file is another, it does not hold what was asked for.
func TestHolds(t *testing.T) {
	f := newFolder(t)
	long := bytes.Repeat([]byte("0123456789"), 10_000) // more than is read at a time
	parts := [][]byte{long, []byte("end\n")}
	whole := slices.Concat(parts...)
	_, err := f.Holds("file", parts...)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, f.WriteDerived("file", parts...))
	got, err := f.Read("file")
	require.NoError(t, err)
	require.Equal(t, whole, got)

	holds := func() bool {
		t.Helper()
		is, err := f.Holds("file", parts...)
		require.NoError(t, err)
		return is
	}
	require.True(t, holds())
	for _, at := range []int{0, 32<<10 - 1, 32 << 10, len(long) - 1, len(long), len(whole) - 1} {
		other := slices.Clone(whole)
		other[at] ^= 1
		write(t, f.path("file"), other)
		require.False(t, holds(), "byte %d", at)
	}
	for _, other := range [][]byte{nil, whole[:len(whole)-1], append(whole, 'x')} {
		write(t, f.path("file"), other)
		require.False(t, holds(), "%d bytes", len(other))
	}
	write(t, f.path("elsewhere"), whole)
	require.NoError(t, os.Remove(f.path("file")))
	symlink(t, f.path("elsewhere"), f.path("file"))
	_, err = f.Holds("file", parts...)
	require.ErrorIs(t, err, errNotRegular)
}
