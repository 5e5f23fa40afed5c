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

func TestCauses(t *testing.T) {
	back := errors.Join(errors.New("change the table: error 1312"), fmt.Errorf("put back: %w", errors.Join(errors.New("one"), errors.New("two"))))
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{
			"what sudo said, when the command to run stands below",
			fmt.Errorf("system: become root: %w: %w", devcert.ErrNeedsAdmin, errors.New("run /usr/bin/sudo -n: exit status 1")),
			[]string{"system: become root: needs administrator rights"},
		},
		{"nothing more was said", fmt.Errorf("system: %w", devcert.ErrNeedsAdmin), []string{"system: needs administrator rights"}},
		{"another error that speaks of rights", errors.New("needs administrator rights: no"), []string{"needs administrator rights: no"}},
		{"a failure, and one to put back what was", fmt.Errorf("ports: %w", back), []string{"ports: change the table: error 1312", "put back: one", "two"}},
		{"the same from another process", errors.New(back.Error()), []string{"change the table: error 1312", "put back: one", "two"}},
		{"twice the same", errors.Join(errors.New("one"), errors.New(" one\t")), []string{"one"}},
		{"blank lines", errors.New("\none\n\n  two \r\n"), []string{"one", "two"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, causes(test.err))
			if !errors.Is(test.err, devcert.ErrNeedsAdmin) {
				assert.Equal(t, strings.Join(test.want, "; "), oneLine(test.err.Error()))
			}
		})
	}
}

// remedied is an error that says what to do.
type remedied struct{ error }

func (remedied) Remedy() string  { return "do this\nor:  that" }
func (r remedied) Unwrap() error { return r.error }

// Each thing that went wrong has a line of its own, and one remedy stands below
// all that came of one attempt.
func TestPrintError(t *testing.T) {
	var out strings.Builder
	printError(&out, errors.Join(
		&devcert.PartialError{Err: fmt.Errorf("ports: %w", remedied{errors.Join(errors.New("not bound"), errors.New("not put back"))})},
		errors.New("system: no"),
	))
	assert.Equal(t, "devcert: ports: not bound\ndevcert: also: not put back\n  do this\n  or:  that\ndevcert: system: no\n", out.String())
}
