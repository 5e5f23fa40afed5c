package main

import (
	"strings"

	cmd "github.com/urfave/cli/v2"

	"devcert/devcert/cli"
)

// exits are what scripts rely on.
var exits = [][2]string{
	{"0", "all is right: there was nothing to do, or it was done and verified"},
	{"1", "it failed"},
	{"2", "the command line or a configuration file is wrong, and nothing was changed"},
	{"3", "something that is wanted is broken, or --dry-run would change something"},
	{"4", "administrator rights are needed; the exact command to run is printed"},
	{"5", "a person has to say yes, or said no"},
	{"6", "it was done in part"},
}

var environment = [][2]string{
	{"DEVCERT_HOME", "the state folder, where --home does not name one"},
	{"DEVCERT_PASSWORD", "the password of a PFX file that is written or read"},
	{"NO_COLOR", "where it is set, nothing is printed in colour"},
	{"CI", "where it is true, nobody is asked anything"},
}

var files = [][2]string{
	{"~/.local/share/devcert", "the state folder on Linux, or below $XDG_DATA_HOME"},
	{"~/Library/Application Support/devcert", "that on macOS"},
	{"%LOCALAPPDATA%\\devcert", "that on Windows"},
}

// pages are the page of the program and those of its commands, by their files.
func pages(root *cmd.Command, date string) map[string][]byte {
	all := map[string][]byte{root.Name + ".1": programPage(root, date)}
	for _, c := range root.Subcommands {
		name := root.Name + "-" + c.Name
		all[name+".1"] = commandPage(root, c, name, date)
	}
	return all
}

func programPage(root *cmd.Command, date string) []byte {
	p := begin(root.Name, strings.TrimPrefix(root.Usage, root.Name+" "), date)
	p.section("SYNOPSIS")
	p.synopsis(root.Name, root)
	p.section("EXAMPLES")
	p.literal(root.UsageText)
	p.section("COMMANDS")
	for _, c := range root.Subcommands {
		p.entry(".BR "+escape(root.Name+"-"+c.Name)+" (1)", c.Usage)
	}
	p.section("OPTIONS")
	p.text("Every command has these:")
	p.flags(root.Flags)
	p.section("EXIT STATUS")
	p.rows(exits)
	p.section("ENVIRONMENT")
	p.rows(environment)
	p.section("FILES")
	p.rows(files)
	return p.bytes()
}

func commandPage(root, c *cmd.Command, name, date string) []byte {
	p := begin(name, c.Usage, date)
	p.section("SYNOPSIS")
	title := root.Name + " " + c.Name
	for i, sub := range c.Subcommands {
		if i > 0 {
			p.line(".br")
		}
		p.synopsis(title+" "+sub.Name, sub)
	}
	if len(c.Subcommands) == 0 {
		p.synopsis(title, c)
	}
	p.section("EXAMPLES")
	p.literal(c.UsageText)
	p.section("DESCRIPTION")
	p.text(sentence(c.Usage))
	p.text(c.Description)
	if len(c.Subcommands) == 0 {
		p.section("OPTIONS")
		p.flags(c.Flags)
	}
	for _, sub := range c.Subcommands {
		p.section(strings.ToUpper(title + " " + sub.Name))
		p.text(sentence(sub.Usage))
		p.literal(sub.UsageText)
		p.text(sub.Description)
		p.flags(sub.Flags)
	}
	p.section("EXIT STATUS")
	p.text("See")
	p.line(".BR " + escape(root.Name) + " (1).")
	p.section("SEE ALSO")
	p.line(".BR " + escape(root.Name) + " (1)")
	return p.bytes()
}

// sentence makes one of a usage, which is half of one.
func sentence(usage string) string { return strings.ToUpper(usage[:1]) + usage[1:] + "." }

// synopsis shows how a command is called.
func (p *page) synopsis(title string, c *cmd.Command) {
	p.line(".B " + escape(title))
	p.line(strings.TrimSpace("[flags] " + escape(c.ArgsUsage)))
}

func (p *page) flags(flags []cmd.Flag) { p.rows(cli.ManualFlags(flags)) }

// rows are words and what they mean.
func (p *page) rows(rows [][2]string) {
	for _, row := range rows {
		p.entry(".B "+escape(row[0]), row[1])
	}
}
