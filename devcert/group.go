package devcert

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// A group is some of the clients, with an authority of their own below the same
// root. It can be disabled without the others, by the root's revocation list and by
// leaving its authority out of every store, and enabled again.

// groupChange is what a step does about a group.
type groupChange struct {
	name            string
	create, disable bool // neither: enable
}

// Groups are those below the present root, by name.
func (e *Engine) Groups() ([]disk.Group, error) {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return nil, refuseNewer(err)
	}
	return seen.Hierarchy.Groups, nil
}

// CreateGroup makes the authority of a new group, and puts it where servers look.
func (e *Engine) CreateGroup(ctx context.Context, name string) (*Report, error) {
	return e.changeGroup(ctx, groupChange{name: name, create: true})
}

// DisableGroup ends what was issued to a group, until it is enabled again. A server
// that has the root's list already learns of it ten minutes later at most.
func (e *Engine) DisableGroup(ctx context.Context, name string) (*Report, error) {
	return e.changeGroup(ctx, groupChange{name: name, disable: true})
}

// EnableGroup makes good again what was issued to a group.
func (e *Engine) EnableGroup(ctx context.Context, name string) (*Report, error) {
	return e.changeGroup(ctx, groupChange{name: name})
}

// changeGroup does what there is to be done, in the state folder and in the stores.
func (e *Engine) changeGroup(ctx context.Context, g groupChange) (*Report, error) {
	var err error
	if g.name, err = chain.ParseGroup(g.name); err != nil {
		return nil, usage(err)
	}
	if _, err := e.folder().Revoked(); err != nil {
		return nil, refuseNewer(err)
	}
	var refused error
	report, err := e.change(ctx, goal{
		extra: func(r *Report) []Finding {
			var f []Finding
			f, refused = g.wanted(r)
			return f
		},
		pick: func(all []Finding) []Finding { return pick(all, g.lacks) },
	})
	if refused != nil {
		return nil, refused
	}
	if err == nil && report.Config == nil {
		return nil, notSetUp("devcert setup --keep-root-key --client-certs")
	}
	return report, err
}

// lacks says of a finding that a place of some store has not followed the group yet.
func (g groupChange) lacks(f Finding) bool {
	return f.Kind == IntermediateMissing || f.cert != nil && chain.GroupOf(f.cert) == g.name
}

// wanted is one finding where the group is not as it is to be, and says why it
// cannot be.
func (g groupChange) wanted(r *Report) ([]Finding, error) {
	h := &r.Seen.Folder.Hierarchy
	at := slices.IndexFunc(h.Groups, func(is disk.Group) bool { return is.Name == g.name })
	switch {
	case r.Seen.Foreign, h.Root == nil:
		return nil, &UsageError{Problem: "there is no sound hierarchy to have a group in", Hint: "devcert repair"}
	case g.damaged(r):
		return nil, &UsageError{Problem: "the group " + g.name + " is damaged, and what it issued would be out of reach", Hint: "devcert status tells what to do"}
	case at < 0 && !g.create:
		return nil, &UsageError{Problem: fmt.Sprintf("there is no group %q", g.name), Hint: "devcert group list tells which there are"}
	case h.RootKey == nil || h.ClientIntermediate.Cert == nil:
		return nil, &UsageError{
			Problem: "a group comes from the root, whose key is not kept, or not with an authority for clients",
			Hint:    "make a root that can have groups:  devcert setup --keep-root-key --client-certs",
		}
	case at >= 0 && g.create:
		return nil, &UsageError{Problem: fmt.Sprintf("there is a group %q already", g.name), Hint: "devcert issue NAME --client --group " + g.name + " makes a certificate in it"}
	case at >= 0 && h.Groups[at].Disabled == g.disable:
		return nil, nil
	}
	return []Finding{{Kind: IntermediateMissing, Severity: Error, Where: "group " + g.name, cure: changeGroup, group: g}}, nil
}

// damaged says that files of a group to be made are there, and not whole.
func (g groupChange) damaged(r *Report) bool {
	return g.create && slices.ContainsFunc(r.Seen.Folder.Damage, func(d disk.Damage) bool {
		return d.Name == disk.GroupsDir || strings.HasPrefix(d.Name, disk.GroupsDir+"/"+g.name+"/") && d.Kind != disk.Exposed
	})
}

