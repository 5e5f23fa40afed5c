package devcert

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// This file has what is seen of the services, and what is wrong with them.

// lookAtServices reports every service of this state folder.
func (e *Engine) lookAtServices(ctx context.Context) []ServiceState {
	if e.Host.Services == nil {
		return nil
	}
	var all []ServiceState
	for _, name := range slices.Sorted(maps.Keys(abouts)) {
		home := e.Host.homeFlag()
		s := e.Host.Services.Look(ctx, name, home)
		s.Service.Name, s.Service.Home = name, home
		all = append(all, s)
	}
	return all
}

// service is what was seen of the one of this name; nil where nobody can look.
func (o *Observation) service(name string) *ServiceState {
	for i := range o.Services {
		if o.Services[i].Service.Name == name {
			return &o.Services[i]
		}
	}
	return nil
}

// stands says whether there may be something of devcert's to remove.
func (s *ServiceState) stands() bool {
	return s.Standing != ServiceAbsent && s.Standing != ServiceForeign
}

// rebuildServices has c want what stands, where what was wanted is lost.
func (o *Observation) rebuildServices(c *Config) {
	for _, s := range o.Services {
		before := serviceArgs(s.Service.Name, s.Service.Home, nil)
		if s.Standing != ServiceStarts || len(s.Service.Args) < len(before) || !slices.Equal(s.Service.Args[:len(before)], before) {
			continue
		}
		services := maps.Clone(c.Services)
		if services == nil {
			services = map[string][]string{}
		}
		services[s.Service.Name] = s.Service.Args[len(before):]
		if err := c.setServices(services); err != nil {
			delete(services, s.Service.Name)
			_ = c.setServices(services) // those were fine before
		}
	}
}

// serviceFindings compares what the system is to keep with what it keeps.
func serviceFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s := o.service(name)
		if s == nil {
			continue // a system that has none; nothing was installed here
		}
		message, cure := s.lacks(serviceArgs(name, s.Service.Home, c.Services[name]))
		if message == "" {
			continue
		}
		f := Finding{
			Kind: ServiceMissing, Severity: Error, Where: s.Where, service: name, cure: cure,
			Message:     "the service " + name + " " + message,
			Consequence: without[name],
		}
		switch s.Standing {
		case ServiceForeign:
			f.Remedy = (&foreignServiceError{name, s.Where}).Remedy()
		case ServiceUnknown:
			f.Severity, f.Consequence, f.Remedy = Warning, "", installsService[name]
		}
		all = append(all, f)
	}
	return all
}

// lacks says in what the service is not as it should be, in a line, and what
// cures that; "" when all is well.
func (s *ServiceState) lacks(args []string) (string, cure) {
	switch {
	case s.Standing == ServiceAbsent:
		return "is not installed", installService
	case s.Standing == ServiceForeign:
		return "is not installed: something else is in its place, " + s.Where, noCure
	case s.Standing == ServiceUnknown:
		return "may be installed or not: " + s.Evidence, noCure
	case s.Broken != "":
		return "cannot be started: " + s.Broken, installService
	case s.Standing == ServiceDisabled:
		return "is not started at login", installService
	case !slices.Equal(s.Service.Args, args):
		return "is installed with other flags than it was asked for", installService
	case s.Running == RunsNot && s.Log != "":
		return fmt.Sprintf("does not run: %s (%s)", s.Evidence, s.Log), installService
	case s.Running == RunsNot:
		return "does not run: " + s.Evidence, installService
	}
	return "", noCure
}

// stillServed says which services that steps were to remove are still there.
func (o *Observation) stillServed(steps []Step) error {
	for _, step := range steps {
		if step.action != dismiss {
			continue
		}
		if s := o.service(step.service); s != nil && (s.Standing == ServiceStarts || s.Standing == ServiceDisabled) {
			return &PartialError{unheeded("the service is still there: " + s.Where)}
		}
	}
	return nil
}
