package devcert

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// This file has the findings about bindings that ask for a certificate too late.

// Builds of Windows: the first servers and clients with TLS 1.3, and those since
// which a late question is answered with 500.
const (
	buildServer2022, buildWindows11, build24H2 = 20348, 22000, 26100
)

// hasTLS13 says whether servers agree on it: off by the registry, else by default
// from these builds on.
func (s *IISState) hasTLS13() bool {
	if s.Schannel.TLS13.Set {
		return s.Schannel.TLS13.Value != 0
	}
	return s.Build == buildServer2022 || s.Build >= buildWindows11 || s.Build == 0
}

// negotiationFindings are about sites whose binding asks too late.
func negotiationFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, config := range o.IIS.Configs {
		for _, p := range config.Places {
			if !p.asks() {
				continue
			}
			for _, port := range p.Ports {
				f, late := o.lateFinding(c, p, port)
				if late && !slices.ContainsFunc(all, func(g Finding) bool { return g.Where == f.Where }) {
					all = append(all, f)
				}
			}
		}
	}
	return all
}

func (o *Observation) lateFinding(c *Config, p IISPlace, port int) (Finding, bool) {
	b, late := o.IIS.late(port)
	ours := slices.ContainsFunc(o.ownBindings(), func(own Binding) bool { return own.Port == port })
	if known := pickBindings(o.Ports.Bindings, port); len(known) > 0 { // as HTTP.sys itself says
		at := slices.IndexFunc(known, func(b Binding) bool { return b.ClientCerts == AsksNobody })
		late = at >= 0
		if late {
			b.Thumbprint, b.AppID = cmp.Or(b.Thumbprint, known[at].Thumbprint), cmp.Or(b.AppID, known[at].AppID)
		}
	}
	if !late {
		return Finding{}, false
	}
	where := "port " + strconv.Itoa(port)
	f := Finding{
		Kind: IISNegotiationOff, Severity: Warning, Where: where, ports: []int{port},
		Message:     where + " asks for a client certificate only after the handshake, which " + p.Name() + " wants",
		Consequence: "requests with a body can fail with 500 (0x800703e3), or with 403.7",
		Remedy:      b.negotiate(),
	}
	if o.IIS.hasTLS13() && !b.NoTLS13 {
		f.Message += "; TLS 1.3 cannot do that"
		f.Consequence = "clients get ERR_CONNECTION_RESET"
		if o.IIS.Build >= build24H2 {
			f.Consequence = "clients get 500.0 with 0x80070032"
		}
		if c != nil && slices.Contains(c.PortList(), port) {
			f.Severity = Error
		}
	}
	if ours {
		f.Remedy = fmt.Sprintf("devcert ports bind %d --client-certs", port)
	}
	return f, true
}

func pickBindings(all []Binding, port int) []Binding {
	var some []Binding
	for _, b := range all {
		if b.Port == port && b.ClientCerts != AsksUnknown {
			some = append(some, b)
		}
	}
	return some
}

// late says whether a binding of the port does not ask in the handshake, and which.
func (s *IISState) late(port int) (IISBinding, bool) {
	at := slices.IndexFunc(s.Bindings, func(b IISBinding) bool { return b.Port == port && !b.Negotiate })
	if at < 0 {
		return IISBinding{Address: "0.0.0.0:" + strconv.Itoa(port), Port: port}, false
	}
	return s.Bindings[at], true
}

// update begins the command that changes a binding, which netsh wants whole.
func (b IISBinding) update() string {
	key := "ipport="
	if b.Named {
		key = "hostnameport="
	}
	line := "netsh http update sslcert " + key + b.Address + " certhash=" + cmp.Or(b.Thumbprint, "THUMBPRINT") + " appid=" + cmp.Or(b.AppID, "{GUID}")
	if b.Named {
		line += " certstorename=MY"
	}
	return line
}

func (b IISBinding) negotiate() string {
	return b.update() + " clientcertnegotiation=enable"
}
