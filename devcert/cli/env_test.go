package cli

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a user's folder may be called must not be run by the shell that reads it.
const nasty = `/home/a b/$(touch x)/'"\ü;%PATH%` + "`"

func TestVariablesAreQuoted(t *testing.T) {
	for _, row := range []struct{ shell, want string }{
		{"bash", `export V='/home/a b/$(touch x)/'\''"\ü;%PATH%` + "`'"},
		{"zsh", `export V='/home/a b/$(touch x)/'\''"\ü;%PATH%` + "`'"},
		{"fish", `set -gx V '/home/a b/$(touch x)/\'"\\ü;%PATH%` + "`'"},
		{"powershell", `$env:V = '/home/a b/$(touch x)/''"\ü;%PATH%` + "`'"},
		{"cmd", `set "V=/home/a b/$(touch x)/'"\ü;%%PATH%%` + "`\""},
		{"github", `V=/home/a b/$(touch x)/'"\ü;%PATH%` + "`"},
	} {
		t.Run(row.shell, func(t *testing.T) {
			for _, sh := range shells {
				if sh.name == row.shell {
					assert.Equal(t, row.want, sh.set("V", nasty))
				}
			}
		})
	}
}

func TestShellsReadThemBack(t *testing.T) {
	for _, name := range []string{"bash", "zsh", "sh"} {
		t.Run(name, func(t *testing.T) {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Skip(err)
			}
			cmd := exec.CommandContext(t.Context(), path, "-c", exportPOSIX("V", nasty)+"\nprintf %s \"$V\"")
			cmd.Dir = t.TempDir()
			out, err := cmd.Output()
			require.NoError(t, err)
			assert.Equal(t, nasty, string(out))
		})
	}
}
