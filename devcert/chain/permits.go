package chain

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Permits is what the name constraints of a hierarchy allow: each domain with
// everything below it, and each network. The zero value permits nothing.
type Permits struct {
	Domains  []string       // canonical DNS names, no wildcard, no leading dot
	Networks []netip.Prefix // masked
}

// MaxPermits bounds domains and networks together: the constraints travel in
// every handshake, and clients compare every name with every one of them.
const MaxPermits = 100

// Prefixes shorter than these are refused. 10.0.0.0/8 is the widest private
// network there is; in IPv6 a site has a /48 and a registry a /16 at most, and
// what is shorter reaches over everybody's addresses.
const (
	minBits4 = 8
	minBits6 = 16
)

// DefaultPermits is what every hierarchy allows. Networks are among them
// because constraints on DNS names alone leave every IP address open (RFC 5280,
// 4.2.1.10: no restriction on a type that is not named).
func DefaultPermits() Permits {
	return Permits{
		Domains: []string{"localhost", "test", "dev.internal", "host.containers.internal", "host.docker.internal"},
		Networks: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8),
			netip.PrefixFrom(netip.IPv6Loopback(), 128),
		},
	}
}

// isSpecialUse lists the top-level domains (and home.arpa) that nobody can buy
// a name in, so that permitting them takes nobody's: RFC 6761, RFC 6762, RFC
// 8375, ICANN's reservation of "internal", and those of RFC 6762, appendix G,
// that ICANN will not delegate.
func isSpecialUse(domain string) bool {
	switch domain {
	case "localhost", "test", "example", "invalid", "local", "internal",
		"intranet", "private", "corp", "home", "lan", "home.arpa":
		return true
	}
	return false
}

// ParsePermit reads one domain or one network: a DNS name, which stands for
// itself and all below it, a CIDR prefix, or one IP address. Host bits after a
// prefix are dropped. Every error is a *NameError.
func ParsePermit(s string) (Permits, error) {
	p, err := parsePermit(s)
	if err != nil {
		return Permits{}, err
	}
	if err := p.refusedToday(); err != nil {
		return Permits{}, &NameError{Name: s, Reason: err.Reason, Hint: err.Hint}
	}
	return p, nil
}

// parsePermit is ParsePermit without the public suffixes below top-level
// domains: their list grows.
func parsePermit(s string) (Permits, error) {
	refuse := func(reason, hint string) (Permits, error) {
		return Permits{}, &NameError{Name: s, Reason: reason, Hint: hint}
	}
	if prefix, err := netip.ParsePrefix(s); err == nil {
		prefix = prefix.Masked()
		if reason, hint := unusableNetwork(prefix); reason != "" {
			return refuse(reason, hint)
		}
		return Permits{Networks: []netip.Prefix{prefix}}, nil
	}
	if strings.Contains(s, "://") {
		return refuse("a URL, not a domain", "write the domain alone, without scheme, port and path")
	}
	if strings.Contains(s, "/") {
		return refuse("not a network", "write it as in 192.168.1.0/24")
	}
	if base, found := strings.CutPrefix(s, "*."); found && base != "" {
		return refuse("a permitted domain has no wildcard", "write "+base+": it stands for all names below it")
	}
	if strings.Contains(s, "*") {
		return refuse("a permitted domain has no wildcard", "write the domain: it stands for all names below it")
	}
	if base, found := strings.CutPrefix(s, "."); found && base != "" {
		return refuse("starts with a dot, which would exclude the name itself", "write "+base)
	}
	name, err := ParseName(s)
	if err != nil {
		return Permits{}, err
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return Permits{Networks: []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}}, nil
	}
	if reason, hint := unusableDomain(name); reason != "" && !strings.Contains(name, ".") {
		return refuse(reason, hint)
	}
	return Permits{Domains: []string{name}}, nil
}

// refusedToday says below which domain strangers have names by now. It may not
// have been so when a root was made.
func (p Permits) refusedToday() *NameError {
	for _, domain := range p.Domains {
		if reason, hint := unusableDomain(domain); reason != "" {
			return &NameError{Name: domain, Reason: reason, Hint: hint}
		}
	}
	return nil
}

// unusableDomain refuses domains below which strangers have names.
func unusableDomain(name string) (reason, hint string) {
	if isSpecialUse(name) {
		return "", ""
	}
	suffix, icann := publicsuffix.PublicSuffix(name)
	switch {
	case suffix != name:
		return "", ""
	case icann, strings.Contains(name, "."):
		return "a public suffix: anybody can have a name below it", "permit your own domain, as in app." + name
	}
	return "a top-level domain", "use a name below test or internal, as in " + name + ".test"
}

