package cli

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// defaultTimeout bounds the wait for another writer. Rebuilding a system's
// bundle with all its hooks takes seconds, on a loaded machine many.
const defaultTimeout = 2 * time.Minute

// commonFlags are on every command: the library forgets those of the program
// once a command's name has been read.
func commonFlags(own ...cli.Flag) []cli.Flag {
	return slices.Concat(own, []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print one JSON document and nothing else"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print only errors"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "print also how each thing is known"},
		&cli.StringFlag{Name: "home", Usage: "keep the state in `DIR` (also DEVCERT_HOME)"},
		&cli.DurationFlag{Name: "timeout", Value: defaultTimeout, Usage: "wait at most `DURATION` for another devcert (2m)"},
		&cli.BoolFlag{Name: "non-interactive", Usage: "ask nobody (implied without a terminal, or by CI=true)"},
		&cli.BoolFlag{Name: "no-color", Usage: "print without colour (also NO_COLOR)"},
	})
}

// projectFlag is on commands that tell what is wrong.
func projectFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "project", Usage: "look also at the sslPort of the project in `DIR` (its " + devcert.ProjectFile + ")"}
}

// projects reads what --project names.
func projects(dirs []string) ([]devcert.Project, error) {
	var all []devcert.Project
	for _, dir := range dirs {
		path := filepath.Join(dir, filepath.FromSlash(devcert.ProjectFile))
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, &devcert.UsageError{Problem: err.Error(), Hint: "--project names the folder of a project: the one with its .csproj"}
		}
		p, err := devcert.ParseProject(path, data)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// takeOverFlag is on every command that binds ports.
func takeOverFlag() cli.Flag {
	return &cli.BoolFlag{Name: "take-over", Usage: "bind also ports that another application has; uninstall puts its bindings back"}
}

// changingFlags are on every command that changes something.
func changingFlags(own ...cli.Flag) []cli.Flag {
	return commonFlags(slices.Concat(own, []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "print what would be changed, and change nothing"},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "answer every question with yes"},
	})...)
}
