package clientauth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"slices"
	"strings"
)

type extension = pkix.Extension

// names is check_name_constraints: the names of each certificate against the
// constraints of all above it. OpenSSL, and .NET with it, also hold a leaf's common
// name for a DNS name when it looks like one and no DNS name stands in the SAN.
func (o opensslCheck) names(p *sslPath) {
	for i := len(p.certs) - 1; i >= 0; i-- {
		c := p.certs[i]
		if i > 0 && selfIssued(c) {
			continue
		}
		for j := len(p.certs) - 1; j > i; j-- {
			if code := constrained(p.certs[j], c, i == 0); code != 0 {
				p.add(code, i)
			}
		}
	}
}

// constrained is the error that an authority's constraints make of c; 0 for none.
func constrained(authority, c *x509.Certificate, leaf bool) int {
	dns := slices.Clone(c.DNSNames)
	if leaf && len(dns) == 0 {
		for _, name := range commonNames(c) {
			if looksLikeHost(name) {
				dns = append(dns, name)
			}
		}
	}
	mails := append(slices.Clone(c.EmailAddresses), subjectMails(c)...)
	for _, code := range []int{
		within(dns, authority.PermittedDNSDomains, authority.ExcludedDNSDomains, dnsWithin),
		within(mails, authority.PermittedEmailAddresses, authority.ExcludedEmailAddresses, mailWithin),
		within(c.URIs, authority.PermittedURIDomains, authority.ExcludedURIDomains, uriWithin),
		within(c.IPAddresses, authority.PermittedIPRanges, authority.ExcludedIPRanges, ipWithin),
	} {
		if code != 0 {
			return code
		}
	}
	return 0
}

// within judges names of one kind: constraints of a kind bind that kind alone.
func within[N, C any](names []N, permitted, forbidden []C, in func(N, C) bool) int {
	for _, name := range names {
		matches := func(c C) bool { return in(name, c) }
		if len(permitted) > 0 && !slices.ContainsFunc(permitted, matches) {
			return notPermitted
		}
		if slices.ContainsFunc(forbidden, matches) {
			return excluded
		}
	}
	return 0
}

// dnsWithin is nc_dns: a constraint matches itself and what ends in it at a dot.
func dnsWithin(name, base string) bool {
	name, base = strings.ToLower(name), strings.ToLower(base)
	if base == "" || name == base {
		return true
	}
	if !strings.HasSuffix(name, base) {
		return false
	}
	return base[0] == '.' || name[len(name)-len(base)-1] == '.'
}

// mailWithin is nc_email: an address, a host, or with a leading dot all under it.
func mailWithin(mail, base string) bool {
	at := strings.LastIndexByte(mail, '@')
	if at < 0 {
		return false
	}
	if baseAt := strings.LastIndexByte(base, '@'); baseAt >= 0 {
		return mail[:at] == base[:baseAt] && strings.EqualFold(mail[at:], base[baseAt:])
	}
	return hostWithin(mail[at+1:], base)
}

// uriWithin is nc_uri: by the URI's host, without port.
func uriWithin(u *url.URL, base string) bool { return hostWithin(u.Hostname(), base) }

func hostWithin(host, base string) bool {
	if strings.HasPrefix(base, ".") {
		return len(host) > len(base) && strings.HasSuffix(strings.ToLower(host), strings.ToLower(base))
	}
	return base == "" || strings.EqualFold(host, base)
}

func ipWithin(ip net.IP, base *net.IPNet) bool {
	if four := ip.To4(); four != nil {
		ip = four
	}
	return len(ip) == len(base.IP) && base.Contains(ip)
}

func commonNames(c *x509.Certificate) []string { return subjectValues(c, 2, 5, 4, 3) }

func subjectMails(c *x509.Certificate) []string {
	return subjectValues(c, 1, 2, 840, 113549, 1, 9, 1)
}

func subjectValues(c *x509.Certificate, id ...int) []string {
	var all []string
	for _, part := range c.Subject.Names {
		if text, ok := part.Value.(string); ok && part.Type.Equal(id) {
			all = append(all, text)
		}
	}
	return all
}

// looksLikeHost is cn2dnsid in crypto/x509/v3_ncons.c: two labels or more, of
// letters, digits, underscores, and hyphens inside. "alice.smith" is one.
func looksLikeHost(name string) bool {
	name = strings.TrimRight(name, "\x00")
	dotted := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_':
		case i == 0 || i == len(name)-1:
			return false
		case c == '-':
		case c == '.' && name[i+1] != '.' && name[i-1] != '-' && name[i+1] != '-':
			dotted = true
		default:
			return false
		}
	}
	return dotted
}
