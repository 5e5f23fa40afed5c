package chain

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"
)

// normal gives every name its one spelling, without duplicates. What depends on
// an issuer is not looked at.
func (o ClientOptions) normal() (ClientOptions, error) {
	if reason, hint := unusableSubject(o.Name); reason != "" {
		return o, &NameError{Name: o.Name, Reason: reason, Hint: hint}
	}
	if o.Life < 0 {
		return o, &NameError{Name: o.Name, Reason: "would end before it starts"}
	}
	var err error
	if o.Emails, err = eachOnce(o.Emails, parseEmail); err != nil {
		return o, err
	}
	if o.URIs, err = eachOnce(o.URIs, parseURI); err != nil {
		return o, err
	}
	o.Server, err = NormalNames(o.Server)
	return o, err
}

func eachOnce(raw []string, parse func(string) (name, reason, hint string)) ([]string, error) {
	var all []string
	for _, s := range raw {
		name, reason, hint := parse(s)
		if reason != "" {
			return nil, &NameError{Name: s, Reason: reason, Hint: hint}
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all, nil
}

// unusableSubject says what is wrong with a common name. Characters that do not
// show, and those that turn the writing round, are no part of anybody's name.
func unusableSubject(s string) (reason, hint string) {
	switch {
	case s == "":
		return "empty", "name the person or program that the certificate is for"
	case !utf8.ValidString(s):
		return "not UTF-8", ""
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has a character that cannot be printed", ""
	case strings.TrimSpace(s) != s:
		return "starts or ends with a space", "write " + strings.TrimSpace(s)
	case strings.HasPrefix(s, "-"):
		return "starts with a hyphen, like a flag", "put flags before or after the names, spelled as in --help"
	case utf8.RuneCountInString(s) > maxCommonName:
		return "longer than 64 characters", "a common name has no room for more; write the rest as --uri"
	case strings.HasPrefix(strings.ToLower(s), "devcert "):
		return `starts with "devcert", as the names of its CAs do`, ""
	}
	return "", ""
}

// misleading refuses a common name that looks like the name of a host outside p.
// OpenSSL and .NET take a CN for a host name where the SAN has no DNS name, and
// refuse the chain; ours has one, but other verifiers look at the CN regardless.
// A name counts as a host's when its last label is a top-level domain, so that
// alice.smith may have a certificate.
func misleading(cn string, p Permits) error {
	name, err := ParseName(cn)
	if err != nil || p.Allows(name) {
		return nil
	}
	labels := strings.Split(name, ".")
	_, known := publicsuffix.PublicSuffix(labels[len(labels)-1])
	if _, err := netip.ParseAddr(name); err != nil && (len(labels) == 1 || !known && !isSpecialUse(labels[len(labels)-1])) {
		return nil
	}
	return &NameError{
		Name:   cn,
		Reason: "looks like a host name outside what the root permits (" + p.String() + "), and verifiers that take a common name for a host name refuse the chain",
		Hint:   "write it without dots, or as --uri: the common name is a person's or a program's",
	}
}

// The longest local part and address (RFC 5321, 4.5.3.1, with erratum 1690).
const (
	maxLocalPart = 64
	maxEmail     = 254
)

// parseEmail reads a mailbox whose local part needs no quotes and is ASCII: an
// rfc822Name can hold no other (RFC 5280, 4.2.1.6). The domain gets its one
// spelling; the local part is its host's business.
func parseEmail(s string) (name, reason, hint string) {
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || domain == "" {
		return "", "not an e-mail address", "write it as in anna@example.com"
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool {
			return !isAlphanumeric(r) && !strings.ContainsRune("!#$%&'*+/=?^_`{|}~-", r)
		}) {
			return "", "not an e-mail address that a certificate can hold", "before the @, letters, digits, most signs and single dots are allowed"
		}
	}
	host, reason, hint := hostName(domain)
	switch {
	case reason != "":
		return "", "an e-mail address whose domain " + reason, hint
	case len(local) > maxLocalPart || len(local)+1+len(host) > maxEmail:
		return "", "too long for an e-mail address", ""
	}
	return local + "@" + host, "", ""
}

// maxURI is far more than anybody needs and little enough for a handshake.
const maxURI = 2048

// parseURI reads an absolute URI: a SAN holds no other (RFC 5280, 4.2.1.6). It
// must have a host name: Go's verifier, and so every server written in Go,
// refuses a chain with name constraints of whatever kind over a URI without.
func parseURI(s string) (name, reason, hint string) {
	const example = "write it as in spiffe://example.test/billing"
	switch {
	case s == "":
		return "", "empty", example
	case len(s) > maxURI:
		return "", "longer than 2048 characters", ""
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "", "has a space or a character that a URI cannot hold", "write it percent-encoded"
	}
	uri, err := url.Parse(s)
	if err != nil {
		return "", "not a URI", example
	}
	name = uri.String()
	again, err := url.Parse(name)
	switch {
	case uri.Scheme == "":
		return "", "not an absolute URI", example
	case err != nil || again.String() != name:
		return "", "a URI that can be read in two ways", "write it in its usual form"
	case uri.User != nil:
		return "", "a URI with a user or password, which everybody could read", "write it without"
	case !isHost(uri.Hostname()):
		return "", "a URI without a host name, which Go refuses below a CA with constraints", example
	}
	return name, "", ""
}

// isHost says that s is a host's name and no address. Underscores are among the
// letters: there are URIs whose host no resolver ever sees (SPIFFE, 2.1).
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	odd := func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("-_.", r) }
	return !strings.ContainsFunc(s, odd) && !slices.Contains(strings.Split(s, "."), "")
}
