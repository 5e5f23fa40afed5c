package cli

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

func (p *program) groupCommand() *cli.Command {
	return &cli.Command{
		Name: "group", Usage: "keep some clients apart, to end and allow them together",
		UsageText: "  devcert group create partners\n  devcert issue anna --client --group partners\n  devcert group disable partners",
		Description: "A group has an authority of its own below the root. Disabled, it stands on the\n" +
			"root's revocation list and in no store, until it is enabled again. A server that\n" +
			"has the list already goes on accepting for ten minutes at most. It takes a root\n" +
			"whose key is kept:  devcert setup --keep-root-key --client-certs",
		Flags: commonFlags(),
		Subcommands: []*cli.Command{
			p.groupList(),
			p.groupChange("create", "make a group", (*devcert.Engine).CreateGroup, "Made"),
			p.groupChange("disable", "end what was issued to a group, until it is enabled", (*devcert.Engine).DisableGroup, "Disabled"),
			p.groupChange("enable", "make good again what was issued to a group", (*devcert.Engine).EnableGroup, "Enabled"),
		},
	}
}

// groupChange is one of the three commands that change a group.
func (p *program) groupChange(
	name, usage string, change func(*devcert.Engine, context.Context, string) (*devcert.Report, error), done string,
) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "NAME", UsageText: "  devcert group " + name + " partners", Flags: changingFlags(),
		Action: p.run(func(ctx context.Context, s *session) error {
			args := s.flags.Args().Slice()
			if len(args) != 1 {
				return &devcert.UsageError{Problem: "group " + name + " needs one name", Hint: "devcert group " + name + " NAME"}
			}
			r, err := change(s.engine, ctx, args[0])
			return s.changed(r, err, func() { s.ui.printf("%s: %s\n", done, args[0]) })
		}),
	}
}

func (p *program) groupList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the groups", UsageText: "  devcert group list", Flags: commonFlags(),
		Action: p.run(func(_ context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			groups, err := s.engine.Groups()
			if err != nil {
				return s.failed(nil, err)
			}
			if s.json {
				s.printDocument(nil, reference{Groups: groupsJSON(groups)}, nil)
				return nil
			}
			if len(groups) == 0 {
				s.ui.printf("There is no group.   devcert group create NAME\n")
			}
			for _, g := range groups {
				s.ui.item("%s", strings.Join([]string{g.Name, "until " + date(g.Cert.NotAfter), groupState(g)}, "  "))
			}
			return nil
		}),
	}
}

func groupState(g disk.Group) string {
	if g.Disabled {
		return "disabled"
	}
	return "enabled"
}

// groupJSON is a group of clients.
type groupJSON struct {
	Name        string `json:"name"`
	State       string `json:"state"` // enabled, disabled
	Subject     string `json:"subject"`
	NotAfter    string `json:"notAfter"` // RFC 3339, UTC
	Thumbprint  string `json:"thumbprint"`
	Fingerprint string `json:"fingerprint"`
}

func groupsJSON(groups []disk.Group) []groupJSON {
	out := []groupJSON{}
	for _, g := range groups {
		out = append(out, groupJSON{
			Name: g.Name, State: groupState(g), Subject: g.Cert.Subject.CommonName, NotAfter: g.Cert.NotAfter.UTC().Format(time.RFC3339),
			Thumbprint: chain.Thumbprint(g.Cert), Fingerprint: chain.Fingerprint(g.Cert),
		})
	}
	return out
}
