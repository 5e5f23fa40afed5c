package cli

import "github.com/urfave/cli/v2"

// Manual is the tree of commands, for the programs that document it: the program
// itself, its commands below, and in each what help prints. It cannot be run.
func Manual() *cli.Command {
	return &cli.Command{
		Name: "devcert", Usage: purpose, UsageText: firstSteps, ArgsUsage: "COMMAND", Flags: commonFlags(),
		Subcommands: (&program{}).commands(),
	}
}

// ManualFlags are the flags that help lists, each as it is given and what it does.
func ManualFlags(flags []cli.Flag) [][2]string { return flagRows(flags) }
