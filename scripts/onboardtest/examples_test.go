package onboardtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert/yaml"
	"github.com/stretchr/testify/require"
)

// TestExamplesCanBeRead has what this machine cannot run read by what reads such
// files; scripts/systemtest runs the commands in them.
func TestExamplesCanBeRead(t *testing.T) {
	data, err := os.ReadFile("../examples/.devcontainer/devcontainer.json")
	require.NoError(t, err)
	var container struct {
		Image, PostCreateCommand string
		ForwardPorts             []int
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	require.NoError(t, decoder.Decode(&container))
	require.NotEmpty(t, container.Image)
	require.NotEmpty(t, container.PostCreateCommand)
	require.NotEmpty(t, container.ForwardPorts)

	data, err = os.ReadFile("../examples/github-actions.yml")
	require.NoError(t, err)
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ Uses, Run string }
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &workflow))
	runs := 0
	for _, step := range workflow.Jobs["test"].Steps {
		if step.Uses != "" {
			require.Regexp(t, `^[a-z/-]+@[0-9a-f]{40}$`, step.Uses, "not pinned by its hash")
		} else {
			require.NotEmpty(t, step.Run)
			runs++
		}
	}
	require.Positive(t, runs)
}

// TestPowerShellIsBalanced is the little that can be said of these scripts without
// PowerShell: quotes and brackets are closed, and Windows PowerShell, which takes a
// file without a mark for one of the system's code page, reads what was written. The
// workflow runs PSScriptAnalyzer and, on Windows, the scripts.
func TestPowerShellIsBalanced(t *testing.T) {
	found := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".ps1" {
			return err
		}
		found++
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, balanced(string(data)), path)
		for _, r := range string(data) {
			require.Less(t, r, rune(0x80), "%s has %q", path, r)
		}
		return nil
	}))
	require.GreaterOrEqual(t, found, 3)

	for text, want := range map[string]string{
		"@{ a = (1) }":                        "",
		"if (1) { 'it''s (' } # {":            "",
		`"a $(if (1) { "b )" }) c ` + "`\" d": "line 1: a string is not closed",
		"<# ( #> (":                           "line 1: ( is not closed",
		"{\n)":                                "line 2: ) closes {",
		"'a":                                  "line 1: a string is not closed",
		"}":                                   "line 1: } closes nothing",
		"<#":                                  "line 1: a comment is not closed",
	} {
		if err := balanced(text); want == "" {
			require.NoError(t, err, text)
		} else {
			require.EqualError(t, err, want, text)
		}
	}
}

// balanced reads a script's brackets, past its strings and comments. A $( in a string
// holds code again, which ends with its bracket.
func balanced(text string) error {
	type open struct {
		what byte // a bracket, or " for a string
		line int
	}
	var stack []open
	line := 1
	for i := 0; i < len(text); i++ {
		c, rest := text[i], text[i:]
		inString := len(stack) > 0 && stack[len(stack)-1].what == '"'
		end := 0 // of what is passed over
		switch {
		case c == '\n':
			line++
		case c == '`':
			end = 2
		case inString && c == '"':
			stack = stack[:len(stack)-1]
		case inString && strings.HasPrefix(rest, "$("):
			stack = append(stack, open{'(', line})
			end = 2
		case inString:
		case strings.HasPrefix(rest, "<#"):
			if end = strings.Index(rest, "#>") + 2; end < 2 {
				return fmt.Errorf("line %d: a comment is not closed", line)
			}
		case c == '#':
			end = strings.IndexByte(rest+"\n", '\n')
		case c == '\'':
			if end = strings.IndexByte(rest[1:], '\'') + 2; end < 2 {
				return fmt.Errorf("line %d: a string is not closed", line)
			}
		case strings.IndexByte("\"([{", c) >= 0:
			stack = append(stack, open{c, line})
		case strings.IndexByte(")]}", c) >= 0:
			if len(stack) == 0 {
				return fmt.Errorf("line %d: %c closes nothing", line, c)
			}
			last := stack[len(stack)-1]
			if strings.IndexByte("([{", last.what) != strings.IndexByte(")]}", c) {
				return fmt.Errorf("line %d: %c closes %c", line, c, last.what)
			}
			stack = stack[:len(stack)-1]
		}
		if end > 0 {
			line += strings.Count(text[i:min(i+end, len(text))], "\n")
			i += end - 1
		}
	}
	if len(stack) == 0 {
		return nil
	}
	if last := stack[len(stack)-1]; last.what != '"' {
		return fmt.Errorf("line %d: %c is not closed", last.line, last.what)
	}
	return fmt.Errorf("line %d: a string is not closed", stack[len(stack)-1].line)
}
