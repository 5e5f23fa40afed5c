package devcert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"devcert/devcert/lazy"
)

// thumbprintFor is what a wanted port is to present: the certificate that was
// named for it, else the leaf. A nil c names none.
func (c *Config) thumbprintFor(o *Observation, port int) string {
	if c != nil && c.Certs[port] != "" {
		return c.Certs[port]
	}
	return o.leafThumbprint()
}

// wantedBindings are devcert's own, and those of ports for which another
// certificate was named.
func (o *Observation) wantedBindings(c *Config) []Binding {
	bindings := o.ownBindings()
	if c == nil {
		return bindings
	}
	for _, b := range o.Ports.Bindings {
		if c.Certs[b.Port] != "" && b.Thumbprint == c.Certs[b.Port] {
			bindings = append(bindings, b)
		}
	}
	return bindings
}

// manner is what a port is bound to, and how.
type manner struct {
	thumb string // of the certificate that was named; "" for the leaf
	asks  Asks
}

// alike groups ports that are to be bound alike, those of the leaf first.
func (c *Config) alike(ports []int) []Step {
	groups := map[manner][]int{}
	for _, p := range ports {
		as := manner{c.Certs[p], c.asks(p)}
		groups[as] = append(groups[as], p)
	}
	var steps []Step
	for _, as := range slices.SortedStableFunc(maps.Keys(groups), manner.compare) {
		steps = append(steps, bindStep(groups[as], as))
	}
	return steps
}

func (p manner) compare(q manner) int {
	return cmp.Or(cmp.Compare(p.thumb, q.thumb), cmp.Compare(p.asks, q.asks))
}

// asks is what a wanted port is to do; unknown where nobody said it.
func (c *Config) asks(port int) Asks {
	asking, _ := ParsePorts(c.AskPorts) // checked when it was set
	switch {
	case slices.Contains(asking, port):
		return AsksClients
	case slices.Contains(c.unasked, port):
		return AsksNobody
	}
	return AsksUnknown
}

// setAsks has ports do what asks says, from now on.
func (c *Config) setAsks(ports []int, asks Asks) error {
	asking, _ := ParsePorts(c.AskPorts)
	switch asks {
	case AsksUnknown:
		return nil
	case AsksClients:
		asking = slices.Sorted(slices.Values(append(asking, ports...)))
	case AsksNobody:
		asking = slices.DeleteFunc(asking, func(p int) bool { return slices.Contains(ports, p) })
		c.unasked = ports
	}
	return c.setAskPorts(FormatPorts(slices.Compact(asking)))
}

// setAskPorts takes those of the list that are wanted at all.
func (c *Config) setAskPorts(list string) error {
	asking, err := ParsePorts(list)
	if err != nil {
		return err
	}
	wanted := c.PortList()
	asking = slices.DeleteFunc(asking, func(p int) bool { return !slices.Contains(wanted, p) })
	if c.AskPorts = FormatPorts(asking); len(asking) == 0 {
		c.AskPorts = ""
	}
	return nil
}

func (c *Config) setCerts(certs map[int]string) error {
	for port, thumbprint := range certs {
		if port < 1 || port > 65535 {
			return &UsageError{Problem: fmt.Sprintf("%d is not a port", port), Hint: "ports are 1 to 65535"}
		}
		if err := checkThumbprint(thumbprint); err != nil {
			return err
		}
	}
	if c.Certs = certs; len(certs) == 0 {
		c.Certs = nil
	}
	return nil
}

func checkThumbprint(s string) error {
	if len(s) != 40 || strings.Trim(s, "0123456789ABCDEF") != "" {
		return &UsageError{Problem: fmt.Sprintf("%q is not a thumbprint", s), Hint: "a thumbprint is a SHA-1: 40 upper-case hex digits"}
	}
	return nil
}

var guid = lazy.Regexp(`^\{?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$`)

// setAppID takes a GUID, with or without braces. IIS Express's is what "" means.
func (c *Config) setAppID(id string) error {
	if id == "" {
		return nil
	}
	found := guid().FindStringSubmatch(strings.ToLower(id))
	if found == nil {
		return &UsageError{Problem: fmt.Sprintf("%q is not an application id", id), Hint: "an application id is a GUID, as " + IISExpressAppID}
	}
	if c.AppID = "{" + found[1] + "}"; c.AppID == IISExpressAppID {
		c.AppID = ""
	}
	return nil
}
