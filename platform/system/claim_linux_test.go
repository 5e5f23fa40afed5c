package system

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

func TestClaimWaits(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	held, err := claimStore(t.Context(), s.root, nil)
	require.NoError(t, err)

	for name, wait := range map[string]time.Duration{"no time": 0, "shorter than silence": 100 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		started := time.Now()
		err = Changer{Root: s.root}.Trust(ctx, root, func() { t.Error("said too early") })
		cancel()
		require.EqualError(t, err, "another devcert is still changing the system store", name)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(started), time.Second)
	}
	s.requireState(devcert.Missing, root)

	told := 0
	time.AfterFunc(untold+300*time.Millisecond, held.release)
	require.NoError(t, Changer{Root: s.root}.Trust(t.Context(), root, func() { told++ }))
	require.Equal(t, 1, told)
	s.requireState(devcert.Trusted, root)
	require.NoDirExists(t, s.root+machineFolder)
}

// A change that has begun is finished, whatever becomes of the context.
func TestChangeIsFinished(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.executable("etc/ca-certificates/update.d/slow", "#!/bin/sh\nsleep 1\necho done >"+s.root+"/hook\n")
	time.AfterFunc(300*time.Millisecond, cancel)
	require.NoError(t, Changer{Root: s.root}.Trust(ctx, root, nil))
	require.Error(t, ctx.Err())
	require.FileExists(t, s.root+"/hook")
	s.requireState(devcert.Trusted, root)
}

// What a killed process left is gone with the next change, and nothing of a
// change lies where others can write.
func TestClaimSweeps(t *testing.T) {
	s, root := newScratch(t, debian), newRoot(t)
	s.rebuild()
	before := s.listing()
	killed, err := Changer{Root: s.root}.begin(t.Context(), nil)
	require.NoError(t, err)
	_, err = killed.announceRemoval(nil, killed.work())
	require.NoError(t, err)
	require.NoError(t, linkTools(killed.work()+"/tools", "tee", "rm"))
	require.NoError(t, killed.dir.Close()) // as the end of a process does

	elsewhere := t.TempDir()
	t.Setenv("TMPDIR", elsewhere)
	require.NoError(t, s.trust(root))
	require.NoError(t, s.distrust(root))
	require.Equal(t, before, s.listing())
	require.NoDirExists(t, s.root+machineFolder)
	left, err := os.ReadDir(elsewhere)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, elsewhere, os.Getenv("TMPDIR"))
}

func TestClaimRefusesAFolderOfOthers(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"open to all": func(path string) error {
			return os.Chmod(path, 0o777)
		},
		"a link": func(path string) error {
			return os.Symlink(t.TempDir(), path)
		},
		"a file": func(path string) error {
			return os.WriteFile(path, nil, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScratch(t, debian)
			s.mkdir(s.root + machineFolder)
			if name != "open to all" {
				s.remove(s.root + machineFolder)
			}
			require.NoError(t, put(s.root+machineFolder))
			before := s.listing()
			require.ErrorContains(t, s.trust(newRoot(t)), "lock the system store")
			require.Equal(t, before, s.listing())
		})
	}
}

func TestAnchorsFolderMissing(t *testing.T) {
	for which, name := range familyNames {
		if which == alpine {
			continue // its tool makes hash links of its own
		}
		t.Run(name, func(t *testing.T) {
			s, root, other := newScratch(t, which), newRoot(t), newRoot(t)
			s.rebuild()
			parent := filepath.Dir(s.f.anchors)
			require.NoError(t, os.RemoveAll(s.f.anchors))
			before := s.listing()
			s.requireState(devcert.Missing, root, s.f.anchors)
			require.NoError(t, (&Store{Root: s.root, Privileged: ready{}}).Ready(t.Context()))
			require.NoError(t, s.distrust(root))
			require.NoDirExists(t, s.f.anchors)

			require.NoError(t, s.trust(root))
			require.NoError(t, s.trust(other))
			s.requireState(devcert.Trusted, root)
			info, err := os.Stat(s.f.anchors)
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o755), info.Mode().Perm())
			require.NoError(t, s.distrust(root))
			s.requireState(devcert.Trusted, other)
			require.NoError(t, s.distrust(other))
			require.Equal(t, before, s.listing())
			require.NoDirExists(t, s.f.anchors)
			require.DirExists(t, parent)
			require.NoDirExists(t, s.root+machineFolder)
		})
	}
	for name, row := range map[string]struct {
		meddle func(s *scratch)
		stays  bool
	}{
		"it was there and empty":   {func(s *scratch) { s.mkdir(s.f.anchors) }, true},
		"two folders were missing": {func(s *scratch) { s.remove(filepath.Dir(s.f.anchors)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, root := newScratch(t, debian), newRoot(t)
			s.remove(s.f.anchors)
			row.meddle(s)
			require.NoError(t, s.trust(root))
			require.NoError(t, s.distrust(root))
			_, err := os.Stat(s.f.anchors)
			require.Equal(t, row.stays, err == nil)
			require.DirExists(t, s.root+"/usr/local")
			require.NoDirExists(t, s.root+machineFolder)
		})
	}
	t.Run("somebody else uses it by now", func(t *testing.T) {
		s, root := newScratch(t, debian), newRoot(t)
		s.remove(s.f.anchors)
		require.NoError(t, s.trust(root))
		theirs := s.f.anchors + "/company.crt"
		s.write(theirs, chain.EncodeCertificates(foreignRoot(t, "Company CA")))
		require.NoError(t, s.distrust(root))
		require.FileExists(t, theirs)
		require.NoDirExists(t, s.root+machineFolder)
	})
	t.Run("the tool fails", func(t *testing.T) {
		s := newScratch(t, debian)
		s.remove(s.f.anchors)
		require.NoError(t, os.WriteFile(s.root+"/fail", nil, 0o644))
		require.Error(t, s.trust(newRoot(t)))
		require.NoDirExists(t, s.f.anchors)
	})
}

// ready is a child that could be asked.
type ready struct{ Privileged }

func (ready) Ready(context.Context) error { return nil }
