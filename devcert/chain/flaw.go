package chain

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Flaw is the one thing that is wrong with a certificate made for tests of
// programs that must refuse it.
type Flaw string

// The flaws. The first six are a sound issuer's; what no sound CA signs comes
// from a root that is made for the one certificate and whose key is gone.
const (
	FlawExpired             Flaw = "expired"
	FlawNotYetValid         Flaw = "not-yet-valid"
	FlawWrongUse            Flaw = "wrong-use"            // a server's for a client, and the reverse
	FlawWrongName           Flaw = "wrong-name"           // a name outside the constraints; for a server, another name
	FlawMissingIntermediate Flaw = "missing-intermediate" // sound, and sent alone
	FlawRevoked             Flaw = "revoked"              // sound, until its serial number is in the list that it names
	FlawSelfSigned          Flaw = "self-signed"
	FlawUnknownRoot         Flaw = "unknown-root"
	FlawWeakKey             Flaw = "weak-key"         // RSA of 1024 bits
	FlawBrokenSignature     Flaw = "broken-signature" // one bit of it is another
)

// Flaws lists them all, the sound issuer's first.
func Flaws() []Flaw {
	return []Flaw{
		FlawExpired, FlawNotYetValid, FlawWrongUse, FlawWrongName, FlawMissingIntermediate, FlawRevoked,
		FlawSelfSigned, FlawUnknownRoot, FlawWeakKey, FlawBrokenSignature,
	}
}

// sound says that the flaw is in what a sound issuer signs.
func (f Flaw) sound() bool { return slices.Index(Flaws(), f) < slices.Index(Flaws(), FlawSelfSigned) }

// Flawed is a certificate with one flaw, and its key. Its subject says so:
// "devcert flaw: expired" is its organization, and [PartOf] takes it for none of
// ours.
type Flawed struct {
	Pair
	// Chain is what is to be sent behind it.
	Chain []*x509.Certificate
	// Root is the throw-away root, where there is one. A program that trusts it
	// besides finds the flaw alone; it permits no more than the issuer's root.
	Root *x509.Certificate
}

// NewFlawed makes a certificate with flaw f, and nothing else wrong, for a client
// called name or for the server name. The issuer is as for [NewClient] or
// [NewServer], which also say what names and issuers are refused. Where f is not
// a sound issuer's, it gives its constraints alone, and may be zero for the
// usual ones.
//
// What is expired was valid while its issuer was; what is not yet valid will be
// before its issuer's end. The serial number of what is revoked must be put into
// the issuer's list by the caller; see [CRLName].
func NewFlawed(f Flaw, issuer Pair, client bool, name string, now time.Time) (Flawed, error) {
	if !slices.Contains(Flaws(), f) {
		return Flawed{}, fmt.Errorf("making a certificate with the flaw %q: there is no such flaw", f)
	}
	l := leafToSpoil{flaw: f, issuer: issuer, client: client, now: now}
	if f.sound() {
		return l.fromIssuer(name)
	}
	return l.fromNobody(name)
}

// leafToSpoil is a certificate that has nothing wrong yet.
type leafToSpoil struct {
	flaw    Flaw
	issuer  Pair
	client  bool
	now     time.Time
	profile profile
	values  values
}

// subjectMark is the organization of everything that is made here.
func (f Flaw) subjectMark() string { return "devcert flaw: " + string(f) }

// FlawOf is the flaw that cert was made with by [NewFlawed], and "" for every
// other certificate.
func FlawOf(cert *x509.Certificate) Flaw {
	for _, f := range Flaws() {
		if slices.Contains(cert.Subject.Organization, f.subjectMark()) {
			return f
		}
	}
	return ""
}

// prepare fills in what a sound leaf of the issuer's would have.
func (l *leafToSpoil) prepare(p profile, names []string, name string) {
	l.profile, l.values = p, leafValues(l.issuer.Cert, l.now, LeafLifetime)
	l.profile.mark = l.flaw.subjectMark()
	l.values.id = idInName(l.issuer.Cert.Subject.CommonName)
	l.values.dnsNames, l.values.addresses = sortNames(names)
	if l.values.cn = name; !l.client {
		l.values.cn = commonName(names)
	}
}

func (l *leafToSpoil) failed(err error) (Flawed, error) {
	return Flawed{}, fmt.Errorf("making a certificate with the flaw %q: %w", l.flaw, err)
}
