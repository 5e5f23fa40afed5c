package page

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// chainView is the hierarchy as a picture: each certificate signs the next.
type chainView struct {
	Links []link
	// Any says that there is anything to draw.
	Any bool
}

// link is one certificate of the chain.
type link struct {
	Role, Duty   string
	Lost         bool
	Name         string
	From, Until  string // days in UTC
	Life         string // "364 days left"
	Ahead        int    // per cent of its life that are left
	Tone         tone
	Key, KeyNote string
	Only, Names  []string
	Thumbprint   string
	Fingerprint  string
	Here         bool   // it is what this page was presented with
	Signs        string // what it did for the next; "" for the last
}

func chainOf(r *devcert.Report, presented *x509.Certificate) chainView {
	h := &r.Seen.Folder.Hierarchy
	root := linkOf("root", h.Root, r.Seen.Now)
	root.Duty, root.Signs, root.KeyNote = "what clients trust", "signs", "private key destroyed"
	if h.RootKey != nil {
		root.KeyNote = "private key kept in the state folder"
	}
	middle := linkOf("intermediate", h.Intermediate.Cert, r.Seen.Now)
	middle.Duty, middle.Signs = "what makes new leaves", "signs"
	middle.KeyNote = keyNote(h.Intermediate)
	leaf := linkOf("leaf", h.Leaf.Cert, r.Seen.Now)
	leaf.Duty, leaf.KeyNote = "what servers present", keyNote(h.Leaf)
	if presented != nil && h.Leaf.Cert != nil && presented.Equal(h.Leaf.Cert) {
		leaf.Here, leaf.Duty = true, "which this page came with"
	}
	return chainView{
		Links: []link{root, middle, leaf},
		Any:   h.Root != nil || h.Intermediate.Cert != nil || h.Leaf.Cert != nil,
	}
}

func keyNote(p chain.Pair) string {
	if p.Key == nil {
		return "private key lost or unreadable"
	}
	return "private key in the state folder"
}

func linkOf(role string, c *x509.Certificate, now time.Time) link {
	if c == nil {
		return link{Role: role, Lost: true, Tone: bad}
	}
	left := daysLeft(c, now)
	l := link{
		Role: role, Name: clean(subjectOf(c)), From: day(c.NotBefore), Until: day(c.NotAfter),
		Life: amount(left) + " " + lifeWord(left), Ahead: ahead(c, now), Tone: toneOf(c, now),
		Key: keyOf(c), Thumbprint: chain.Thumbprint(c), Fingerprint: chain.Fingerprint(c),
	}
	if now.Before(c.NotBefore) {
		l.Life = "not yet valid"
	}
	if c.IsCA {
		p := chain.PermitsOf(c)
		for _, d := range p.Domains {
			l.Only = append(l.Only, clean(d))
		}
		for _, n := range p.Networks {
			l.Only = append(l.Only, n.String())
		}
		return l
	}
	for _, name := range chain.ServerNames(c) {
		l.Names = append(l.Names, clean(name))
	}
	return l
}

// toneOf is about the dates alone: what else is wrong has a finding.
func toneOf(c *x509.Certificate, now time.Time) tone {
	switch {
	case now.Before(c.NotBefore), !now.Before(c.NotAfter):
		return bad
	case !c.IsCA && c.NotAfter.Sub(now) < chain.RenewBefore:
		return warn
	}
	return good
}

func (c chainView) tone() tone {
	for _, t := range []tone{bad, warn} {
		if slices.ContainsFunc(c.Links, func(l link) bool { return l.Tone == t }) {
			return t
		}
	}
	return good
}

// subjectOf is what a certificate is called for a person.
func subjectOf(c *x509.Certificate) string {
	return cmp.Or(c.Subject.CommonName, c.Subject.String(), "a certificate without a name")
}

func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "a key of an unknown kind"
}

func ahead(c *x509.Certificate, now time.Time) int {
	whole := c.NotAfter.Sub(c.NotBefore)
	if whole <= 0 {
		return 0
	}
	return int(math.Ceil(min(max(100*c.NotAfter.Sub(now).Seconds()/whole.Seconds(), 0), 100)))
}

// daysLeft counts whole days, and is negative when they are over.
func daysLeft(c *x509.Certificate, now time.Time) int {
	return int(math.Floor(c.NotAfter.Sub(now).Hours() / 24))
}

// amount is a number of days without its sign, with a space between thousands.
func amount(days int) string {
	if days < 0 {
		days = -days
	}
	text := strconv.Itoa(days)
	if len(text) > 4 {
		text = text[:len(text)-3] + "\u202f" + text[len(text)-3:]
	}
	return text
}

func lifeWord(left int) string {
	switch {
	case left == 1:
		return "day left"
	case left == -1:
		return "day past its end"
	case left < 0:
		return "days past its end"
	}
	return "days left"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
