package system

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/keychain"
)

// keychainSight is what was seen of a keychain and of who trusts the root in it.
// Judging it is pure.
type keychainSight struct {
	path        string
	domain      keychain.Domain // whose settings the place is about
	certs       []*x509.Certificate
	err         error // the look failed; nothing else is known then
	user, admin opinion
	ruling      ruling
}

// opinion is what the trust settings of a domain say of the root. With an error it
// is not known; with [keychain.ErrNoSettings] they most probably say nothing.
type opinion struct {
	said keychain.Trust
	err  error
}

// none says that there are no settings to be read, as far as that can be told.
func (o opinion) none() bool { return errors.Is(o.err, keychain.ErrNoSettings) }

// ruling is what macOS said of a chain to the root, if it was asked.
type ruling struct {
	asked   bool
	refusal string // "" when it accepts the chain
	err     error
}

// see looks into a keychain, and asks about the root where it is there.
func (k *Keychains) see(ctx context.Context, path string, d keychain.Domain, m devcert.Material) keychainSight {
	seen := keychainSight{path: path, domain: d}
	ders, err := k.Tool.Certificates(ctx, path)
	if seen.err = err; err != nil {
		return seen
	}
	for _, der := range ders {
		if cert, err := x509.ParseCertificate(der); err == nil { // what Go cannot read is not devcert's
			seen.certs = append(seen.certs, cert)
		}
	}
	if m.Root == nil || !keychain.Holds(ders, m.Root) {
		return seen
	}
	seen.user = k.opinion(ctx, keychain.User, m.Root)
	seen.admin = k.opinion(ctx, keychain.Admin, m.Root)
	if q, ok := question(m, k.Now()); ok && seen.mayTrust() {
		seen.ruling.asked = true
		seen.ruling.refusal, seen.ruling.err = k.Tool.Verify(ctx, q)
	}
	return seen
}

func (k *Keychains) opinion(ctx context.Context, d keychain.Domain, root *x509.Certificate) opinion {
	settings, err := k.Tool.Settings(ctx, d)
	return opinion{settings.Of(root), err}
}

// own and other are the opinions of the place's domain and of the other one.
func (s keychainSight) own() opinion {
	if s.domain == keychain.Admin {
		return s.admin
	}
	return s.user
}

func (s keychainSight) other() opinion {
	if s.domain == keychain.Admin {
		return s.user
	}
	return s.admin
}

// mayTrust says whether the settings leave open that the root is trusted.
func (s keychainSight) mayTrust() bool {
	return s.user.said != keychain.Denied && (s.own().said == keychain.Trusted || s.own().err != nil)
}

// place says what the sight means for a part of a hierarchy; wanted may be nil.
func (s keychainSight) place(part chain.Part, wanted *x509.Certificate) devcert.Place {
	p := devcert.Place{Path: s.path, Part: part, State: devcert.Missing}
	if s.err != nil {
		p.State, p.Evidence = devcert.Unknown, s.err.Error()
		return p
	}
	there := wanted != nil && slices.ContainsFunc(s.certs, wanted.Equal)
	switch {
	case there && part == chain.PartRoot:
		p.State, p.VerifiedBy, p.Evidence = s.state()
	case there:
		p.State, p.VerifiedBy = devcert.Trusted, "found by its bytes"
	}
	for _, cert := range s.certs {
		if chain.PartOf(cert) == part && (wanted == nil || !cert.Equal(wanted)) {
			p.Others = append(p.Others, cert)
		}
	}
	return p
}

// What is known, and how.
const (
	byMacOS    = "chain built by macOS"
	bySettings = "trust settings"
)

// state is that of a place that has the root. A certificate in a keychain is
// trusted by nobody for that: updates of macOS drop the settings and keep the
// certificate (FiloSottile/mkcert#651).
func (s keychainSight) state() (state devcert.PlaceState, verifiedBy, evidence string) {
	own, other := s.own(), s.other()
	switch {
	case s.user.said == keychain.Denied:
		return devcert.Denied, bySettings, "your own trust settings say never to trust it"
	case own.err == nil && own.said != keychain.Trusted:
		return devcert.Denied, bySettings, s.withheld(own.said)
	case own.none() && other.err == nil && other.said == keychain.Trusted:
		return devcert.Denied, bySettings, s.withheld(keychain.Unset)
	case own.err != nil && !own.none() && !s.ruling.asked:
		return devcert.Unknown, "", "the trust settings of the " + string(s.domain) + " could not be read: " + own.err.Error()
	case s.ruling.err != nil:
		return devcert.Unknown, "", "macOS could not judge a chain to it: " + s.ruling.err.Error()
	case s.ruling.refusal != "":
		return devcert.Denied, byMacOS, s.refused(own)
	case s.ruling.asked:
		return devcert.Trusted, byMacOS, ""
	case own.err != nil:
		return devcert.Unknown, "", "whether anything trusts it could not be found out: " + own.err.Error()
	}
	return devcert.Trusted, bySettings, ""
}

// withheld says in what way the settings of the place's domain do not trust.
func (s keychainSight) withheld(said keychain.Trust) string {
	whose := "the administrators' trust settings"
	if s.domain == keychain.User {
		whose = "your trust settings"
	}
	switch said {
	case keychain.Denied:
		return whose + " say never to trust it"
	case keychain.Neither:
		return whose + " name it, and not as a root for servers"
	}
	if other := s.other(); other.err == nil && other.said == keychain.Trusted {
		if s.domain == keychain.Admin {
			return whose + " do not name it: only your own trust it, which other accounts and services do not see"
		}
		return whose + " do not name it: only the administrators' do"
	}
	return whose + " do not name it"
}

// refused says what macOS has against a chain.
func (s keychainSight) refused(own opinion) string {
	text := "macOS refuses a chain to it: " + s.ruling.refusal
	if own.none() {
		text += " (" + s.withheld(keychain.Unset) + ")"
	}
	return text
}

// question is what to ask macOS about the root of m; false when the answer would
// say nothing about it. An expired certificate, or a leaf with odd names only, has
// findings of its own and takes nothing from the root being trusted: so the
// question is about a moment and a name that all but macOS are content with.
func question(m devcert.Material, now time.Time) (keychain.Question, bool) {
	if m.Root == nil || m.Intermediate == nil || m.Leaf == nil {
		return keychain.Question{}, false
	}
	at := contented(now, m.Root, m.Intermediate, m.Leaf)
	roots := x509.NewCertPool()
	roots.AddCert(m.Root)
	above := []*x509.Certificate{m.Intermediate}
	for _, host := range append([]string{"localhost"}, m.Leaf.DNSNames...) {
		if strings.HasPrefix(host, "*.") {
			host = "any" + host[1:]
		}
		if chain.VerifyServer(roots, above, m.Leaf, host, at) != nil {
			continue
		}
		q := keychain.Question{Leaf: m.Leaf, Intermediates: above, Host: host}
		if !at.Equal(now) {
			q.At = at
		}
		return q, true
	}
	return keychain.Question{}, false
}

// contented is now, or a moment near it at which all of the certificates are valid.
// It is a day from their ends: in which time zone the tool reads a date is not said.
func contented(now time.Time, certs ...*x509.Certificate) time.Time {
	const day = 24 * time.Hour
	for _, cert := range certs {
		if now.After(cert.NotAfter) {
			now = cert.NotAfter.Add(-day)
		}
	}
	for _, cert := range certs {
		if now.Before(cert.NotBefore) {
			now = cert.NotBefore.Add(day)
		}
	}
	return now
}
