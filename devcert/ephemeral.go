package devcert

import (
	"fmt"
	"slices"
)

// Ephemeral is which ports a system lends to outgoing connections: those of the
// range but the reserved. A server cannot listen on one while it is lent.
type Ephemeral struct {
	Range    PortRange // the zero value for none that is known
	Reserved []PortRange
}

// lends says whether a connection may get the port.
func (e Ephemeral) lends(port int) bool {
	reserved := slices.ContainsFunc(e.Reserved, func(r PortRange) bool { return r.has(port) })
	return e.Range.has(port) && !reserved
}

func (r PortRange) has(port int) bool { return r.First <= port && port <= r.Last }

// keeping is what is reserved with ports besides, as the system writes it.
func (e Ephemeral) keeping(ports []int) string {
	all := slices.Clone(ports)
	for _, r := range e.Reserved {
		for p := r.First; p <= r.Last; p++ {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return FormatPorts(slices.Compact(all))
}

// ephemeralFindings is at most one: it is about the machine's settings, which
// are not devcert's to change, and true of every Linux that nobody told otherwise.
func ephemeralFindings(c *Config, o *Observation) []Finding {
	lent := slices.DeleteFunc(c.PortList(), func(p int) bool { return !o.ephemeral.lends(p) })
	if len(lent) == 0 {
		return nil
	}
	ports := FormatPorts(lent)
	return []Finding{{
		Kind: PortEphemeral, Severity: Warning, Where: "ports " + ports, ports: lent,
		Message: fmt.Sprintf("ports %s lie among those that the system lends to outgoing connections (%d-%d)",
			ports, o.ephemeral.Range.First, o.ephemeral.Range.Last),
		Consequence: "now and then one is in use when a server wants to listen there",
		Remedy:      "sudo sysctl -w net.ipv4.ip_local_reserved_ports=" + o.ephemeral.keeping(lent),
	}}
}

// AsSetUp says that nothing is to be said but of the system's own settings.
func (r *Report) AsSetUp() bool {
	return r.Config != nil && !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Kind != PortEphemeral })
}
