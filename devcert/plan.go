package devcert

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// action is what a step does.
type action int

const (
	saveConfig action = iota
	rebuild           // a damaged file: set aside, written from what is known
	restore           // a file: the bytes that belong there
	tighten           // a file: others' rights taken away
	finish            // what was issued, and stopped on its way
	create            // a hierarchy, as a generation of its own; staged, not yet the current one
	reissue           // a leaf, as a generation of its own
	bundle            // the system's roots and devcert's in one file
	deploy            // the parts of the hierarchy that a store is for
	switchTo          // the generation that was staged
	bind              // ports to the leaf
	unbind            // ports
	withdraw          // a certificate, from a store
	retract           // a client's certificate, from where it is offered
	install           // a service, and start it
	dismiss           // a service
	remove            // the state folder
	stay              // after an uninstall that was begun
	alterGroup        // make, disable or enable a group of clients
)

// Step is one change, in the order of a plan.
type Step struct {
	action action
	What   string // in a word: "hierarchy", a store's name, "ports"
	Where  string // what it changes there, in a line
	// Lines are the commands it would run, as far as they can be told beforehand.
	Lines []string

	store  string
	cert   *x509.Certificate // what is withdrawn
	ports  []int
	as     manner // what ports are bound to
	damage *disk.Damage
	staged bool // part of replacing a root that others still use
	absent bool // nothing of the store was on this machine
	config bool // saves the configuration too
	// service is the name of the one that is installed or dismissed
	service string
	group   groupChange
}

// switches says whether another generation is the current one after the step.
func (s *Step) switches() bool {
	return s.action == switchTo || s.action == reissue || (s.action == create && !s.staged)
}

// plan orders the steps that remove findings. It is pure.
func plan(c *Config, o *Observation, findings []Finding) []Step {
	p := planner{config: c, seen: o}
	for _, f := range findings {
		p.cures = append(p.cures, f.cure)
	}
	p.files(findings)
	switch {
	case p.needs(newHierarchy):
		p.replaceHierarchy()
	case p.needs(newLeaf):
		p.add(Step{action: reissue, What: "leaf", Where: describeLeaf(c, o) + p.gives()})
		p.deploys(findings)
		p.binds(findings)
		p.removeCert(o.Folder.Hierarchy.Leaf.Cert)
		if !c.ClientCerts {
			for _, cert := range o.Folder.Hierarchy.ClientIntermediates() {
				p.removeCert(cert)
			}
		}
	default:
		p.groups(findings)
		p.deploys(findings)
		p.binds(findings)
	}
	p.withdraws(findings)
	p.retracts(findings)
	p.bundle(findings)
	p.services(findings)
	return p.steps
}

type planner struct {
	config *Config
	seen   *Observation
	cures  []cure
	steps  []Step
}

func (p *planner) needs(c cure) bool { return slices.Contains(p.cures, c) }

func (p *planner) add(s Step) { p.steps = append(p.steps, s) }

// files plans what mends single files. Those of the hierarchy are left alone
// when all of them are about to be written anew; not so the folders, which are
// made private before a key is written into them.
func (p *planner) files(findings []Finding) {
	fresh := p.needs(newHierarchy) || p.needs(newLeaf)
	for _, f := range findings {
		switch {
		case f.cure == rebuildFile, f.cure == bindPorts && f.damage != nil:
			p.add(Step{action: rebuild, What: "file", Where: f.damage.Name, damage: f.damage})
		case f.cure == finishFile:
			p.add(Step{action: finish, What: "file", Where: f.Where, damage: f.damage})
		case f.cure == restoreFile && !fresh:
			p.add(Step{action: restore, What: "file", Where: f.Where, damage: f.damage})
		case f.cure == tightenFile && (!f.damage.Private || !p.needs(newHierarchy)):
			p.add(tightenStep(f.damage))
		}
	}
}