// groups plans what is to become of groups. Stores that are to have one more get
// it in deploys: the last look at them was before.
func (p *planner) groups(findings []Finding) {
	for _, f := range findings {
		if f.cure != changeGroup {
			continue
		}
		p.add(Step{action: alterGroup, What: "group", Where: f.group.where(), group: f.group})
		for _, is := range p.seen.Folder.Hierarchy.Groups {
			if is.Name == f.group.name && f.group.disable {
				p.removeCert(is.Cert)
			}
		}
	}
}

// admits says whether a place is about to hold one more group.
func (p *planner) admits(findings []Finding, store string, pl Place) bool {
	return pl.Part == chain.PartClientIntermediate && p.config.wantsPlace(store, pl) && pl.Remedy == "" &&
		slices.ContainsFunc(findings, func(f Finding) bool { return f.cure == changeGroup && !f.group.disable })
}

func (g groupChange) where() string {
	return g.name + cmp.Or(map[bool]string{g.create: " is made", g.disable: " is disabled"}[true], " is enabled")
}

// alterGroup does it in the state folder.
func (w *worker) alterGroup(g groupChange) error {
	h := &w.hierarchy
	if g.create {
		pair, err := chain.NewGroup(chain.Pair{Cert: h.Root, Key: h.RootKey}, g.name, w.Now(), w.Rand)
		if err != nil {
			return err
		}
		h.Groups = append(h.Groups, disk.Group{Name: g.name, Pair: pair})
		return w.folder.WriteGroup(g.name, pair)
	}
	at := slices.IndexFunc(h.Groups, func(is disk.Group) bool { return is.Name == g.name })
	h.Groups[at].Disabled = g.disable
	return w.hold(h.Groups[at].Cert, g)
}

// hold puts the group's authority on the root's list, or takes it off.
func (w *worker) hold(cert *x509.Certificate, g groupChange) error {
	all, err := w.folder.Revoked()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r disk.Revocation) bool { return disk.IsRevoked([]disk.Revocation{r}, cert) })
	if g.disable {
		held := disk.Revoke("group "+g.name, cert, w.Now())
		held.Hold = true
		all = append(all, held)
	}
	number, err := w.folder.WriteRevoked(all)
	if err != nil {
		return err
	}
	w.ledger.Revoked = number
	return w.saveLedger()
}

// memberOf finds the authority of a group that may sign.
func memberOf(h *disk.Hierarchy, name string) (*signer, error) {
	at := slices.IndexFunc(h.Groups, func(is disk.Group) bool { return is.Name == name })
	switch {
	case at < 0:
		return nil, &UsageError{Problem: fmt.Sprintf("there is no group %q", name), Hint: "to make it:  devcert group create " + name}
	case h.Groups[at].Disabled:
		return nil, &UsageError{Problem: "the group " + name + " is disabled", Hint: "devcert group enable " + name}
	case h.Groups[at].Key == nil:
		return nil, &notExported{"the key of the group " + name + " cannot be read", "devcert status says why"}
	}
	return &signer{Pair: h.Groups[at].Pair, behind: []*x509.Certificate{h.Groups[at].Cert}}, nil
}

// disabled says whether cert was issued to a group that is disabled now.
func disabled(cert *x509.Certificate, h *disk.Hierarchy) bool {
	return slices.ContainsFunc(h.Groups, func(is disk.Group) bool {
		return is.Disabled && bytes.Equal(is.Cert.SubjectKeyId, cert.AuthorityKeyId)
	})
}

// endsGroups names the groups that end with their root, behind what a step does.
func endsGroups(o *Observation) string {
	var names []string
	for _, g := range o.Folder.Hierarchy.Groups {
		names = append(names, g.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return ", without the groups " + strings.Join(names, ", ")
}

// gives is what goes with a new leaf, behind what the step does.
func (p *planner) gives() string {
	up := ""
	if p.seen.Folder.Hierarchy.RootKey != nil && !p.config.KeepRootKey {
		up += ", without the root's key"
	}
	if p.seen.Folder.Hierarchy.ClientIntermediate.Cert != nil && !p.config.ClientCerts {
		up += ", without an authority for clients" + endsGroups(p.seen)
	}
	return up
}
