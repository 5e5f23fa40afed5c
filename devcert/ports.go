package devcert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// IISExpressAppID is the application that IIS Express and Visual Studio bind
// their ports for. A binding under it is devcert's to replace: on a machine with
// Visual Studio all hundred exist already.
const IISExpressAppID = "{214124cd-d05b-4309-9af9-9caa44b2b74a}"

// general says that a binding is for whatever no other of its port is for.
func (b Binding) general() bool { return b.Address == "" || b.Address == "0.0.0.0" }

// verdict is what is to become of one wanted port.
type verdict struct {
	kind    string // of the finding; "" to keep it as it is
	binding Binding
	ours    bool // to change; otherwise it is left to its owner
	asks    Asks // what alone is to change of the binding
}

// judgePort compares one wanted port with what is bound there. What another
// binding of the port hides is found only after the port's own is right.
func judgePort(c *Config, o *Observation, port int) verdict {
	wanted := c.thumbprintFor(o, port)
	var own *Binding
	var hides []Binding
	for i := range o.Ports.Bindings { // no copies: hundreds of them, for each of a hundred ports
		switch b := &o.Ports.Bindings[i]; {
		case b.Port != port:
		case b.general():
			own = b
		case wanted != "" && b.Thumbprint != wanted:
			hides = append(hides, *b)
		}
	}
	switch {
	case own == nil:
		return verdict{kind: BindingMissing, ours: true}
	case own.Thumbprint != wanted && c.foreign(o, *own):
		return verdict{kind: BindingForeign, binding: *own, ours: c.takeOver}
	case own.Thumbprint != wanted && wanted != "":
		return verdict{kind: BindingStale, binding: *own, ours: true}
	case c.asksOtherwise(*own) && c.Certs[port] != "" && c.foreign(o, *own):
		return verdict{kind: BindingForeign, binding: *own, ours: c.takeOver}
	case c.asksOtherwise(*own):
		return verdict{kind: BindingStale, binding: *own, ours: true, asks: c.asks(port)}
	case len(hides) > 0:
		return verdict{kind: BindingShadowed, binding: hides[0], ours: c.takeOver || !c.foreign(o, hides[0])}
	case o.Ports.Reserves && !slices.Contains(o.Ports.Reserved, port):
		return verdict{kind: ReservationMissing, binding: *own, ours: true}
	}
	return verdict{binding: *own}
}

// asksOtherwise says that a binding is known to do another thing about client
// certificates than was asked for.
func (c *Config) asksOtherwise(b Binding) bool {
	wanted := c.asks(b.Port)
	return wanted != AsksUnknown && b.ClientCerts != AsksUnknown && b.ClientCerts != wanted
}

// foreign says that a binding is not devcert's to replace unasked: it is neither
// its own nor IIS Express's, or it is to the leaf of another user's devcert.
func (c *Config) foreign(o *Observation, b Binding) bool {
	leaf := o.otherLeaf(b.Thumbprint)
	switch {
	case b.AppID == "":
		return false
	case leaf != nil:
		return !sameUser(leaf, o.Owner)
	}
	return b.AppID != IISExpressAppID && b.AppID != c.AppID
}

// otherLeaf is the leaf with this thumbprint that a store has besides the
// present one; nil when there is none.
func (o *Observation) otherLeaf(thumbprint string) *x509.Certificate {
	for _, s := range o.Stores {
		for _, p := range s.Places {
			for _, cert := range p.Others {
				if !cert.IsCA && chain.Thumbprint(cert) == thumbprint {
					return cert
				}
			}
		}
	}
	return nil
}

// ownBindings are those to a leaf of this user, present or former. Where the
// binder is devcert's own, all are.
func (o *Observation) ownBindings() []Binding {
	var own []Binding
	for _, b := range o.Ports.Bindings {
		former := o.otherLeaf(b.Thumbprint)
		if b.AppID == "" || b.Thumbprint == o.leafThumbprint() || former != nil && sameUser(former, o.Owner) {
			own = append(own, b)
		}
	}
	return own
}

