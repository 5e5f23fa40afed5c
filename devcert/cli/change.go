package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/explain"
)

func (p *program) setupCommand() *cli.Command {
	return &cli.Command{
		Name: "setup", Usage: "make https://localhost trusted here, from any state",
		UsageText: "  devcert setup\n" +
			"  devcert setup --name app.dev.internal\n" +
			"  devcert setup --permit example.org --name app.example.org\n" +
			"  devcert setup --config devcert.json",
		Description: "Run again, it changes nothing. A flag that is absent keeps what an earlier\n" +
			"setup was told; --name and --permit add to it. These and --remove-name may be\n" +
			"given more than once. A devcert.json found here or above, in this repository,\n" +
			"adds names that the root permits, and ports from 1024 on; all else that it asks\n" +
			"for counts only with --config.",
		Flags: changingFlags(
			&cli.StringSliceFlag{Name: "name", Usage: "add `NAME` (a host name or an address) to the leaf"},
			&cli.StringSliceFlag{Name: "remove-name", Usage: "take an added `NAME` away"},
			&cli.StringSliceFlag{Name: "permit", Usage: "let the root vouch for `DOMAIN` (or CIDR) too; makes a new root"},
			&cli.StringFlag{Name: "ports", Usage: "bind `PORTS`, as 44300-44399,8443 or none (" + devcert.DefaultPorts + ")"},
			&cli.StringFlag{Name: "stores", Usage: "trust in `STORES`: names with commas, all or none (all)"},
			&cli.StringFlag{Name: "key", Usage: "`TYPE` of the leaf's key: rsa or ecdsa (rsa)"},
			&cli.StringFlag{Name: "scope", Usage: "`SCOPE`: machine, or user to leave out what needs administrator rights (machine)"},
			&cli.BoolFlag{Name: "keep-root-key", Usage: "keep the root's private key on disk instead of destroying it"},
			&cli.BoolFlag{Name: "client-certs", Usage: "an authority for client certificates too (devcert issue --client); makes a new root"},
			&cli.StringFlag{Name: "config", Usage: "do all that a team's `FILE` asks for (a devcert.json); none looks for no file"},
			&cli.StringFlag{Name: "forget", Usage: "take back what the devcert.json in `DIR` asked for"},
			takeOverFlag(),
			&cli.StringFlag{Name: "app-id", Usage: "bind ports for the application `GUID` (IIS Express's); only HTTP.sys knows of applications"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			request, err := s.request()
			if err != nil {
				return err
			}
			r, err := s.engine.Setup(ctx, request)
			s.tellHeld(r)
			return s.changed(r, err, func() { s.afterSetup(r) })
		}),
	}
}

// request reads setup's flags.
func (s *session) request() (devcert.Request, error) {
	c := s.flags
	if err := atMost(0, c.Args().Slice(), "a name is added with --name"); err != nil {
		return devcert.Request{}, err
	}
	r := devcert.Request{
		Names: c.StringSlice("name"), RemoveNames: c.StringSlice("remove-name"), Permits: c.StringSlice("permit"),
		Ports: c.String("ports"), Key: c.String("key"), Scope: c.String("scope"), AppID: c.String("app-id"),
	}
	if c.IsSet("stores") {
		for _, store := range strings.Split(c.String("stores"), ",") {
			r.Stores = append(r.Stores, strings.TrimSpace(store))
		}
	}
	r.KeepRootKey, r.ClientCerts = s.given("keep-root-key"), s.given("client-certs")
	var err error
	if r.Forget, err = s.forgotten(); err == nil {
		r.Team, err = s.team()
	}
	return r, unreadTeam(err)
}

// given is what a flag says; nil when it is absent.
func (s *session) given(flag string) *bool {
	if !s.flags.IsSet(flag) {
		return nil
	}
	value := s.flags.Bool(flag)
	return &value
}

