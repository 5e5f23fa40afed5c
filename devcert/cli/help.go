package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

const purpose = "devcert makes https://localhost trusted on this machine, and keeps it so"

const firstSteps = `  devcert setup    make https://localhost trusted here
  devcert status   say what is right and wrong now
  devcert doctor   ask every client on this machine
  devcert repair   put back what was lost
  devcert explain  list what can be wrong`

// help is what --help prints: examples first, since most people come for one.
func help(l *line, commands []*cli.Command) string {
	c := l.command
	if c == nil {
		return blocks(purpose, firstSteps, "usage: devcert COMMAND [flags] [names]",
			"commands:\n"+table(commandRows(commands)), "devcert COMMAND --help tells more of one.")
	}
	name := "devcert " + strings.Join(l.path, " ")
	if len(c.Subcommands) > 0 {
		return blocks(name+": "+c.Usage, c.UsageText, "usage: "+name+" COMMAND [flags] [names]",
			"commands:\n"+table(commandRows(c.Subcommands)), name+" COMMAND --help tells more of one.")
	}
	usage := strings.TrimSpace("usage: " + name + " [flags] " + c.ArgsUsage)
	return blocks(name+": "+c.Usage, c.UsageText, usage, c.Description, "flags:\n"+table(flagRows(c.Flags)))
}

// blocks joins those that are not empty, with a blank line between.
func blocks(all ...string) string {
	all = slices.DeleteFunc(all, func(s string) bool { return s == "" })
	return strings.Join(all, "\n\n") + "\n"
}

func commandRows(commands []*cli.Command) [][2]string {
	var rows [][2]string
	for _, c := range commands {
		rows = append(rows, [2]string{c.Name, c.Usage})
	}
	return rows
}

func flagRows(flags []cli.Flag) [][2]string {
	var rows [][2]string
	for _, f := range append(shownFlags(flags), helpFlag) {
		label := "--" + f.Names()[0]
		value, usage := usageOf(f)
		if value != "" {
			label += " " + value
		}
		for _, alias := range f.Names()[1:] {
			label += ", -" + alias
		}
		rows = append(rows, [2]string{label, usage})
	}
	return rows
}

// shownFlags are those that are meant for people.
func shownFlags(flags []cli.Flag) []cli.Flag {
	return slices.DeleteFunc(slices.Clone(flags), func(f cli.Flag) bool {
		v, ok := f.(cli.VisibleFlag)
		return ok && !v.IsVisible()
	})
}

// usageOf reads a usage as the library does: the word in backquotes is what the
// flag's value is called.
func usageOf(f cli.Flag) (value, usage string) {
	usage = f.(cli.DocGenerationFlag).GetUsage()
	if before, rest, quoted := strings.Cut(usage, "`"); quoted {
		word, after, _ := strings.Cut(rest, "`")
		return word, before + word + after
	}
	return "", usage
}

var helpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this"}

func table(rows [][2]string) string {
	width := 0
	for _, r := range rows {
		width = max(width, len(r[0]))
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("  %-*s  %s", width, r[0], r[1]))
	}
	return strings.Join(lines, "\n")
}

// reflow brings a text into width columns when it has lines that are longer: it
// joins what was broken for another width, and breaks it at its blanks. A text
// that fits is left as it was written.
func reflow(text string, width int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if !slices.ContainsFunc(lines, func(l string) bool { return utf8.RuneCountInString(l) > width }) {
		return text
	}
	var whole []string
	for _, line := range lines {
		if n := len(whole); n > 0 && continues(whole[n-1], line) {
			whole[n-1] += " " + strings.TrimSpace(line)
		} else {
			whole = append(whole, line)
		}
	}
	var out strings.Builder
	for _, line := range whole {
		for _, l := range layOut(line, width) {
			out.WriteString(l + "\n")
		}
	}
	return out.String()
}

// continues says whether line goes on with what stands before it: a paragraph,
// or an item, whose further lines are indented more than its first.
func continues(before, line string) bool {
	if before == "" || line == "" || strings.HasSuffix(before, ":") {
		return false
	}
	deep := indentOf(before)
	return deep == 0 && indentOf(line) == 0 || deep > 0 && indentOf(line) > deep
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// layOut breaks one line. What follows two blanks is a column, and stays below
// itself unless that leaves too little room.
func layOut(line string, width int) []string {
	const enough = 24
	indent := indentOf(line)
	label, text := line[:indent], line[indent:]
	if at := strings.LastIndex(text, "  "); at > 0 {
		label, text = line[:indent+at+2], text[at+2:]
	}
	column := utf8.RuneCountInString(label)
	var lines []string
	if column > indent && width-column < max(enough, longestWord(text)) {
		lines = []string{strings.TrimRight(label, " ")}
		column = indent + 2
		label = strings.Repeat(" ", column)
	} else if column == indent && indent > 0 {
		column += 2
	}
	for _, l := range wrap(text, width-column) {
		lines = append(lines, strings.TrimRight(label+l, " "))
		label = strings.Repeat(" ", column)
	}
	return lines
}

func longestWord(text string) int {
	longest := 0
	for _, word := range strings.Fields(text) {
		longest = max(longest, columns(word))
	}
	return longest
}