// brokenBindings are what is wrong with IIS Express's own bindings on a machine
// where devcert was never set up, one finding for each reason.
func brokenBindings(o *Observation) []Finding {
	ports := map[string][]int{}
	for _, b := range o.Ports.Bindings {
		if b.Broken != "" && b.AppID == IISExpressAppID {
			ports[b.Broken] = append(ports[b.Broken], b.Port)
		}
	}
	var all []Finding
	for _, why := range slices.Sorted(maps.Keys(ports)) {
		for _, run := range portRuns(ports[why]) {
			f := Finding{
				Kind: BindingStale, Severity: Error, Message: "a certificate that cannot be served: " + why,
				Consequence: "IIS Express answers ERR_CONNECTION_RESET there", ports: run.list(),
			}
			f.namePorts()
			f.Remedy = "devcert setup"
			all = append(all, f)
		}
	}
	return all
}

// portsOf lists the ports of bindings, ascending, each once.
func portsOf(bindings []Binding) []int {
	var ports []int
	for _, b := range bindings {
		ports = append(ports, b.Port)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// bindablePorts are the wanted ports that a new leaf changes: not those left to
// their owners, nor those that present another certificate as they should.
func bindablePorts(c *Config, o *Observation) []int {
	if c.leavesPorts(o) {
		return nil
	}
	return slices.DeleteFunc(c.PortList(), func(port int) bool {
		v := judgePort(c, o, port)
		return v.kind == BindingForeign && !v.ours || v.kind == "" && c.Certs[port] != ""
	})
}

// portFindings compares the wanted ports with what is bound, one finding for
// each run of neighbours of which the same is to be said.
func portFindings(c *Config, o *Observation) []Finding {
	if o.PortsErr != nil {
		return []Finding{portsUnread(c, o)}
	}
	if c.leavesPorts(o) {
		return leftPorts(c, o)
	}
	var all []Finding
	var last verdict
	for _, port := range c.PortList() {
		v := judgePort(c, o, port)
		v.binding.Port = 0 // what is compared is the rest
		if v.kind == BindingStale {
			v.binding = Binding{} // whatever they present now, they get the leaf
		}
		switch n := len(all); {
		case v.kind == "":
		case n > 0 && v == last && all[n-1].ports[len(all[n-1].ports)-1] == port-1:
			all[n-1].ports = append(all[n-1].ports, port)
		default:
			all = append(all, v.finding(port))
		}
		last = v
	}
	for i := range all {
		all[i].namePorts()
	}
	return slices.Concat(all, namedFindings(c, o), excludedPorts(c, o))
}

// leavesPorts says that only an administrator may bind, and that the scope asks for
// nothing of the kind.
func (c *Config) leavesPorts(o *Observation) bool { return c.Scope == ScopeUser && o.Ports.Machine }

// leftPorts says which ports that leaves without the leaf.
func leftPorts(c *Config, o *Observation) []Finding {
	var left []int
	for _, port := range c.PortList() {
		if judgePort(c, o, port).kind != "" {
			left = append(left, port)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return []Finding{{
		Kind: BindingMissing, Severity: Warning, Where: "ports " + FormatPorts(left),
		Message:     "ports " + FormatPorts(left) + " do not present the leaf: only an administrator may bind them, and the scope is user",
		Consequence: "IIS Express presents its own certificate there, or none",
		Remedy:      "devcert setup --scope machine, or --ports none",
	}}
}

// portsUnread: what is bound is not known, and is not taken for nothing.
func portsUnread(c *Config, o *Observation) Finding {
	f := Finding{
		Kind: BindingUnknown, Severity: Error, Where: "ports " + FormatPorts(c.PortList()),
		Message: "the bindings cannot be read: " + inLine(o.PortsErr),
		cure:    bindPorts, ports: c.PortList(),
	}
	if errors.Is(o.PortsErr, ErrTableDamaged) {
		f.damage = &disk.Damage{Name: disk.BindingsFile}
	}
	var remedied interface{ Remedy() string }
	if errors.As(o.PortsErr, &remedied) {
		f.Remedy = remedied.Remedy()
	}
	if errors.Is(o.PortsErr, fs.ErrPermission) { // it may be as good as ever
		f.cure, f.Remedy = noCure, "give its owner the right to read it, or remove it"
	}
	return f
}

// inLine is an error as a part of a line: what errors.Join puts below one another
// stands in a row.
func inLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// finding is what a verdict says of one port. Its message begins with what
// [Finding.namePorts] puts before it.
func (v verdict) finding(port int) Finding {
	f := Finding{Kind: v.kind, Severity: Error, cure: bindPorts, ports: []int{port}}
	switch v.kind {
	case BindingMissing:
		f.Message, f.Consequence = "no certificate", "a server there cannot be reached over https"
	case BindingStale:
		f.Message = "another certificate than devcert's"
		f.Consequence = "a server there presents a certificate that clients do not expect"
		if v.asks != AsksUnknown {
			f.Message, f.Consequence = v.asks.lacking()
		}
	case BindingForeign:
		f.Message = fmt.Sprintf("a certificate of another application, %s, SHA-1 %s", v.binding.AppID, v.binding.Thumbprint)
		f.Consequence = "https there is that application's"
	case BindingShadowed:
		f.Message = fmt.Sprintf("a binding for %s that hides devcert's, SHA-1 %s", v.binding.Address, v.binding.Thumbprint)
		f.Consequence = "clients that come that way get its certificate"
	case ReservationMissing:
		f.Message, f.Consequence = "no URL reservation", "a server there cannot listen without administrator rights"
	}
	if !v.ours {
		f.Severity, f.cure = Warning, noCure
	}
	return f
}

// lacking says what is wrong where a binding does not do as a says, and what
// comes of it.
func (a Asks) lacking() (message, consequence string) {
	if a == AsksNobody {
		return "a binding that asks clients for a certificate", "browsers offer to choose one there"
	}
	return "a binding that asks clients for no certificate", "a server that wants one later breaks the connection: TLS 1.3 does not ask twice"
}

// namePorts says which ports a finding is about.
func (f *Finding) namePorts() {
	first, last := f.ports[0], f.ports[len(f.ports)-1]
	verb := "has"
	f.Where = "port " + strconv.Itoa(first)
	if first != last {
		f.Where, verb = fmt.Sprintf("ports %d-%d", first, last), "have"
	}
	f.Message = fmt.Sprintf("%s %s %s", f.Where, verb, f.Message)
	if f.cure == noCure {
		f.Remedy = fmt.Sprintf("if devcert is to have it: devcert ports bind %s --take-over", FormatPorts(f.ports))
	}
}

// excludedPorts are wanted ones that the system keeps for itself, Hyper-V's above
// all. A binding to one is possible, but no server can listen on it.
func excludedPorts(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, r := range o.Ports.Excluded {
		ports := slices.DeleteFunc(c.PortList(), func(p int) bool { return p < r.First || p > r.Last })
		if len(ports) == 0 {
			continue
		}
		f := Finding{
			Kind: PortExcluded, Severity: Warning, ports: ports, Message: "no server: the system excludes it",
			Consequence: "a server there fails with \"access denied\" (10013)",
		}
		f.namePorts()
		f.Remedy = "restart the service that reserved it, for Hyper-V: net stop winnat, then net start winnat"
		all = append(all, f)
	}
	return all
}

// listenerFindings says where something answers with another certificate than
// the bound one. That nobody listens is no finding: a server starts when it is
// wanted.
func listenerFindings(c *Config, o *Observation) []Finding {
	bound := map[int]string{}
	for _, b := range o.wantedBindings(c) {
		bound[b.Port] = b.Thumbprint
	}
	var out []Finding
	for _, a := range o.Answers {
		where := "port " + strconv.Itoa(a.Port)
		switch {
		case a.Listener != "" && a.Err != nil:
			out = append(out, Finding{
				Kind: ListenerDiffers, Severity: Error, Where: where, ports: []int{a.Port},
				Message:     fmt.Sprintf("%s does not answer alike on 127.0.0.1 and ::1: %v", where, a.Err),
				Consequence: "which of the two a client gets depends on how it resolves localhost",
				Remedy:      "see which programs listen there: ss -ltnp sport = :" + strconv.Itoa(a.Port),
			})
		case a.Listener != "" && a.Listener != bound[a.Port]:
			out = append(out, Finding{
				Kind: ListenerDiffers, Severity: Error, Where: where, ports: []int{a.Port},
				Message:     fmt.Sprintf("%s answers with another certificate, SHA-1 %s", where, a.Listener),
				Consequence: "the program that listens there brought its own certificate",
				Remedy:      "give that program localhost.pem and localhost-key.pem of the state folder",
			})
		case a.Listener == "" && a.Err != nil:
			out = append(out, Finding{
				Kind: ListenerDiffers, Severity: Warning, Where: where, ports: []int{a.Port},
				Message: fmt.Sprintf("%s takes connections but presents no certificate: %v", where, a.Err),
				Remedy:  "see which program listens there: ss -ltnp sport = :" + strconv.Itoa(a.Port),
			})
		}
	}
	return out
}
