package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// NewHost makes the machine a command acts on.
type NewHost func(devcert.HostOptions) (*devcert.Host, error)

// program is one run of devcert.
type program struct {
	streams Streams
	env     map[string]string
	environ []string
	newHost NewHost
	now     func() time.Time

	args    []string // as they were given, for the command line of a second try
	command string   // which command ran, for JSON
	rerun   string   // the command line that has the rights this run lacked
	json    bool
}

// Main runs the command line args (the program's name first) and returns the
// exit code. Everything it needs comes in as a value.
func Main(args []string, streams Streams, env []string, newHost NewHost) int {
	return MainAt(args, streams, env, newHost, time.Now)
}

// MainAt is Main at another time, for tests.
func MainAt(args []string, streams Streams, env []string, newHost NewHost, now func() time.Time) int {
	p := &program{streams: streams, environ: env, env: map[string]string{}, newHost: newHost, now: now}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		p.env[name] = value
	}
	if len(args) > 1 {
		p.args = args[1:]
		// Known before the flags are parsed, for the error that parsing may bring.
		p.json = slices.Contains(p.args, "--json")
		if !strings.HasPrefix(args[1], "-") {
			p.command = args[1]
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := p.app().RunContext(ctx, append([]string{"devcert"}, p.args...))
	return p.finish(err)
}

func (p *program) app() *cli.App {
	app := cli.NewApp()
	app.Name = "devcert"
	app.Usage = "makes https://localhost trusted on this machine, and keeps it so"
	app.UsageText = "devcert COMMAND [flags] [names]"
	app.HideVersion = true
	app.Reader, app.Writer, app.ErrWriter = p.streams.In, p.streams.Out, p.streams.Err
	app.Commands = []*cli.Command{
		p.setupCommand(), p.statusCommand(), p.repairCommand(), p.renewCommand(), p.uninstallCommand(),
		p.portsCommand(), p.explainCommand(), p.versionCommand(),
	}
	app.CustomAppHelpTemplate = appHelp
	// Errors become exit codes in one place, finish; the library's own handling
	// would leave the process, print usage to standard output or skip an After.
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = onUsageError
	app.Action = func(c *cli.Context) error {
		if c.Args().Present() {
			return p.unknownCommand(c.Args().First(), app.Commands)
		}
		return cli.ShowAppHelp(c)
	}
	for _, command := range app.Commands {
		prepare(command)
	}
	return app
}

// prepare gives a command and its subcommands what all have alike.
func prepare(c *cli.Command) {
	c.OnUsageError = onUsageError
	c.CustomHelpTemplate = commandHelp
	for _, sub := range c.Subcommands {
		prepare(sub)
	}
	if len(c.Subcommands) == 0 {
		c.HideHelpCommand = true
	}
}

func onUsageError(_ *cli.Context, err error, _ bool) error {
	return &devcert.UsageError{Problem: err.Error(), Hint: "devcert COMMAND --help lists the flags; flags follow the command"}
}

func (p *program) unknownCommand(name string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return &devcert.UsageError{
		Problem: fmt.Sprintf("there is no command %q", name),
		Hint:    "commands: " + strings.Join(names, ", "),
	}
}

// noArguments refuses what is left on the command line. The library stops
// reading flags at the first name, so a flag behind one arrives here.
func noArguments(args []string) error { return atMost(args, 0, "") }

func atMost(args []string, n int, what string) error {
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			return &devcert.UsageError{Problem: fmt.Sprintf("flag %s comes after a name", a), Hint: "write flags before names"}
		}
	}
	if len(args) > n {
		hint := "this command takes no names"
		if n > 0 {
			hint = "this command takes " + what
		}
		return &devcert.UsageError{Problem: fmt.Sprintf("unexpected argument %q", args[n]), Hint: hint}
	}
	return nil
}

// session is a command at work: the engine on its host, and where to print.
type session struct {
	*program
	ui     *ui
	engine *devcert.Engine
	flags  *cli.Context
}

// run wraps the work of a command: it makes the host, and prints the report.
func (p *program) run(work func(context.Context, *session) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		p.command, p.json = c.Command.FullName(), c.Bool("json")
		s := &session{program: p, flags: c}
		s.ui = newUI(p.streams, p.env, uiOptions{
			json: p.json, quiet: c.Bool("quiet"), verbose: c.Bool("verbose"), noColor: c.Bool("no-color"),
			nonInteractive: c.Bool("non-interactive"),
		})
		timeout := c.Duration("timeout")
		if timeout <= 0 {
			return &devcert.UsageError{Problem: "--timeout must be longer than nothing", Hint: "write for instance --timeout 30s"}
		}
		home, err := p.stateDir(c)
		if err != nil {
			return err
		}
		host, err := p.newHost(devcert.HostOptions{
			StateDir: home, Env: p.environ, Interactive: s.ui.interactive, Say: s.ui.say, Now: p.now,
			Timeout: timeout,
		})
		if err != nil {
			return err
		}
		if host.Close != nil {
			defer host.Close()
		}
		s.engine = &devcert.Engine{
			Host: host, Command: p.command, Now: p.now, Timeout: timeout, Step: s.ui.step, Say: s.ui.say, Confirm: s.confirm,
			DryRun: c.Bool("dry-run"),
		}
		return work(c.Context, s)
	}
}

// stateDir is the state folder that was asked for, absolute; "" for the usual.
func (p *program) stateDir(c *cli.Context) (string, error) {
	dir := p.env["DEVCERT_HOME"]
	if c.IsSet("home") {
		dir = c.String("home")
		if dir == "" {
			return "", &devcert.UsageError{Problem: "--home names no folder"}
		}
	}
	if dir == "" {
		return "", nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", dir, err)
	}
	return abs, nil
}

// confirm asks a person for a yes. Without a terminal the flag says it.
func (s *session) confirm(question string) error {
	if s.flags.Bool("yes") {
		return nil
	}
	if !s.ui.interactive {
		return fmt.Errorf("%w: this needs a yes: %s; --yes says it", devcert.ErrDeclined, strings.TrimSuffix(question, "."))
	}
	if !s.ui.ask(question) {
		return errors.Join(fmt.Errorf("%w: nothing was changed", devcert.ErrDeclined))
	}
	return nil
}
