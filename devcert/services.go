package devcert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// abouts has every service that devcert knows, with what it does.
var abouts = map[string]string{
	ServeService: "https on the bound ports of this machine",
	WatchService: "whether https on this machine is still trusted",
}

// without is what is lost while a service does not run.
var without = map[string]string{
	ServeService: "nothing listens on the bound ports that it is to serve",
	WatchService: "a loss of trust is noticed only by whoever runs into it",
}

// installsService is what a person types to install one.
var installsService = map[string]string{
	ServeService: "devcert serve --install-service",
	WatchService: "devcert watch --install",
}

// Limits of what a service is given: far more than any command takes, and far less
// than what a unit's line, a task or a command line of Windows holds.
const (
	maxServiceArgs = 200
	maxServiceSize = 8 << 10
)

// InstallService makes the system run the command of this name for the user, with
// args, from now on and after every login. Paths among args are absolute: nobody
// knows in which folder a service is started. It remembers what was asked for, so
// that repair can put it back; nothing else is mended.
func (e *Engine) InstallService(ctx context.Context, name string, args []string) (*Report, error) {
	if err := e.mayInstall(ctx, name); err != nil {
		return nil, err
	}
	return e.change(ctx, goal{
		want: func(c *Config) (*Config, error) {
			if c == nil {
				return nil, &UsageError{Problem: "devcert has not been set up for this user", Hint: "devcert setup"}
			}
			services := maps.Clone(c.Services)
			if services == nil {
				services = map[string][]string{}
			}
			services[name] = append([]string{}, args...)
			out := *c
			return &out, out.setServices(services)
		},
		pick: func(all []Finding) []Finding {
			return pick(all, func(f Finding) bool { return f.service == name })
		},
		extra: func(r *Report) []Finding {
			if s := r.Seen.service(name); s == nil || s.Service.Program == e.Host.Self {
				return nil
			}
			return []Finding{{Kind: ServiceMissing, service: name, cure: installService}}
		},
	})
}

// mayInstall refuses what would have to be refused after something was changed.
func (e *Engine) mayInstall(ctx context.Context, name string) error {
	switch {
	case e.Host.Services == nil:
		return fmt.Errorf("installing a service: %w", ErrUnsupported)
	case e.Host.Transient:
		return &transientError{e.Host.Self}
	}
	if s := e.Host.Services.Look(ctx, name, e.Host.homeFlag()); s.Standing == ServiceForeign {
		return &foreignServiceError{name, s.Where}
	}
	return nil
}

// RemoveService stops the service of this name, removes it, and forgets that it was
// asked for. Where there is none, it does nothing.
func (e *Engine) RemoveService(ctx context.Context, name string) (*Report, error) {
	if e.Host.Services == nil {
		return nil, fmt.Errorf("removing a service: %w", ErrUnsupported)
	}
	r, err := e.look(ctx, depth{}, nil)
	if err != nil {
		return nil, err
	}
	if r.Config == nil {
		return e.removeLeftService(ctx, r, name)
	}
	return e.change(ctx, goal{
		want: func(c *Config) (*Config, error) {
			out := *c
			out.Services = maps.Clone(c.Services)
			delete(out.Services, name)
			return &out, out.setServices(out.Services)
		},
		pick: func([]Finding) []Finding { return nil },
		extra: func(r *Report) []Finding {
			if s := r.Seen.service(name); s == nil || !s.stands() {
				return nil
			}
			return []Finding{{Kind: ServiceMissing, service: name, cure: dismissService}}
		},
	})
}

// removeLeftService removes a service that has outlived its state folder.
func (e *Engine) removeLeftService(ctx context.Context, r *Report, name string) (*Report, error) {
	p := planner{seen: r.Seen}
	p.services([]Finding{{service: name, cure: dismissService}})
	if s := r.Seen.service(name); s == nil || !s.stands() || e.DryRun {
		if s != nil && s.stands() {
			r.Planned = p.steps
		}
		return r, nil
	}
	w := &worker{Engine: e, report: r}
	for _, s := range p.steps {
		if err := w.try(ctx, s); err != nil {
			return r, err
		}
	}
	after, err := e.look(ctx, depth{}, nil)
	if err != nil {
		return r, err
	}
	after.Steps = r.Steps
	return after, errors.Join(after.stepErrors(), after.Seen.stillServed(p.steps))
}

