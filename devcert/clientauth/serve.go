package clientauth

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// Serve is devcert's front. As IIS does, it takes any certificate in the
// handshake and gives its verdict in HTTP, where a person can read why.
type Serve struct {
	// Required says that a client must show a certificate.
	Required bool
	// Roots are whom a certificate must come from. Nil, or an empty pool, trusts
	// nobody; never the system's roots, which vouch for servers.
	Roots *x509.CertPool
	// Anchors are the certificates of Roots, where they are known: one that has
	// expired is then told from one that is not trusted. None of them is trusted
	// that is not among Roots.
	Anchors []*x509.Certificate
	// Intermediates help to build the chain beside those that the client sent:
	// browsers often send the leaf alone.
	Intermediates []*x509.Certificate
	// Revoked says of a certificate of a chain that its issuer revoked it, or why that
	// cannot be told, which is as bad; nil where nobody knows of any.
	Revoked func(*x509.Certificate) (bool, error)
}

// Judge says what is made of the certificates that a client sent, its own first.
// Trust and use come before time, so that nobody renews a certificate that would
// be refused all the same.
func (s Serve) Judge(sent []*x509.Certificate, now time.Time) Verdict {
	if len(sent) == 0 {
		return s.none()
	}
	verified, refused := s.verify(sent, now)
	if refused == nil {
		return s.revoked(verified)
	}
	timeless := s.ageless(sent, now)
	chains, err := timeless.chains(x509.ExtKeyUsageAny)
	if err != nil {
		return untrusted(sent, err)
	}
	forThis, err := timeless.chains(x509.ExtKeyUsageClientAuth)
	if err != nil {
		return notForClients(chains[0])
	}
	if v := outOfTime(forThis[0], now); v.Refused() {
		return v
	}
	return untrusted(sent, refused) // in no case is it taken after all
}

// Predict walks the gates of Judge.
func (s Serve) Predict(p Presented, _ Machine, at time.Time) Verdict {
	var w walk
	if !w.shown(p) {
		if s.Required {
			w.missing(p, Required)
		}
		return w.v
	}
	v := s.Judge(append([]*x509.Certificate{p.Leaf}, p.Sent...), at)
	for _, gate := range []string{GateTrust, GateNames, GateUse, GateValidity, GateRevocation} {
		if v.Gate == gate {
			w.refuse(gate, v.Status, v.Reason, v.Remedy)
			break
		}
		w.pass(gate, "")
	}
	return w.v
}

func (s Serve) none() Verdict {
	if !s.Required {
		return Verdict{}
	}
	return Verdict{
		Gate:   GateSent,
		Status: Required,
		Reason: "a client certificate is required, and none was sent",
		Remedy: sendOne,
	}
}

// revoked refuses where every chain has a certificate that was revoked, or of which
// that cannot be told.
func (s Serve) revoked(chains [][]*x509.Certificate) (v Verdict) {
	for _, chain := range chains {
		if v = s.revokedIn(chain); !v.Refused() {
			return v
		}
	}
	return v
}

func (s Serve) revokedIn(chain []*x509.Certificate) Verdict {
	for _, c := range chain {
		if s.Revoked == nil {
			break
		}
		switch is, err := s.Revoked(c); {
		case err != nil:
			return unknownWhether(c, err)
		case is:
			return wasRevoked(c)
		}
	}
	return Verdict{}
}

// unknownWhether has IIS's status for it too: 403.13 is also that no list is to be had.
func unknownWhether(c *x509.Certificate, why error) Verdict {
	v := Verdict{Gate: GateRevocation, Status: Revoked, Reason: "whether " + nameOf(c) + " was revoked cannot be told: " + why.Error()}
	var remedied interface{ Remedy() string }
	if errors.As(why, &remedied) {
		v.Remedy = remedied.Remedy()
	}
	return v
}

func wasRevoked(found *x509.Certificate) Verdict {
	remedy := "have a new one issued, and send that"
	if found.IsCA {
		remedy = "have one issued by another authority; one of a group's can be allowed again with devcert group enable"
	}
	return Verdict{
		Gate:   GateRevocation,
		Status: Revoked,
		Reason: nameOf(found) + " was revoked by " + issuerOf(found),
		Remedy: remedy,
	}
}

