package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/explain"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "tell what a kind of finding means", ArgsUsage: "[KIND]",
		UsageText:   "  devcert explain\n  devcert explain trust-missing",
		Description: "Without a kind it lists all of them.",
		Flags:       commonFlags(),
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			args := c.Args().Slice()
			if err := atMost(1, args, "this command takes one kind of finding"); err != nil {
				return err
			}
			if len(args) == 0 {
				p.tell(reference{Kinds: explain.Kinds()}, strings.Join(explain.Kinds(), "\n")+"\n")
				return nil
			}
			text, ok := explain.Text(args[0])
			if !ok {
				return unknownKind(args[0])
			}
			p.tell(reference{Kinds: args, Text: text}, text)
			return nil
		},
	}
}

// tell prints a text as wide as there is room, or with --json the document that
// carries it.
func (p *program) tell(ref reference, text string) {
	if p.json {
		p.printDocument(nil, ref, nil)
		return
	}
	fmt.Fprint(p.out, reflow(text, columnsOf(p.streams.Out)))
}

func unknownKind(kind string) error {
	hint := "devcert explain lists them"
	if near := explain.Nearest(kind); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return &devcert.UsageError{Problem: fmt.Sprintf("there is no kind of finding %q", kind), Hint: hint}
}
