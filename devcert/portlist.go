package devcert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
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
		if run.First == run.Last {
			items = append(items, strconv.Itoa(run.First))
		} else {
			items = append(items, fmt.Sprintf("%d-%d", run.First, run.Last))
		}
	}
	return strings.Join(items, ",")
}

// portRuns groups ascending ports into runs without gaps.
func portRuns(ports []int) []PortRange {
	var runs []PortRange
	for _, p := range ports {
		if n := len(runs); n > 0 && runs[n-1].Last == p-1 {
			runs[n-1].Last = p
		} else {
			runs = append(runs, PortRange{p, p})
		}
	}
	return runs
}

func (r PortRange) list() []int {
	var ports []int
	for p := r.First; p <= r.Last; p++ {
		ports = append(ports, p)
	}
	return ports
}
