package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is set by the linker in a release.
var version = ""

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print which devcert this is", UsageText: "  devcert version",
		Flags: commonFlags(),
		Action: func(c *cli.Context) error {
			p.json = c.Bool("json")
			if err := noArguments(c.Args().Slice()); err != nil {
				return err
			}
			p.tellVersion()
			return nil
		},
	}
}

func (p *program) tellVersion() {
	text := fmt.Sprintf("devcert %s (%s, %s/%s)\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	p.tell(reference{Version: versionText()}, text)
}

// versionText is the release, else the commit the program was built from.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "commit " + s.Value[:12]
		}
	}
	return "built from source"
}
