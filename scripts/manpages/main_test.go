package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/cli"
)

// Every command has a page, every shell its script, and twice the same is the same.
func TestWrite(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	require.NoError(t, write(one, "1795348800"))
	require.NoError(t, write(two, "1795348800"))
	names := []string{"man/devcert.1"}
	for _, c := range cli.Manual().Subcommands {
		names = append(names, "man/devcert-"+c.Name+".1")
	}
	names = append(names, "completions/_devcert", "completions/devcert.bash", "completions/devcert.fish", "completions/devcert.ps1")
	for _, name := range names {
		first, err := os.ReadFile(filepath.Join(one, name))
		require.NoError(t, err)
		second, err := os.ReadFile(filepath.Join(two, name))
		require.NoError(t, err)
		require.NotEmpty(t, first, name)
		require.Equal(t, string(first), string(second))
		if strings.HasPrefix(name, "man/") {
			require.Contains(t, string(first), `"2026-11-22"`)
		}
	}
	for _, folder := range []string{"man", "completions"} {
		entries, err := os.ReadDir(filepath.Join(one, folder))
		require.NoError(t, err)
		for _, e := range entries {
			require.Contains(t, names, folder+"/"+e.Name())
		}
	}
	require.Error(t, write(t.TempDir(), "today"))
}

// mandoc finds nothing to complain of, and groff neither.
func TestPagesAreSound(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, write(dir, "1795348800"))
	pages, err := filepath.Glob(filepath.Join(dir, "man", "*.1"))
	require.NoError(t, err)
	for _, check := range [][]string{{"mandoc", "-T", "lint"}, {"groff", "-ww", "-man", "-Tutf8", "-z"}} {
		t.Run(check[0], func(t *testing.T) {
			program, err := exec.LookPath(check[0])
			if err != nil {
				t.Skip(check[0] + " is not installed")
			}
			said, err := exec.Command(program, append(check[1:], pages...)...).CombinedOutput()
			require.NoError(t, err, "%s", said)
			require.Empty(t, string(said))
		})
	}
}

func TestEscape(t *testing.T) {
	tests := [][2]string{
		{"a-b", `a\-b`}, {".TH x", `\&.TH x`}, {"'x'", `\(aqx\(aq`}, {`C:\x`, `C:\ex`}, {"NAME…", `NAME\[u2026]`}, {"~/x", `\(ti/x`},
	}
	for _, row := range tests {
		assert.Equal(t, row[1], escape(row[0]))
	}
}

// Paragraphs are filled, what is indented in them is kept, and a line that a word
// begins with a dot is none of roff's own.
func TestText(t *testing.T) {
	p := &page{}
	p.section("X")
	p.text("one\ntwo:\n  a  b\nthree\n\n.four")
	assert.Equal(t, ".SH X\none two:\n.nf\n  a  b\n.fi\nthree\n.PP\n\\&.four\n", string(p.bytes()))
}
