package devcert

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"devcert/devcert/chain"
)

// Part is what the devcert.json of one project asked for and was granted. The
// configuration keeps it under the file's path, apart from what the person asked for
// and from other projects' parts.
type Part struct {
	Names   []string `json:"names,omitempty"`
	Permits []string `json:"permits,omitempty"`
	Ports   string   `json:"ports,omitempty"`
	// Folders are projects outside of the repository whose ports are among them.
	Folders []string `json:"folders,omitempty"`
}

func (p Part) empty() bool {
	return len(p.Names) == 0 && len(p.Permits) == 0 && p.Ports == "" && len(p.Folders) == 0
}

func (p Part) portList() []int {
	ports, _ := ParsePorts(p.Ports) // checked when it was set
	return ports
}

// ErrOutside says that a project's folder is not in the repository.
var ErrOutside = errors.New("it is outside of the repository")

// TeamFiles reads what teams keep in their repositories. It only reads, and neither
// a pipe nor a huge file keeps it. Why a file was not read is a *NotRead.
type TeamFiles interface {
	// Find looks for a devcert.json in dir and above it, as far as its repository,
	// the user's home or the file system goes; nil where there is none.
	Find(dir string) (*TeamSource, error)
	// Open reads the file that a person named.
	Open(path string) (*TeamSource, error)
}

// TeamSource is a devcert.json and what stands around it.
type TeamSource struct {
	Path string // absolute, without links
	Data []byte // no more than a little beyond MaxTeamFile
	// Project reads the launchSettings.json of a folder, relative to the file's. One
	// that is not in the file's repository is ErrOutside, unless that is granted.
	Project func(folder string, outside bool) (path string, data []byte, err error)
}

// NotRead is a file that is there and is not read, or that was named and is not there.
type NotRead struct{ Path, Reason string }

func (e *NotRead) Error() string { return e.Path + ": " + e.Reason }

// Team is a devcert.json that setup goes by.
type Team struct {
	*TeamFile
	Source *TeamSource
	// Named says that a person named it on the command line: all that it says counts
	// then. What was only found adds names inside what the root permits, and ports from
	// firstFreePort on; of the rest, only what its part has already, which a person once
	// granted.
	Named bool
}

// firstFreePort is the first that plain users may listen on.
const firstFreePort = 1024

// addTeam puts what a project's file asks for in the place of what it asked for
// before. What it may not ask for is noted.
func (c *Config) addTeam(t *Team) error {
	if t == nil {
		return nil
	}
	had := c.Projects[t.Source.Path]
	before := c.Permitted()
	c.Projects = maps.Clone(c.Projects)
	delete(c.Projects, t.Source.Path)
	g := &grant{Team: t, had: had}
	g.addPermits(c.Permitted())
	if err := firstError(
		func() error { return g.addNames(c.with(t.Source.Path, g.part).Permitted()) },
		g.addPorts, g.addFolders,
	); err != nil {
		return err
	}
	g.addRest(c)
	for _, s := range g.part.Permits {
		if p, _ := chain.ParsePermit(s); !before.Covers(p) {
			c.newPermits = append(c.newPermits, s)
		}
	}
	c.held = g.held
	if c.team = t.Source.Path; !g.part.empty() {
		c.Projects = c.with(t.Source.Path, g.part).Projects
	}
	return c.setAskPorts(c.AskPorts)
}

// with is c with one project's part.
func (c *Config) with(path string, p Part) *Config {
	out := *c
	if out.Projects = maps.Clone(c.Projects); out.Projects == nil {
		out.Projects = map[string]Part{}
	}
	out.Projects[path] = p
	return &out
}

// grant is the granting of what one file asks for.
type grant struct {
	*Team
	had, part Part
	ports     []int
	held      []string // asked for, and not granted
}

func (g *grant) hold(what string) { g.held = append(g.held, what) }

func (g *grant) addPermits(permitted chain.Permits) {
	for _, t := range g.Permits {
		p, _ := chain.ParsePermit(t.Text) // checked when it was read
		switch known := slices.Contains(g.had.Permits, t.Text); {
		case chain.DefaultPermits().Covers(p):
		case g.Named, known:
			g.part.Permits = addSorted(g.part.Permits, t.Text)
		case !permitted.Covers(p):
			g.hold("permit " + t.Text)
		}
	}
}

func (g *grant) addNames(permitted chain.Permits) error {
	for _, t := range g.Names {
		switch {
		case slices.Contains(chain.DefaultNames(), t.Text):
		case permitted.Allows(t.Text):
			g.part.Names = addSorted(g.part.Names, t.Text)
		case g.Named:
			return g.Wrong(t, `put its domain into "permit"`, "%s is outside what the root permits (%s)", t.Text, permitted)
		default:
			g.hold("name " + t.Text)
		}
	}
	return nil
}

func (g *grant) addPorts() error {
	ports, err := ParsePorts(g.Ports.Text)
	g.take(ports)
	return err
}

