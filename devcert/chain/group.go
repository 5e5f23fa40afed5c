package chain

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxGroup leaves room for 20 characters of an owner behind a group's name.
const maxGroup = 20

// groupProfile is a client intermediate for some clients, which can be disabled
// without the others: by the root's revocation list, and by leaving it out of a
// store. What it signs stands in a list of its own.
func groupProfile(name string) profile {
	p := clientProfile
	p.title, p.revokes = "group "+name, "group-"+name+".crl"
	return p
}

// ParseGroup refuses, with a *NameError, what cannot be the name of a group: it
// is part of a common name, of a file's and of a URL.
func ParseGroup(s string) (string, error) {
	refuse := func(reason, hint string) (string, error) {
		return "", &NameError{Name: s, Reason: reason, Hint: hint}
	}
	switch odd := func(r rune) bool { return r != '-' && (!isAlphanumeric(r) || r >= 'A' && r <= 'Z') }; {
	case s == "":
		return refuse("empty", "")
	case strings.HasPrefix(s, "-"):
		return refuse("starts with a hyphen, like a flag", "put flags before or after the names, spelled as in --help")
	case strings.HasSuffix(s, "-") || strings.Contains(s, "--"):
		return refuse("ends with a hyphen or has two in a row", "")
	case strings.ContainsFunc(s, odd):
		return refuse("not a group's name", "small letters, digits and hyphens are allowed")
	case len(s) > maxGroup:
		return refuse(fmt.Sprintf("longer than %d characters", maxGroup), "")
	}
	return s, nil
}

// NewGroup makes a key and a client intermediate of that name. It takes the
// root's private key, which is there only if a person asked to keep it. Like the
// client intermediate, it ends with the root, has its constraints and can be
// revoked by it. [PartOf] calls it a client intermediate, and [GroupOf] by name.
func NewGroup(root Pair, name string, now time.Time, random io.Reader) (Pair, error) {
	name, err := ParseGroup(name)
	if err != nil {
		return Pair{}, err
	}
	switch {
	case !SameKey(root.Cert, root.Key):
		return Pair{}, errors.New("making a group: the root's key is not that of its certificate")
	case now.IsZero():
		return Pair{}, errors.New("making a group: no time was given")
	}
	if err := checkRoot(root.Cert); err != nil {
		return Pair{}, fmt.Errorf("making a group: its issuer is not a devcert root: %w", err)
	}
	if _, reason := timeFault(root.Cert, now); reason != "" {
		return Pair{}, fmt.Errorf("making a group: the root %s", reason)
	}
	v := values{
		owner: OwnerOf(root.Cert), id: HierarchyID(root.Cert), permits: PermitsOf(root.Cert),
		notBefore: seconds(now).Add(-Backdate), notAfter: root.Cert.NotAfter,
	}
	return newIntermediate(groupProfile(name), v, root, random)
}

// GroupOf is the name of the group whose intermediate has the name of cert; ""
// for every other certificate.
func GroupOf(cert *x509.Certificate) string {
	if _, part, _ := authorityIn(cert.Subject.CommonName); part != PartClientIntermediate {
		return ""
	}
	return groupIn(cert.Subject.CommonName)
}

// groupIn takes the group's name out of a common name.
func groupIn(cn string) string {
	rest, titled := strings.CutPrefix(cn, "devcert group ")
	name, _, found := strings.Cut(rest, " ")
	if _, err := ParseGroup(name); !titled || !found || err != nil {
		return ""
	}
	return name
}
