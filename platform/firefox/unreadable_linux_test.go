package firefox

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"devcert/devcert"
)

const nobody = 65534

// asNobody has this thread open files with nobody's rights until the test ends:
// permissions hold root back from nothing.
func (w *world) asNobody() {
	w.t.Helper()
	if os.Geteuid() != 0 {
		w.t.Skip("needs root, to be another user for a while")
	}
	for path := w.root; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		require.NoError(w.t, os.Chmod(path, 0o755))
	}
	runtime.LockOSThread()
	require.NoError(w.t, unix.Setfsuid(nobody))
	w.t.Cleanup(func() {
		require.NoError(w.t, unix.Setfsuid(0))
		runtime.UnlockOSThread()
	})
	w.store.Privileged = rootAgain{w.private}
}

// rootAgain is the privileged child of somebody who is not root.
type rootAgain struct{ Privileged }

func (p rootAgain) Do(ctx context.Context, what string, body any) error {
	_ = unix.Setfsuid(0)
	defer func() { _ = unix.Setfsuid(nobody) }()
	return p.Privileged.Do(ctx, what, body)
}

// Policies that this user cannot read are none of their Firefox's either. Whether
// devcert's entry is among them, root finds out, if devcert ever wrote to them.
func TestPoliciesOnlyRootCanRead(t *testing.T) {
	const theirs = `{"policies":{"DisableTelemetry":true}}`
	for _, row := range []struct {
		name   string
		closed string // what is closed
		ours   bool   // devcert had written there before
		right  string
	}{
		{"never written to", policyFile, false, "sudo chmod a+r "},
		{"written to before", policyFile, true, "sudo chmod a+r "},
		{"the folder", policyFolder, true, "sudo chmod a+x "},
	} {
		t.Run(row.name, func(t *testing.T) {
			w, h := newWorld(t).withModule(), newHierarchy(t)
			w.profiles("default")
			require.NoError(t, os.Chmod(w.home, 0o755))
			write(t, theirs, w.root, policyFile)
			if row.ours {
				require.NoError(t, w.follow(h.Root))
			}
			closed := filepath.Join(w.root, row.closed)
			require.NoError(t, os.Chmod(closed, 0o700))
			before := w.listing()
			w.store.Home = w.openHome()
			w.asNobody()

			place := w.look(h.Root)["abcdefgh.default"]
			require.Equal(t, devcert.Missing, place.State, "it follows nothing: %+v", place)
			require.Contains(t, place.Remedy, row.right+closed)
			require.NoError(t, w.store.Deploy(t.Context(), devcert.Material{Root: h.Root}), "it is left to a person")
			if !row.ours {
				require.Empty(t, w.private.asked)
			}
			require.NoError(t, w.store.Withdraw(t.Context(), h.Root))
			require.NoError(t, unix.Setfsuid(0))
			require.Equal(t, theirs, w.policies())
			require.Equal(t, row.ours, len(w.private.asked) > 0, "asked for %v", w.private.asked)
			if !row.ours {
				require.Equal(t, before, w.listing())
			}
		})
	}
}

// openHome lets everybody look into the home folder, and returns it.
func (w *world) openHome() string {
	for path := w.home; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		require.NoError(w.t, os.Chmod(path, 0o755))
	}
	require.NoError(w.t, filepath.WalkDir(w.home, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	}))
	return w.home
}

// The remedy for a list of profiles says what to type.
func TestProfilesNobodyCanRead(t *testing.T) {
	w := newWorld(t)
	w.profiles("default")
	base := filepath.Join(w.openHome(), ".mozilla/firefox")
	list := filepath.Join(base, "profiles.ini")
	require.NoError(t, os.Chmod(list, 0o600))
	w.asNobody()
	place := w.look(nil)["profiles.ini"]
	require.Equal(t, devcert.Unknown, place.State)
	require.Contains(t, place.Remedy, "chmod u+r "+list)
	require.NoError(t, unix.Setfsuid(0))
	require.NoError(t, os.Chmod(base, 0o700))
	require.NoError(t, unix.Setfsuid(nobody))
	require.Contains(t, w.look(nil)["profiles.ini"].Remedy, "chmod u+x "+base)
	require.NoError(t, unix.Setfsuid(0))
	require.NoError(t, os.Chmod(base, 0o755))
	require.NoError(t, os.Remove(list))
	require.NoError(t, os.Mkdir(list, 0o755))
	require.Contains(t, w.look(nil)["profiles.ini"].Remedy, "move it away")
}
