package clients

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// compiler is the release of javac that scripts/Ask.class was made with:
//
//	javac --release 8 -g:none -Xlint:-options -d scripts scripts/Ask.java
//
// Others write the same in another order.
const compiler = "17"

// TestClassIsItsSource guards against a class that is not what its source says.
func TestClassIsItsSource(t *testing.T) {
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("no javac")
	}
	version, err := exec.Command(javac, "-version").CombinedOutput()
	require.NoError(t, err)
	if found := number().Find(version); !bytes.HasPrefix(found, []byte(compiler+".")) {
		t.Skipf("javac %s is not %s", found, compiler)
	}
	out := t.TempDir()
	said, err := exec.Command(javac, "--release", "8", "-g:none", "-Xlint:-options", "-d", out, "scripts/Ask.java").CombinedOutput()
	require.NoError(t, err, "%s", said)
	want, err := os.ReadFile(filepath.Join(out, "Ask.class"))
	require.NoError(t, err)
	got, err := scripts.ReadFile("scripts/Ask.class")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "scripts/Ask.class is not what scripts/Ask.java compiles to")
}
