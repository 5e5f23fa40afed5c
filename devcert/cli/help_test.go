package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// eachCommand visits every command of the tree with the words that name it.
func eachCommand(path []string, commands []*cli.Command, visit func(path []string, c *cli.Command)) {
	for _, c := range commands {
		at := append(path[:len(path):len(path)], c.Name)
		visit(at, c)
		eachCommand(at, c.Subcommands, visit)
	}
}

// examplesIn are the command lines of devcert in a text, without what shells make
// of them.
func examplesIn(text string) [][]string {
	var all [][]string
	for line := range strings.SplitSeq(text, "\n") {
		_, rest, found := strings.Cut(line, "devcert ")
		if !found {
			continue
		}
		if end := strings.IndexAny(rest, ")|>#"); end >= 0 {
			rest = rest[:end]
		}
		rest, _, _ = strings.Cut(rest, "   ") // behind which stands what it does
		all = append(all, lexTyped(strings.TrimSpace(rest)).words)
	}
	return all
}

// Every command's help begins with an example of it, no line of it is wider than a
// terminal, and what examples name is there.
func TestExamples(t *testing.T) {
	commands := (&program{}).commands()
	check := func(t *testing.T, name, examples, help string) {
		lines := examplesIn(examples)
		require.NotEmpty(t, lines)
		own := false
		for _, words := range lines {
			l, err := readLine(words, commands)
			assert.NoError(t, err, "%q", words)
			own = own || strings.HasPrefix(strings.Join(l.path, " "), name)
		}
		assert.True(t, own, "no example of it")
		shown := reflow(help, 80)
		assert.Contains(t, shown, examples, "an example is broken into lines")
		assert.Less(t, strings.Index(shown, examples), strings.Index(shown, "usage:"))
		for line := range strings.SplitSeq(shown, "\n") {
			assert.LessOrEqual(t, columns(line), 80, "%q", line)
		}
	}
	t.Run("devcert", func(t *testing.T) { check(t, "", firstSteps, help(&line{}, commands)) })
	eachCommand(nil, commands, func(path []string, c *cli.Command) {
		name := strings.Join(path, " ")
		t.Run(name, func(t *testing.T) { check(t, name, c.UsageText, help(&line{path: path, command: c}, commands)) })
	})
}
