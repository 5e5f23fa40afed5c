package service

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"devcert/devcert"
	"devcert/platform/elevate"
	"devcert/platform/run"
)

// New gives the services of the user that this process runs as; nil where nothing
// says where their home is.
func New(o Options) devcert.Services {
	home := lookup(o.Env, "HOME")
	if !filepath.IsAbs(home) {
		return nil
	}
	path, err := run.Finder{}.Find("launchctl")
	return &launchd{
		dir:  filepath.Join(home, "Library", "LaunchAgents"),
		logs: filepath.Join(home, "Library", "Logs"), files: o.Files,
		tool: func(ctx context.Context, args ...string) ([]byte, error) {
			return run.Command{Path: path, Args: args, Env: append(run.Environment(), "HOME="+home)}.Run(ctx)
		},
		missing: err, refuse: elevate.RefuseOthersHome,
		domain: "gui/" + strconv.Itoa(os.Getuid()), settle: settling,
	}
}