// bundle plans the file with the system's roots last: what is done to the
// system's store changes what belongs into it.
func (p *planner) bundle(findings []Finding) {
	for _, f := range findings {
		if f.cure == writeBundle && !p.needs(newHierarchy) {
			p.add(Step{action: bundle, What: "file", Where: f.Where})
		}
	}
}

// tightenStep is about a file or a folder.
func tightenStep(d *disk.Damage) Step {
	return Step{action: tighten, What: "rights", Where: whereOf(d), damage: d}
}

// replaceHierarchy plans a new root: made, trusted everywhere, then served, then
// the old one removed, so that nothing that worked stops working in between.
func (p *planner) replaceHierarchy() {
	staged := p.replacing()
	p.add(Step{action: create, What: "hierarchy", Where: describeHierarchy(p.config, p.seen) + endsGroups(p.seen), staged: staged})
	for _, s := range p.seen.Stores {
		if p.config.WantsStore(s.Store) && s.changeable() || p.config.asksFor(s.Store) {
			able := s.changeable() // else it was asked for by name, and all it has is tried
			where := s.paths(func(pl Place) bool { return p.config.wantsPlace(s.Store, pl) && (pl.Remedy == "" || !able) })
			p.add(Step{action: deploy, What: s.Store, Where: where, store: s.Store, staged: staged, absent: len(s.Places) == 0})
		}
	}
	if staged {
		p.add(Step{action: switchTo, What: "hierarchy", Where: "the new one is in use"})
	}
	p.bind(bindablePorts(p.config, p.seen))
	p.removeHierarchy()
}

// replacing says whether a root is in use that must go on working meanwhile.
func (p *planner) replacing() bool {
	root := p.seen.Folder.Hierarchy.Root
	return root != nil && slices.ContainsFunc(p.seen.Stores, func(s StorePlaces) bool {
		return slices.ContainsFunc(s.Places, Place.inUse)
	})
}

// inUse says whether clients take the place to trust what it is for.
func (p Place) inUse() bool { return p.State == Trusted || p.State == Stale }

// changeable says whether the store has a place that is not a person's matter:
// nothing is noted of, or said to be done in, one that has none.
func (s StorePlaces) changeable() bool {
	return slices.ContainsFunc(s.Places, func(p Place) bool { return p.Remedy == "" })
}

// removeHierarchy plans the end of what is about to be the former hierarchy: the
// leaf first, which nothing serves any more, the root last.
func (p *planner) removeHierarchy() {
	m := p.seen.material()
	for _, part := range fromBelow {
		for _, cert := range m.Parts(part) {
			p.removeCert(cert)
		}
	}
}

// removeCert plans the end of a certificate in every store that shows it, or
// that the ledger names: one that lost it by other hands may keep what came with
// it, such as links and the copy that Debian's hook made for Java.
//
// A folder copied from another user names that user's certificates, which stay.
func (p *planner) removeCert(cert *x509.Certificate) {
	if cert == nil || (p.seen.Foreign && !sameUser(cert, p.seen.Owner)) {
		return
	}
	for _, s := range p.seen.Stores {
		if p.seen.holds(s.Store, cert) || p.seen.Folder.Ledger.Has(s.Store, cert) {
			p.withdraw(s.Store, cert)
			if len(s.Places) == 0 {
				s := &p.steps[len(p.steps)-1]
				s.absent, s.Where = true, notHere+" any more, and so "+s.Where
			}
		}
	}
}

// notHere is said of a store of which this machine has nothing.
const notHere = "it is not on this machine"

func (p *planner) withdraw(store string, cert *x509.Certificate) {
	p.add(Step{action: withdraw, What: store, Where: "without " + nameOf(cert), store: store, cert: cert})
}

