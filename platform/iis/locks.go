package iis

import (
	"slices"
	"strings"
)

// part is a section that is looked at, by its name in a configuration.
type part struct {
	name string
	has  func(*section) bool
	drop func(*section)
}

var parts = []part{
	{"access", func(x *section) bool { return x.Access != nil }, func(x *section) { x.Access = nil }},
	{"anonymousAuthentication", func(x *section) bool { return x.Anonymous != nil }, func(x *section) { x.Anonymous = nil }},
	{"windowsAuthentication", func(x *section) bool { return x.Windows != nil }, func(x *section) { x.Windows = nil }},
	{"basicAuthentication", func(x *section) bool { return x.Basic != nil }, func(x *section) { x.Basic = nil }},
	{"digestAuthentication", func(x *section) bool { return x.Digest != nil }, func(x *section) { x.Digest = nil }},
	{"clientCertificateMappingAuthentication", func(x *section) bool { return x.AD != nil }, func(x *section) { x.AD = nil }},
	{"iisClientCertificateMappingAuthentication", func(x *section) bool { return x.Mappings != nil }, func(x *section) { x.Mappings = nil }},
}

// group is a sectionGroup of configSections, or all of that.
type group struct {
	Name     string `xml:"name,attr"`
	Sections []struct {
		Name string `xml:"name,attr"`
		Mode string `xml:"overrideModeDefault,attr"`
	} `xml:"section"`
	Groups []group `xml:"sectionGroup"`
}

// webServer are the groups whose sections stand in system.webServer.
var webServer = []string{"", "system.webserver", "system.webserver/security", "system.webserver/security/authentication"}

// allowed says of the sections that are declared whether a web.config may have them;
// one that says nothing about that is allowed (IIS, "Section Element").
func (g group) allowed(path string, into map[string]bool) {
	if !slices.Contains(webServer, path) {
		return
	}
	for _, s := range g.Sections {
		into[strings.ToLower(s.Name)] = !strings.EqualFold(s.Mode, "Deny")
	}
	for _, below := range g.Groups {
		below.allowed(strings.Trim(path+"/"+strings.ToLower(below.Name), "/"), into)
	}
}

// rules say which sections a web.config may have.
type rules struct {
	declared map[string]bool
	// locations are what changes that, for more places before for less.
	locations []rule
}

type rule struct {
	key     string
	allow   bool
	section section
}

func (f *hostFile) rules() rules {
	r := rules{declared: map[string]bool{}}
	f.Declared.allowed("", r.declared)
	for _, l := range f.Locations {
		key := strings.ToLower(join(l.Path))
		switch {
		case strings.EqualFold(l.Mode, "Allow"), l.Mode == "" && strings.EqualFold(l.Old, "true"):
			r.locations = append(r.locations, rule{key, true, l.Server})
		case strings.EqualFold(l.Mode, "Deny"), l.Mode == "" && strings.EqualFold(l.Old, "false"):
			r.locations = append(r.locations, rule{key, false, l.Server})
		}
	}
	slices.SortStableFunc(r.locations, func(a, b rule) int { return len(a.key) - len(b.key) })
	return r
}

// unlocked is x without what may not stand at key, the names of which it gives too. A
// section that is declared nowhere is none to IIS, and nothing is said of it.
func (r rules) unlocked(x section, key string) (section, []string) {
	var locked []string
	for _, p := range parts {
		if !p.has(&x) {
			continue
		}
		allow, known := r.declared[strings.ToLower(p.name)]
		for _, at := range r.locations {
			if (at.key == "" || at.key == key || strings.HasPrefix(key, at.key+"/")) && p.has(&at.section) {
				allow = at.allow
			}
		}
		if known && !allow {
			locked = append(locked, p.name)
		}
		if !known || !allow {
			p.drop(&x)
		}
	}
	return x, locked
}
