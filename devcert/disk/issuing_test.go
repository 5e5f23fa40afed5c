package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// issuedPair are the files of a certificate, and a PFX where that is asked for.
func issuedPair(t testing.TB, pair chain.Pair, pfx bool) []IssuedFile {
	t.Helper()
	key, err := chain.EncodeKey(pair.Key)
	require.NoError(t, err)
	files := []IssuedFile{{".pem", chain.EncodeCertificates(pair.Cert)}, {"-key.pem", key}, {".crt", pair.Cert.Raw}}
	if pfx {
		files = append(files, IssuedFile{".pfx", []byte("a pfx")})
	}
	return files
}

// requireIssued says that a reader finds all of one of the certificates, and which.
func requireIssued(t *testing.T, f Folder, all ...chain.Pair) int {
	t.Helper()
	i, found, err := f.FindIssued("alice")
	require.NoError(t, err)
	require.True(t, found)
	data, err := f.ReadIssued("alice", "-key.pem")
	require.NoError(t, err)
	key, err := chain.ParseKey(data)
	require.NoError(t, err)
	der, err := f.ReadIssued("alice", ".crt")
	require.NoError(t, err)
	for n, pair := range all {
		if pair.Cert.Equal(i.Cert()) {
			require.True(t, chain.SameKey(i.Cert(), key), "certificate and key belong together")
			require.Equal(t, pair.Cert.Raw, der)
			require.Equal(t, n == 0, f.HasIssued("alice", ".pfx"), "only the first has one")
			return n
		}
	}
	require.Fail(t, "neither of the two")
	return -1
}

// issuedBefore is a folder with alice's first certificate, and a file of hers.
func issuedBefore(t *testing.T, old chain.Pair) Folder {
	t.Helper()
	f := newFolder(t)
	require.NoError(t, f.WriteIssued("alice", issuedPair(t, old, true)))
	write(t, filepath.Join(f.IssuedDir("alice"), "notes.txt"), []byte("hers"))
	return f
}

func requireFinished(t *testing.T, f Folder) {
	t.Helper()
	require.Equal(t, []string{".", "alice", "alice/alice-key.pem", "alice/alice.crt", "alice/alice.pem", "alice/notes.txt"}, tree(t, f.path(issuedDir)))
	require.Equal(t, "hers", string(read(t, filepath.Join(f.IssuedDir("alice"), "notes.txt"))))
	requireMode(t, f.IssuedPath("alice", "-key.pem"), PrivateMode)
	requireMode(t, f.IssuedPath("alice", ".pem"), PublicMode)
	require.Empty(t, snapshot(t, f).Damage)
}

// Wherever a run is killed once what it issues anew counts, a reader finds the new
// certificate with its key, and the next run completes it.
func TestKilledWhileReplacingIssued(t *testing.T) {
	old, young := sample(t, 0).Leaf, otherLeaf(t, sample(t, 0)).Leaf
	stopped := func(t *testing.T, after int) (f Folder, more bool) {
		f = issuedBefore(t, old)
		require.NoError(t, f.stageIssued("alice", issuedPair(t, young, false)))
		require.Zero(t, requireIssued(t, f, old, young), "what is staged does not count yet")
		require.Empty(t, snapshot(t, f).Damage)
		require.NoError(t, f.commitIssued("alice"))
		steps := f.finishing("alice")
		for _, step := range steps[:after] {
			require.NoError(t, step())
		}
		return f, after < len(steps)
	}
	next := map[string]func(t *testing.T, f Folder){
		"repair": func(t *testing.T, f Folder) { require.NoError(t, f.FinishIssued("alice")) },
		"issue": func(t *testing.T, f Folder) {
			require.NoError(t, f.WriteIssued("alice", issuedPair(t, young, false)))
		},
	}
	for name, next := range next {
		for n, more := 0, true; more; n++ {
			t.Run(fmt.Sprintf("%s after %d", name, n), func(t *testing.T) {
				var f Folder
				f, more = stopped(t, n)
				require.Equal(t, 1, requireIssued(t, f, old, young))
				if _, err := os.Lstat(f.pendingIssued("alice")); err == nil {
					require.Equal(t, []string{"issued/alice: interrupted"}, damages(snapshot(t, f)))
				}
				next(t, f)
				require.Equal(t, 1, requireIssued(t, f, old, young))
				requireFinished(t, f)
			})
			require.Less(t, n, 30)
		}
	}
}

