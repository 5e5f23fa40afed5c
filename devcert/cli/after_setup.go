package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// afterSetup says what was achieved and what can be done with it.
func (s *session) afterSetup(r *devcert.Report) {
	var next []pointer
	trusted := trustedPlaces(r)
	s.ui.printf("\n")
	switch trusted {
	case 0:
		s.ui.flow("", "The certificates are made; no store was asked to trust them.")
	case 1:
		s.ui.flow("", "https://localhost is trusted in 1 store.")
	default:
		s.ui.flow("", fmt.Sprintf("https://localhost is trusted in %d stores.", trusted))
	}
	if trusted > 0 {
		next = append(next, pointer{"Ask every client:", []string{"devcert doctor"}})
	}
	if s.engine.Host.Server != nil && !r.Seen.Ports.Machine && len(r.Seen.Ports.Bindings) > 0 {
		next = append(next, pointer{"Serve an application there:", []string{"devcert serve --to http://localhost:5000"}})
	}
	dir := s.homePath(s.engine.Host.StateDir)
	s.ui.pointers(append(next, pointer{
		"Certificate and key:", []string{filepath.Join(dir, "localhost.pem"), filepath.Join(dir, "localhost-key.pem")},
	}))
}

func trustedPlaces(r *devcert.Report) int {
	trusted := 0
	for _, store := range r.Seen.Stores {
		for _, place := range r.Shown(store) {
			if place.Part == chain.PartRoot && place.State == devcert.Trusted {
				trusted++
			}
		}
	}
	return trusted
}

// pointer is a line, or more, to copy, and what it is for.
type pointer struct {
	label string
	lines []string
}

// pointers prints labels and lines beside each other or, where there is no room,
// each line below its label: a line that was broken could not be copied.
func (u *ui) pointers(all []pointer) {
	width, room := 0, 0
	for _, p := range all {
		width = max(width, columns(p.label)+2)
		for _, line := range p.lines {
			room = max(room, columns(line))
		}
	}
	for _, p := range all {
		if width+room > u.width {
			u.printf("%s\n%s\n", p.label, strings.Join(p.lines, "\n"))
			continue
		}
		u.printf("%-*s%s\n", width, p.label, strings.Join(p.lines, "\n"+strings.Repeat(" ", width)))
	}
}
