package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

func (p *program) configCommand() *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "keep a team's wishes in its repository, as devcert.json",
		UsageText: "  devcert config init\n  devcert config schema > devcert.schema.json\n  devcert setup --config devcert.json",
		Flags:     commonFlags(),
		Subcommands: []*cli.Command{
			p.configInit(),
			p.configSchema(),
		},
	}
}

func (p *program) configInit() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "write a devcert.json that asks for what is set up here now",
		UsageText: "  devcert config init\n  devcert config init --out -",
		Flags: commonFlags(
			&cli.StringFlag{Name: "out", Usage: "write `FILE`; - is standard output (" + devcert.TeamFileName + ")"},
			&cli.BoolFlag{Name: "force", Usage: "replace a file that is there already"},
		),
		Action: p.run(func(_ context.Context, s *session) error {
			if err := atMost(0, s.flags.Args().Slice(), "the file is named with --out"); err != nil {
				return err
			}
			data, err := s.engine.NewTeamFile()
			if err != nil {
				return s.failed(nil, err)
			}
			return s.configInit(s.flags.String("out"), data)
		}),
	}
}

func (s *session) configInit(path string, data []byte) error {
	if path == "-" {
		s.print(reference{Text: string(data)}, string(data))
		return nil
	}
	if path == "" {
		path = devcert.TeamFileName
	}
	if err := writeShared(path, data, s.flags.Bool("force")); err != nil {
		return err
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if s.json {
		s.printDocument(nil, reference{Config: &configJSON{Path: path}}, nil)
	}
	s.ui.say("written: " + shown(path))
	return nil
}

// writeShared writes a file that is everybody's to read. What is there is not
// replaced unasked, and a link is not followed.
func writeShared(path string, data []byte, force bool) error {
	err := mayWrite(path, force)
	if err == nil {
		err = createShared(path, data, force)
	}
	if way := (*inTheWay)(nil); errors.As(err, &way) {
		return &devcert.UsageError{Problem: way.Error(), Hint: way.Remedy()}
	}
	return err
}

func createShared(path string, data []byte, force bool) error {
	if force {
		_ = os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrExist):
		return taken(path) // somebody was faster
	case err != nil:
		return &writeError{path, err}
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
		return &writeError{path, err}
	}
	return nil
}

func (p *program) configSchema() *cli.Command {
	return &cli.Command{
		Name: "schema", Usage: "print the JSON Schema of devcert.json, for editors",
		UsageText:   "  devcert config schema > devcert.schema.json",
		Description: "With \"$schema\": \"./devcert.schema.json\" in devcert.json an editor completes\nits keys and marks what is wrong.",
		Flags:       commonFlags(),
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			if err := noArguments(c.Args().Slice()); err != nil {
				return err
			}
			p.print(reference{Text: devcert.TeamSchema}, devcert.TeamSchema)
			return nil
		},
	}
}