// setServices refuses what cannot stand in a unit, a property list or a task alike.
func (c *Config) setServices(services map[string][]string) error {
	c.Services = nil
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if abouts[name] == "" {
			return &UsageError{Problem: fmt.Sprintf("%q is not a service of devcert's", name)}
		}
		size := 0
		for _, arg := range services[name] {
			size += len(arg)
			if !utf8.ValidString(arg) || strings.ContainsFunc(arg, unicode.IsControl) {
				return &UsageError{Problem: fmt.Sprintf("a service cannot be given %q: it has characters that are not text", arg)}
			}
		}
		if len(services[name]) > maxServiceArgs || size > maxServiceSize {
			return &UsageError{Problem: fmt.Sprintf("a service cannot be given %d words of %d bytes", len(services[name]), size)}
		}
	}
	if len(services) > 0 {
		c.Services = services
	}
	return nil
}

// homeFlag is the state folder that another process of the same user has to be
// told; "" when it finds it by itself. It is where links lead: whichever of them a
// command came by, the service is the same.
func (h *Host) homeFlag() string {
	if !h.Elsewhere {
		return ""
	}
	return h.StateDir
}

// serviceArgs is how devcert is called as the service.
func serviceArgs(name, home string, args []string) []string {
	all := []string{name}
	if home != "" {
		all = append(all, "--home", home)
	}
	return append(all, args...)
}

// services plans what findings ask for, once for each service.
func (p *planner) services(findings []Finding) {
	for _, name := range slices.Sorted(maps.Keys(abouts)) {
		asks := func(c cure) bool {
			return slices.ContainsFunc(findings, func(f Finding) bool { return f.service == name && f.cure == c })
		}
		s := p.seen.service(name)
		switch {
		case s == nil:
		case asks(installService):
			p.add(Step{action: install, What: "service", Where: s.Where, service: name})
		case asks(dismissService):
			p.add(dismissStep(s))
		}
	}
}

// dismissServices plans the end of every service that stands. One that nobody could
// look for is tried where it was asked for.
func (p *planner) dismissServices() {
	for i := range p.seen.Services {
		s := &p.seen.Services[i]
		if s.stands() && (s.Standing != ServiceUnknown || p.config.wantsService(s.Service.Name)) {
			p.add(dismissStep(s))
		}
	}
}

func (c *Config) wantsService(name string) bool {
	if c == nil {
		return false
	}
	_, asked := c.Services[name]
	return asked
}

func dismissStep(s *ServiceState) Step {
	return Step{action: dismiss, What: "service", Where: "without " + s.Where, service: s.Service.Name}
}

func (w *worker) installService(ctx context.Context, s Step) error {
	if w.Host.Transient {
		return &transientError{w.Host.Self}
	}
	home := w.Host.homeFlag()
	return w.Host.Services.Install(ctx, Service{
		Name: s.service, About: abouts[s.service], Program: w.Host.Self, Home: home,
		Args: serviceArgs(s.service, home, w.report.Config.Services[s.service]),
	})
}

// transientError is a program that is gone when this process ends.
type transientError struct{ self string }

func (e *transientError) Error() string {
	return "a service needs a program that stays, and " + strconv.Quote(e.self) + " is deleted when this run ends"
}

// Remedy says what a person can do.
func (e *transientError) Remedy() string {
	return "build one, and run the same command with it:  go build -o dist/devcert ."
}

// foreignServiceError is something that devcert did not make where its service
// would be.
type foreignServiceError struct{ name, where string }

func (e *foreignServiceError) Error() string {
	return fmt.Sprintf("the service %s cannot be installed: %s is not devcert's", e.name, e.where)
}

// Remedy says what a person can do.
func (e *foreignServiceError) Remedy() string {
	return "move it away or remove it, then run the same command again"
}
