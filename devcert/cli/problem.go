package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"devcert/devcert"
)

// printError prints an error as one line for each thing that went wrong, what
// came of the same attempt below its first, and below these what to do next. On a
// terminal, where nobody searches for lines, what
// is wider than it is broken, but not a command to run.
func printError(w io.Writer, err error) {
	width := math.MaxInt
	if isTerminal(w) {
		width = columnsOf(w)
	}
	for _, e := range separate(err) {
		label := "devcert: "
		for _, line := range causes(e) {
			fmt.Fprintln(w, strings.Join(wrap(label+line, width-4), "\n    "))
			label = "devcert: also: "
		}
		var remedied interface{ Remedy() string }
		if errors.As(e, &remedied) && remedied.Remedy() != "" {
			for _, line := range strings.Split(remedied.Remedy(), "\n") {
				fmt.Fprintf(w, "  %s\n", fitRemedy(line, width-4))
			}
		}
	}
}

// fitRemedy breaks a remedy that has no room: before the command that stands
// behind two blanks, else between words.
func fitRemedy(line string, room int) string {
	at := strings.LastIndex(line, "  ")
	switch {
	case columns(line) <= room:
		return line
	case at > 0:
		return line[:at] + "\n    " + line[at+2:]
	}
	return strings.Join(wrap(line, room), "\n  ")
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

// causes are the lines of an error that separate could not take apart: something
// stands before what was joined, or it came as a text from another process. How it
// was found that rights are lacking is left out: the command that has them stands
// below.
func causes(err error) []string {
	lines, lacking := linesOf(err.Error()), devcert.ErrNeedsAdmin.Error()
	for i, line := range lines {
		if before, _, found := strings.Cut(line, lacking+": "); found && errors.Is(err, devcert.ErrNeedsAdmin) {
			lines[i] = before + lacking
		}
	}
	return lines
}

// shown is a path as a message speaks of it: as it is, but in quotes where it has
// characters that would not show, line breaks above all.
func shown(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// notRead is why a file could not be opened or read.
func notRead(path string, err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Op + " " + shown(path) + ": " + at.Err.Error()
	}
	return shown(path) + ": " + err.Error()
}
