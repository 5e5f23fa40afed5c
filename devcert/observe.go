package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Observation is the machine at one moment: everything findings are made from.
type Observation struct {
	Now       time.Time
	Owner     Owner
	StateDir  string
	Folder    *disk.Snapshot
	Stores    []StorePlaces
	Ports     PortTable
	Answers   []Answer // only when ports were probed
	Overrides []Override
	Clients   []Client // only when clients were looked for
	bundle    bundleState
	orphans   []orphan
	judged    bool            // that faults has the hierarchy's, judged while stores were looked at
	faults    []chain.Problem // see problems
	ephemeral Ephemeral       // only when clients were looked for: it is advice
	Projects  []Project       // see [Engine]
	// Services has those of this state folder.
	Services []ServiceState
	IIS      *IISState // only when doctor looks, and on Windows
	// issued is what was issued, as far as it can be read.
	issued []disk.Issued
	// unpresentable says of the certificates that ports were bound to by name why they
	// cannot be presented.
	unpresentable map[string]error
	// PortsErr is why the table of ports could not be read.
	PortsErr error
	// Foreign says that the state folder was made by another user or elsewhere.
	Foreign bool
}

// StorePlaces is what one store showed.
type StorePlaces struct {
	Store  string
	Places []Place
}

// depth says what is looked at besides what every command looks at.
type depth struct {
	probe   bool // what answers at the bound ports
	clients bool // which programs there are, and what they read
	// iis is what is looked at of IIS and Schannel; nil for nothing.
	iis *IISLook
}

// observe looks at everything and changes nothing. Every store is looked at,
// wanted or not, since a former root may stand anywhere; but not the stores of
// which known has what was seen a moment ago.
func (e *Engine) observe(ctx context.Context, deep depth, known []StorePlaces) (*Observation, error) {
	snapshot, err := e.folder().Snapshot()
	if err != nil {
		return nil, err
	}
	o := &Observation{Now: e.Now(), Projects: e.Projects, Owner: e.Host.Owner, StateDir: e.Host.StateDir, Folder: snapshot}
	material := o.material()
	var looks sync.WaitGroup
	looks.Go(func() { o.Stores = lookAll(ctx, e.Host.Stores, material, known) })
	looks.Go(func() { o.Ports, o.PortsErr = e.Host.Binder.Table(ctx) })
	looks.Go(func() { o.bundle = e.lookAtBundle(material.Root) })
	looks.Go(func() { o.Services = e.lookAtServices(ctx) })
	looks.Go(func() { e.lookAtNamed(o) })
	looks.Go(func() { o.faults = o.problems() })
	if deep.clients && e.Host.Clients != nil {
		looks.Go(func() { o.Clients = e.Host.Clients.Find(ctx, material) })
	}
	if deep.clients && e.Host.Ephemeral != nil {
		o.ephemeral = e.Host.Ephemeral()
	}
	var iisErr error
	if deep.iis != nil && e.Host.IIS != nil {
		looks.Go(func() { o.IIS, iisErr = e.Host.IIS(ctx, *deep.iis) })
	}
	looks.Go(func() { o.orphans = e.lookForOrphans(ctx, o) })
	looks.Wait()
	o.judged = true
	if iisErr != nil {
		return nil, iisErr
	}
	if deep.probe && o.PortsErr == nil { // whose a binding is, the stores know
		o.Answers = e.Host.Binder.Probe(ctx, portsOf(o.ownBindings()))
	}
	if o.trusted() { // else nothing is hidden: see overrideFindings
		o.Overrides = e.Host.Overrides(material.Root)
	}
	return o, ctx.Err()
}

// lookAll looks into the stores at once, but into those of which known has what
// was seen a moment ago.
func lookAll(ctx context.Context, stores []Store, m Material, known []StorePlaces) []StorePlaces {
	all := make([]StorePlaces, len(stores))
	var looks sync.WaitGroup
	for i, s := range stores {
		if at := slices.IndexFunc(known, func(k StorePlaces) bool { return k.Store == s.Name() }); at >= 0 {
			all[i] = known[at]
			continue
		}
		looks.Go(func() { all[i] = StorePlaces{s.Name(), s.Look(ctx, m)} })
	}
	looks.Wait()
	return all
}

func (o *Observation) material() Material {
	m := materialOf(&o.Folder.Hierarchy)
	m.without(o.Folder.Revoked)
	return m
}

// without notes what was revoked. The root may have done so with a key that was kept
// until then, and its first list does not say it.
func (m *Material) without(revoked []disk.Revocation) {
	if m.Intermediate != nil {
		m.Revoked = disk.RevokedBy(revoked, m.Intermediate)
	}
	if m.Root != nil && len(disk.RevokedBy(revoked, m.Root)) > 0 {
		m.RootCRL = nil
	}
}

