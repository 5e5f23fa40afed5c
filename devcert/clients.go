package devcert

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"devcert/devcert/chain"
)

// Client is a program of this machine that verifies servers, and where it takes
// its roots from, as far as that can be seen without running it.
type Client struct {
	// Name is what its user calls it, unique on this machine: "curl", "java 17".
	Name string
	// Version is what it says of itself; "" while nobody has asked.
	Version string
	// Path is the program, absolute.
	Path string
	// Store is the store it takes its roots from, by its name on the command
	// line; "" when it has roots of its own.
	Store string
	// Place is the path of the one place of Store that it reads; "" when any
	// place that trusts the root will do.
	Place string
	// Roots says for a person where it takes them from.
	Roots string
	// Override names the variable or setting that leads it away from the store
	// it would read otherwise; "" when nothing does.
	Override string
	// State is what those roots do with devcert's, for a client that has roots
	// of its own or is led away; "" for one that does as its store does.
	State PlaceState
	// Evidence is why State is what it is, in a line.
	Evidence string
	// Remedy makes it trust the root: a command or a setting.
	Remedy string
	// Browser says that it is only run when browsers are asked for.
	Browser bool
	// Careless says that it was told to accept every server; Override says by what.
	Careless bool
	// Server says that it serves, with the certificate that it finds in Store. It
	// is asked by coming to it, and what is wrong there is that store's finding.
	Server bool
}

// Verdict is what a client said of a server; of one that is a server itself, what
// was said by a client that trusts the root and nothing else.
type Verdict string

// The verdicts. NotAsked is said also where the client could not be run at all.
const (
	Accepted Verdict = "trusted"
	Refused  Verdict = "distrusted"
	Hung     Verdict = "hung"
	NotAsked Verdict = "not-asked"
)

// Exam is what clients are asked: to open a server on loopback.
type Exam struct {
	// Inside is what a server of devcert's presents: leaf and intermediate.
	Inside tls.Certificate
	// Outside is for OutsideName, which the constraints do not permit, and comes
	// from the same intermediate: everybody must refuse it.
	Outside     tls.Certificate
	OutsideName string
	// Root is what both lead to, for who comes to a client that is a server.
	Root *x509.Certificate
	// Limit is how long one client may take for one question.
	Limit time.Duration
	// Told hears of each client when it has answered; it may be nil.
	Told func(Asked)
}

// Asked is what one client answered.
type Asked struct {
	Client                  // with the Version it gave
	Inside, Outside Verdict // of https://localhost and of the name outside
	Said            string  // by the client, in a line; or why it was not asked
	Spared          bool    // from being asked, on purpose
	Cure            string  // what lets it be asked, where that was not possible
	Took            time.Duration
}

// Clients knows the programs of this machine that verify servers.
type Clients interface {
	// Find looks where the programs are and what they read. It changes nothing
	// and is fast: it runs no client but to read its settings.
	Find(ctx context.Context, m Material) []Client
	// Ask really runs each of the clients against the exam's servers, in a
	// folder of its own that is gone afterwards, with copies of the databases
	// that it would write to. It gives one answer per client, in their order.
	Ask(ctx context.Context, clients []Client, exam Exam) ([]Asked, error)
}

// Foresee says what a client will do with a server of devcert's, from what was
// seen of the store that it reads.
func (o *Observation) Foresee(c Client) PlaceState {
	if c.State != "" {
		return c.State
	}
	state := Unknown // of a store that this machine does not have
	for _, s := range o.Stores {
		if s.Store != c.Store {
			continue
		}
		for _, p := range s.Places {
			switch {
			case p.Part != chain.PartRoot || c.Place != "" && c.Place != p.Path:
			case p.State == Trusted:
				return Trusted
			case state == Unknown:
				state = p.State
			}
		}
	}
	return state
}

// clientFindings are about clients that have roots of their own: what is wrong
// with a store has a finding of the store's. They are warnings, since devcert
// changes no program's own list. While no store trusts the root, that is what
// is to be said, and not this.
func clientFindings(o *Observation) []Finding {
	all := carelessFindings(o)
	if !o.trusted() {
		return all
	}
	for _, c := range o.Clients {
		if c.State == "" || c.State == Trusted || c.Server || c.spokenOf(o.Overrides) {
			continue
		}
		f := Finding{
			Kind: rootWords[c.State].kind, Severity: Warning, Where: c.Path, Remedy: c.Remedy, client: c.Name,
			Message:     fmt.Sprintf("%s takes its roots from %s", c.Name, c.Roots),
			Consequence: c.Name + " refuses https://localhost though the system trusts it",
		}
		if c.Evidence != "" {
			f.Message += ": " + c.Evidence
		}
		if c.State == Unknown {
			f.Consequence = "whether it trusts https://localhost is not known"
		}
		if c.Override != "" {
			f.Kind = EnvOverride
		}
		all = append(all, f)
	}
	return all
}