func (p *program) repairCommand() *cli.Command {
	return &cli.Command{
		Name: "repair", Usage: "put back what was lost, and only that",
		UsageText:   "  devcert repair\n  devcert repair --only trust-missing,binding-missing",
		Description: "Goes back to what setup was asked for. devcert status names what it would do.",
		Flags: changingFlags(
			&cli.StringFlag{Name: "only", Usage: "cure only these `KINDS` of finding, with commas (devcert explain lists them)"},
			projectFlag(),
			takeOverFlag(),
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := atMost(0, s.flags.Args().Slice(), "a kind of finding is chosen with --only"); err != nil {
				return err
			}
			if err := s.setOnly(); err != nil {
				return err
			}
			r, err := s.engine.Repair(ctx)
			if err == nil && r.Config == nil {
				return s.neverSetUp(ctx, r)
			}
			return s.changed(r, err, func() { s.afterRepair(r) })
		}),
	}
}

func (s *session) afterRepair(r *devcert.Report) {
	if r.NewRoot() {
		s.ui.flow("", "Healthy again, with a new root: the old one could not be kept, and is not trusted any more.")
		return
	}
	if slices.ContainsFunc(r.Findings, func(f devcert.Finding) bool { return strings.HasPrefix(f.Kind, "trust-") }) {
		s.ui.printf("What devcert can cure is cured. Nothing else was touched.\n")
		return
	}
	s.ui.printf("Healthy again. Nothing else was touched.\n")
}

func (s *session) setOnly() error {
	if !s.flags.IsSet("only") {
		return nil
	}
	for _, kind := range strings.Split(s.flags.String("only"), ",") {
		kind = strings.TrimSpace(kind)
		if !slices.Contains(explain.Kinds(), kind) {
			return unknownName("kind of finding", kind, explain.Kinds())
		}
		s.engine.Only = append(s.engine.Only, kind)
	}
	return nil
}

// neverSetUp shows what is broken all the same, and offers setup to a person.
func (s *session) neverSetUp(ctx context.Context, r *devcert.Report) error {
	if !s.ui.interactive || s.json || s.engine.DryRun {
		return s.conclude(r, func() { s.findings(r) })
	}
	s.findings(r)
	if !s.ui.ask("There is nothing to repair yet. devcert setup would make https://localhost trusted here.") {
		return errAttention
	}
	r, err := s.engine.Setup(ctx, devcert.Request{})
	return s.changed(r, err, func() { s.afterSetup(r) })
}

func (p *program) renewCommand() *cli.Command {
	return &cli.Command{
		Name: "renew", Usage: "issue a new leaf where one is due",
		UsageText:   "  devcert renew\n  devcert renew --force",
		Description: "A leaf is due when fewer than 60 days are left. A new root asks for a yes.",
		Flags: changingFlags(
			&cli.BoolFlag{Name: "force", Usage: "issue a new leaf though none is due"},
			&cli.BoolFlag{Name: "root", Usage: "make a whole new hierarchy, and remove the old root at the end"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			r, err := s.engine.Renew(ctx, s.flags.Bool("force"), s.flags.Bool("root"))
			if err == nil && r.Config == nil {
				return s.conclude(r, func() { s.findings(r) })
			}
			return s.changed(r, err, func() {
				s.ui.printf("The leaf now lasts until %s.\n", date(r.Seen.Folder.Hierarchy.Leaf.Cert.NotAfter))
			})
		}),
	}
}

func (p *program) uninstallCommand() *cli.Command {
	return &cli.Command{
		Name: "uninstall", Usage: "remove everything devcert put on this machine for you",
		UsageText: "  devcert uninstall --dry-run\n  devcert uninstall",
		Flags: changingFlags(&cli.BoolFlag{
			Name: "all", Usage: "remove also your former roots that devcert no longer has on record",
		}),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			r, err := s.engine.Uninstall(ctx, s.flags.Bool("all"))
			return s.removed(r, err)
		}),
	}
}