func unusableNetwork(p netip.Prefix) (reason, hint string) {
	shortest := minBits6
	if p.Addr().Is4() {
		shortest = minBits4
	}
	switch {
	case p.Bits() == 0:
		return "every address there is", "permit your own network, as in 192.168.1.0/24"
	case p.Addr().Is4In6():
		return "IPv4-mapped IPv6 addresses", "write the network as IPv4"
	case p.Bits() < shortest:
		return "too wide a network", "permit at most a /8 of IPv4 or a /16 of IPv6"
	}
	return unusableAddress(p.Addr())
}

// refused says why p cannot stand in a new root.
func (p Permits) refused() error {
	if err := p.neverAllowed(); err != nil {
		return err
	}
	if err := p.refusedToday(); err != nil {
		return err
	}
	return nil
}

// neverAllowed says why p never stood in a root: an entry that [ParsePermit]
// would not have returned, too many, or none of one kind, which would leave that
// kind unrestricted.
func (p Permits) neverAllowed() error {
	switch {
	case len(p.Domains) == 0:
		return errors.New("permits no domain, which leaves all domains open")
	case len(p.Networks) == 0:
		return errors.New("permits no network, which leaves all addresses open")
	case p.Len() > MaxPermits:
		return fmt.Errorf("permits more than %d domains and networks", MaxPermits)
	}
	for _, entry := range p.entries() {
		q, err := parsePermit(entry)
		if err != nil {
			return err
		}
		if canonical := q.entries()[0]; canonical != entry {
			return &NameError{Name: entry, Reason: "not in canonical form", Hint: "write " + canonical}
		}
	}
	return nil
}

// With is the union of both, in a fixed order and without duplicates: domains
// with fewer labels first, then by letter; IPv4 before IPv6.
func (p Permits) With(q Permits) Permits {
	domains := slices.Concat(p.Domains, q.Domains)
	slices.SortFunc(domains, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "."), strings.Count(b, ".")), cmp.Compare(a, b))
	})
	networks := slices.Concat(p.Networks, q.Networks)
	slices.SortFunc(networks, netip.Prefix.Compare)
	return Permits{Domains: slices.Compact(domains), Networks: slices.Compact(networks)}
}

// Allows says whether a certificate for name, as [ParseName] writes it, is
// within p. For a wildcard that means the domain after the star.
func (p Permits) Allows(name string) bool {
	if addr, err := netip.ParseAddr(name); err == nil {
		return slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(addr) })
	}
	name = strings.TrimPrefix(name, "*.")
	return slices.ContainsFunc(p.Domains, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) })
}

// Covers says whether p allows all that q allows.
func (p Permits) Covers(q Permits) bool {
	for _, n := range q.Networks {
		if !slices.ContainsFunc(p.Networks, func(o netip.Prefix) bool { return o.Bits() <= n.Bits() && o.Contains(n.Addr()) }) {
			return false
		}
	}
	return !slices.ContainsFunc(q.Domains, func(d string) bool { return !p.Allows(d) })
}

// Len counts domains and networks together.
func (p Permits) Len() int { return len(p.Domains) + len(p.Networks) }

// Equal says whether both list the same entries, in whatever order.
func (p Permits) Equal(q Permits) bool {
	a, b := p.With(Permits{}), q.With(Permits{})
	return slices.Equal(a.Domains, b.Domains) && slices.Equal(a.Networks, b.Networks)
}

// PermitsOf reads what the name constraints of cert permit, in their order.
// What they exclude and other kinds of names are left out; see [CheckRoot].
func PermitsOf(cert *x509.Certificate) Permits {
	p := Permits{Domains: slices.Clone(cert.PermittedDNSDomains)}
	for _, n := range cert.PermittedIPRanges {
		addr, ok := netip.AddrFromSlice(n.IP)
		ones, bits := n.Mask.Size()
		if ok && bits == addr.BitLen() {
			p.Networks = append(p.Networks, netip.PrefixFrom(addr, ones))
		}
	}
	return p
}

// ipNets carries the masks: a constraint without one is BAD_DER to Firefox.
func (p Permits) ipNets() []*net.IPNet {
	var nets []*net.IPNet
	for _, n := range p.Networks {
		nets = append(nets, &net.IPNet{IP: n.Addr().AsSlice(), Mask: net.CIDRMask(n.Bits(), n.Addr().BitLen())})
	}
	return nets
}

func (p Permits) entries() []string {
	list := slices.Clone(p.Domains)
	for _, n := range p.Networks {
		list = append(list, n.String())
	}
	return list
}

// String lists the entries for a person: "localhost, test, 127.0.0.0/8".
func (p Permits) String() string { return strings.Join(p.entries(), ", ") }
