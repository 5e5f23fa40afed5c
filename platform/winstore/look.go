package winstore

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// How a place is known to serve.
const (
	byBytes = "bytes"
	byChain = "chain built by Windows"
	byKey   = "private key opened and signed"
)

// sight is what was seen of one store of one kind. Judging it is pure.
type sight struct {
	kind
	store   Store
	entries []Entry // in the store itself
	merged  []Entry // what programs see there: the user's and the machine's
	err     error   // the look failed; nothing else is known then
	// banned is the Disallowed store that has the certificate asked for, by which
	// Windows distrusts it wherever else it is; "" when none was seen to.
	banned string
	lacks  lacks // revocation lists that are to be beside it
	key    Key   // of the leaf, where it is in this store
	rights bool  // whoever looks may open the machine's keys
	now    time.Time
}

// place says what the sight means for m.
func (s sight) place(m devcert.Material, v ruling) devcert.Place {
	p := devcert.Place{
		Path: s.store.String(), Part: s.part, State: devcert.Missing,
		Machine:  s.store.Location == LocalMachine,
		UserOnly: s.store.Location == CurrentUser && s.part != chain.PartLeaf,
	}
	if s.err != nil {
		p.State, p.Evidence = devcert.Unknown, s.err.Error()
		return p
	}
	wanted := m.Parts(s.part)
	if len(wanted) > 0 {
		p.Each(wanted, func(cert *x509.Certificate) (devcert.PlaceState, string, string) {
			if !holds(s.merged, cert) {
				return devcert.Missing, "", ""
			}
			return s.state(v)
		})
	}
	p.Others = s.others(wanted)
	if s.part == chain.PartRoot {
		p.Strays = s.misplaced()
	}
	if s.part == chain.PartLeaf && m.Leaf != nil {
		p.Strays = s.rivals(m.Leaf)
	}
	return p
}

// state is that of a place which has what it is for.
func (s sight) state(v ruling) (state devcert.PlaceState, verifiedBy, evidence string) {
	switch {
	case s.banned != "":
		return devcert.Denied, byBytes, s.banned + " has it too, by which Windows distrusts it"
	case s.part == chain.PartLeaf:
		return keyState(s.key, s.rights)
	case s.part == chain.PartRoot:
		return v.state()
	case s.lacks != lacks{}:
		return devcert.Stale, byBytes, s.lacks.String()
	}
	return devcert.Trusted, byBytes, ""
}

// onlyUsers says that a place of the machine's misses what the user's has: people
// put roots there, where their browser finds them and IIS does not.
func onlyUsers(user sight, wanted *x509.Certificate) string {
	if wanted == nil || user.err != nil || !holds(user.entries, wanted) {
		return ""
	}
	return "only " + user.store.String() + " has it, where services and HTTP.sys do not look"
}

// keyState says what a key means for the place that its leaf is in. A key of the
// machine's opens for administrators only: to everybody else a healthy one shows
// as its file, or as a refusal. That is taken for healthy, and VerifiedBy says so.
func keyState(k Key, rights bool) (state devcert.PlaceState, verifiedBy, evidence string) {
	said := "its private key was not looked at"
	if k.Err != nil {
		said = k.Err.Error()
	}
	withheld := k.Machine && !rights && (k.Number == nteBadKeyset || canonical(k.Number) == errorAccessDenied)
	switch {
	case k.State == KeyOpens:
		return devcert.Trusted, byKey, ""
	case k.State == KeyDenied && withheld:
		return devcert.Trusted, byBytes + "; its private key is there, and only administrators may open it", ""
	case k.State == KeyUnknown && withheld && k.Type == 0 && k.Container != "":
		// CNG tells nobody else more than the link that the certificate has.
		return devcert.Trusted, byBytes + "; a private key of the machine's is linked to it, and only administrators may look at that", ""
	case k.State == KeyMissing:
		return devcert.Stale, byBytes, said
	case k.State == KeyWrong, k.State == KeyDenied:
		return devcert.Denied, byBytes, said
	}
	return devcert.Unknown, byBytes, said
}

// ruling is what Windows said of the chain to the root.
type ruling struct {
	asked   bool
	verdict Verdict
	root    *x509.Certificate
	err     error // Windows could not judge
}

// state is that of a root which is in its store.
func (r ruling) state() (state devcert.PlaceState, verifiedBy, evidence string) {
	last := len(r.verdict.Chain) - 1
	switch {
	case !r.asked:
		return devcert.Trusted, byBytes, ""
	case r.err != nil:
		return devcert.Unknown, byBytes, r.err.Error()
	case !r.verdict.Trusted:
		return devcert.Denied, byChain, "Windows refuses a chain to it: " + strings.Join(r.verdict.Reasons, ", ")
	case last < 0 || !bytes.Equal(r.verdict.Chain[last], r.root.Raw):
		return devcert.Trusted, byBytes, "" // trusted by way of another root
	}
	return devcert.Trusted, byChain, ""
}