// removed reports an uninstall. That nothing is set up is what was wanted.
func (s *session) removed(r *devcert.Report, err error) error {
	if r != nil {
		r.Findings = slices.DeleteFunc(r.Findings, func(f devcert.Finding) bool { return f.Severity == devcert.Error })
	}
	if err != nil || s.engine.DryRun {
		return s.changed(r, err, func() {})
	}
	return s.conclude(r, func() {
		switch {
		case len(r.Steps) == 0 && len(r.Findings) == 0:
			s.ui.printf("Nothing to remove: devcert has put nothing on this machine for you.\n")
		case len(r.Steps) == 0:
			s.ui.printf("Nothing to remove: devcert has nothing on record here.\n")
		case len(r.Findings) == 0:
			s.ui.printf("Nothing of devcert's is left.\n")
		default:
			s.ui.printf("All that was on record is removed.\n")
		}
		for _, name := range r.Left {
			s.ui.printf("Left alone, because devcert did not make it: %s\n", filepath.Join(r.Seen.StateDir, name))
		}
		s.findings(r)
	})
}

// changed reports a command that changes things: what it would do, that there
// was nothing to do, that it failed, or done as the words of its success.
func (s *session) changed(r *devcert.Report, err error, done func()) error {
	if r != nil {
		s.tellEnded(r.Ended)
	}
	if err == nil && s.engine.DryRun && len(r.Planned) > 0 {
		if s.json {
			s.printJSON(r, errAttention)
			return asPrinted(errAttention)
		}
		return s.wouldChange(r.Planned)
	}
	if err != nil {
		return s.failed(r, err)
	}
	return s.conclude(r, func() {
		switch {
		case len(r.Steps) > 0 && !r.Broken():
			done()
		case len(r.Findings) == 0:
			s.ui.printf("Nothing to do: all is as it was set up on %s.\n", date(r.Config.SetUp))
		case !r.Broken():
			s.ui.printf("Nothing to do.\n")
		}
		s.findings(r)
	})
}

// tellEnded says what becomes of issued certificates whose authority is gone, and
// the commands that issue them again.
func (s *session) tellEnded(all []devcert.Ended) {
	var dead, unrevocable, commands []string
	for _, e := range all {
		switch {
		case e.Unrevocable:
			unrevocable = append(unrevocable, e.Name)
			continue
		case e.Again != nil:
			commands = append(commands, "  devcert "+s.quoteAll(e.Again))
		}
		dead = append(dead, e.Name)
	}
	if len(unrevocable) > 0 {
		s.ui.sayFit("what was issued to clients (" + strings.Join(unrevocable, ", ") + ") stays valid until its end, " +
			"and can no longer be revoked; devcert renew --root ends it now")
	}
	if len(dead) == 0 {
		return
	}
	s.ui.sayFit("issued by the former root, and accepted no longer: " + strings.Join(dead, ", "))
	if len(commands) > 0 {
		s.ui.say("to issue again:\n" + strings.Join(commands, "\n")) // whole: they can be copied
	}
}

// failed prints an error, and what runs the rest where rights were lacking.
func (s *session) failed(r *devcert.Report, err error) error {
	if errors.Is(err, devcert.ErrNeedsAdmin) {
		s.rerun = s.withRights(r)
	}
	if s.json {
		s.printJSON(r, err)
		return asPrinted(err)
	}
	printError(s.streams.Err, err)
	if s.rerun != "" {
		fmt.Fprintf(s.streams.Err, "run:  %s\n", s.rerun)
	}
	return asPrinted(err)
}

// wouldChange reports steps, in a dry run.
func (s *session) wouldChange(steps []devcert.Step) error {
	if s.json {
		s.printDocument(nil, reference{planned: steps}, errAttention)
		return asPrinted(errAttention)
	}
	s.printPlan(steps)
	return errAttention
}

func (s *session) printPlan(steps []devcert.Step) {
	s.ui.printf("would change:\n")
	for _, step := range steps {
		if step.What != "" {
			s.ui.item("  %-12s  %s", step.What, step.Where)
			for _, line := range step.Lines {
				s.ui.printf("    %s\n", line) // whole: it can be copied
			}
		}
	}
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
