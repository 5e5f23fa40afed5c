package devcert

import (
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// AllFlaws, as a value of --flaw, stands for one flaw on each named port.
const AllFlaws = "all"

// Flaw has ports present certificates with a flaw, as the values of --flaw say:
// KIND for all ports that were named, PORT=KIND for one, or all.
func (s *Serving) Flaw(values []string) error {
	for _, value := range values {
		kind, ports := value, s.Ports
		if port, of, single := strings.Cut(value, "="); single {
			one, err := ParsePorts(port)
			if err != nil || len(one) == 0 {
				return &UsageError{Problem: fmt.Sprintf("%q of --flaw names no port", value), Hint: "write --flaw 8443=expired"}
			}
			kind, ports = of, one
		}
		if len(ports) == 0 {
			return &UsageError{Problem: "--flaw needs ports of its own: nothing that is used is to present a bad certificate", Hint: "add --port 8443, or write --flaw 8443=expired"}
		}
		if err := s.flawOn(ports, kind); err != nil {
			return err
		}
	}
	return nil
}

// flawOn notes the flaw for each of the ports, which are served by number then.
func (s *Serving) flawOn(ports []int, kind string) error {
	flaws := chain.Flaws()
	switch {
	case kind == AllFlaws && len(ports) != len(flaws):
		return &UsageError{Problem: fmt.Sprintf("there are %d flaws, and %d ports are named", len(flaws), len(ports)), Hint: fmt.Sprintf("for instance --port 8440-%d --flaw all", 8440+len(flaws)-1)}
	case kind != AllFlaws && !slices.Contains(flaws, chain.Flaw(kind)):
		return &UsageError{Problem: fmt.Sprintf("%q is no flaw", kind), Hint: "flaws: " + FlawNames() + ", all"}
	}
	if s.Flaws == nil {
		s.Flaws = map[int]chain.Flaw{}
	}
	for n, port := range ports {
		flaw := chain.Flaw(kind)
		if kind == AllFlaws {
			flaw = flaws[n]
		}
		if had, twice := s.Flaws[port]; twice && had != flaw {
			return &UsageError{Problem: fmt.Sprintf("port %d is given two flaws", port), Hint: "one flaw at a time tells why a client refuses"}
		}
		s.Flaws[port] = flaw
		if !slices.Contains(s.Ports, port) {
			s.Ports = append(s.Ports, port)
		}
	}
	return nil
}

// FlawNames lists them for a person.
func FlawNames() string {
	var names []string
	for _, f := range chain.Flaws() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}
