package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExitCodesAreComplete demands that exit_codes.txtar has every command refuse
// a line, end well where it can, and produces every code.
func TestExitCodesAreComplete(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("testdata", "script", "exit_codes.txtar"))
	require.NoError(t, err)
	has := func(line string) bool { return regexp.MustCompile(`(?m)^` + line + `( |$)`).Match(script) }
	for _, code := range append([]int{exitOK}, precedence...) {
		n := strconv.Itoa(code)
		assert.True(t, has("ends "+n+" .*"), "exit code %d", code)
		assert.True(t, has(`\[exec:sh\] exits `+n+` .* <&-'`), "exit code %d with standard input closed", code)
	}
	for _, command := range commandWords(t) {
		if command != "" {
			assert.True(t, has("ends 2 "+command.(string)), "exit_codes.txtar: ends 2 %s …", command)
		}
	}
}
