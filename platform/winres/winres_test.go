package winres

import (
	"bytes"
	"os"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// What is linked in must say what doc.go promises, for each architecture.
func TestObjects(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		object, err := os.ReadFile("rsrc_windows_" + arch + ".syso")
		require.NoError(t, err)
		require.Contains(t, string(object), `<requestedExecutionLevel level="asInvoker" uiAccess="false"/>`)
		require.Regexp(t, `<longPathAware [^>]*>true</longPathAware>`, string(object))
		require.True(t, bytes.Contains(object, wide("OriginalFilename")), "a version resource")
	}
}

// wide is how a version resource has its strings.
func wide(s string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}
