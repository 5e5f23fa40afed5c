package service

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParentIs(t *testing.T) {
	const variable = "DEVCERT_TEST_PARENT"
	if name := os.Getenv(variable); name != "" {
		require.True(t, parentIs(name))
		require.False(t, parentIs("svchost.exe"))
		LeaveConsole() // of a person's
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestParentIs$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+filepath.Base(os.Args[0]))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: TestParentIs")
}
