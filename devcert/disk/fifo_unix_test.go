//go:build unix

package disk

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Opening a pipe waits for whoever writes to it: nothing may ever open one.
func TestPipesAreNotWaitedFor(t *testing.T) {
	for _, file := range filesOf(t, healthyFolder(t)) {
		t.Run(file, func(t *testing.T) {
			f := healthyFolder(t)
			name := realName(t, f, file)
			before := read(t, f.path(name))
			require.NoError(t, os.Remove(f.path(name)))
			require.NoError(t, syscall.Mkfifo(f.path(name), 0o600))
			intime(t, func() { checkDamage(t, f, name, "a folder", before) })
		})
	}
	t.Run("lock", func(t *testing.T) {
		f := newFolder(t)
		require.NoError(t, syscall.Mkfifo(f.path(LockFile), 0o600))
		intime(t, func() { lockOnce(t, f) })
	})
	t.Run("where a temporary file goes", func(t *testing.T) {
		f := newFolder(t)
		require.NoError(t, syscall.Mkfifo(beside(f.path(ConfigFile)), 0o600))
		intime(t, func() { require.NoError(t, f.Write(ConfigFile, []byte("{}"), PrivateMode)) })
	})
}

func intime(t *testing.T, do func()) {
	t.Helper()
	timer := time.AfterFunc(20*time.Second, func() { panic("waiting for a pipe: " + t.Name()) })
	defer timer.Stop()
	do()
}
