package devcert

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert/disk"
)

// DefaultPorts are the ports that IIS Express and Visual Studio take for HTTPS.
const DefaultPorts = "44300-44399"

// NoPorts is how a person says that no port is to be bound.
const NoPorts = "none"

// ParsePorts reads a list of ports and ranges, "44300-44399,8443", and returns
// them in ascending order, each once.
func ParsePorts(list string) ([]int, error) {
	var ports []int
	if list == NoPorts || list == "" {
		return nil, nil
	}
	for _, item := range strings.Split(list, ",") {
		from, to, err := parseRange(strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		for p := from; p <= to; p++ {
			ports = append(ports, p)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

func parseRange(item string) (from, to int, err error) {
	first, last, isRange := strings.Cut(item, "-")
	if !isRange {
		last = first
	}
	from, err = parsePort(first, item)
	if err != nil {
		return 0, 0, err
	}
	to, err = parsePort(last, item)
	if err != nil {
		return 0, 0, err
	}
	if from > to {
		return 0, 0, &UsageError{
			Problem: fmt.Sprintf("port range %q is reversed", item),
			Hint:    fmt.Sprintf("write the lower port first: %d-%d", to, from),
		}
	}
	return from, to, nil
}

func parsePort(digits, item string) (int, error) {
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != digits {
		return 0, &UsageError{
			Problem: fmt.Sprintf("%q is not a port or a range of ports", item),
			Hint:    "ports are 1 to 65535; a range is written 44300-44399",
		}
	}
	return int(port), nil
}

// FormatPorts writes ascending ports the way ParsePorts reads them.
func FormatPorts(ports []int) string {
	if len(ports) == 0 {
		return NoPorts
	}
	var items []string
	for _, run := range portRuns(ports) {
		if run[0] == run[1] {
			items = append(items, strconv.Itoa(run[0]))
		} else {
			items = append(items, fmt.Sprintf("%d-%d", run[0], run[1]))
		}
	}
	return strings.Join(items, ",")
}

// portRuns groups ascending ports into runs without gaps: first and last.
func portRuns(ports []int) [][2]int {
	var runs [][2]int
	for _, p := range ports {
		if n := len(runs); n > 0 && runs[n-1][1] == p-1 {
			runs[n-1][1] = p
		} else {
			runs = append(runs, [2]int{p, p})
		}
	}
	return runs
}

// portFindings compares the wanted ports with what is bound, one finding for
// each run of neighbours that lack the same thing.
func portFindings(c *Config, o *Observation) []Finding {
	if o.BindingsErr != nil {
		f := Finding{
			Kind: BindingUnknown, Severity: Error, Where: "ports " + c.Ports,
			Message: "the bindings cannot be read: " + o.BindingsErr.Error(),
			cure:    bindPorts, ports: c.PortList(),
			damage: &disk.Damage{Name: disk.BindingsFile},
		}
		if errors.Is(o.BindingsErr, fs.ErrPermission) { // it may be as good as ever
			f.cure, f.Remedy = noCure, "give its owner the right to read it, or remove it"
		}
		return []Finding{f}
	}
	bound := map[int]string{}
	for _, b := range o.Bindings {
		bound[b.Port] = b.Thumbprint
	}
	var missing, stale []int
	for _, p := range c.PortList() {
		switch thumbprint, ok := bound[p]; {
		case !ok:
			missing = append(missing, p)
		case o.Folder.Hierarchy.Leaf.Cert != nil && thumbprint != o.leafThumbprint():
			stale = append(stale, p)
		}
	}
	return append(
		portRunFindings(BindingMissing, missing, "has no certificate", "have no certificate",
			"a server there cannot be reached over https"),
		portRunFindings(BindingStale, stale, "is bound to another certificate", "are bound to another certificate",
			"a server there presents a certificate that clients do not expect")...)
}

func portRunFindings(kind string, ports []int, one, many, consequence string) []Finding {
	var out []Finding
	for _, run := range portRuns(ports) {
		f := Finding{Kind: kind, Severity: Error, Consequence: consequence, cure: bindPorts}
		for p := run[0]; p <= run[1]; p++ {
			f.ports = append(f.ports, p)
		}
		f.Where = "port " + strconv.Itoa(run[0])
		f.Message = f.Where + " " + one
		if run[0] != run[1] {
			f.Where = fmt.Sprintf("ports %d-%d", run[0], run[1])
			f.Message = f.Where + " " + many
		}
		out = append(out, f)
	}
	return out
}

// listenerFindings says where something answers with another certificate than
// the bound one. That nobody listens is no finding: a server starts when it is
// wanted.
func listenerFindings(o *Observation) []Finding {
	bound := map[int]string{}
	for _, b := range o.Bindings {
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
