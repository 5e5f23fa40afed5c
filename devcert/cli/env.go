package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
	"devcert/devcert/disk"
)

// shell is a form that variables are printed in.
type shell struct {
	name    string
	comment string // what a comment begins with; "" where there can be none
	set     func(name, value string) string
}

// shells are in the order they are listed; the first is for those not known.
var shells = []shell{
	{"bash", "# ", exportPOSIX},
	{"zsh", "# ", exportPOSIX},
	{"fish", "# ", func(name, value string) string {
		return "set -gx " + name + " '" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
	}},
	{"powershell", "# ", func(name, value string) string {
		return "$env:" + name + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
	}},
	{"cmd", "rem ", func(name, value string) string {
		return `set "` + name + "=" + strings.ReplaceAll(value, "%", "%%") + `"`
	}},
	{"docker", "# ", func(name, value string) string { return "ENV " + name + "=" + value }},
	{"github", "", func(name, value string) string { return name + "=" + value }}, // the form of $GITHUB_ENV
}

func exportPOSIX(name, value string) string {
	return "export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

func (p *program) envCommand() *cli.Command {
	return &cli.Command{
		Name: "env", Usage: "print the variables that programs with roots of their own need",
		UsageText: "  eval \"$(devcert env)\"\n" +
			"  devcert env --shell powershell | Invoke-Expression\n" +
			"  devcert env --shell github >> \"$GITHUB_ENV\"",
		Description: "Prints only what programs on this machine need, and why. With --shell docker:\n" +
			"lines for a Dockerfile whose image is to trust the root.",
		Flags: commonFlags(
			&cli.StringFlag{Name: "shell", Usage: "for `SHELL`: " + shellNames() + " (the one of $SHELL)"},
		),
		Action: p.run(func(ctx context.Context, s *session) error {
			if err := noArguments(s.flags.Args().Slice()); err != nil {
				return err
			}
			sh, err := s.shell()
			if err != nil {
				return err
			}
			variables, r, err := s.engine.Variables(ctx)
			if err != nil {
				return s.failed(r, err)
			}
			if r.Config == nil || r.Seen.Folder.Hierarchy.Root == nil {
				return s.failed(r, &notSetUp{})
			}
			if sh.name != "docker" { // whose variables are of another machine
				s.warnOfLost(variables)
			}
			return s.printVariables(sh, variables)
		}),
	}
}

func shellNames() string {
	var names []string
	for _, sh := range shells {
		names = append(names, sh.name)
	}
	return strings.Join(names, ", ")
}

// shell is the one asked for, or the one that this process was started from, as
// far as a variable tells.
func (s *session) shell() (shell, error) {
	asked := s.flags.String("shell")
	name := asked
	if asked == "" {
		name = filepath.Base(s.env["SHELL"])
		if runtime.GOOS == "windows" && s.env["SHELL"] == "" {
			name = "powershell"
		}
	}
	for _, sh := range shells {
		if sh.name == name {
			return sh, nil
		}
	}
	if asked != "" {
		return shell{}, &devcert.UsageError{Problem: fmt.Sprintf("%q is not a shell that devcert knows", asked), Hint: "shells: " + shellNames()}
	}
	return shells[0], nil
}

// notSetUp is why there is nothing to point a program at.
type notSetUp struct{}

func (*notSetUp) Error() string {
	return "there is no root to point programs at: devcert is not set up"
}

// Remedy says what makes one.
func (*notSetUp) Remedy() string { return "devcert setup" }

// printVariables prints lines that a shell reads. With --json it is a document
// of its own field.
func (s *session) printVariables(sh shell, variables []devcert.Variable) error {
	if s.json {
		s.printDocument(nil, reference{Variables: array(variables)}, nil)
		return nil
	}
	say := func(text string) {
		if sh.comment != "" {
			fmt.Fprintln(s.out, sh.comment+oneLine(text)) // a line more would be run
		}
	}
	if dir := s.engine.Host.StateDir; strings.ContainsAny(dir, "\r\n") {
		return fmt.Errorf("the path of the state folder has a line break, which no shell's variable takes: %q", dir)
	}
	if sh.name == "docker" {
		s.printDockerfile(sh)
		return nil
	}
	if len(variables) == 0 {
		say("no program that devcert knows needs a variable here")
	}
	for _, v := range variables {
		say(v.Why)
		fmt.Fprintln(s.out, sh.set(v.Name, v.Value))
	}
	return nil
}

// Where an image of Debian's kind keeps the root, and all roots.
const (
	imageRoot   = "/usr/local/share/ca-certificates/devcert.crt"
	imageBundle = "/etc/ssl/certs/ca-certificates.crt"
)

// printDockerfile prints what an image needs, whatever runs on this machine. The
// leaf's key belongs into no image: it is mounted when a container runs. Kestrel
// gets it for an endpoint, since of its default certificate it drops the chain
// (dotnet/aspnetcore issue 66952).
func (s *session) printDockerfile(sh shell) {
	dir := s.homePath(s.engine.Host.StateDir)
	lines := []string{
		"# " + disk.RootFile + " is in " + dir + ": copy it beside the Dockerfile",
		"COPY " + disk.RootFile + " " + imageRoot,
		"RUN update-ca-certificates",
		"# Node, and Python's requests and pip, do not follow the system's roots",
		sh.set("NODE_EXTRA_CA_CERTS", imageBundle),
		sh.set("REQUESTS_CA_BUNDLE", imageBundle),
		sh.set("PIP_CERT", imageBundle),
		"# a server in a container is given the leaf when it runs, Kestrel for instance:",
		"#   docker run -v " + dir + ":/devcert:ro \\",
		"#     -e Kestrel__Endpoints__Https__Url=https://*:8443 \\",
		"#     -e Kestrel__Endpoints__Https__Certificate__Path=/devcert/" + disk.LeafFile + " \\",
		"#     -e Kestrel__Endpoints__Https__Certificate__KeyPath=/devcert/" + disk.LeafKeyFile,
	}
	fmt.Fprintln(s.out, strings.Join(lines, "\n"))
}
