package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/cli/schema"
	"devcert/devcert/explain"
	"devcert/devcert/symptom"
)

func (p *program) explainCommand() *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "tell what a kind of finding or a symptom means", ArgsUsage: "[KIND|SYMPTOM]",
		UsageText:   "  devcert explain\n  devcert explain trust-missing\n  devcert explain 403.16\n  devcert explain --schema",
		Description: "Without a name it lists all kinds of finding, and below them the symptoms.\nWhich findings explain one here, devcert doctor --symptom says.",
		Flags: commonFlags(
			&cli.BoolFlag{Name: "schema", Usage: "print the JSON Schema of what every command prints with --json"},
		),
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			args := c.Args().Slice()
			if c.Bool("schema") {
				return p.explainSchema(args)
			}
			if err := atMost(1, args, "this command takes one kind of finding, or one symptom"); err != nil {
				return err
			}
			if len(args) == 0 {
				p.print(reference{Kinds: explain.Kinds(), Symptoms: explain.Symptoms()}, explainable(columnsOf(p.streams.Out)))
				return nil
			}
			return p.explain(args[0])
		},
	}
}

// explainSchema prints the schema as it is: programs read it.
func (p *program) explainSchema(args []string) error {
	if err := atMost(0, args, "--schema is about no kind of finding"); err != nil {
		return err
	}
	p.print(reference{Text: schema.Output}, schema.Output)
	return nil
}

// explain tells what a kind means, or a symptom in whatever spelling.
func (p *program) explain(name string) error {
	if slices.Contains(explain.Kinds(), name) {
		text, _ := explain.Text(name)
		p.tell(reference{Kinds: []string{name}, Text: text}, text)
		return nil
	}
	known, ok := symptom.Recognise(name)
	if !ok {
		return unknownName("kind of finding or symptom", name, slices.Concat(explain.Kinds(), explain.Symptoms()))
	}
	text, _ := explain.Text(known.ID)
	p.tell(reference{Symptoms: []string{known.ID}, Text: text}, text)
	return nil
}

// explainable lists the kinds, and below them the symptoms as people meet them.
func explainable(width int) string {
	var rows [][2]string
	for _, s := range symptom.All() {
		rows = append(rows, [2]string{s.ID, s.Seen})
	}
	lines := append(explain.Kinds(), "", "symptoms, for doctor --symptom too:")
	for row := range strings.SplitSeq(table(rows), "\n") {
		if columns(row) <= width {
			lines = append(lines, row)
		} else {
			lines = append(lines, layOut(row, width)...)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// tell prints a text as wide as there is room, or with --json the document that
// carries it.
func (p *program) tell(ref reference, text string) {
	p.print(ref, reflow(text, columnsOf(p.streams.Out)))
}

// print prints a text as it is, or with --json the document instead.
func (p *program) print(ref reference, text string) {
	if p.json {
		p.printDocument(nil, ref, nil)
		return
	}
	fmt.Fprint(p.out, text)
}

// unknownName says what there is no such name of, and which of all was meant.
func unknownName(what, name string, all []string) error {
	hint := "devcert explain lists them"
	if near := explain.Nearest(name, all); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return &devcert.UsageError{Problem: fmt.Sprintf("there is no %s %q", what, name), Hint: hint}
}
