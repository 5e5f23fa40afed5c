package cli

import (
	"context"

	"devcert/devcert"
)

// watchFlags are the words that say again what the command line says of a watch.
func watchFlags(w devcert.Watching, exec string) []string {
	var args []string
	if w.Repair {
		args = append(args, "--repair")
	}
	if w.Notify {
		args = append(args, "--notify")
	}
	if w.Every != watchedEvery {
		args = append(args, "--every", w.Every.String())
	}
	if exec != "" {
		args = append(args, "--exec", exec)
	}
	return args
}

// watchAsService installs or removes the service where that is what the flags ask
// for.
func (s *session) watchAsService(ctx context.Context, w devcert.Watching) (done bool, err error) {
	install, remove := s.flags.Bool("install"), s.flags.Bool("remove")
	args := watchFlags(w, s.flags.String("exec"))
	usage := func(problem, hint string) (bool, error) {
		return false, &devcert.UsageError{Problem: problem, Hint: hint}
	}
	switch {
	case install && remove:
		return usage("--install and --remove contradict each other", "leave one of them out")
	case (install || remove) && w.Once:
		return usage("--once is for a watch that ends", "leave it out")
	case remove && len(args) > 0:
		return usage("--remove ends the service, whatever it does", "leave out "+args[0])
	case !install && !remove && (s.flags.Bool("dry-run") || s.flags.Bool("yes")):
		return usage("--dry-run and --yes go with --install and --remove", "without --repair a watch changes nothing")
	case install:
		r, err := s.engine.InstallService(ctx, devcert.WatchService, args)
		return true, s.installed(r, err, devcert.WatchService, "This machine is watched from now on, and after every login.")
	case remove:
		r, err := s.engine.RemoveService(ctx, devcert.WatchService)
		return true, s.dismissed(r, err, "The service is removed: losses are noticed while a devcert watch runs, and no longer.")
	}
	return false, nil
}
