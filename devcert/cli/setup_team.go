package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert"
)

// noTeam is the value of --config that looks for no file.
const noTeam = "none"

// configJSON is the devcert.json that a command was about.
type configJSON struct {
	Path  string `json:"path"`            // absolute
	Found bool   `json:"found,omitempty"` // nobody named it
	// Held is what a found file asks for and does not get; Command is the line that
	// grants it.
	Held    []string `json:"held,omitempty"`
	Command string   `json:"command,omitempty"`
	NotRead string   `json:"notRead,omitempty"` // why not
}

// projectJSON is what the devcert.json of one project asked for and was granted.
type projectJSON struct {
	Path   string   `json:"path"`
	Names  []string `json:"names"`
	Permit []string `json:"permit"`
	Ports  string   `json:"ports"` // "" for none
}

// team is the devcert.json that setup is to go by: the one that --config names, else
// the one that is found; nil for none.
func (s *session) team() (*devcert.Team, error) {
	files, name := s.engine.Host.Team, s.flags.String("config")
	if name != "" && s.flags.IsSet("forget") {
		return nil, &devcert.UsageError{Problem: "--config and --forget contradict each other", Hint: "forget first, and set up then"}
	}
	if files == nil || name == noTeam || s.flags.IsSet("forget") {
		return nil, nil //nolint:nilnil // there may be none
	}
	var source *devcert.TeamSource
	var err error
	if name != "" {
		source, err = files.Open(name)
	} else {
		source, err = s.findTeam()
	}
	if err != nil || source == nil {
		return nil, err
	}
	s.config = &configJSON{Path: source.Path, Found: name == ""}
	if name == "" {
		name = source.Path
	}
	file, err := devcert.ParseTeamFile(shown(name), source.Data, version)
	if err != nil {
		return nil, err
	}
	if s.config.Found {
		s.ui.sayFit("setup goes by " + shown(source.Path))
	}
	return &devcert.Team{TeamFile: file, Source: source, Named: !s.config.Found}, nil
}

// findTeam looks for a file. One that is not to be read is said, and does nothing.
func (s *session) findTeam() (*devcert.TeamSource, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // a folder that is gone has no file
	}
	source, err := s.engine.Host.Team.Find(here)
	var not *devcert.NotRead
	if errors.As(err, &not) {
		s.config = &configJSON{Path: not.Path, Found: true, NotRead: not.Reason}
		s.ui.sayFit(shown(not.Path) + " is not read: " + not.Reason)
		return nil, nil //nolint:nilnil // see team
	}
	return source, err
}

// unreadTeam gives the error of a file that was named its exit code.
func unreadTeam(err error) error {
	var not *devcert.NotRead
	if errors.As(err, &not) {
		return &devcert.UsageError{Problem: shown(not.Path) + " is not read: " + not.Reason, Hint: "--config names a devcert.json, or none"}
	}
	return err
}

// forgotten is the folder that --forget names, which may be gone.
func (s *session) forgotten() (string, error) {
	if !s.flags.IsSet("forget") {
		return "", nil
	}
	dir, err := filepath.Abs(s.flags.String("forget"))
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", s.flags.String("forget"), err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir, nil
}

// tellHeld says in one line what a file that was found asks for and does not get, and
// how it would.
func (s *session) tellHeld(r *devcert.Report) {
	if r == nil || s.config == nil || len(r.Held) == 0 {
		return
	}
	s.config.Held = r.Held
	s.config.Command = "devcert " + s.quoteAll([]string{"setup", "--config", s.config.Path})
	s.ui.say(shown(s.config.Path) + " asks also for " + few(r.Held) + ", which count only with:  " + s.config.Command)
}

// few is a list of which nobody reads more than the beginning.
func few(all []string) string {
	const enough = 6
	if len(all) > enough {
		return strings.Join(all[:enough], ", ") + fmt.Sprintf(" and %d more", len(all)-enough)
	}
	return strings.Join(all, ", ")
}

func projectsOf(r *devcert.Report) []projectJSON {
	var all []projectJSON
	if r.Config == nil {
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(r.Config.Projects)) {
		p := r.Config.Projects[path]
		all = append(all, projectJSON{
			Path: path, Names: append([]string{}, p.Names...), Permit: append([]string{}, p.Permits...), Ports: p.Ports,
		})
	}
	return all
}

// projects prints a line for each project that asked for something.
func (u *ui) projects(r *devcert.Report) {
	for _, p := range projectsOf(r) {
		var parts []string
		for _, part := range []struct{ what, all string }{
			{"names", strings.Join(p.Names, " ")}, {"permit", strings.Join(p.Permit, " ")}, {"ports", p.Ports},
		} {
			if part.all != "" {
				parts = append(parts, part.what+" "+part.all)
			}
		}
		if u.drawn {
			u.item("  project  %s  %s", u.short(shown(p.Path)), strings.Join(parts, ", "))
		} else {
			u.printf("project       %s, %s\n", shown(p.Path), strings.Join(parts, ", "))
		}
	}
}
