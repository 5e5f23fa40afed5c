package clients

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// monoCompiler is the release of mcs that scripts/probe.dll was made with:
//
//	mcs -nologo -deterministic -target:exe -out:scripts/probe.dll scripts/probe.cs
//
// It writes the same wherever it runs; others need not.
const monoCompiler = "6.8.0.105"

// TestProbeIsItsSource guards against a probe that is not what its source says.
func TestProbeIsItsSource(t *testing.T) {
	mcs, err := exec.LookPath("mcs")
	if err != nil {
		t.Skip("no mcs")
	}
	version, err := exec.Command(mcs, "--version").CombinedOutput()
	require.NoError(t, err)
	if found := string(number().Find(version)); found != monoCompiler {
		t.Skipf("mcs %s is not %s", found, monoCompiler)
	}
	out := filepath.Join(t.TempDir(), "probe.dll")
	said, err := exec.Command(mcs, "-nologo", "-deterministic", "-target:exe", "-out:"+out, "scripts/probe.cs").CombinedOutput()
	require.NoError(t, err, "%s", said)
	want, err := os.ReadFile(out)
	require.NoError(t, err)
	got, err := scripts.ReadFile("scripts/probe.dll")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "scripts/probe.dll is not what scripts/probe.cs compiles to")
}
