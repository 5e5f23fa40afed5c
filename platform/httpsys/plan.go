package httpsys

import (
	"fmt"
	"strings"
)

// Whose says whose certificate a thumbprint names.
type Whose string

// The owners of a certificate.
const (
	Stranger Whose = ""        // not of devcert's making, or not to be found
	Own      Whose = "own"     // a leaf of the user who is served
	Another  Whose = "another" // a leaf of another user's devcert
)

// claim is what may be done with a record that is in the way.
type claim int

const (
	isForeign     claim = iota // replaced only when that is asked for
	isReplaceable              // replaced, and remembered
	isOwn                      // replaced and forgotten
)

// order is what is to be bound.
type order struct {
	ports      []int
	thumbprint string
	appID      string
	takeOver   bool
	negotiate  Switch // "" to keep what is
}

// judge says what may be done with a record, for an order.
type judge struct {
	whose func(thumbprint string) Whose
	bound func(Record) bool // devcert is on record as having put it there
}

func (j judge) claim(r Record) claim {
	whose := Stranger
	if r.Thumbprint != "" {
		whose = j.whose(r.Thumbprint)
	}
	switch {
	case whose == Another:
		return isForeign
	case whose == Own || j.bound(r):
		return isOwn
	case r.AppID == IISExpress:
		return isReplaceable
	}
	return isForeign
}

// plan is what an order comes to.
type plan struct {
	Change
	taken []Record // of Remove, those to be remembered
	left  []Record // foreign, where the order wanted to be
}

// planFor decides for every port what becomes of what stands there. It is the
// same for a dry run and for the change itself.
func (s State) planFor(o order, j judge) plan {
	on := map[int][]Record{}
	for _, r := range s.Records {
		on[r.Port] = append(on[r.Port], r)
	}
	urls := make(map[string]Reservation, len(s.Reservations))
	for _, r := range s.Reservations {
		urls[strings.ToLower(r.URL)] = r
	}
	var p plan
	for _, port := range o.ports {
		if p.port(o, j, port, on[port]) {
			p.reserve(Reserved(port), urls)
		}
	}
	return p
}

// port plans one port. It is false for one that is left to its owner.
func (p *plan) port(o order, j judge, port int, on []Record) bool {
	wanted := Bound(port, o.thumbprint, o.appID)
	wanted.Negotiate = o.negotiate
	var remove, taken []Record
	there := false
	for _, r := range on {
		// What comes first for some clients and presents the same certificate
		// does no harm.
		if r.Shadows() && strings.EqualFold(r.Thumbprint, wanted.Thumbprint) {
			continue
		}
		c := j.claim(r)
		// What could not be put back is not taken away, whoever asks for it.
		free := r.Check() == nil && (c != isForeign || o.takeOver)
		if !r.Shadows() {
			if c != isForeign && r.Negotiate == On && o.negotiate == "" {
				wanted.Negotiate = On // whoever set that still needs it with a new leaf
			}
			if there = r.Same(wanted); there {
				continue
			}
			if !free {
				p.left = append(p.left, r)
				return false
			}
		}
		if !free {
			continue // it hides the binding from some clients, and the others are served
		}
		remove = append(remove, r)
		if c != isOwn {
			taken = append(taken, r)
		}
	}
	p.Remove = append(p.Remove, remove...)
	p.taken = append(p.taken, taken...)
	if !there {
		p.Add = append(p.Add, wanted)
	}
	return true
}

func (p *plan) reserve(wanted Reservation, urls map[string]Reservation) {
	old, ok := urls[wanted.URL]
	if ok && (old.meets(wanted) || old.Check() != nil) {
		return
	}
	if ok {
		p.Unreserve = append(p.Unreserve, old)
	}
	p.Reserve = append(p.Reserve, wanted)
}

// refusal is the error of an order that met what is another application's; nil
// when it did not.
func (p plan) refusal() error {
	if len(p.left) == 0 {
		return nil
	}
	r := p.left[0]
	text := fmt.Sprintf("port %d is bound by another application, %s, SHA-1 %s", r.Port, r.AppID, r.Thumbprint)
	if n := len(p.left) - 1; n > 0 {
		text += fmt.Sprintf(", and %d more are bound by others", n)
	}
	return &problem{
		err:    fmt.Errorf("bind: %s", text),
		remedy: fmt.Sprintf("leave it to its owner, or: devcert ports bind %d --take-over", r.Port),
	}
}

// after is the state that a change leads to when nobody comes in between.
func (s State) after(c Change) State {
	gone := map[string]bool{}
	for _, r := range c.Remove {
		gone[r.place()] = true
	}
	for _, r := range c.Unreserve {
		gone[strings.ToLower(r.URL)] = true
	}
	next := State{Excluded: s.Excluded}
	for _, r := range s.Records {
		if !gone[r.place()] {
			next.Records = append(next.Records, r)
		}
	}
	for _, r := range s.Reservations {
		if !gone[strings.ToLower(r.URL)] {
			next.Reservations = append(next.Reservations, r)
		}
	}
	for _, r := range c.Add {
		if r.Negotiate == "" {
			r.Negotiate = Off // what is not asked for, HTTP.sys does not do
		}
		next.Records = append(next.Records, r)
	}
	next.Reservations = append(next.Reservations, c.Reserve...)
	return next
}