// carelessFindings are about clients that were told to accept every server, which
// also their users forget.
func carelessFindings(o *Observation) []Finding {
	var all []Finding
	for _, c := range o.Clients {
		if c.Careless {
			f := accepting(c)
			f.Message = fmt.Sprintf("%s takes its roots from %s", c.Name, c.Roots)
			all = append(all, f)
		}
	}
	return all
}

// accepting is the finding about a client that accepts what it must refuse.
func accepting(c Client) Finding {
	return Finding{
		Kind: ConstraintsIgnored, Severity: Error, Where: c.Path, client: c.Name,
		Remedy:      cmp.Or(c.Remedy, "devcert explain "+ConstraintsIgnored),
		Message:     fmt.Sprintf("%s accepts a certificate for a name that devcert's root does not permit", c.Name),
		Consequence: "it verifies no server, or not their names: who steals a key can pose to it as any site",
	}
}

// spokenOf says whether the variable that leads the client away has a finding of
// its own, which says it of all that obey it.
func (c Client) spokenOf(all []Override) bool {
	return slices.ContainsFunc(all, func(v Override) bool { return v.Name == c.Override && v.Reason != "" })
}

// belied says whether a client that was asked does what the finding says it
// would not: its own word goes before what was foreseen. What it does with a name
// outside is said anew from that word.
func (f Finding) belied(all []Asked) bool {
	return f.client != "" && slices.ContainsFunc(all, func(a Asked) bool {
		if f.Kind == ConstraintsIgnored {
			return a.Name == f.client && (a.Outside == Accepted || a.Outside == Refused)
		}
		return a.Name == f.client && a.Inside == Accepted
	})
}

// askedFindings are about clients that did otherwise than they should.
func askedFindings(r *Report) []Finding {
	var all []Finding
	for _, a := range r.Asked {
		if a.Outside == Accepted {
			all = append(all, accepting(a.Client))
		}
		if f, ok := refusal(r.Seen, a); ok {
			all = append(all, f)
		}
		if f, ok := silence(a); ok {
			all = append(all, f)
		}
	}
	return append(all, allSilent(r.Asked)...)
}

// silence is the finding about a client that gave no answer though it should have:
// what it does is not known, which is not that all is well.
func silence(a Asked) (Finding, bool) {
	f := Finding{
		Kind: TrustUnknown, Severity: Warning, Where: a.Path,
		Message:     fmt.Sprintf("%s gave no answer: %s", a.Name, a.Said),
		Consequence: "whether it trusts https://localhost is not known",
		Remedy:      cmp.Or(a.Cure, "run it by hand to see why: "+a.Path),
	}
	switch {
	case a.Spared:
		return f, false
	case a.Inside == Hung || a.Outside == Hung:
		f.Remedy = "give it longer: devcert doctor --limit 60s"
	case a.Inside != NotAsked && (a.Inside != Accepted || a.Outside != NotAsked || a.Said == ""):
		return f, false
	}
	if a.Inside == Accepted {
		f.Message = fmt.Sprintf("%s gave no answer about %s: %s", a.Name, OutsideName, a.Said)
		f.Consequence = "whether it refuses what devcert's root does not permit is not known"
	}
	return f, true
}

// allSilent is an error where nobody answered of those that should have: such a
// doctor has seen nothing.
func allSilent(all []Asked) []Finding {
	first := -1
	for i, a := range all {
		switch {
		case a.Spared:
		case a.Inside == Accepted || a.Inside == Refused:
			return nil
		case first < 0:
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	f, _ := silence(all[first])
	f.Severity, f.Where = Error, "clients"
	f.Message = "not one client gave an answer; the first: " + f.Message
	f.Consequence = "whether clients trust https://localhost is not known"
	return []Finding{f}
}

// refusal is the finding about a client that refuses what its store trusts. One
// that refuses because its store lacks the root is spoken of already.
func refusal(o *Observation, a Asked) (Finding, bool) {
	foreseen := o.Foresee(a.Client)
	f := Finding{Kind: TrustDenied, Severity: Error, Where: a.Path, Remedy: cmp.Or(a.Remedy, "devcert explain "+TrustDenied)}
	switch {
	case a.Server && a.Inside == Refused && (foreseen == Trusted || foreseen == Unknown):
		f.Message = fmt.Sprintf("%s cannot serve https://localhost with what is in %s: %s", a.Name, a.Roots, a.Said)
	case a.Inside == Refused && foreseen == Trusted:
		f.Message = fmt.Sprintf("%s refuses https://localhost though %s has the root: %s", a.Name, a.Roots, a.Said)
	case a.Inside == Refused && foreseen == Unknown:
		f.Message = fmt.Sprintf("%s refuses https://localhost: %s", a.Name, a.Said)
	default:
		return Finding{}, false
	}
	return f, true
}
