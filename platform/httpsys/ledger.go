package httpsys

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/disk"
)

// ledger is what devcert has done to the table of this machine and what stood
// there before, for whoever undoes it.
type ledger struct {
	Schema       int        `json:"schema"`
	Places       []trace    `json:"places"`
	Reservations []urlTrace `json:"reservations"`
}

const ledgerSchema = 1

// trace is one place of the table that devcert has changed.
type trace struct {
	Kind    Kind   `json:"kind"`
	Address string `json:"address"`
	Port    int    `json:"port"`
	// Bound are the certificates that devcert put there, the latest last. None
	// where it only removed what hid its binding.
	Bound []string `json:"bound,omitempty"`
	// Before stood there before devcert; nil when nothing did.
	Before *Record `json:"before,omitempty"`
	// Broken says that the certificate of Before could not be served even then.
	Broken bool `json:"broken,omitempty"`
}

// urlTrace is one URL that devcert has reserved.
type urlTrace struct {
	URL    string       `json:"url"`
	Before *Reservation `json:"before,omitempty"` // nil when there was none
}

// maxBound is how many certificates of one place are remembered: a leaf lives a
// year, and one that was followed by so many is bound nowhere.
const maxBound = 8

func (t trace) record() Record { return Record{Kind: t.Kind, Address: t.Address, Port: t.Port} }

// at is where the trace of a place stands; -1 when there is none.
func (l *ledger) at(r Record) int {
	return slices.IndexFunc(l.Places, func(t trace) bool { return t.record().Is(r) })
}

// bound says whether devcert put r there.
func (l *ledger) bound(r Record) bool {
	i := l.at(r)
	return i >= 0 && slices.Contains(l.Places[i].Bound, r.Thumbprint)
}

// remember notes a plan that is about to be carried out. What stood somewhere
// before devcert first came is kept for as long as devcert has the place. What
// was put there since, and is lost now, counts for more if it is of another
// application, or if the first could not be put back any more.
func (l *ledger) remember(p plan, broken func(Record) bool) {
	for _, r := range p.Add {
		l.trace(r).bind(r.Thumbprint)
	}
	for _, r := range p.taken {
		t := l.trace(r)
		if t.Before == nil || t.Before.AppID != r.AppID || broken(*t.Before) {
			t.Before, t.Broken = &r, broken(r)
		}
	}
	for _, r := range p.Reserve {
		known := slices.ContainsFunc(l.Reservations, func(u urlTrace) bool { return strings.EqualFold(u.URL, r.URL) })
		if known {
			continue
		}
		u := urlTrace{URL: r.URL}
		if i := slices.IndexFunc(p.Unreserve, func(old Reservation) bool { return strings.EqualFold(old.URL, r.URL) }); i >= 0 {
			u.Before = &p.Unreserve[i]
		}
		l.Reservations = append(l.Reservations, u)
	}
}

// trace is the trace of a place, a new one where there was none.
func (l *ledger) trace(r Record) *trace {
	i := l.at(r)
	if i < 0 {
		i = len(l.Places)
		l.Places = append(l.Places, trace{Kind: r.Kind, Address: r.Address, Port: r.Port})
	}
	return &l.Places[i]
}

func (t *trace) bind(thumbprint string) {
	t.Bound = append(slices.DeleteFunc(t.Bound, func(b string) bool { return b == thumbprint }), thumbprint)
	t.Bound = t.Bound[max(0, len(t.Bound)-maxBound):]
}

// settle forgets what needs no memory any more: places and URLs where nothing
// of devcert's is left, and nothing is missing that stood there before and could
// be brought back. It says whether there was any such.
func (l *ledger) settle(s State, lost func(Record) bool) bool {
	all := len(l.Places) + len(l.Reservations)
	l.Places = slices.DeleteFunc(l.Places, func(t trace) bool {
		now, there := s.At(t.record())
		switch {
		case there:
			return t.Before != nil && now.Same(*t.Before) || !slices.Contains(t.Bound, now.Thumbprint)
		case t.Before != nil:
			return lost(*t.Before)
		}
		return true
	})
	l.Reservations = slices.DeleteFunc(l.Reservations, func(u urlTrace) bool {
		now, there := s.Reservation(u.URL)
		return there && now.SDDL != Everyone || !there && u.Before == nil
	})
	return len(l.Places)+len(l.Reservations) < all
}

func (l *ledger) empty() bool { return len(l.Places)+len(l.Reservations) == 0 }

// encode gives the ledger's file. One that could not be read again is refused.
func (l *ledger) encode() ([]byte, error) {
	l.Schema = ledgerSchema
	data, err := json.Marshal(l)
	if err == nil && len(data) >= maxLedger {
		err = fmt.Errorf("%d bindings are more than can be remembered", len(l.Places))
	}
	return append(data, '\n'), err
}

// maxLedger is the size of a file that package disk still reads.
const maxLedger = 1 << 20

// parseLedger reads a ledger's file. What stands in it gets into scripts that
// run with all rights, so everything is checked as if anybody had written it.
func parseLedger(data []byte) (*ledger, error) {
	if err := disk.CheckSchema(data, ledgerSchema); err != nil {
		return nil, err
	}
	var l ledger
	if err := disk.UnmarshalStrict(data, &l); err != nil {
		return nil, err
	}
	if l.Schema != ledgerSchema {
		return nil, fmt.Errorf("schema %d never was", l.Schema)
	}
	seen := map[string]bool{}
	for _, t := range l.Places {
		if err := t.check(); err != nil {
			return nil, err
		}
		if key := t.record().place(); seen[key] {
			return nil, fmt.Errorf("%s stands there twice", t.Address)
		} else {
			seen[key] = true
		}
	}
	for _, u := range l.Reservations {
		if err := u.check(); err != nil {
			return nil, err
		}
		if key := strings.ToLower(u.URL); seen[key] {
			return nil, fmt.Errorf("%s stands there twice", u.URL)
		} else {
			seen[key] = true
		}
	}
	return &l, nil
}

func (t trace) check() error {
	if err := t.record().checkPlace(); err != nil {
		return err
	}
	for _, thumbprint := range t.Bound {
		if !hashShape().MatchString(thumbprint) || thumbprint != strings.ToUpper(thumbprint) {
			return fmt.Errorf("%s: %q is no thumbprint", t.Address, thumbprint)
		}
	}
	switch {
	case t.Before == nil && len(t.Bound) == 0:
		return fmt.Errorf("%s: nothing was done there", t.Address)
	case t.Before == nil:
		return nil
	case !t.Before.Is(t.record()):
		return fmt.Errorf("%s: what stood there is of %s", t.Address, t.Before.Address)
	}
	return t.Before.Check()
}

func (u urlTrace) check() error {
	if err := checkURL(u.URL); err != nil {
		return err
	}
	if u.Before == nil {
		return nil
	}
	if !strings.EqualFold(u.Before.URL, u.URL) {
		return errors.New(u.URL + ": what was reserved is of " + u.Before.URL)
	}
	return u.Before.Check()
}