// question is what to ask Windows about the root of m; false when the answer
// would say nothing about it. Expired certificates, a leaf that is another
// intermediate's or has odd names only: all that has findings of its own, and
// takes nothing from the root being trusted. So the question is about a moment
// and a name for which everything but Windows is content.
func question(m devcert.Material, now time.Time) (Query, bool) {
	if m.Root == nil || m.Intermediate == nil || m.Leaf == nil {
		return Query{}, false
	}
	for _, cert := range []*x509.Certificate{m.Root, m.Intermediate, m.Leaf} {
		if now.After(cert.NotAfter) {
			now = cert.NotAfter
		}
	}
	for _, cert := range []*x509.Certificate{m.Root, m.Intermediate, m.Leaf} {
		if now.Before(cert.NotBefore) {
			now = cert.NotBefore
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(m.Root)
	for _, host := range append([]string{"localhost"}, m.Leaf.DNSNames...) {
		if strings.HasPrefix(host, "*.") {
			host = "any" + host[1:]
		}
		if chain.VerifyServer(roots, []*x509.Certificate{m.Intermediate}, m.Leaf, host, now) == nil {
			return Query{Leaf: m.Leaf.Raw, Intermediates: [][]byte{m.Intermediate.Raw}, Host: host, At: now}, true
		}
	}
	return Query{}, false
}

// others are certificates of our profile of the kind the store is for, but for
// the wanted ones.
func (s sight) others(wanted []*x509.Certificate) (others []*x509.Certificate) {
	for _, e := range s.entries {
		cert, err := x509.ParseCertificate(e.DER)
		if err == nil && chain.PartOf(cert) == s.part && !slices.ContainsFunc(wanted, cert.Equal) {
			others = append(others, cert)
		}
	}
	return others
}

// misplaced are the certificates of a Root store that are not self-signed. One
// that cannot be read is left in peace: it is not known to be wrong there.
func (s sight) misplaced() (strays []devcert.Stray) {
	for _, j := range JudgeRoots(s.entries) {
		if j.Misplaced == "" {
			continue
		}
		if self, err := IsSelfSigned(j.DER); err == nil && !self {
			why := j.Misplaced
			if s.store.Location == CurrentUser {
				why += "; only this user's programs look there"
			}
			strays = append(strays, devcert.Stray{Cert: readable(j.Cert, j.DER), Harm: devcert.HarmNotSelfSigned, Why: why})
		}
	}
	return strays
}

// rivals are what a server could take instead of the leaf. In CurrentUser\My
// that is Kestrel's choice; in LocalMachine\My nothing is chosen, and IIS
// Express's own certificate only matters when it has expired: then the ports
// that are bound to it are refused. Leaves of ours are among the others.
func (s sight) rivals(leaf *x509.Certificate) (strays []devcert.Stray) {
	for _, r := range Rivals(s.entries, leaf, s.now) {
		why := ""
		switch {
		case r.Cert != nil && chain.PartOf(r.Cert) == chain.PartLeaf:
		case r.IISExpress && r.Cert.NotAfter.Before(s.now):
			why = "IIS Express's own certificate, expired on " + r.Cert.NotAfter.UTC().Format(time.DateOnly)
		case s.store.Location != CurrentUser:
		case r.Effect == Breaks:
			why = "Kestrel fails over it and finds no certificate: " + r.Reason
		case r.Effect == Wins:
			why = "Kestrel prefers it: " + r.Reason
		case r.Effect == Ties:
			why = "Kestrel may take it: " + r.Reason
		}
		if why != "" {
			strays = append(strays, devcert.Stray{Cert: readable(r.Cert, r.DER), Harm: devcert.HarmRival, Why: why, TakesOver: s.store.Location == CurrentUser && r.TakesOver()})
		}
	}
	return strays
}

// readable is the certificate, or as much as a person needs to find it where
// crypto/x509 refuses it.
func readable(cert *x509.Certificate, der []byte) *x509.Certificate {
	if cert != nil {
		return cert
	}
	cert = &x509.Certificate{Raw: der}
	var name pkix.RDNSequence
	if b, err := parseBare(der); err == nil {
		if _, err := asn1.Unmarshal(b.subject, &name); err == nil {
			cert.RawSubject = b.subject
			cert.Subject.FillFromRDNSequence(&name)
		}
	}
	return cert
}

func holds(entries []Entry, cert *x509.Certificate) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool { return bytes.Equal(e.DER, cert.Raw) })
}

// outcome is an attempt on a store that failed, in devcert's terms: with the
// sentinel that a caller branches on, if any, and the remedy.
type outcome struct {
	err    error
	is     error
	remedy string
}

func (o *outcome) Error() string { return o.err.Error() }

func (o *outcome) Unwrap() []error {
	if o.is == nil {
		return []error{o.err}
	}
	return []error{o.err, o.is}
}

// Remedy says what a person can do.
func (o *outcome) Remedy() string { return o.remedy }

// translate gives an error of this package the sentinel that it stands for. To
// change CurrentUser\Root without anybody there is a person's matter as much as
// a no is. Access denied in a user's own store is no lack of rights: somebody's
// policy, or a damaged profile.
func translate(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	o := &outcome{err: err, remedy: e.Remedy}
	machine := strings.HasPrefix(e.Store, string(LocalMachine)+`\`)
	switch n := canonical(e.Number); {
	case n == errorAccessDenied && machine:
		o.is = devcert.ErrNeedsAdmin
	case n == errorAccessDenied:
		o.remedy = fmt.Sprintf("see whether a policy forbids changes of %s", e.Store)
	case n == errorCancelled, errors.Is(err, ErrWouldAsk):
		o.is = devcert.ErrDeclined
	}
	return o
}
