package disk

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// failingFiles fails once, at the n-th call of those that change the disk: what
// a full disk, or a kill at that instant, leaves behind.
type failingFiles struct {
	chmodFiles
	mu     sync.Mutex
	calls  int
	failAt int // 0 never fails
	err    error
}

func (f *failingFiles) fail() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.calls == f.failAt {
		return f.err
	}
	return nil
}

func (f *failingFiles) MakeDir(path string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.chmodFiles.MakeDir(path)
}

func (f *failingFiles) Create(path string) (*os.File, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.chmodFiles.Create(path)
}

func (f *failingFiles) Sync(files []*os.File) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.chmodFiles.Sync(files)
}

func (f *failingFiles) SyncDir(path string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.chmodFiles.SyncDir(path)
}

// strokes are the two ways to a new generation: staged, with something to be
// done before the switch, and all at once.
var strokes = map[string]func(f Folder, h *Hierarchy) error{
	"staged": func(f Folder, h *Hierarchy) error {
		id, err := f.WriteGeneration(h)
		if err != nil {
			return err
		}
		if err := f.Switch(id, h, nil); err != nil {
			return err
		}
		return f.Sweep(id)
	},
	"at once": func(f Folder, h *Hierarchy) error {
		id, durable, err := f.Install(h, nil)
		if err == nil {
			err = durable()
		}
		if err != nil {
			return err
		}
		return f.Sweep(id)
	},
}

// Wherever the disk fails, the folder reads as the whole old hierarchy or the
// whole new one, and the next run completes it.
func TestAnyFailureLeavesOldOrNew(t *testing.T) {
	for name, renew := range strokes {
		t.Run(name, func(t *testing.T) { anyFailureLeavesOldOrNew(t, renew) })
	}
}

func anyFailureLeavesOldOrNew(t *testing.T, renew func(Folder, *Hierarchy) error) {
	full := errors.New("no space left on device")
	counter := &failingFiles{}
	f := healthyFolder(t)
	f.Files = counter
	require.NoError(t, renew(f, otherLeaf(t, sample(t, 0))))
	require.Greater(t, counter.calls, 10)

	for n := 1; n <= counter.calls; n++ {
		t.Run(fmt.Sprintf("call %d of %d", n, counter.calls), func(t *testing.T) {
			old := sample(t, 0)
			young := otherLeaf(t, old)
			f := folderWith(t, old)
			f.Files = &failingFiles{failAt: n, err: full}
			require.ErrorIs(t, renew(f, young), full)

			f.Files = chmodFiles{}
			s := snapshot(t, f)
			requireOneOf(t, &s.Hierarchy, old, young)
			require.Empty(t, s.Damage, "neither half of the copies is left behind")

			require.NoError(t, renew(f, young))
			s = snapshot(t, f)
			require.Empty(t, s.Damage)
			require.Empty(t, s.Others)
			require.True(t, s.Hierarchy.Leaf.Cert.Equal(young.Leaf.Cert))
		})
	}
}

func requireOneOf(t *testing.T, got *Hierarchy, all ...*Hierarchy) {
	t.Helper()
	for _, h := range all {
		if got.Leaf.Cert.Equal(h.Leaf.Cert) && chain.SameKey(h.Leaf.Cert, got.Leaf.Key) &&
			got.Root.Equal(h.Root) && chain.SameKey(h.Intermediate.Cert, got.Intermediate.Key) {
			return
		}
	}
	require.Fail(t, "the folder holds neither the old hierarchy nor the new one")
}

// A first setup that fails leaves nothing that the next would stumble over.
func TestAnyFailureOfTheFirstRun(t *testing.T) {
	for name, renew := range strokes {
		t.Run(name, func(t *testing.T) { anyFailureOfTheFirstRun(t, renew) })
	}
}

func anyFailureOfTheFirstRun(t *testing.T, renew func(Folder, *Hierarchy) error) {
	full := errors.New("no space left on device")
	for n := 1; ; n++ {
		f := newFolder(t)
		f.Files = &failingFiles{failAt: n, err: full}
		err := renew(f, sample(t, 0))
		if err == nil {
			require.Greater(t, n, 10)
			return
		}
		require.ErrorIs(t, err, full)
		f.Files = chmodFiles{}
		s := snapshot(t, f)
		if s.Current != "" {
			requireOneOf(t, &s.Hierarchy, sample(t, 0))
		}
		require.NoError(t, renew(f, sample(t, 0)))
		require.Empty(t, snapshot(t, f).Damage)
	}
}

// noRenames fails once, at the n-th rename.
type noRenames struct {
	chmodFiles
	calls, failAt int
	err           error
}

func (f *noRenames) Rename(from, to string) error {
	if f.calls++; f.calls == f.failAt {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: f.err}
	}
	return f.chmodFiles.Rename(from, to)
}

// The copies at stable paths are renamed one after the other. A disk that fails in
// between leaves the hierarchy itself whole, each copy that is not of it is known
// with its cure, and the next run cures them.
func TestAnyRenameThatFails(t *testing.T) {
	broken, tried := errors.New("input/output error"), 0
	for stroke, renew := range strokes {
		for n, failed := 1, true; failed; n++ {
			t.Run(fmt.Sprintf("%s, rename %d", stroke, n), func(t *testing.T) {
				old := sample(t, 0)
				young := otherLeaf(t, old)
				f := folderWith(t, old)
				files := &noRenames{failAt: n, err: broken}
				f.Files = files
				err := renew(f, young)
				if failed = files.calls >= n; !failed {
					require.NoError(t, err)
					return
				}
				tried++
				require.ErrorIs(t, err, broken)
				f.Files = chmodFiles{}
				s := snapshot(t, f)
				requireOneOf(t, &s.Hierarchy, old, young)
				for _, d := range s.Damage {
					require.NotEmpty(t, d.Cure, d.Name)
				}
				require.NoError(t, renew(f, young))
				s = snapshot(t, f)
				require.Empty(t, damages(s))
				require.True(t, s.Hierarchy.Leaf.Cert.Equal(young.Leaf.Cert))
			})
		}
	}
	require.Greater(t, tried, 6)
	t.Logf("renames that failed: %d, hierarchies lost: 0", tried)
}
