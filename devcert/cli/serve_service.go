package cli

import (
	"context"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"devcert/devcert"
)

// served are the flags that say what is served, in the order in which a service
// gets them. The paths among them are made absolute: nobody knows in which folder
// a service is started.
var served = []struct {
	name string
	path bool
}{
	{"to", false}, {"map", false}, {"project", true}, {"static", true}, {"port", false}, {"listen", false},
	{"client-cert", false}, {"client-ca", true}, {"cert-header", false}, {"log", false}, {"flaw", false},
}

// asService installs or removes the service where that is what the flags ask for.
func (s *session) asService(ctx context.Context, v devcert.Serving) (done bool, err error) {
	install, remove := s.flags.Bool("install-service"), s.flags.Bool("remove-service")
	args, err := serviceFlags(s.flags)
	switch {
	case err != nil:
		return false, err
	case install && remove:
		return false, &devcert.UsageError{
			Problem: "--install-service and --remove-service contradict each other", Hint: "leave one of them out",
		}
	case remove && len(args) > 0:
		return false, &devcert.UsageError{
			Problem: "--remove-service ends the service, whatever it serves", Hint: "leave out " + args[0],
		}
	case !install && !remove && (s.flags.Bool("dry-run") || s.flags.Bool("yes")):
		return false, &devcert.UsageError{
			Problem: "serve changes nothing", Hint: "--dry-run and --yes go with --install-service and --remove-service",
		}
	case install:
		s.engine.Projects = nil // their ports are served, bound or not
		r, err := s.engine.InstallServing(ctx, v, args)
		return true, s.installed(r, err, devcert.ServeService, "The ports are served from now on, and after every login.")
	case remove:
		r, err := s.engine.RemoveService(ctx, devcert.ServeService)
		return true, s.dismissed(r, err, "The service is removed: ports are served while a devcert serve runs, and no longer.")
	}
	return false, nil
}

// serviceFlags are the words that say again what the command line says is served.
func serviceFlags(c *cli.Context) ([]string, error) {
	var args []string
	for _, flag := range served {
		if !c.IsSet(flag.name) {
			continue
		}
		values := c.StringSlice(flag.name)
		if values == nil {
			values = []string{c.String(flag.name)}
		}
		for _, value := range values {
			if flag.path {
				abs, err := filepath.Abs(value)
				if err != nil {
					return nil, err
				}
				value = abs
			}
			args = append(args, "--"+flag.name, value)
		}
	}
	return args, nil
}

// installed reports a service that was asked for. That it is there already is what
// was wanted.
func (s *session) installed(r *devcert.Report, err error, name, done string) error {
	if err != nil || s.engine.DryRun {
		return s.changed(r, err, func() {})
	}
	return s.conclude(r, func() {
		for _, service := range shownServices(r) {
			if service.Service.Name != name {
				continue
			}
			if service.Running == devcert.Runs {
				s.ui.flow("", done)
			} else {
				s.ui.flow("", "The service is installed; it "+doing(service)+".")
			}
			if service.Log != "" {
				s.ui.printf("What it says:  %s\n", service.Log)
			}
		}
		s.findings(r)
	})
}

// dismissed reports the end of a service. That there is none is what was wanted.
func (s *session) dismissed(r *devcert.Report, err error, done string) error {
	if err != nil || s.engine.DryRun {
		return s.changed(r, err, func() {})
	}
	return s.conclude(r, func() {
		if len(r.Steps) == 0 {
			s.ui.printf("There is no such service.\n")
		} else {
			s.ui.flow("", done)
		}
		s.findings(r)
	})
}
