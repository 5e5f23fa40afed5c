package devcert

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
)

// ErrNotSetUp is returned by what needs a hierarchy where there is none.
var ErrNotSetUp = errors.New("nothing has been set up for this user")

// notSetUp is a command's error of that. hint is the command that makes one.
func notSetUp(hint string) error { return &UsageError{Problem: ErrNotSetUp.Error(), Hint: hint} }

// BindPorts binds ports, and wants them bound from now on. cert names the
// certificate: "localhost" for the leaf, a name under which one was issued, or a
// thumbprint. asks says what they do
// about client certificates from now on; AsksUnknown leaves that as it is.
func (e *Engine) BindPorts(ctx context.Context, ports []int, cert string, asks Asks) (*Report, error) {
	r, err := e.look(ctx, depth{}, nil)
	if err != nil {
		return nil, err
	}
	thumbprint, err := e.bindable(r, cert)
	if err != nil {
		return nil, err
	}
	if asks == AsksClients && !r.Seen.Ports.ClientCerts {
		return nil, &UsageError{
			Problem: "whether clients are asked for a certificate is not a matter of the binding here, as it is with HTTP.sys",
			Hint:    "bind the port without it; devcert serve --client-cert require asks",
		}
	}
	return e.changePorts(ctx, func(c *Config) ([]int, error) {
		certs := maps.Clone(c.Certs)
		if certs == nil {
			certs = map[int]string{}
		}
		for _, p := range ports {
			certs[p] = thumbprint
			if thumbprint == "" {
				delete(certs, p)
			}
		}
		all := append(c.ownPorts(), ports...)
		c.Ports = FormatPorts(slices.Compact(slices.Sorted(slices.Values(all))))
		return all, firstError(
			func() error { return c.setCerts(certs) },
			func() error { return c.setAsks(ports, asks) },
		)
	})
}

// UnbindPorts unbinds ports, all when there are none, and wants them unbound
// from now on.
func (e *Engine) UnbindPorts(ctx context.Context, ports []int) (*Report, error) {
	return e.changePorts(ctx, func(c *Config) ([]int, error) {
		gone := func(p int) bool { return len(ports) == 0 || slices.Contains(ports, p) }
		c.withoutPorts(gone)
		certs := maps.Clone(c.Certs)
		maps.DeleteFunc(certs, func(p int, _ string) bool { return gone(p) })
		return slices.DeleteFunc(c.ownPorts(), gone), c.setCerts(certs)
	})
}

// changePorts wants the ports that wanted gives, and changes no others. wanted may
// change the configuration's certificates too.
func (e *Engine) changePorts(ctx context.Context, wanted func(*Config) ([]int, error)) (*Report, error) {
	r, err := e.look(ctx, depth{}, nil)
	if err != nil {
		return nil, err
	}
	if r.Config == nil || r.Seen.leafThumbprint() == "" {
		return nil, notSetUp("devcert setup")
	}
	return e.change(ctx, goal{
		want: func(c *Config) (*Config, error) {
			if c == nil {
				return nil, notSetUp("devcert setup")
			}
			out := *c
			ports, err := wanted(&out)
			if err != nil {
				return nil, err
			}
			slices.Sort(ports)
			out.Ports = FormatPorts(slices.Compact(ports))
			return &out, firstError(func() error { return out.setAskPorts(out.AskPorts) }, out.sizeFits)
		},
		pick: func(all []Finding) []Finding {
			return pick(all, func(f Finding) bool { return f.cure == bindPorts })
		},
	})
}

// BindingState is what a port's binding is worth now.
type BindingState string

// The states of a binding. What a port that nobody probed would answer is not
// known: it is bound, no more.
const (
	BindingBound  BindingState = "bound"
	BindingLive   BindingState = "live" // a listener presents the bound certificate
	BindingGone   BindingState = "missing"
	BindingOld    BindingState = "stale"
	BindingOther  BindingState = "foreign" // another application's, or a listener presents another certificate
	BindingHidden BindingState = "shadowed"
	BindingOff    BindingState = "excluded" // the system keeps the port for itself
	BindingUnread BindingState = "unknown"
)

