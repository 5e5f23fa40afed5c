package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// chmodFiles is Files by modes alone. Where the system has none, nothing is
// ever exposed.
type chmodFiles struct{}

func (chmodFiles) MakeDir(path string) error { return os.Mkdir(path, 0o700) }

func (chmodFiles) Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (chmodFiles) Exposed(path string) (string, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return "", err
	case info.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link", nil
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return fmt.Sprintf("mode %04o", info.Mode().Perm()), nil
	}
	return "", nil
}

func (chmodFiles) MakePrivate(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return os.Chmod(path, 0o700)
	case !info.Mode().IsRegular():
		return errors.New("neither a file nor a folder")
	}
	return os.Chmod(path, 0o600)
}

func (chmodFiles) Replaceable(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode()&fs.ModeSticky != 0 || info.Mode().Perm()&0o002 == 0 {
		return "", err
	}
	return fmt.Sprintf("mode %04o", info.Mode().Perm()), nil
}

func (chmodFiles) HasOtherName(*os.File) bool { return false }

func (chmodFiles) Rename(from, to string) error { return os.Rename(from, to) }

func (chmodFiles) Sync(files []*os.File) error {
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

func (chmodFiles) SyncDir(string) error { return nil }

// noon is when every certificate of these tests is made.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// samples are two hierarchies that all tests share: the second is the stranger.
var samples = sync.OnceValues(func() ([]*chain.Hierarchy, error) {
	var out []*chain.Hierarchy
	for _, owner := range []string{"alice@pc", "mallory@pc"} {
		h, err := chain.New(chain.Options{Owner: owner, ClientCerts: true, Key: chain.ECDSA, Now: noon})
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
})

func sample(t testing.TB, n int) *Hierarchy {
	t.Helper()
	all, err := samples()
	require.NoError(t, err)
	h := all[n]
	return &Hierarchy{
		Root: h.Root, RootCRL: h.RootCRL, Intermediate: h.Intermediate, ClientIntermediate: h.ClientIntermediate, Leaf: h.Leaf,
	}
}

// otherLeaf is h with a new leaf under the same intermediate.
func otherLeaf(t testing.TB, h *Hierarchy) *Hierarchy {
	t.Helper()
	leaf, err := chain.NewLeaf(h.Intermediate, chain.LeafOptions{Names: chain.DefaultNames(), Key: chain.ECDSA, Now: noon})
	require.NoError(t, err)
	return &Hierarchy{
		Root: h.Root, RootKey: h.RootKey, RootCRL: h.RootCRL,
		Intermediate: h.Intermediate, ClientIntermediate: h.ClientIntermediate, Leaf: leaf,
	}
}

// newFolder is a state folder that a first setup would find, made but empty.
func newFolder(t testing.TB) Folder {
	t.Helper()
	f := Folder{Path: filepath.Join(t.TempDir(), "devcert"), Files: chmodFiles{}}
	require.NoError(t, f.Make())
	require.NoError(t, f.makeGenerations())
	return f
}

// healthyFolder holds sample 0, switched to, with configuration and ledger.
func healthyFolder(t testing.TB) Folder {
	t.Helper()
	return folderWith(t, sample(t, 0))
}

func folderWith(t testing.TB, h *Hierarchy) Folder {
	t.Helper()
	f := newFolder(t)
	install(t, f, h)
	ledger := &Ledger{Machine: "m1"}
	ledger.Record("system", h.Root, noon)
	data, err := ledger.Encode()
	require.NoError(t, err)
	require.NoError(t, f.Write(LedgerFile, data, PrivateMode))
	require.NoError(t, f.Write(ConfigFile, []byte("{}\n"), PrivateMode))
	return f
}

// install writes h as a generation and switches to it, as setup does.
func install(t testing.TB, f Folder, h *Hierarchy) string {
	t.Helper()
	id, err := f.WriteGeneration(h)
	require.NoError(t, err)
	require.NoError(t, f.Switch(id, h, nil))
	require.NoError(t, f.Sweep(id))
	return id
}

func snapshot(t testing.TB, f Folder) *Snapshot {
	t.Helper()
	s, err := f.Snapshot()
	require.NoError(t, err)
	return s
}

// damages lists "name: kind" for comparison.
func damages(s *Snapshot) []string {
	kinds := map[DamageKind]string{
		Absent: "absent", Unreadable: "unreadable", Corrupt: "corrupt", Differs: "differs", Exposed: "exposed", Interrupted: "interrupted",
	}
	out := []string{}
	for _, d := range s.Damage {
		out = append(out, d.Name+": "+kinds[d.Kind])
	}
	slices.Sort(out)
	return out
}

// tree lists the names in a folder, those of temporary and damaged files too.
func tree(t testing.TB, root string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		names = append(names, filepath.ToSlash(rel))
		return err
	}))
	return names
}

func symlink(t testing.TB, target, name string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege there")
	}
	require.NoError(t, os.Symlink(target, name))
}

func requireMode(t testing.TB, path string, want fs.FileMode) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return // no modes there
	}
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm(), path)
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}
