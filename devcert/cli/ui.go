package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/fatih/color"
	"golang.org/x/term"

	"devcert/devcert"
)

// The rules of output:
//
//   - results go to standard output, progress and warnings to standard error;
//   - with --json, standard output carries one document and nothing else;
//   - a line begins in lower case and has no period, unless it is a sentence
//     that ends a command;
//   - colour says only what a symbol already says, and symbols have twins in
//     ASCII where the console cannot show them;
//   - on a terminal things are drawn for the eye; elsewhere one thing is one
//     line, so that grep finds it.

type uiOptions struct{ json, quiet, verbose, noColor, nonInteractive bool }

// ui prints for one command.
type ui struct {
	uiOptions
	in          *bufio.Reader
	out, err    io.Writer
	drawn       bool // standard output is a terminal
	interactive bool // a person can be asked
	width       int  // columns
	symbols     symbols

	red, green, yellow, dim *color.Color
}

type symbols struct{ ok, warn, fail, none, bound, live, lost, stale, arrow, cut string }

var (
	unicodeSymbols = symbols{"✓", "!", "✗", "–", "■", "●", "□", "▲", "→", "…"}
	asciiSymbols   = symbols{"ok", "warn", "fail", "-", "#", "@", ".", "!", "->", "~"}
)

func newUI(s Streams, env map[string]string, o uiOptions) *ui {
	u := &ui{uiOptions: o, in: bufio.NewReader(s.In), out: s.Out, err: s.Err, width: 80, symbols: asciiSymbols}
	u.drawn = isTerminal(s.Out) && env["TERM"] != "dumb" && !o.json
	u.interactive = isTerminal(s.In) && isTerminal(s.Err) && !o.nonInteractive && env["CI"] != "true"
	if f, ok := s.Out.(*os.File); ok && u.drawn {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w >= 40 {
			u.width = w
		}
	}
	if showsUnicode(env) {
		u.symbols = unicodeSymbols
	}
	colored := u.drawn && !o.noColor && env["NO_COLOR"] == ""
	u.red, u.green, u.yellow = paint(colored, color.FgRed, color.Bold), paint(colored, color.FgGreen), paint(colored, color.FgYellow)
	u.dim = paint(colored, color.Faint)
	return u
}

func paint(on bool, a ...color.Attribute) *color.Color {
	c := color.New(a...)
	if on {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return c
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showsUnicode goes by what the locale says, as C programs do: LC_ALL, else
// LC_CTYPE, else LANG.
func showsUnicode(env map[string]string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env[name]); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// say tells a person something while a command runs.
func (u *ui) say(line string) {
	if !u.json && !u.quiet {
		fmt.Fprintln(u.err, line)
	}
}

// printf prints a result.
func (u *ui) printf(format string, args ...any) {
	if !u.json && !u.quiet {
		fmt.Fprintf(u.out, format, args...)
	}
}

// step prints one step as it ends.
func (u *ui) step(r devcert.StepResult) {
	if u.json || u.quiet || r.What == "" {
		return
	}
	symbol, paint, where := u.symbols.ok, u.green, r.Where
	switch {
	case errors.Is(r.Err, devcert.ErrNeedsAdmin):
		symbol, paint, where = u.symbols.warn, u.yellow, "needs administrator rights"
	case r.Err != nil:
		symbol, paint = u.symbols.fail, u.red
	}
	if !u.drawn {
		fmt.Fprintf(u.err, "%s %s: %s (%.2f s)\n", symbol, r.What, where, r.Elapsed.Seconds())
		return
	}
	column := len([]rune(u.symbols.fail)) // the widest
	pad := strings.Repeat(" ", column-len([]rune(symbol)))
	fmt.Fprintf(u.err, "  %s%s %-13s %s %7s\n", paint.Sprint(symbol), pad, r.What, u.fit(where, u.width-25-column), seconds(r.Elapsed))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// fit pads or cuts s to n columns; what is cut shows its end, where paths differ.
func (u *ui) fit(s string, n int) string {
	runes := []rune(s)
	if len(runes) > n {
		return u.symbols.cut + string(runes[len(runes)-n+1:])
	}
	return s + strings.Repeat(" ", n-len(runes))
}

// ask puts a question that only "y" or "yes" answers with yes.
func (u *ui) ask(question string) bool {
	fmt.Fprintf(u.err, "%s\nGo on? [y/N] ", question)
	answer, err := u.in.ReadString('\n')
	if err != nil {
		fmt.Fprintln(u.err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// printError prints an error as one line for each thing that went wrong, and
// below it what to do next.
func printError(w io.Writer, err error) {
	for _, e := range separate(err) {
		fmt.Fprintf(w, "devcert: %s\n", oneLine(e.Error()))
		var remedied interface{ Remedy() string }
		if errors.As(e, &remedied) && remedied.Remedy() != "" {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(remedied.Remedy(), "\n", "\n  "))
		}
	}
}

func separate(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, separate(e)...)
		}
		return all
	}
	return []error{err}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// wrap breaks text into lines of at most width columns at its blanks.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}