// Before that, the old one stays as it was, and wherever the disk fails it is one
// of the two.
func TestAnyFailureOfIssuing(t *testing.T) {
	old, young := sample(t, 0).Leaf, otherLeaf(t, sample(t, 0)).Leaf
	full := errors.New("no space left on device")
	for n := 1; ; n++ {
		f := issuedBefore(t, old)
		f.Files = &failingFiles{failAt: n, err: full}
		err := f.WriteIssued("alice", issuedPair(t, young, false))
		if err == nil {
			require.Greater(t, n, 6)
			return
		}
		require.ErrorIs(t, err, full)
		f.Files = chmodFiles{}
		requireIssued(t, f, old, young)
		require.NoError(t, f.WriteIssued("alice", issuedPair(t, young, false)))
		requireFinished(t, f)
	}
}

// notedFiles notes what is given another name and which folders are synced.
type notedFiles struct {
	chmodFiles
	mu    sync.Mutex
	notes []string
}

func (f *notedFiles) note(doing, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, doing+" "+filepath.Base(path))
}

func (f *notedFiles) Rename(from, to string) error {
	f.note("rename", to)
	return f.chmodFiles.Rename(from, to)
}

func (f *notedFiles) SyncDir(path string) error {
	f.note("sync", path)
	return f.chmodFiles.SyncDir(path)
}

// Every folder in which a name came or went is synced, and none for nothing.
func TestIssuedNamesAreDurable(t *testing.T) {
	noted := &notedFiles{}
	f := healthyFolder(t)
	f.Files = noted
	require.NoError(t, f.WriteIssued("alice", issuedPair(t, sample(t, 0).Leaf, false)))
	require.Equal(t, []string{"sync " + filepath.Base(f.Path), "sync .alice.new", "rename alice", "sync issued"}, noted.notes)

	noted.notes = nil
	require.NoError(t, f.WriteIssued("alice", issuedPair(t, otherLeaf(t, sample(t, 0)).Leaf, false)))
	require.Equal(t, []string{"sync .alice.new", "rename .alice.new"}, noted.notes[:2])
	require.ElementsMatch(t, []string{"sync issued", "sync alice"}, noted.notes[2:4])
	require.Equal(t, "sync alice", noted.notes[len(noted.notes)-1])
}

// unsynced are files whose names never get to the disk.
type unsynced struct{ chmodFiles }

func (unsynced) SyncDir(string) error { return errUnsynced }

var errUnsynced = errors.New("input/output error")

func TestTheFolderOfIssuedNamesIsDurable(t *testing.T) {
	f := healthyFolder(t)
	f.Files = unsynced{}
	require.ErrorIs(t, f.WriteIssued("alice", issuedPair(t, sample(t, 0).Leaf, false)), errUnsynced)
	entries, err := os.ReadDir(f.path(issuedDir))
	require.NoError(t, err)
	require.Empty(t, entries, "with anything in it, it would be taken for synced")
	noted := &notedFiles{}
	f.Files = noted
	require.NoError(t, f.WriteIssued("alice", issuedPair(t, sample(t, 0).Leaf, false)))
	require.Equal(t, "sync "+filepath.Base(f.Path), noted.notes[0], "of the folder that is left, as after a kill")
}