// verify gives the chains that lead to a root now, for clients, or why none does.
func (s Serve) verify(sent []*x509.Certificate, now time.Time) ([][]*x509.Certificate, error) {
	roots, between := s.Roots, x509.NewCertPool()
	if roots == nil {
		roots = x509.NewCertPool() // nil would be the system's
	}
	for _, c := range slices.Concat(sent[1:], s.Intermediates) {
		between.AddCert(c)
	}
	return verify(sent[0], roots, between, now, x509.ExtKeyUsageClientAuth)
}

func verify(leaf *x509.Certificate, roots, between *x509.CertPool, at time.Time, use x509.ExtKeyUsage) ([][]*x509.Certificate, error) {
	return leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{use},
	})
}

// notForClients refuses a chain that is not for clients: the extended key usage of
// each of its certificates must allow it, or be absent.
func notForClients(chain []*x509.Certificate) Verdict {
	v := Verdict{
		Gate:   GateUse,
		Status: Untrusted,
		Reason: nameOf(chain[0]) + " is not for client authentication",
		Remedy: "send one whose extended key usage is clientAuth (1.3.6.1.5.5.7.3.2), or that has none",
	}
	for i, c := range chain {
		if forClients(c) {
			continue
		}
		if i > 0 {
			v.Reason += ": its issuer " + nameOf(c) + " may not issue any for that"
		} else {
			v.Reason += ": its extended key usage does not list it"
		}
		break
	}
	return v
}

func forClients(c *x509.Certificate) bool {
	return len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// outOfTime refuses a chain of which a part is not valid now.
func outOfTime(chain []*x509.Certificate, now time.Time) Verdict {
	for i, c := range chain {
		who := nameOf(c)
		if i > 0 {
			who = "its issuer " + who
		}
		switch {
		case now.Before(c.NotBefore):
			return Verdict{
				Gate:   GateValidity,
				Status: OutOfTime,
				Reason: who + " is not valid before " + stamp(c.NotBefore) + "; it is " + stamp(now),
				Remedy: "set the clocks of both machines right, or wait",
			}
		case now.After(c.NotAfter):
			return Verdict{
				Gate:   GateValidity,
				Status: OutOfTime,
				Reason: who + " expired on " + stamp(c.NotAfter) + "; it is " + stamp(now),
				Remedy: "have a new one issued, and send that",
			}
		}
	}
	return Verdict{}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// untrusted says why no chain leads to a root.
func untrusted(sent []*x509.Certificate, err error) Verdict {
	v := Verdict{
		Gate:   GateTrust,
		Status: Untrusted,
		Remedy: "send one from an authority that is trusted here, or trust this one's: devcert serve --client-ca FILE",
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	leaf := sent[0]
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.CANotAuthorizedForThisName:
		v.Gate = GateNames
		v.Reason = nameOf(leaf) + " has a name for which its authority may not issue any"
		v.Remedy = "send one whose names are within the authority's name constraints"
	case errors.As(err, &unknown) || errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		v.Reason = unknownAuthority(sent)
	default:
		v.Reason = nameOf(leaf) + " cannot be verified: " + plain(err)
	}
	return v
}

func unknownAuthority(sent []*x509.Certificate) string {
	last := sent[0]
	for _, c := range sent[1:] {
		if bytes.Equal(c.RawSubject, last.RawIssuer) && !selfIssued(last) {
			last = c
		}
	}
	switch {
	case last == sent[0] && selfIssued(last):
		return nameOf(last) + " is self-signed, and not trusted here itself"
	case selfIssued(last):
		return nameOf(sent[0]) + " comes from " + nameOf(last) + ", which is not trusted here"
	case last == sent[0]:
		return nameOf(last) + " was issued by " + issuerOf(last) + ", which is not trusted here, and no intermediate was sent"
	default:
		return nameOf(sent[0]) + " comes by way of " + nameOf(last) + " from " + issuerOf(last) + ", which is not trusted here"
	}
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, c.RawIssuer) }

// plain is an error without what a certificate could have smuggled into it.
func plain(err error) string {
	text := []rune(err.Error())
	for i, r := range text {
		if r < ' ' || r > '~' {
			text[i] = '?'
		}
	}
	return string(text[:min(len(text), 200)])
}
