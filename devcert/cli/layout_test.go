package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"devcert/devcert"
)

func TestReflow(t *testing.T) {
	tests := []struct {
		name  string
		width int
		text  string
		want  string
	}{
		{"a text that fits is left as it is", 20, "one\ntwo\n\nthree\n", "one\ntwo\n\nthree\n"},
		{"a paragraph is joined, then broken", 12, "one two three\nfour\n", "one two\nthree four\n"},
		{"paragraphs stay apart", 9, "one two three\n\nfour\n", "one two\nthree\n\nfour\n"},
		{"a line that ends with a colon announces", 9, "The cure:\none two three\n", "The cure:\none two\nthree\n"},
		{"an item hangs", 11, "  one two three\n  four\n", "  one two\n    three\n  four\n"},
		{"an item and its further line are one", 12, "  one two\n    three four\n", "  one two\n    three\n    four\n"},
		{
			"a second column stays below itself", 40,
			"  --name NAME  add NAME to the leaf, or more\n", "  --name NAME  add NAME to the leaf, or\n               more\n",
		},
		{"or has no room", 20, "  --name NAME  add NAME to it\n", "  --name NAME\n    add NAME to it\n"},
		{"a word that is too long stays whole", 8, "at /usr/local/share here\n", "at\n/usr/local/share\nhere\n"},
		{"hardly any room", 1, "  a  b c\n", "  a\n    b\n    c\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, reflow(test.text, test.width))
		})
	}
}

func TestFlow(t *testing.T) {
	var out strings.Builder
	u := &ui{out: &out, width: 20}
	u.flow("  ", "\x1b[31m1234567\x1b[0m", "12345678", "one", "much longer than one line", "end")
	assert.Equal(t, "  \x1b[31m1234567\x1b[0m   12345678\n  one\n  much longer than\n  one line\n  end\n", out.String())
}

func TestBrief(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
	}{
		{
			"what sudo said, when the command to run stands below",
			fmt.Errorf("system: become root: %w: %w", devcert.ErrNeedsAdmin, errors.New("run /usr/bin/sudo -n: exit status 1")),
			"system: become root: needs administrator rights",
		},
		{"nothing more was said", fmt.Errorf("system: %w", devcert.ErrNeedsAdmin), "system: needs administrator rights"},
		{"another error that speaks of rights", errors.New("needs administrator rights: no"), "needs administrator rights: no"},
		{"lines", errors.New("one\ntwo"), "one two"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, brief(test.err)) })
	}
}