// What a killed run left is devcert's own, and goes with the rest.
func TestRemoveWhatIssuingLeft(t *testing.T) {
	old, young := sample(t, 0).Leaf, otherLeaf(t, sample(t, 0)).Leaf
	for name, stop := range map[string]func(f Folder) error{
		"staged": func(f Folder) error { return f.stageIssued("alice", issuedPair(t, young, false)) },
		"pending": func(f Folder) error {
			return errors.Join(f.stageIssued("alice", issuedPair(t, young, false)), f.commitIssued("alice"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := issuedBefore(t, old)
			require.NoError(t, stop(f))
			left, err := f.Remove()
			require.NoError(t, err)
			require.Equal(t, []string{"issued/alice/notes.txt"}, left)
			require.Equal(t, []string{".", "issued", "issued/alice", "issued/alice/notes.txt"}, tree(t, f.Path))
		})
	}
	f := issuedBefore(t, old)
	require.NoError(t, errors.Join(f.stageIssued("alice", issuedPair(t, young, false)), f.commitIssued("alice")))
	require.NoError(t, f.RemoveIssued("alice"))
	require.Equal(t, []string{".", "alice", "alice/notes.txt"}, tree(t, f.path(issuedDir)))
}

// A link in the place of a folder would lead keys away, and certificates in.
func TestIssuedThroughLinks(t *testing.T) {
	old := sample(t, 0).Leaf
	for _, name := range []string{issuedDir, issuedDir + "/alice"} {
		t.Run(name, func(t *testing.T) {
			f, elsewhere := issuedBefore(t, old), t.TempDir()
			moved := filepath.Join(elsewhere, "moved")
			require.NoError(t, os.Rename(f.path(name), moved))
			symlink(t, moved, f.path(name))
			before := tree(t, elsewhere)
			require.ErrorIs(t, f.WriteIssued("alice", issuedPair(t, old, false)), ErrNotFolder)
			require.Equal(t, before, tree(t, elsewhere))
			_, err := f.ReadIssued("alice", ".pem")
			require.ErrorIs(t, err, ErrNotFolder)
			all, err := f.Issued()
			require.Empty(t, all)
			if name == issuedDir {
				require.ErrorIs(t, err, ErrNotFolder)
				require.Equal(t, []string{"issued: unreadable"}, damages(snapshot(t, f)))
			}
			_, err = f.Remove()
			require.NoError(t, err)
			require.Equal(t, before, tree(t, elsewhere), "what it leads to stays")
		})
	}
}

// A folder that somebody made where a file belongs is set aside whole.
func TestIssuedMakesWay(t *testing.T) {
	f := newFolder(t)
	require.NoError(t, os.MkdirAll(filepath.Join(f.IssuedPath("alice", ".pem"), "full"), 0o700))
	require.NoError(t, f.WriteIssued("alice", issuedPair(t, sample(t, 0).Leaf, false)))
	require.DirExists(t, f.IssuedPath("alice", ".pem")+setAside+"1/full")
	info, err := os.Lstat(f.IssuedPath("alice", ".pem"))
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
	_, err = f.ReadIssued("alice", ".pfx")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotContains(t, strings.Join(tree(t, f.path(issuedDir)), " "), ".new")
}

// Whoever signs one more certificate reads nothing of the others.
func TestOneOfManyIssued(t *testing.T) {
	h := sample(t, 0)
	f := folderWith(t, h)
	for _, name := range []string{"alice", "bob"} {
		require.NoError(t, f.WriteIssued(name, issuedPair(t, h.Leaf, false)))
	}
	require.NoError(t, os.Mkdir(f.pendingIssued("bob"), 0o755)) // a run that was stopped
	require.NoError(t, os.Chmod(f.IssuedPath("bob", "-key.pem"), 0o644))
	write(t, f.IssuedDir("carol"), []byte("somebody's"))

	for name, wanted := range map[string]string{"alice": "alice", "ALICE": "alice", "bob": "bob", "carol": ""} {
		i, found, err := f.FindIssued(name)
		require.NoError(t, err)
		require.Equal(t, wanted != "", found, name)
		require.Equal(t, wanted, i.Name)
		if found {
			require.Equal(t, h.Leaf.Cert.Raw, i.Cert().Raw)
		}
	}
	whole, err := f.Snapshot()
	require.NoError(t, err)
	if runtime.GOOS == "windows" { // where Chmod shows nothing to others
		require.Len(t, whole.Damage, 1)
	} else {
		require.Len(t, whole.Damage, 2)
	}
	seen, err := f.Authorities()
	require.NoError(t, err)
	require.Empty(t, seen.Damage)
	require.Nil(t, seen.Hierarchy.RootCRL)
	require.Equal(t, whole.Hierarchy.Root.Raw, seen.Hierarchy.Root.Raw)
	require.True(t, chain.SameKey(seen.Hierarchy.Intermediate.Cert, seen.Hierarchy.Intermediate.Key))
}
