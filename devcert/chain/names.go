package chain

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// NameError says why a name, a domain or a network is refused. It is the user's
// mistake, never the machine's, and nothing has been made or changed.
type NameError struct {
	Name   string // as it was given
	Reason string // why, in a few words
	Hint   string // what to write or do instead; "" when there is nothing
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%q: %s", e.Name, e.Reason)
}

// DefaultNames lists what every server leaf is for, in the order in which the
// certificate has them. The wildcards have two labels after the star because
// OpenSSL, GnuTLS, curl, Node and Python refuse *.localhost.
func DefaultNames() []string {
	return []string{
		"localhost", "*.dev.localhost", "*.dev.internal",
		"host.docker.internal", "host.containers.internal",
		"127.0.0.1", "::1",
	}
}

// NormalNames joins lists of names into one: each name as [ParseName] writes
// it, without duplicates, in the order of first appearance. The error is a
// *NameError for the first name that is refused.
func NormalNames(lists ...[]string) ([]string, error) {
	var all []string
	for _, list := range lists {
		for _, raw := range list {
			name, err := ParseName(raw)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all, nil
}

// ParseName returns the one spelling of a server's name: a DNS name in lower
// case with A-labels (RFC 5890), one with "*" as its whole first label, or an
// IP address as RFC 5952 writes it, without brackets. Every error is a
// *NameError.
//
// A trailing dot is refused rather than dropped: a SAN cannot carry it
// (RFC 5280, 4.2.1.6), and a client that is given one compares it differently
// from the next.
func ParseName(s string) (string, error) {
	refuse := func(reason, hint string) (string, error) {
		return "", &NameError{Name: s, Reason: reason, Hint: hint}
	}
	if reason, hint := misshapen(s); reason != "" {
		return refuse(reason, hint)
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		if reason, hint := unusableAddress(addr); reason != "" {
			return refuse(reason, hint)
		}
		return addr.String(), nil
	}
	if host, port, found := strings.Cut(s, ":"); found {
		if strings.Contains(port, ":") {
			return refuse("not an IPv6 address", "")
		}
		return refuse("a name has no port", "write "+host)
	}
	base, wildcard := strings.CutPrefix(s, "*.")
	name, reason, hint := hostName(base)
	if reason == "" && wildcard {
		name, reason, hint = wildcardOf(name)
	}
	if reason != "" {
		return refuse(reason, hint)
	}
	return name, nil
}

// misshapen recognises what people type that is no name at all, so that the
// answer can be more helpful than "invalid character".
func misshapen(s string) (reason, hint string) {
	switch {
	case s == "":
		return "empty", ""
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "has a space or a control character", "give each name as a word of its own"
	case strings.HasPrefix(s, "-"):
		return "starts with a hyphen, like a flag", "put flags before or after the names, spelled as in --help"
	case strings.Contains(s, "://"):
		return "a URL, not a name", "write the host alone, without scheme, port and path"
	case strings.Contains(s, "/"):
		return "a path or a network, not a name", "write one host; networks are for --permit"
	case strings.Contains(s, "@"):
		return "an e-mail address, not a server's name", ""
	case strings.ContainsAny(s, "[]"):
		return "has brackets", "write an IPv6 address without brackets and port, as in ::1"
	}
	return "", ""
}

// unusableAddress refuses addresses that no server has, or that have a second
// spelling: clients compare the bytes in the certificate.
func unusableAddress(a netip.Addr) (reason, hint string) {
	switch {
	case a.Zone() != "":
		return "a certificate cannot name an IPv6 zone", "write " + a.WithZone("").String()
	case a.Is4In6():
		return "an IPv4-mapped IPv6 address", "write " + a.Unmap().String()
	case a.IsUnspecified():
		return "the unspecified address, at which nobody can be reached", "name the address that clients connect to, as in 127.0.0.1"
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "a multicast or broadcast address, which is no server's", ""
	}
	return "", ""
}

// hostName is the canonical form of a DNS name without wildcard.
func hostName(s string) (name, reason, hint string) {
	if strings.Contains(s, "*") {
		return "", "a wildcard must be the whole first label", "write it as in *.dev.localhost"
	}
	name, err := toASCII(s)
	if err != nil {
		return "", "not an internationalised domain name", ""
	}
	if strings.HasSuffix(name, ".") {
		return "", "ends with a dot", "write it without the last dot"
	}
	if len(name) > 253 {
		return "", "longer than 253 characters", ""
	}
	for label := range strings.SplitSeq(name, ".") {
		if reason, hint := badLabel(label); reason != "" {
			return "", reason, hint
		}
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; isNumber(last) {
		return "", "ends in a number but is not an IPv4 address", "write all four numbers, in decimal and without leading zeros"
	}
	return name, "", ""
}

// toASCII maps as clients do before a lookup (UTS 46, non-transitional). Names
// that are plain ASCII, nearly all, do not go through the tables.
func toASCII(s string) (string, error) {
	if isPlain(s) {
		return strings.ToLower(s), nil
	}
	name, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", err
	}
	again, err := idna.Lookup.ToASCII(name)
	if err == nil && again != name {
		err = fmt.Errorf("%q is not its own canonical form", name)
	}
	return name, err
}

// isPlain says that s is ASCII and has no label that claims to be an A-label.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return !strings.Contains(strings.ToLower(s), "xn--")
}

// badLabel applies RFC 1034, section 3.5, as amended by RFC 1123, section 2.1,
// and RFC 5890, section 2.3.1.
func badLabel(label string) (reason, hint string) {
	switch {
	case label == "":
		return "has an empty label", "write one dot between labels and none at the ends"
	case len(label) > 63:
		return "has a label longer than 63 characters", ""
	case label[0] == '-' || label[len(label)-1] == '-':
		return "has a label that starts or ends with a hyphen", ""
	case len(label) > 3 && label[2:4] == "--" && label[:2] != "xn":
		return "has a label with hyphens in third and fourth place, which are reserved", ""
	}
	for _, c := range []byte(label) {
		switch {
		case c == '_':
			return "has an underscore, which host names cannot have", "use a hyphen"
		case c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z'):
			return fmt.Sprintf("has the character %q", c), "letters, digits, hyphens and dots are allowed"
		}
	}
	return "", ""
}

// isNumber says that browsers take a name that ends in this label for an IPv4
// address (WHATWG URL, "ends in a number").
func isNumber(label string) bool {
	digits, set := label, "0123456789"
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		digits, set = hex, "0123456789abcdef"
	}
	return strings.Trim(digits, set) == ""
}

// wildcardOf puts a star before base where clients would honour it.
func wildcardOf(base string) (name, reason, hint string) {
	if !strings.Contains(base, ".") {
		hint := "name the hosts one by one"
		if isSpecialUse(base) {
			hint += ", or use *.dev." + base
		}
		return "", "most clients refuse a wildcard with one label after the star", hint
	}
	if suffix, _ := publicsuffix.PublicSuffix(base); suffix == base && !isSpecialUse(base) {
		return "", "a wildcard for everybody below the public suffix " + base, "name the hosts one by one"
	}
	if len(base)+2 > 253 {
		return "", "longer than 253 characters", ""
	}
	return "*." + base, "", ""
}

// outside refuses a canonical name that no constraint permits.
func outside(name string) *NameError {
	e := &NameError{Name: name, Reason: "outside what the root permits"}
	base := strings.TrimPrefix(name, "*.")
	if _, err := ParsePermit(base); err != nil {
		var refusal *NameError
		errors.As(err, &refusal)
		e.Reason += ", which cannot be widened to it: " + refusal.Reason
		e.Hint = refusal.Hint
		return e
	}
	e.Hint = "devcert setup --permit " + base
	return e
}
