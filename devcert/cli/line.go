package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// line is a command line taken apart. Flags may stand anywhere on it; the
// flag package knows them only before the first name, and is given them there.
type line struct {
	path    []string     // the words that name the command: "ports", "list"
	command *cli.Command // nil when none is named
	flags   []givenFlag
	index   map[string]indexed // the command's, by each of their names
	names   []string           // what the command is to be about
}

// indexed is a flag that a command has. It takes the library a regular expression to
// tell its names.
type indexed struct {
	cli.Flag
	first string // of its names
}

func indexOf(flags []cli.Flag) map[string]indexed {
	all := map[string]indexed{}
	for _, f := range flags {
		names := f.Names()
		for _, name := range names {
			if _, has := all[name]; !has {
				all[name] = indexed{f, names[0]}
			}
		}
	}
	return all
}

// givenFlag is a flag as it was given: one word, or two with its value.
type givenFlag struct {
	name  string // without dashes
	words []string
}

// spelled is the flag without its value.
func (f givenFlag) spelled() string {
	word, _, _ := strings.Cut(f.words[0], "=")
	return word
}

// isOf says whether f is meant.
func (f givenFlag) isOf(flag cli.Flag) bool { return slices.Contains(flag.Names(), f.name) }

// value is "" also for a flag that has none.
func (f givenFlag) value() string {
	if len(f.words) > 1 {
		return f.words[1]
	}
	_, value, _ := strings.Cut(f.words[0], "=")
	return value
}

// readLine takes args apart. The error is about the first thing that is wrong;
// the line says what could be read all the same.
func readLine(args []string, commands []*cli.Command) (*line, error) {
	l := &line{}
	words := l.takeFlags(args, commands)
	if len(words) > 0 && words[0] == "help" {
		l.flags = append(l.flags, givenFlag{"help", []string{"--help"}})
		words = words[1:]
	}
	among := commands
	for len(words) > 0 {
		c := named(among, words[0])
		if c == nil {
			break
		}
		l.command, among = c, c.Subcommands
		l.path, words = append(l.path, words[0]), words[1:]
	}
	l.names = words
	if len(among) > 0 && len(words) > 0 {
		return l, unknownCommand(strings.Join(append(l.path, words[0]), " "), among)
	}
	return l, l.check()
}

// takeFlags puts the flags aside, and returns the other words. A flag that stands
// behind the command is that command's; one before it, any command's.
func (l *line) takeFlags(args []string, commands []*cli.Command) (words []string) {
	anyones := sync.OnceValue(func() map[string]bool { return valued(commands) }) // few lines ask
	own, among := map[string]bool(nil), commands
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if word == "--" {
			return append(words, args...)
		}
		if len(word) < 2 || word[0] != '-' {
			if c := named(among, word); c != nil {
				own, among = valued([]*cli.Command{c}), c.Subcommands
			} else if word != "help" || len(words) > 0 {
				among = nil
			}
			words = append(words, word)
			continue
		}
		name, _, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		f := givenFlag{name, []string{word}}
		takes, known := own[name]
		if !known {
			takes = anyones()[name]
		}
		// Where a value was forgotten, the next flag is none: it would go unheard. One
		// that is meant stands behind the equals sign.
		if takes && !hasValue && len(args) > 0 && !strings.HasPrefix(args[0], "--") {
			f.words, args = append(f.words, args[0]), args[1:]
		}
		l.flags = append(l.flags, f)
	}
	return words
}

// check refuses flags that the command does not have, those whose value is empty
// and so asks for nothing that could be meant, and two values where one counts.
func (l *line) check() error {
	if len(l.flags) == 0 {
		return nil
	}
	self, flags := "devcert", append(commonFlags(), helpFlag, &cli.BoolFlag{Name: "version"})
	if l.command != nil {
		self, flags = "devcert "+strings.Join(l.path, " "), append(slices.Clone(l.command.Flags), helpFlag)
	}
	l.index = indexOf(flags)
	seen := map[string]bool{}
	for _, given := range l.flags {
		is, ok := l.index[given.name]
		switch {
		case !ok:
			return &devcert.UsageError{Problem: "there is no flag " + given.spelled(), Hint: self + " --help lists its flags"}
		case takesValue(is.Flag) && given.value() == "":
			return &devcert.UsageError{Problem: given.spelled() + " has no value", Hint: self + " --help says what it takes"}
		case takesValue(is.Flag) && !repeats(is.Flag) && seen[is.first]:
			return &devcert.UsageError{Problem: given.spelled() + " is given twice", Hint: "which of the values is meant?"}
		}
		seen[is.first] = true
	}
	return nil
}

func (l *line) has(name string) bool {
	return slices.ContainsFunc(l.flags, func(f givenFlag) bool { return f.name == name && f.value() != "false" })
}

func (l *line) wantsHelp() bool {
	return slices.ContainsFunc(l.flags, func(f givenFlag) bool { return isHelp(f.name) })
}

// words are the line in the order in which it is best read.
func (l *line) words() []string { return slices.Concat(l.path, l.flagWords(), l.names) }

// ordered is what follows the command, as the flag package reads it: each flag by
// its first name, since the library keeps the values of the others apart.
func (l *line) ordered() []string {
	var words []string
	for _, given := range l.flags {
		words = append(words, strings.Replace(given.words[0], given.name, l.index[given.name].first, 1))
		words = append(words, given.words[1:]...)
	}
	return slices.Concat(words, []string{"--"}, l.names)
}

func (l *line) flagWords() []string {
	var words []string
	for _, f := range l.flags {
		words = append(words, f.words...)
	}
	return words
}

func isHelp(name string) bool { return name == "help" || name == "h" }

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// valued says of each flag of commands, and of those below them, whether it takes
// a value: of one that takes some, that it does.
func valued(commands []*cli.Command) map[string]bool {
	names := map[string]bool{}
	for _, c := range commands {
		below := valued(c.Subcommands)
		for _, f := range c.Flags {
			for _, name := range f.Names() {
				below[name] = below[name] || takesValue(f)
			}
		}
		for name, takes := range below {
			names[name] = names[name] || takes
		}
	}
	return names
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func repeats(f cli.Flag) bool {
	_, ok := f.(*cli.StringSliceFlag)
	return ok
}

func unknownCommand(name string, commands []*cli.Command) error {
	return &devcert.UsageError{
		Problem: fmt.Sprintf("there is no command %q", name), Hint: "commands: " + commandNames(commands),
	}
}

func commandNames(commands []*cli.Command) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}