// deploys plans the stores that findings name; with a new leaf, also every
// wanted one that is to hold it.
func (p *planner) deploys(findings []Finding) {
	for _, s := range p.seen.Stores {
		names := func(pl Place) bool {
			return slices.ContainsFunc(findings, func(f Finding) bool {
				return f.cure == deployParts && f.store == s.Store && (f.Where == pl.Path || f.Where == s.Store)
			})
		}
		admits := func(pl Place) bool { return p.admits(findings, s.Store, pl) }
		renews := p.needs(newLeaf) && p.config.WantsStore(s.Store) && s.isFor(chain.PartLeaf)
		if !renews && !names(Place{}) && !slices.ContainsFunc(s.Places, names) && !slices.ContainsFunc(s.Places, admits) {
			continue
		}
		where := s.paths(func(pl Place) bool {
			return names(pl) || admits(pl) || renews && pl.Part == chain.PartLeaf && p.config.wantsPlace(s.Store, pl)
		})
		p.add(Step{action: deploy, What: s.Store, Where: where, store: s.Store, absent: len(s.Places) == 0})
	}
}

// binds plans the ports that findings name; with a new leaf, also every wanted
// port that is bound to the old one.
func (p *planner) binds(findings []Finding) {
	var ports []int
	for _, f := range findings {
		if f.cure == bindPorts {
			ports = append(ports, f.ports...)
		}
	}
	if p.needs(newLeaf) && !p.config.leavesPorts(p.seen) {
		wanted, old := p.config.PortList(), p.seen.leafThumbprint()
		for _, b := range p.seen.ownBindings() {
			if b.Thumbprint == old || (old == "" && slices.Contains(wanted, b.Port)) {
				ports = append(ports, b.Port)
			}
		}
	}
	slices.Sort(ports)
	p.bind(slices.Compact(ports))
}

// bind plans one step for all ports that are bound alike.
func (p *planner) bind(ports []int) {
	p.steps = append(p.steps, p.config.alike(ports)...)
}

// bindStep binds ports alike.
func bindStep(ports []int, as manner) Step {
	where := FormatPorts(ports)
	if as.thumb != "" {
		where += " to SHA-1 " + as.thumb
	}
	switch as.asks {
	case AsksClients:
		where += ", asking for client certificates"
	case AsksNobody:
		where += ", asking for no client certificates"
	}
	return Step{action: bind, What: "ports", Where: where, ports: ports, as: as}
}

func unbindStep(ports []int) Step {
	return Step{action: unbind, What: "ports", Where: "without " + FormatPorts(ports), ports: ports}
}

func (p *planner) withdraws(findings []Finding) {
	for _, f := range findings {
		if f.cure == withdrawCert {
			p.withdraw(f.store, f.cert)
		}
	}
}

// paths are those of the places that are about to change.
func (s StorePlaces) paths(changes func(Place) bool) string {
	if len(s.Places) == 0 {
		return notHere
	}
	var paths []string
	for _, place := range s.Places {
		if changes(place) {
			paths = append(paths, place.Path)
		}
	}
	return strings.Join(paths, ", ")
}

// isFor says whether a place of the store is to hold part. What holds one
// intermediate holds the other: it shows no place for that while there is none.
func (s StorePlaces) isFor(part chain.Part) bool {
	return slices.ContainsFunc(s.Places, func(p Place) bool {
		return p.Part == part || part == chain.PartClientIntermediate && p.Part == chain.PartIntermediate
	})
}

// nameOf tells a certificate from others of its kind.
func nameOf(cert *x509.Certificate) string {
	if !cert.IsCA {
		return fmt.Sprintf("%s, SHA-1 %s", cert.Subject.CommonName, chain.Thumbprint(cert))
	}
	return cert.Subject.CommonName
}

func keyName(k chain.KeyType) string {
	if k == chain.ECDSA {
		return "ECDSA P-256"
	}
	return "RSA-2048"
}

func describeHierarchy(c *Config, o *Observation) string {
	return fmt.Sprintf("root, intermediate, leaf (%s, until %s)", keyName(c.Key), day(o.Now.Add(chain.LeafLifetime)))
}

func describeLeaf(c *Config, o *Observation) string {
	return fmt.Sprintf("localhost (%s, until %s)", keyName(c.Key), day(leafEnd(o)))
}
