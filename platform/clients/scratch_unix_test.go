//go:build unix

package clients

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What somebody else could have put there, or can look into, is not what devcert
// made.
func TestSweepOfOthers(t *testing.T) {
	const ours = "devcert-ask-123456"
	t.Run("open to others", func(t *testing.T) { requireSwept(t, folder(true, 0o755), ours, "", true, true) })
	t.Run("a link", func(t *testing.T) {
		target := filepath.Join(t.TempDir(), ours)
		requireSwept(t, func(t *testing.T, dir string) {
			folder(true, 0o700)(t, target)
			require.NoError(t, os.Symlink(target, dir))
		}, ours, "", true, true)
		require.FileExists(t, filepath.Join(target, ".config", "x", "y"))
	})
	t.Run("a link inside", func(t *testing.T) {
		target := filepath.Join(t.TempDir(), "target")
		requireSwept(t, func(t *testing.T, dir string) {
			folder(false, 0o700)(t, target)
			folder(true, 0o700)(t, dir)
			require.NoError(t, os.Symlink(target, filepath.Join(dir, "home")))
		}, ours, "", false, false)
		require.FileExists(t, filepath.Join(target, ".config", "x", "y"))
	})
	t.Run("a link for the lock", func(t *testing.T) {
		requireSwept(t, func(t *testing.T, dir string) {
			folder(false, 0o700)(t, dir)
			require.NoError(t, os.Symlink("/dev/null", filepath.Join(dir, inUse)))
		}, ours, "", true, true)
	})
	t.Run("another user's", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give a folder away")
		}
		requireSwept(t, func(t *testing.T, dir string) {
			folder(true, 0o700)(t, dir)
			require.NoError(t, os.Chown(dir, 12345, 12345))
		}, ours, "", true, true)
	})
	t.Run("a place where anybody can replace it", func(t *testing.T) {
		requireSwept(t, func(t *testing.T, dir string) {
			folder(true, 0o700)(t, dir)
			require.NoError(t, os.Chmod(filepath.Dir(dir), 0o777))
		}, ours, "", true, true)
	})
}
