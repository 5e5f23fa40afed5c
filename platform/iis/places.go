package iis

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert"
)

// settings are what holds at a place. The zero value is not IIS's default.
type settings struct {
	devcert.IISPlace
	windows, basic, digest bool
	oneOn, manyOn          bool
}

// defaults are those of IIS's schema (IIS_schema.xml).
func defaults() settings {
	return settings{IISPlace: devcert.IISPlace{Anonymous: true}, oneOn: true, manyOn: true}
}

// with is s changed by a section further down. Mappings are added to those above.
func (s settings) with(x section) settings {
	if x.Access != nil && x.Access.Flags != nil {
		s.Negotiate, s.Require = flags(*x.Access.Flags)
		s.AccessIn = x.from
	}
	for _, one := range []struct {
		here *login
		on   *bool
	}{{x.Anonymous, &s.Anonymous}, {x.Windows, &s.windows}, {x.Basic, &s.basic}, {x.Digest, &s.digest}, {x.AD, &s.ADMapping}} {
		if one.here != nil {
			change(one.on, one.here.Enabled)
		}
	}
	if m := x.Mappings; m != nil {
		change(&s.IISMapping, m.Enabled)
		change(&s.oneOn, m.OneOn)
		change(&s.manyOn, m.ManyOn)
		if m.count() > 0 {
			s.MapsIn = x.from
		}
		s.OneToOne = slices.Clip(s.OneToOne) // what is above is others' too
		for _, one := range m.One {
			if is(one.Enabled, true) {
				s.OneToOne = append(s.OneToOne, mapped(one.Certificate))
			}
		}
		for _, many := range m.Many {
			if is(many.Enabled, true) {
				s.ManyToOne++
			}
		}
	}
	return s
}

// is reads a boolean, which IIS takes in any case; other is what holds without one.
func is(value *string, other bool) bool {
	if value == nil {
		return other
	}
	return strings.EqualFold(*value, "true") || *value == "1"
}

func change(on *bool, value *string) { *on = is(value, *on) }

// flags reads sslFlags: names with commas between, or their sum.
func flags(value string) (negotiate, require bool) {
	const negotiateBit, requireBit = 32, 64
	if sum, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32); err == nil {
		return sum&negotiateBit != 0, sum&requireBit != 0
	}
	for _, name := range strings.Split(value, ",") {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "sslnegotiatecert":
			negotiate = true
		case "sslrequirecert":
			require = true
		}
	}
	return negotiate, require
}

// mapped reads the certificate of a one-to-one mapping as IIS does: one line of
// base64, and nothing else.
func mapped(value string) devcert.IISMapped {
	if strings.Contains(value, "-----BEGIN") {
		return devcert.IISMapped{Why: "it has the lines of a PEM file"}
	}
	if strings.ContainsAny(value, " \t\r\n") {
		return devcert.IISMapped{Why: "it has blanks or line breaks in it"}
	}
	der, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(der) == 0 {
		return devcert.IISMapped{Why: "it is not base64"}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return devcert.IISMapped{Why: "it is no certificate"}
	}
	return devcert.IISMapped{Cert: cert}
}

// places are the sites, each with what is below it.
func (f *hostFile) places(webs tree) []devcert.IISPlace {
	own := newTree()
	for _, l := range f.Locations {
		own.add(join(l.Path), l.Server)
	}
	keys := slices.Concat(slices.Collect(maps.Keys(own.byPath)), slices.Collect(maps.Keys(webs.byPath)))
	slices.Sort(keys)
	keys = slices.Compact(keys)
	top := defaults().with(f.Server).all(own.byPath[""])
	var all []devcert.IISPlace
	for _, s := range f.Sites {
		name := strings.ToLower(s.Name)
		top.Site, top.Ports = clean(s.Name), s.ports()
		at := top.all(own.byPath[name]).all(webs.byPath[name])
		all = append(all, at.place(len(at.OneToOne)+at.ManyToOne > 0))
		all = append(all, top.below(name+"/", keys, own, webs)...)
	}
	return all
}

// tree has sections by their paths in lower case, as IIS compares them.
type tree struct {
	byPath map[string][]section
	paths  map[string]string // as they are written
}

func newTree() tree { return tree{map[string][]section{}, map[string]string{}} }

func (t tree) add(path string, x section) {
	key := strings.ToLower(path)
	t.byPath[key], t.paths[key] = append(t.byPath[key], x), path
}

// below are the places below a site that have settings of their own. What stands at
// a folder holds in the folders below it, and all that web.config files say goes
// before what applicationHost.config does.
func (s settings) below(prefix string, keys []string, trees ...tree) []devcert.IISPlace {
	var all []devcert.IISPlace
	first, _ := slices.BinarySearch(keys, prefix)
	for _, key := range keys[first:] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		at, matters, maps, path := s, false, false, ""
		for _, t := range trees {
			for i := len(prefix) - 1; i <= len(key); i++ {
				if i == len(key) || key[i] == '/' {
					at = at.all(t.byPath[key[:i]])
				}
			}
			here := t.byPath[key]
			matters = matters || slices.ContainsFunc(here, section.matters)
			maps = maps || slices.ContainsFunc(here, func(x section) bool { return x.Mappings.count() > 0 })
			path = cmp.Or(path, t.paths[key])
		}
		if matters {
			at.Below = clean(path[strings.IndexByte(path, '/')+1:])
			all = append(all, at.place(maps))
		}
	}
	return all
}

func (s settings) all(sections []section) settings {
	for _, x := range sections {
		s = s.with(x)
	}
	return s
}

// place is what devcert sees of it. Mappings that are switched off do nothing.
func (s settings) place(mapsHere bool) devcert.IISPlace {
	p := s.IISPlace
	p.MapsHere, p.OtherLogin = mapsHere && p.IISMapping, s.windows || s.basic || s.digest
	if !s.oneOn || !p.IISMapping {
		p.OneToOne = nil
	}
	if !s.manyOn || !p.IISMapping {
		p.ManyToOne = 0
	}
	return p
}

// matters says that a section is about what is looked at here.
func (x section) matters() bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.has(&x) })
}

// ports are those of the https bindings: "*:443:name", "[::1]:443:".
func (s site) ports() []int {
	var ports []int
	for _, b := range s.Bindings {
		at := strings.LastIndexByte(b.Info, ':')
		if !strings.EqualFold(b.Protocol, "https") || at < 0 {
			continue
		}
		_, number, err := net.SplitHostPort(b.Info[:at])
		if err != nil {
			continue
		}
		if port, err := strconv.ParseUint(number, 10, 16); err == nil && port > 0 && !slices.Contains(ports, int(port)) {
			ports = append(ports, int(port))
		}
	}
	return ports
}