// materialOf is what a look needs of h: no key.
func materialOf(h *disk.Hierarchy) Material {
	m := Material{
		Root: h.Root, Intermediate: h.Intermediate.Cert, ClientIntermediate: h.ClientIntermediate.Cert, Leaf: h.Leaf.Cert,
	}
	for _, g := range h.Groups {
		if !g.Disabled {
			m.Groups = append(m.Groups, g.Cert)
		}
	}
	if h.RootKey == nil {
		m.RootCRL = h.RootCRL
	}
	return m
}

// leafThumbprint is what the wanted ports are to be bound to; "" without a leaf.
func (o *Observation) leafThumbprint() string {
	if leaf := o.Folder.Hierarchy.Leaf.Cert; leaf != nil {
		return chain.Thumbprint(leaf)
	}
	return ""
}

// trusted says whether any place trusts the root.
func (o *Observation) trusted() bool {
	return slices.ContainsFunc(o.Stores, func(s StorePlaces) bool {
		return slices.ContainsFunc(s.Places, func(p Place) bool { return p.Part == chain.PartRoot && p.State == Trusted })
	})
}

// holds says whether any place of the store has cert. One that could not be
// looked into has it if the ledger says that devcert put it there.
func (o *Observation) holds(store string, cert *x509.Certificate) bool {
	for _, s := range o.Stores {
		if s.Store == store && slices.ContainsFunc(s.Places, func(p Place) bool { return o.placeHolds(store, p, cert) }) {
			return true
		}
	}
	return false
}

// deployed says whether any store has a part of the hierarchy.
func (o *Observation) deployed() bool {
	m := o.material()
	return slices.ContainsFunc(o.Stores, func(s StorePlaces) bool {
		return slices.ContainsFunc(s.Places, func(p Place) bool {
			return slices.ContainsFunc(m.Parts(p.Part), func(cert *x509.Certificate) bool { return o.placeHolds(s.Store, p, cert) })
		})
	})
}

func (o *Observation) placeHolds(store string, p Place, cert *x509.Certificate) bool {
	current := o.material().Parts(p.Part)
	switch {
	case p.State == Unknown && o.Folder.Ledger.Has(store, cert):
		return true
	case p.State != Unknown && p.State != Missing && slices.ContainsFunc(current, cert.Equal):
		return true
	}
	return p.has(cert)
}

// has says whether cert is in the place besides what belongs there.
func (p Place) has(cert *x509.Certificate) bool {
	return slices.ContainsFunc(p.Others, cert.Equal) ||
		slices.ContainsFunc(p.Strays, func(s Stray) bool { return cert.Equal(s.Cert) })
}

// configOf reads the configuration of the folder. A damaged one is rebuilt from
// what the certificates and the bindings show was asked for; damage is then why.
func configOf(o *Observation) (c *Config, damage error, err error) {
	if o.Folder.Config == nil {
		if o.Folder.Hierarchy.Root == nil {
			return nil, nil, nil
		}
		for _, d := range o.Folder.Damage {
			if d.Name == disk.ConfigFile && d.Kind == disk.Unreadable {
				return rebuildConfig(o), nil, nil // it has a finding of its own
			}
		}
		return rebuildConfig(o), errors.New("it is missing"), nil
	}
	c, damage = ParseConfig(o.Folder.Config)
	if errors.Is(damage, disk.ErrSchema) {
		return nil, nil, damage
	}
	if damage != nil {
		c = rebuildConfig(o)
	}
	return c, damage, nil
}

func rebuildConfig(o *Observation) *Config {
	c := DefaultConfig()
	c.Machine, c.SetUp = o.Folder.Ledger.Machine, o.Now
	h := &o.Folder.Hierarchy
	if h.Root != nil {
		permits := chain.PermitsOf(h.Root)
		c.Permits = beyond(permits)
		c.KeepRootKey, c.ClientCerts = h.RootKey != nil, h.ClientIntermediate.Cert != nil
		if !o.Folder.Ledger.Has("", h.Root) && !o.trusted() {
			c.guessed, c.Stores = true, []string{NoStores} // trust is not widened unasked
		}
	}
	if h.Leaf.Cert != nil {
		if keyTypeOf(h.Leaf.Cert) == chain.ECDSA {
			c.Key = chain.ECDSA
		}
		_ = c.addNames(chain.ServerNames(h.Leaf.Cert)) // a name outside the permits is not wanted back
	}
	if ports := portsOf(o.ownBindings()); len(ports) > 0 {
		c.Ports = FormatPorts(ports)
		for _, b := range o.ownBindings() {
			if b.ClientCerts == AsksClients {
				_ = c.setAsks([]int{b.Port}, AsksClients) // a port that is wanted
			}
		}
	}
	o.rebuildServices(c)
	return c
}

// beyond lists what permits has and the profile has not.
func beyond(permits chain.Permits) []string {
	c := DefaultConfig()
	for _, d := range permits.Domains {
		_ = c.addPermits([]string{d})
	}
	for _, n := range permits.Networks {
		_ = c.addPermits([]string{n.String()})
	}
	return c.Permits
}

func keyTypeOf(cert *x509.Certificate) chain.KeyType {
	if cert.PublicKeyAlgorithm == x509.ECDSA {
		return chain.ECDSA
	}
	return chain.RSA
}