// take grants ports: those that servers of the machine's own may want are a person's
// to give.
func (g *grant) take(ports []int) {
	had := g.had.portList()
	below := slices.DeleteFunc(slices.Clone(ports), func(p int) bool {
		return p >= firstFreePort || g.Named || slices.Contains(had, p)
	})
	if len(below) > 0 {
		g.hold("port " + FormatPorts(below))
	}
	g.ports = append(g.ports, slices.DeleteFunc(slices.Clone(ports), func(p int) bool { return slices.Contains(below, p) })...)
	slices.Sort(g.ports)
	if g.ports = slices.Compact(g.ports); len(g.ports) > 0 {
		g.part.Ports = FormatPorts(g.ports)
	}
}

func (g *grant) addFolders() error {
	for _, t := range g.Folders {
		_, data, err := g.Source.Project(t.Text, false)
		outside := errors.Is(err, ErrOutside)
		if outside && !g.Named && !slices.Contains(g.had.Folders, t.Text) {
			g.hold("project " + t.Text)
			continue
		}
		if outside {
			g.part.Folders = addSorted(g.part.Folders, t.Text)
			_, data, err = g.Source.Project(t.Text, true)
		}
		var not *NotRead
		if errors.As(err, &not) {
			return g.Wrong(t, "projects are folders with "+ProjectFile, "%s is not read: %s", not.Path, not.Reason)
		}
		if err != nil {
			return g.Wrong(t, "", "%s", err)
		}
		p, err := ParseProject(t.Text+"/"+ProjectFile, data)
		if err != nil {
			return g.refused(t, err)
		}
		if p.SSLPort != 0 {
			g.take([]int{p.SSLPort})
		}
	}
	return nil
}

// addRest is about what the whole machine has once: it counts as if it had been said
// on the command line.
func (g *grant) addRest(c *Config) {
	stores := slices.Compact(slices.Sorted(slices.Values(texts(g.Stores))))
	if len(stores) > 0 && !slices.Equal(stores, c.Stores) {
		if g.Named {
			c.Stores = stores
		} else {
			g.hold("stores " + strings.Join(stores, ","))
		}
	}
	if scope := g.Scope.Text; scope != "" && scope != c.Scope {
		if g.Named {
			c.Scope = scope
		} else {
			g.hold("scope " + scope)
		}
	}
}

// forget takes the parts of a project away that is kept in dir, or in a file of that
// path.
func (c *Config) forget(dir string) error {
	if dir == "" {
		return nil
	}
	before := len(c.Projects)
	c.Projects = maps.Clone(c.Projects)
	maps.DeleteFunc(c.Projects, func(path string, _ Part) bool { return path == dir || filepath.Dir(path) == dir })
	if len(c.Projects) < before {
		return c.setAskPorts(c.AskPorts)
	}
	hint := "no project has asked for anything"
	if before > 0 {
		hint = "projects: " + strings.Join(slices.Sorted(maps.Keys(c.Projects)), ", ")
	}
	return &UsageError{Problem: fmt.Sprintf("nothing is remembered of %s", dir), Hint: hint}
}

// setProjects takes parts out of config.json, each value as strictly as from a file.
func (c *Config) setProjects(parts map[string]Part) error {
	for path, p := range parts {
		if !filepath.IsAbs(path) || p.empty() {
			return &UsageError{Problem: fmt.Sprintf("the project %q has no path, or asks for nothing", path)}
		}
		for _, s := range p.Permits {
			if _, err := chain.ParsePermit(s); err != nil {
				return usage(err)
			}
		}
	}
	c.Projects = parts
	for _, p := range parts {
		for _, s := range p.Names {
			name, err := chain.ParseName(s)
			if err != nil {
				return usage(err)
			}
			if name != s || !c.Permitted().Allows(name) {
				return outside(s, c.Permitted())
			}
		}
		if _, err := ParsePorts(p.Ports); err != nil {
			return err
		}
	}
	if len(parts) == 0 {
		c.Projects = nil
	}
	return c.sizeFits()
}

// wantedBy is the path of a project that asks for something; "" when none does.
func (c *Config) wantedBy(has func(Part) bool) string {
	for _, path := range slices.Sorted(maps.Keys(c.Projects)) {
		if has(c.Projects[path]) {
			return path
		}
	}
	return ""
}

// withoutPorts takes ports out of every part: a person has unbound them.
func (c *Config) withoutPorts(gone func(int) bool) {
	projects := map[string]Part{}
	for path, p := range c.Projects {
		if left := slices.DeleteFunc(p.portList(), gone); len(left) > 0 {
			p.Ports = FormatPorts(left)
		} else {
			p.Ports = ""
		}
		if !p.empty() {
			projects[path] = p
		}
	}
	if c.Projects = projects; len(projects) == 0 {
		c.Projects = nil
	}
}
