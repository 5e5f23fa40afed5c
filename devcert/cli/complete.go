package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// answer is what may stand at the cursor.
type answer struct {
	options []option
	// paths says that files or folders may, which the shell completes itself.
	paths pathKind
}

type option struct{ value, about string }

type pathKind string

const (
	noPaths  pathKind = "words"
	anyFiles pathKind = "files"
	onlyDirs pathKind = "folders"
)

// atCursor stands for the word that is being typed, and is none that anybody can
// type: no argument holds a NUL.
const atCursor = "-\x00"

// answerTo prints what may follow, for the scripts in completion: in the first
// line which paths may, then an option in each, behind a tab what it is. What
// cannot be told is not said.
func (p *program) answerTo(shell string, args []string) {
	if len(args) == 0 {
		return
	}
	switch shell {
	case "bash":
		p.answerBash(args)
		return
	case "powershell": // before 7.3 it passes no empty argument: each has a dot before it
		for i := range args {
			args[i] = strings.TrimPrefix(args[i], ".")
		}
	case "zsh", "fish":
	default:
		return
	}
	a := p.complete(args)
	if shell == "powershell" {
		a = a.beginning(args[len(args)-1]) // the others choose by rules of their own
	}
	fmt.Fprintln(p.out, a.whichPaths())
	for _, o := range a.options {
		fmt.Fprintf(p.out, "%s\t%s\n", o.value, oneLine(o.about))
	}
}

func (a answer) whichPaths() pathKind {
	if a.paths == "" {
		return noPaths
	}
	return a.paths
}

// beginning keeps the options that go on with what is typed.
func (a answer) beginning(typed string) answer {
	a.options = slices.DeleteFunc(a.options, func(o option) bool { return !strings.HasPrefix(o.value, typed) })
	return a
}

// behind has each option stand behind what is typed already.
func (a answer) behind(typed string) answer {
	for i := range a.options {
		a.options[i].value = typed + a.options[i].value
	}
	return a
}

// complete says what may stand in the place of the last of words, which follow
// the program's name. The last is as far as it is typed.
func (p *program) complete(words []string) answer {
	commands, before, typed := p.commands(), words[:len(words)-1], words[len(words)-1]
	l, _ := readLine(before, commands) // what is wrong with it, is said when it is run
	at := &line{}
	names := at.takeFlags(append(slices.Clone(before), atCursor), commands)
	if slices.Contains(names, atCursor) {
		return p.completeName(l, commands) // behind --
	}
	last := at.flags[len(at.flags)-1]
	if last.value() == atCursor {
		return p.completeValue(l, commands, last.name, typed)
	}
	if name, value, given := strings.Cut(typed, "="); given && len(name) > 1 && name[0] == '-' {
		return p.completeValue(l, commands, strings.TrimLeft(name, "-"), value).behind(name + "=")
	}
	if strings.HasPrefix(typed, "-") {
		return completeFlag(l)
	}
	a := p.completeName(l, commands)
	if typed == "" && len(a.options) == 0 && a.whichPaths() == noPaths {
		return completeFlag(l)
	}
	return a
}

// completeFlag lists the flags that are not given yet, and those that repeat.
func completeFlag(l *line) answer {
	known := commonFlags()
	if l.command != nil {
		known = l.command.Flags
	}
	var a answer
	for _, f := range append(shownFlags(known), helpFlag) {
		given := slices.ContainsFunc(l.flags, func(g givenFlag) bool { return g.isOf(f) })
		if _, usage := usageOf(f); !given || repeats(f) {
			a.options = append(a.options, option{"--" + f.Names()[0], usage})
		}
	}
	return a
}

// completeName lists commands, or what the command is to be about.
func (p *program) completeName(l *line, commands []*cli.Command) answer {
	among := commands
	if l.command != nil {
		among = l.command.Subcommands
	}
	var a answer
	switch {
	case len(among) > 0 && len(l.names) > 0: // there is no such command
	case len(among) > 0:
		for _, row := range commandRows(among) {
			a.options = append(a.options, option{row[0], row[1]})
		}
	case l.command != nil && (len(l.names) == 0 || strings.Contains(l.command.ArgsUsage, "…")):
		a = p.known(l, strings.Join(l.path, " "), strings.TrimSuffix(l.command.ArgsUsage, "…"))
		a.options = slices.DeleteFunc(a.options, func(o option) bool { return slices.Contains(l.names, o.value) })
	}
	return a
}

// completeValue lists the values of a flag, where there is a closed set of them.
func (p *program) completeValue(l *line, commands []*cli.Command, name, typed string) answer {
	f := flagNamed(l, commands, name)
	switch {
	case f == nil:
		return answer{}
	case !takesValue(f):
		return answer{options: []option{{"true", ""}, {"false", ""}}}
	}
	word, _ := usageOf(f)
	a := p.known(l, "--"+f.Names()[0], word)
	if !slices.Contains(wordLists, word) {
		return a
	}
	begun := typed[:strings.LastIndex(typed, ",")+1]
	given := strings.Split(begun, ",")
	a.options = slices.DeleteFunc(a.options, func(o option) bool { return slices.Contains(given, o.value) })
	return a.behind(begun)
}

// flagNamed is a flag of the command; of any where none is named yet.
func flagNamed(l *line, commands []*cli.Command, name string) cli.Flag {
	if l.command != nil {
		commands = []*cli.Command{l.command}
	}
	for _, c := range commands {
		for _, f := range c.Flags {
			if slices.Contains(f.Names(), name) {
				return f
			}
		}
		if f := flagNamed(&line{}, c.Subcommands, name); f != nil {
			return f
		}
	}
	return nil
}
