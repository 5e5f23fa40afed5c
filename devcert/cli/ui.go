package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
	"golang.org/x/term"

	"devcert/devcert"
	"devcert/devcert/lazy"
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
	drawn       bool   // standard output is a terminal
	interactive bool   // a person can be asked
	width       int    // columns
	home        string // the user's folder, which drawn paths call ~; "" for none
	symbols     symbols

	red, green, yellow, dim *color.Color
}

type symbols struct{ ok, warn, fail, none, bound, live, lost, stale, arrow, cut string }

var (
	unicodeSymbols = symbols{"✓", "!", "✗", "–", "■", "●", "□", "▲", "→", "…"}
	asciiSymbols   = symbols{"ok", "warn", "fail", "-", "#", "@", ".", "!", "->", "~"}
)

func newUI(s Streams, out io.Writer, env map[string]string, o uiOptions) *ui {
	u := &ui{
		uiOptions: o, in: bufio.NewReader(s.In), out: out, err: s.Err, width: columnsOf(s.Out),
		home: env["HOME"], symbols: asciiSymbols,
	}
	u.drawn = isTerminal(s.Out) && env["TERM"] != "dumb" && !o.json
	u.interactive = isTerminal(s.In) && isTerminal(s.Err) && !o.nonInteractive && env["CI"] != "true"
	if s.Unicode || showsUnicode(env) {
		u.symbols = unicodeSymbols
	}
	colored := u.drawn && s.ANSI && !o.noColor && env["NO_COLOR"] == ""
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

// columnsOf is how wide a stream is: a terminal says so, all else has 80 columns.
func columnsOf(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
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

// sayFit is say for a line without a command to copy: on a terminal, where nobody
// searches for lines, it is broken where it is too wide.
func (u *ui) sayFit(line string) {
	if u.drawn {
		line = strings.Join(wrap(line, u.width), "\n")
	}
	u.say(line)
}

// printf prints a result.
func (u *ui) printf(format string, args ...any) {
	if !u.json && !u.quiet {
		fmt.Fprintf(u.out, format, args...)
	}
}

// short is text as it is drawn: what is in the user's folder is called so.
func (u *ui) short(text string) string {
	if !u.drawn || u.home == "" || u.home == string(os.PathSeparator) {
		return text
	}
	return strings.ReplaceAll(text, u.home+string(os.PathSeparator), "~"+string(os.PathSeparator))
}

// step prints one step as it ends.
func (u *ui) step(r devcert.StepResult) {
	if u.json || u.quiet || r.What == "" {
		return
	}
	symbol, paint, where := u.symbols.ok, u.green, u.short(r.Where)
	switch {
	case errors.Is(r.Err, devcert.ErrNeedsAdmin):
		symbol, paint, where = u.symbols.warn, u.yellow, "needs administrator rights"
	case r.Err != nil:
		symbol, paint = u.symbols.fail, u.red
	case !r.Changed:
		symbol, paint = u.symbols.none, u.dim
	}
	if !u.drawn {
		fmt.Fprintf(u.err, "%s %s: %s (%.2f s)\n", symbol, r.What, where, r.Elapsed.Seconds())
		return
	}
	column := len([]rune(u.symbols.fail)) // the widest
	pad := strings.Repeat(" ", column-len([]rune(symbol)))
	room, below := max(0, u.width-25-column), []string(nil)
	if len([]rune(where)) > room {
		where, below = "", wrap(where, u.width-3-column)
	}
	fmt.Fprintf(u.err, "  %s%s %-13s %-*s %7s\n", paint.Sprint(symbol), pad, r.What, room, where, seconds(r.Elapsed))
	for _, line := range below {
		fmt.Fprintf(u.err, "   %*s%s\n", column, "", line)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// ask puts a question that only "y" or "yes" answers with yes.
func (u *ui) ask(question string) bool {
	fmt.Fprintf(u.err, "%s\nGo on? [y/N] ", strings.Join(wrap(question, u.width), "\n"))
	answer, err := u.in.ReadString('\n')
	if err != nil {
		fmt.Fprintln(u.err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// oneLine is a text without line breaks. Where it has some, each line is a thing
// of its own: errors.Join makes them.
func oneLine(s string) string { return strings.Join(linesOf(s), "; ") }

// linesOf are the lines of a text that say something, each once. What would steer a
// terminal is shown: it came out of a file or from another program.
func linesOf(s string) []string {
	var lines []string
	for line := range strings.Lines(s) {
		line = escaped(strings.Join(strings.Fields(line), " "))
		if line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// escaped is s with its control characters as they are written in quotes.
func escaped(s string) string {
	var out strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			quoted := strconv.QuoteRune(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// wrap breaks text into lines of at most width columns at its blanks.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && columns(line)+1+columns(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// flow prints parts side by side, and goes on below where the next does not fit.
// One that is longer than a line is broken at its blanks.
func (u *ui) flow(indent string, parts ...string) {
	const gap = "   "
	line := ""
	for _, part := range append(parts, "") {
		switch {
		case line == "":
			line = part
		case part != "" && columns(indent+line+gap+part) <= u.width:
			line += gap + part
		default:
			u.paragraph(indent, line)
			line = part
		}
	}
}

// item prints one line of a list, below itself where the terminal is too narrow.
func (u *ui) item(format string, args ...any) {
	lines := []string{fmt.Sprintf(format, args...)}
	if u.drawn {
		lines = layOut(lines[0], u.width)
	}
	u.printf("%s\n", strings.Join(lines, "\n"))
}

// paragraph prints a line, or as many as its words need.
func (u *ui) paragraph(indent, text string) {
	lines := []string{text}
	if columns(indent+text) > u.width {
		lines = wrap(text, u.width-len(indent))
	}
	for _, line := range lines {
		u.printf("%s%s\n", indent, line)
	}
}

var colours = lazy.Regexp(`\x1b\[[0-9;]*m`)

// columns is how many s takes on a terminal, where colours take none.
func columns(s string) int { return utf8.RuneCountInString(colours().ReplaceAllString(s, "")) }
