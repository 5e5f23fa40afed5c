package devcert

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// OutsideName is what clients are asked to refuse. RFC 2606 keeps it from ever
// being anybody's, so nobody can permit it by being its owner.
const OutsideName = "example.com"

// ClientLimit is how long a client may take for one question unless somebody
// says otherwise. A browser that starts for the first time takes seconds.
const ClientLimit = 20 * time.Second

// Examine is how clients are asked.
type Examine struct {
	Browsers bool          // also those that take seconds to start
	Ports    bool          // see also what answers at the bound ports
	Limit    time.Duration // for one client and question; ClientLimit when 0
	IIS      IISLook       // what to look at besides what the machine has
	Told     func(Asked)   // hears of each answer as it comes; may be nil
}

// Doctor looks as Status does, then runs every client it finds against servers
// of its own on loopback: one that it must accept and one that it must refuse.
// It changes nothing; nothing that it makes for that is written to disk.
func (e *Engine) Doctor(ctx context.Context, x Examine) (*Report, error) {
	r, err := e.Diagnose(ctx, x)
	if err != nil || e.Host.Clients == nil {
		return r, err
	}
	ask, skip := split(r.Seen.Clients, x.Browsers)
	h := &r.Seen.Folder.Hierarchy
	if h.Root == nil || !presentable(h) {
		r.Asked = notAsked(r.Seen.Clients, "there is no chain with its key to present: devcert setup")
		return r, nil
	}
	exam, err := e.exam(h, x)
	if err != nil {
		return r, err
	}
	if r.Asked, err = e.Host.Clients.Ask(ctx, ask, exam); err != nil {
		return r, err
	}
	r.Asked = append(r.Asked, skip...)
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.belied(r.Asked) })
	r.Findings = append(r.Findings, askedFindings(r)...)
	return r, ctx.Err()
}

// Diagnose looks at all that Doctor looks at, and runs no client.
func (e *Engine) Diagnose(ctx context.Context, x Examine) (*Report, error) {
	if e.Host.IIS == nil && !x.IIS.empty() {
		return nil, &UsageError{Problem: "there is no IIS on this system to look at"}
	}
	r, err := e.lookSettled(ctx, depth{clients: true, probe: x.Ports, iis: &x.IIS}, nil)
	if err == nil {
		r.Findings = append(r.Findings, e.listFindings(ctx, r)...)
		r.leave()
	}
	return r, err
}

// split takes the browsers away unless they are wanted.
func split(all []Client, browsers bool) (ask []Client, skip []Asked) {
	var left []Client
	for _, c := range all {
		if c.Browser && !browsers {
			left = append(left, c)
		} else {
			ask = append(ask, c)
		}
	}
	return ask, notAsked(left, "devcert doctor --browsers asks it")
}

func notAsked(clients []Client, why string) []Asked {
	var all []Asked
	for _, c := range clients {
		all = append(all, Asked{Client: c, Inside: NotAsked, Outside: NotAsked, Said: why, Spared: true})
	}
	return all
}

func presentable(h *disk.Hierarchy) bool {
	return h.Leaf.Cert != nil && h.Leaf.Key != nil && h.Intermediate.Cert != nil
}

// exam makes what clients are asked from the hierarchy. Without the
// intermediate's key nobody can make the certificate that must be refused, and
// that is not asked.
func (e *Engine) exam(h *disk.Hierarchy, x Examine) (Exam, error) {
	exam := Exam{OutsideName: OutsideName, Root: h.Root, Limit: x.Limit, Told: x.Told}
	if exam.Limit <= 0 {
		exam.Limit = ClientLimit
	}
	exam.Inside = serving(h.Leaf, h.Intermediate)
	if h.Intermediate.Key == nil || chain.PermitsOf(h.Intermediate.Cert).Allows(OutsideName) {
		return exam, nil
	}
	out, err := chain.NewOutside(h.Intermediate, OutsideName, e.Now())
	if err != nil {
		return Exam{}, fmt.Errorf("making what clients must refuse: %w", err)
	}
	exam.Outside = serving(out, h.Intermediate)
	return exam, nil
}

// serving is what a server sends: the chain without its root.
func serving(leaf, intermediate chain.Pair) tls.Certificate {
	return tls.Certificate{
		Certificate: [][]byte{leaf.Cert.Raw, intermediate.Cert.Raw}, PrivateKey: leaf.Key, Leaf: leaf.Cert,
	}
}
