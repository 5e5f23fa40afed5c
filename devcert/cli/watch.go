package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// watchedEvery is how often a watch looks though nothing has changed; oftener than
// leastEvery is never needed.
const (
	watchedEvery = time.Hour
	leastEvery   = 10 * time.Second
)

func (p *program) watchCommand() *cli.Command {
	return &cli.Command{
		Name: "watch", Usage: "say at once when trust is lost, and repair it",
		UsageText: "  devcert watch\n" +
			"  devcert watch --repair --notify\n" +
			"  devcert watch --repair --notify --install\n" +
			"  devcert watch --exec /usr/local/bin/tell-me",
		Description: "Looks whenever something changes where trust is kept, and every hour. Says\n" +
			"each loss and each healing in a line. Without --repair it changes nothing.\n" +
			"Ctrl+C ends it: with 0, or 3 when something that is wanted is broken then,\n" +
			"or 4 when its repair needs administrator rights.\n\n" +
			"--exec is the absolute path of a program and its arguments; quotes keep words\n" +
			"together, and there is no shell. It gets the findings as JSON on its standard\n" +
			"input, and DEVCERT_EVENT, _KIND, _WHERE, _MESSAGE, _REMEDY and _COUNT.",
		Flags: changingFlags(
			&cli.DurationFlag{Name: "every", Value: watchedEvery, Usage: "look every `DURATION` though nothing has changed (1h)"},
			&cli.BoolFlag{Name: "once", Usage: "look once, and end"},
			&cli.BoolFlag{Name: "repair", Usage: "repair what takes no rights and nobody's yes; a new root it never makes"},
			&cli.BoolFlag{Name: "notify", Usage: "show each loss on the screen"},
			&cli.StringFlag{Name: "exec", Usage: "start `COMMAND` with each loss and each healing"},
			&cli.BoolFlag{Name: "install", Usage: "watch so from now on, and after every login"},
			&cli.BoolFlag{Name: "remove", Usage: "end that"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			w, err := s.watching()
			if err != nil {
				return err
			}
			if done, err := s.watchAsService(ctx, w); done || err != nil {
				return err
			}
			return s.watch(ctx, w)
		}),
	}
}

// watching reads watch's flags.
func (s *session) watching() (w devcert.Watching, err error) {
	c := s.flags
	if err := noArguments(c.Args().Slice()); err != nil {
		return w, err
	}
	w = devcert.Watching{Every: c.Duration("every"), Once: c.Bool("once"), Repair: c.Bool("repair"), Notify: c.Bool("notify")}
	if w.Every < leastEvery {
		return w, &devcert.UsageError{
			Problem: fmt.Sprintf("--every %s is too often", c.String("every")),
			Hint:    fmt.Sprintf("at least %s: changes are seen at once anyway", leastEvery),
		}
	}
	if c.IsSet("exec") {
		w.Exec, err = execWords(c.String("exec"))
	}
	return w, err
}

// execWords takes the value of --exec apart.
func execWords(text string) ([]string, error) {
	const hint = "--exec '/path/to/program ARGUMENT…': an absolute path; quotes keep words together"
	words, err := splitWords(text)
	switch {
	case err != nil:
		return nil, &devcert.UsageError{Problem: "--exec: " + err.Error(), Hint: hint}
	case len(words) == 0:
		return nil, &devcert.UsageError{Problem: "--exec names no program", Hint: hint}
	case !filepath.IsAbs(words[0]):
		return nil, &devcert.UsageError{Problem: fmt.Sprintf("--exec: %q is not an absolute path", words[0]), Hint: hint}
	case runtime.GOOS == "windows" && !strings.EqualFold(filepath.Ext(words[0]), ".exe"):
		return nil, &devcert.UsageError{Problem: fmt.Sprintf("--exec: %q is not an .exe file", words[0]), Hint: hint}
	}
	return words, nil
}

