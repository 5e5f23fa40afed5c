package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	// ANSI says that Out, where it is a terminal, understands ANSI sequences.
	ANSI bool
	// Unicode says that it shows every character, whatever the locale says.
	Unicode bool
}

// NewHost makes the machine a command acts on.
type NewHost func(devcert.HostOptions) (*devcert.Host, error)

// program is one run of devcert.
type program struct {
	streams Streams
	out     *output // streams.Out, for results
	env     map[string]string
	environ []string
	newHost NewHost
	now     func() time.Time
	signals *caught

	args    []string // the command line, for that of a second try
	command string   // which command ran, for JSON
	rerun   string   // the command line that has the rights this run lacked
	json    bool
	config  *configJSON // the devcert.json that setup was about
}

// Main runs the command line args (the program's name first) and returns the
// exit code, with which the process is to end: signals stay as Main has them.
// Everything else it needs comes in as a value.
func Main(args []string, streams Streams, env []string, newHost NewHost) int {
	return newProgram(streams, env, newHost, time.Now).main(args)
}

// MainAt is Main at another time, in a process that goes on: for tests.
func MainAt(args []string, streams Streams, env []string, newHost NewHost, now func() time.Time) int {
	p := newProgram(streams, env, newHost, now)
	defer p.signals.release()
	return p.main(args)
}

func newProgram(streams Streams, env []string, newHost NewHost, now func() time.Time) *program {
	p := &program{
		streams: streams, out: &output{Writer: streams.Out}, env: map[string]string{}, environ: env, newHost: newHost, now: now,
		signals: catchSignals(),
	}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		p.env[name] = value
	}
	return p
}

func (p *program) main(args []string) int {
	return p.finish(p.execute(p.signals, args[min(1, len(args)):]))
}

// readerGone says whether err is only that nobody reads on: who pipes into head
// has seen what was wanted.
func readerGone(err error) bool { return errors.Is(err, syscall.EPIPE) }

// maker makes one command.
type maker struct {
	name string
	make func(*program) *cli.Command
}

// makers are of all the commands there are, in the order in which help lists them.
func makers() []maker {
	return []maker{
		{"setup", (*program).setupCommand}, {"status", (*program).statusCommand}, {"doctor", (*program).doctorCommand},
		{"repair", (*program).repairCommand}, {"renew", (*program).renewCommand}, {"uninstall", (*program).uninstallCommand},
		{"issue", (*program).issueCommand}, {"list", (*program).listCommand}, {"revoke", (*program).revokeCommand},
		{"group", (*program).groupCommand}, {"check-client", (*program).checkClientCommand}, {"ports", (*program).portsCommand},
		{"serve", (*program).serveCommand}, {"watch", (*program).watchCommand}, {"env", (*program).envCommand},
		{"export", (*program).exportCommand}, {"config", (*program).configCommand}, {"explain", (*program).explainCommand},
		{"completion", (*program).completionCommand}, {"version", (*program).versionCommand},
	}
}

// commands are all there are.
func (p *program) commands() []*cli.Command {
	var all []*cli.Command
	for _, m := range makers() {
		all = append(all, m.make(p))
	}
	return all
}

// line takes args apart. Where they begin with a command and go on with what is its,
// as nearly all do, only that one is made, which is a tenth of the work; where
// something is wrong, they are read in view of all.
func (p *program) line(args []string) (*line, error) {
	for _, m := range makers() {
		if len(args) == 0 || m.name != args[0] {
			continue
		}
		if l, err := readLine(args, []*cli.Command{m.make(p)}); err == nil {
			return l, nil
		}
	}
	return readLine(args, p.commands())
}

// execute reads the command line and runs its command.
func (p *program) execute(ctx context.Context, args []string) error {
	l, err := p.line(args)
	p.signals.wait()
	p.args, p.command, p.json = l.words(), strings.Join(l.path, " "), l.has("json")
	switch {
	case err != nil:
		return err
	case l.wantsHelp(), len(args) == 0:
		var commands []*cli.Command
		if l.command == nil { // help lists them all
			commands = p.commands()
		}
		text := help(l, commands)
		p.tell(reference{Text: text}, text)
		return nil
	case l.command == nil && l.has("version"):
		p.tellVersion()
		return nil
	case l.command == nil:
		return &devcert.UsageError{Problem: "no command is given", Hint: "commands: " + commandNames(p.commands())}
	case len(l.command.Subcommands) > 0:
		return &devcert.UsageError{
			Problem: p.command + " needs a command", Hint: "commands: " + commandNames(l.command.Subcommands),
		}
	}
	return l.invoke(ctx)
}

// noArguments refuses what is left on the command line.
func noArguments(args []string) error { return atMost(0, args, "this command takes no names") }

func atMost(n int, args []string, hint string) error {
	if len(args) > n {
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
		p.json = c.Bool("json")
		s := &session{program: p, flags: c}
		s.ui = newUI(p.streams, p.out, p.env, uiOptions{
			json: p.json, quiet: c.Bool("quiet"), verbose: c.Bool("verbose"), noColor: c.Bool("no-color"),
			nonInteractive: c.Bool("non-interactive") || p.command == "watch", // nobody sits there all the time
		})
		timeout := c.Duration("timeout")
		if timeout <= 0 {
			return &devcert.UsageError{Problem: "--timeout must be longer than nothing", Hint: "write for instance --timeout 30s"}
		}
		asked, err := projects(c.StringSlice("project"))
		if err != nil {
			return err
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
			DryRun: c.Bool("dry-run"), TakeOver: c.Bool("take-over"), Projects: asked,
		}
		return work(c.Context, s)
	}
}

// stateDir is the state folder that was asked for, absolute; "" for the usual.
func (p *program) stateDir(c *cli.Context) (string, error) {
	dir := p.env["DEVCERT_HOME"]
	if c.IsSet("home") {
		dir = c.String("home")
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
		return &needsYes{question, "devcert " + s.quoteAll(append(slices.Clone(s.args), "--yes"))}
	}
	if !s.ui.ask(question) {
		return fmt.Errorf("%w: nothing was changed", devcert.ErrDeclined)
	}
	return nil
}
