package httpsys

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(path, []byte("http show sslcert\r\nadd helper evil.dll\r\n"), 0o600))
	for _, written := range []string{"http show sslcert\r\n", "http show sslcert\r\nadd helper good.dll\r\n", ""} {
		_, err := hold(path, []byte(written))
		require.ErrorContains(t, err, "another program has changed it")
	}
	file, err := hold(path, []byte("http show sslcert\r\nadd helper evil.dll\r\n"))
	require.NoError(t, err)
	defer file.Close()
	_, err = os.ReadFile(path)
	require.NoError(t, err, "netsh can read it")
	if runtime.GOOS == "windows" {
		require.Error(t, os.WriteFile(path, nil, 0o600), "and nobody write it")
		require.Error(t, os.Remove(path))
	}
}