// splitWords takes words between blanks. Single and double quotes keep blanks and
// each other; nothing else has a meaning, so that Windows' paths are themselves.
func splitWords(text string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	begun := false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		case r == 0:
			return nil, errors.New("it has a character that no argument can have")
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// watch watches until it is told to end, and says what it came to.
func (s *session) watch(ctx context.Context, w devcert.Watching) error {
	s.engine.Step = nil // what was repaired is news
	s.engine.Say = s.sayServing
	w.Told = func(n devcert.WatchNews) { s.tellNews(ctx, w, n) }
	end := s.engine.Watch(ctx, w)
	err := s.watchError(end)
	if s.json {
		s.printDocument(end.Report, reference{Watch: watchOf(end)}, err)
		return asPrinted(err)
	}
	if !w.Once {
		s.ui.say("devcert watch ends: " + end.Tally.String())
	}
	if errors.Is(err, devcert.ErrNeedsAdmin) {
		return asPrinted(err) // said when it was found
	}
	return err
}

// watchError is what makes the exit code: what stood when the watch ended.
func (s *session) watchError(end *devcert.WatchEnd) error {
	var all []error
	if end.Err != nil {
		all = append(all, end.Err)
	}
	if len(end.Lacking) > 0 {
		s.rerun = s.repairLine(end.Lacking)
		all = append(all, fmt.Errorf("repairing what is lost: %w", devcert.ErrNeedsAdmin))
	}
	if len(all) == 0 && end.Report != nil && end.Report.Broken() {
		all = append(all, errAttention)
	}
	return errors.Join(all...)
}

// tellNews prints news: a line for each finding.
func (s *session) tellNews(ctx context.Context, w devcert.Watching, n devcert.WatchNews) {
	at := n.At.Local().Format(time.TimeOnly)
	line := func(what, text string) { s.news(fmt.Sprintf("%s  %-8s  %s", at, what, text)) }
	for _, f := range n.Healed {
		if n.Mended {
			line("repaired", s.about(f))
		} else {
			line("healed", s.about(f))
		}
	}
	for _, f := range n.New {
		text := s.about(f)
		if f.Remedy != "" {
			text += "; " + s.ui.short(oneLine(f.Remedy))
		}
		line(lostOr(f), text)
	}
	for _, f := range n.GivenUp {
		line("given up", s.about(f)+": repairing it does not help, or not for long")
	}
	if len(n.Lacking) > 0 {
		for _, f := range n.Lacking {
			line("left", s.about(f)+": needs administrator rights")
		}
		s.news("run:  " + s.repairLine(n.Lacking))
	}
	if n.Err != nil {
		line("failed", oneLine(n.Err.Error()))
	}
	if n.Weak != "" {
		line("weak", n.Weak)
	}
	if n.First && n.Err == nil && !w.Once {
		s.began(ctx, w, n)
	}
}

// began says what a watch is about to do, once it has looked.
func (s *session) began(ctx context.Context, w devcert.Watching, n devcert.WatchNews) {
	text := "watching: all is as it should be"
	if len(n.New) > 0 {
		text = "watching"
	}
	s.ui.say(text + ", and Ctrl+C ends it")
	if w.Repair {
		if unready := s.engine.Unready(ctx, n.Report); len(unready) > 0 {
			s.ui.say("only watched, since to repair it takes administrator rights: " + strings.Join(unready, ", "))
		}
	}
}

func lostOr(f devcert.Finding) string {
	if f.Severity == devcert.Warning {
		return "warning"
	}
	return "lost"
}

// about is a finding in a line: what, and where if the message does not say it.
func (s *session) about(f devcert.Finding) string {
	text := f.Kind + ": " + oneLine(f.Message)
	if f.Where != "" && !strings.Contains(f.Message, f.Where) {
		text += " (" + oneLine(f.Where) + ")"
	}
	return s.ui.short(text)
}

// news goes to standard output, and with --json, where the one document belongs,
// to standard error.
func (s *session) news(line string) {
	if s.json {
		if !s.ui.quiet {
			fmt.Fprintln(s.streams.Err, line)
		}
		return
	}
	s.ui.printf("%s\n", line)
}

// repairLine is the command line that repairs findings with the rights it takes.
func (s *session) repairLine(all []devcert.Finding) string {
	var kinds []string
	for _, f := range all {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	args := []string{"repair", "--only", strings.Join(kinds, ",")}
	host := s.engine.Host
	if host.Elsewhere {
		args = append(args, "--home", cmp.Or(host.Link, host.StateDir))
	}
	return s.lineWithRights(args)
}

// watchJSON is what a watch came to.
type watchJSON struct {
	Looks    int    `json:"looks"`
	Told     int    `json:"told"`
	Healed   int    `json:"healed"`
	Repaired int    `json:"repaired"`
	GivenUp  int    `json:"givenUp"`
	Failed   int    `json:"failed"`
	Weak     string `json:"weak"` // what is only compared now and then; "" for nothing
}

func watchOf(end *devcert.WatchEnd) *watchJSON {
	t := end.Tally
	return &watchJSON{t.Looks, t.Told, t.Healed, t.Repaired, t.GivenUp, t.Failed, end.Weak}
}
