package cli

import (
	"strings"

	"devcert/devcert"
)

// shownServices are those of devcert's that the system keeps.
func shownServices(r *devcert.Report) []devcert.ServiceState {
	var all []devcert.ServiceState
	for _, s := range r.Seen.Services {
		if s.Standing == devcert.ServiceStarts || s.Standing == devcert.ServiceDisabled {
			all = append(all, s)
		}
	}
	return all
}

// doing says in a word what a service does.
func doing(s devcert.ServiceState) string {
	switch {
	case s.Running == devcert.Runs:
		return "runs"
	case s.Standing == devcert.ServiceDisabled:
		return "does not start"
	case s.Running == devcert.RunsNot:
		return "does not run"
	}
	return "starts at login"
}

func (u *ui) serviceLines(r *devcert.Report) {
	for _, s := range shownServices(r) {
		u.printf("service       %s %s: devcert %s\n", s.Service.Name, doing(s), strings.Join(s.Service.Args, " "))
	}
}

func (u *ui) services(r *devcert.Report) {
	for _, s := range shownServices(r) {
		mark := u.green.Sprint(u.symbols.ok)
		if s.Running == devcert.RunsNot || s.Standing == devcert.ServiceDisabled || s.Broken != "" {
			mark = u.red.Sprint(u.symbols.fail)
		}
		u.item("  %s service    %s", mark, u.short("devcert "+strings.Join(s.Service.Args, " ")+" "+doing(s)))
		u.printf("\n")
	}
}

// serviceJSON is a service that the system starts for the user.
type serviceJSON struct {
	Name    string   `json:"name"`
	Where   string   `json:"where"`
	Args    []string `json:"args"`
	Enabled bool     `json:"enabled"`
	Running *bool    `json:"running"` // null where nobody could be asked
}

func servicesOf(r *devcert.Report) []serviceJSON {
	var all []serviceJSON
	for _, s := range shownServices(r) {
		out := serviceJSON{s.Service.Name, s.Where, array(s.Service.Args), s.Standing == devcert.ServiceStarts, nil}
		if s.Running != devcert.RunsUnknown {
			runs := s.Running == devcert.Runs
			out.Running = &runs
		}
		all = append(all, out)
	}
	return all
}
