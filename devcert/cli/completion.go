package cli

import (
	"embed"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// The scripts know nothing but how to ask this program: see answer.
//
//go:embed all:completion
var completions embed.FS

// completionFiles are the scripts by shell, under the names that the shells and
// their packages look for.
var completionFiles = [][2]string{
	{"bash", "devcert.bash"}, {"zsh", "_devcert"}, {"fish", "devcert.fish"}, {"powershell", "devcert.ps1"},
}

// CompletionScripts are all of them by the name of their file.
func CompletionScripts() map[string][]byte {
	all := map[string][]byte{}
	for _, row := range completionFiles {
		all[row[1]], _ = completions.ReadFile("completion/" + row[1]) // it is part of the program
	}
	return all
}

func completionShells() []string {
	var names []string
	for _, row := range completionFiles {
		names = append(names, row[0])
	}
	return names
}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print the script with which a shell completes devcert's words", ArgsUsage: "SHELL",
		UsageText: "  source <(devcert completion bash)      # in ~/.bashrc\n" +
			"  source <(devcert completion zsh)       # in ~/.zshrc, below compinit\n" +
			"  devcert completion fish > ~/.config/fish/completions/devcert.fish\n" +
			"  devcert completion powershell | Out-String | Invoke-Expression",
		Description: "SHELL is " + orList(completionShells()) + "; PowerShell's line goes into $PROFILE.\n" +
			"The script asks devcert itself what may follow: commands, flags, their values and\n" +
			"what was issued. That reads the state folder at most, and changes nothing.",
		Flags: commonFlags(&cli.StringFlag{
			Name: "answer", Hidden: true, Usage: "say for `SHELL` what may follow the words behind --",
		}),
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			if shell := c.String("answer"); shell != "" {
				p.answerTo(shell, c.Args().Slice())
				return nil // a shell that completes a word shows no errors
			}
			return p.completion(c.Args().Slice())
		},
	}
}

// completion prints a shell's script.
func (p *program) completion(args []string) error {
	hint := "shells: " + strings.Join(completionShells(), ", ")
	if err := atMost(1, args, hint); err != nil {
		return err
	}
	if len(args) == 0 {
		return &devcert.UsageError{Problem: "completion needs a shell", Hint: hint}
	}
	for _, row := range completionFiles {
		if row[0] == args[0] {
			script := string(CompletionScripts()[row[1]])
			p.print(reference{Text: script}, script)
			return nil
		}
	}
	return &devcert.UsageError{Problem: fmt.Sprintf("there is no completion for %q", args[0]), Hint: hint}
}