// PortState is one port that is wanted or bound.
type PortState struct {
	Port       int
	Address    string // that answered, or that a server is to listen on
	AppID      string // that the binding is for; "" where there are none
	Foreign    bool   // bound by another application, or for another user
	State      BindingState
	Thumbprint string // bound; "" when none
	Name       string // what that certificate was issued as; "" for the leaf and others
	Listener   string // presented; "" when none, or not probed
	// ClientCerts says whether the binding asks clients for a certificate.
	ClientCerts Asks
	Silent      bool // probed, and nobody listens
}

// stateOf is what the findings about ports make of a binding.
var stateOf = map[string]BindingState{
	BindingStale: BindingOld, BindingForeign: BindingOther, BindingShadowed: BindingHidden, PortExcluded: BindingOff,
}

// PortStates lists every port that is wanted or bound, ascending.
func (r *Report) PortStates() []PortState {
	states := map[int]*PortState{}
	if r.Config != nil {
		for _, p := range r.Config.PortList() {
			states[p] = &PortState{Port: p, Address: "localhost", State: BindingGone}
			if r.Seen.PortsErr != nil {
				states[p].State = BindingUnread
			}
		}
	}
	for _, b := range r.Seen.wantedBindings(r.Config) {
		states[b.Port] = &PortState{Port: b.Port, State: BindingBound}
		if b.Thumbprint != r.Config.thumbprintFor(r.Seen, b.Port) {
			states[b.Port].State = BindingOld
		}
	}
	for _, b := range r.Seen.Ports.Bindings {
		if s := states[b.Port]; s != nil && (b.general() || s.Thumbprint == "") {
			s.Address, s.Thumbprint, s.AppID = cmp.Or(b.Address, "localhost"), b.Thumbprint, b.AppID
			s.ClientCerts = b.ClientCerts
		}
	}
	for _, f := range r.Findings {
		for _, port := range f.ports {
			if state, ok := stateOf[f.Kind]; ok && states[port] != nil {
				states[port].State, states[port].Foreign = state, f.Kind == BindingForeign
			}
		}
	}
	for _, a := range r.Seen.Answers {
		if s := states[a.Port]; s != nil {
			s.answered(a)
		}
	}
	for _, port := range r.only { // asked for by a person, who wants an answer
		if states[port] == nil {
			states[port] = r.Seen.unwantedPort(port)
		}
	}
	var out []PortState
	for _, port := range slices.Sorted(maps.Keys(states)) {
		states[port].Name = r.Seen.nameOf(states[port].Thumbprint)
		if len(r.only) == 0 || slices.Contains(r.only, port) {
			out = append(out, *states[port])
		}
	}
	return out
}

// unwantedPort is the state of a port that nobody asked to be bound.
func (o *Observation) unwantedPort(port int) *PortState {
	for _, b := range o.Ports.Bindings {
		if b.Port == port {
			return &PortState{
				Port: port, Address: cmp.Or(b.Address, "localhost"), State: BindingOther, Foreign: true,
				Thumbprint: b.Thumbprint, AppID: b.AppID, ClientCerts: b.ClientCerts,
			}
		}
	}
	return &PortState{Port: port, Address: "localhost", State: BindingGone}
}

func (s *PortState) answered(a Answer) {
	switch {
	case a.Listener == "":
		s.Silent = a.Err == nil
		return
	case s.State == BindingBound && a.Listener == s.Thumbprint:
		s.State = BindingLive
	case s.State == BindingBound:
		s.State = BindingOther
	}
	s.Address, s.Listener = a.Address, a.Listener
}

// OnlyPorts is the report as if there were no other ports than these; all of
// them when there are none.
func (r *Report) OnlyPorts(ports []int) *Report {
	out := *r
	out.Findings = pick(r.Findings, func(f Finding) bool {
		return len(f.ports) > 0 && (len(ports) == 0 || slices.ContainsFunc(f.ports, func(p int) bool { return slices.Contains(ports, p) }))
	})
	out.only = ports
	return &out
}
