package devcert

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
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

// byCertificate groups ports by the thumbprint that was named for them, those of
// the leaf first, under "".
func (c *Config) byCertificate(ports []int) []certPorts {
	groups := map[string][]int{}
	for _, p := range ports {
		groups[c.Certs[p]] = append(groups[c.Certs[p]], p)
	}
	var out []certPorts
	for _, thumbprint := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, certPorts{thumbprint, groups[thumbprint]})
	}
	return out
}

type certPorts struct {
	thumbprint string
	ports      []int
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

var guid = regexp.MustCompile(`^\{?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$`)

// setAppID takes a GUID, with or without braces. IIS Express's is what "" means.
func (c *Config) setAppID(id string) error {
	if id == "" {
		return nil
	}
	found := guid.FindStringSubmatch(strings.ToLower(id))
	if found == nil {
		return &UsageError{Problem: fmt.Sprintf("%q is not an application id", id), Hint: "an application id is a GUID, as " + IISExpressAppID}
	}
	if c.AppID = "{" + found[1] + "}"; c.AppID == IISExpressAppID {
		c.AppID = ""
	}
	return nil
}
