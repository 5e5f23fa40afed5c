package cli

import (
	"context"
	"flag"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// invoke reads the values of the flags and runs the command that readLine has
// found. The library's App would do it too, but it reaches text/template, which
// looks methods up by name: the linker then keeps every method of every type, a
// tenth of the program.
func (l *line) invoke(ctx context.Context) error {
	set := flag.NewFlagSet(l.command.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range l.command.Flags {
		if err := f.Apply(set); err != nil {
			return err
		}
	}
	if err := set.Parse(l.ordered()); err != nil {
		return l.badValue(err)
	}
	c := cli.NewContext(nil, set, nil)
	c.Context, c.Command = ctx, l.command
	return l.command.Action(c)
}

// badValue tells of a value that is not what its flag takes, in the words of the
// flag package: what else could be wrong, check has refused.
func (l *line) badValue(err error) error {
	return &devcert.UsageError{
		Problem: strings.NewReplacer(": parse error", "", "for flag -", "for --", "for -", "for --").Replace(err.Error()),
		Hint:    "devcert " + strings.Join(l.path, " ") + " --help says what it takes",
	}
}
