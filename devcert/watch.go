package devcert

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// This file has what a watch decides: which findings are news, which are healed,
// and which are to be repaired now. It looks at nothing and keeps no clock.

// The limits of a watch's repairs. What something else breaks again and again is
// that program's to stop: to go on would be a fight that costs the machine.
const (
	maxRepairs = 5
	// calm is how long a finding must be gone for its repairs to be forgotten.
	calm = time.Hour
)

// repairWaits is how long before the second repair, the third and so on.
var repairWaits = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, 30 * time.Minute}

// sight is what a watch remembers of one thing that is wrong, or was.
type sight struct {
	finding *Finding
	stands  bool
	gone    time.Time // when it was first seen no more
	repairs int
	next    time.Time // not to be repaired before
	barred  bool      // its repair lacks rights, or a person
}

// sights are what a watch remembers of the looks it had.
type sights map[string]*sight

// keysOf tells a finding from all others, whatever its words: how many days are
// left changes from look to look. One about ports is as many as there are ports.
func keysOf(f *Finding) []string {
	key := f.Kind + "\x00" + f.store + "\x00"
	if len(f.ports) == 0 {
		return []string{key + f.Where}
	}
	var all []string
	for _, port := range f.ports {
		all = append(all, key+strconv.Itoa(port))
	}
	return all
}

// see takes in what a look found, and says what of it is new, and what is healed.
func (s sights) see(now time.Time, findings []Finding) (fresh, healed []Finding) {
	standing := map[string]bool{}
	for i := range findings {
		f, news := findings[i], false
		for _, key := range keysOf(&f) {
			standing[key] = true
			one := s[key]
			if one == nil {
				one = &sight{}
				s[key] = one
			}
			if !one.stands {
				news = true
				if !one.gone.IsZero() && now.Sub(one.gone) >= calm {
					*one = sight{}
				}
				if one.next.IsZero() {
					one.next = now
				}
				one.barred = false // whoever healed it may have given the right, too
			}
			one.finding, one.stands = &f, true
		}
		if news {
			fresh = append(fresh, f)
		}
	}
	return fresh, s.end(now, standing)
}

// end notes what stands no longer, and returns the findings of which nothing does.
func (s sights) end(now time.Time, standing map[string]bool) (healed []Finding) {
	var ended []*Finding
	for key, one := range s {
		switch {
		case standing[key]:
		case one.stands:
			one.stands, one.gone = false, now
			if !slices.Contains(ended, one.finding) {
				ended = append(ended, one.finding)
			}
		case now.Sub(one.gone) >= calm:
			delete(s, key)
		}
	}
	for _, f := range ended {
		if !slices.ContainsFunc(keysOf(f), func(key string) bool { return standing[key] }) {
			healed = append(healed, *f)
		}
	}
	slices.SortStableFunc(healed, byPlace)
	return healed
}

func byPlace(a, b Finding) int {
	switch {
	case a.Kind+a.Where < b.Kind+b.Where:
		return -1
	case a.Kind+a.Where > b.Kind+b.Where:
		return 1
	}
	return 0
}

// mends says whether a watch may repair a finding at all. A new root is asked for
// by a person: every store has to be asked to trust it.
func mends(f *Finding) bool { return f.Repairable && f.cure != newHierarchy && f.cure != noCure }

// due says whether a finding is to be repaired now.
func (s sights) due(now time.Time, f *Finding) bool {
	return mends(f) && slices.ContainsFunc(keysOf(f), func(key string) bool {
		one := s[key]
		return one != nil && one.stands && one.mayTry() && !now.Before(one.next)
	})
}

func (o *sight) mayTry() bool { return !o.barred && o.repairs < maxRepairs }

// next is when something that stands is to be tried again; zero for never.
func (s sights) next() (at time.Time) {
	for _, one := range s {
		if one.stands && mends(one.finding) && one.mayTry() && (at.IsZero() || one.next.Before(at)) {
			at = one.next
		}
	}
	return at
}

// repaired notes that findings were repaired, or were to be: barred says of one
// that still stands whether its repair lacked rights or a person. It returns those
// that will not be tried again.
func (s sights) repaired(now time.Time, tried []Finding, barred func(Finding) bool) (given []Finding) {
	for i := range tried {
		ended := false
		for _, key := range keysOf(&tried[i]) {
			one := s[key]
			if one == nil {
				continue
			}
			one.repairs++
			one.next = now.Add(repairWaits[min(one.repairs, len(repairWaits))-1])
			if one.stands && barred(tried[i]) {
				one.barred = true
			}
			ended = ended || one.stands && !one.barred && one.repairs >= maxRepairs
		}
		if ended {
			given = append(given, tried[i])
		}
	}
	return given
}

// lacking are the findings that stand because their repair lacked rights or a
// person.
func (s sights) lacking(findings []Finding) (all []Finding) {
	for i := range findings {
		f := &findings[i]
		if slices.ContainsFunc(keysOf(f), func(key string) bool { return s[key] != nil && s[key].barred }) {
			all = append(all, *f)
		}
	}
	return all
}

// How soon a watch looks once something has changed.
const (
	// quiet is how long nothing may change before a look: who writes a file writes
	// it in several steps.
	quiet = 200 * time.Millisecond
	// soonest is the least time between two looks.
	soonest = time.Second
	// latest is the most: a program that writes without end, and nothing that
	// matters, is looked after once in that time.
	latest = time.Minute
)

// pace says when to look. Looks that found nothing new make the next ones rarer,
// as long as changes go on.
type pace struct {
	first, last time.Time // changes since the last look
	ended       time.Time // the last look
	idle        int       // looks in a row after changes that brought nothing
}

// heard notes that something has changed.
func (p *pace) heard(now time.Time) {
	if p.first.IsZero() {
		p.first = now
		if now.Sub(p.ended) > 2*p.gap() { // it was quiet since
			p.idle = 0
		}
	}
	p.last = now
}

func (p *pace) gap() time.Duration { return min(soonest<<min(p.idle, 6), latest) }

// at is when to look; ok is false when nothing has changed.
func (p *pace) at() (at time.Time, ok bool) {
	if p.first.IsZero() {
		return at, false
	}
	at = p.last.Add(quiet)
	if most := p.first.Add(soonest); at.After(most) {
		at = most
	}
	if p.ended.IsZero() {
		return at, true
	}
	if soon := p.ended.Add(p.gap()); at.Before(soon) {
		at = soon
	}
	return at, true
}

// looked notes the end of a look, and whether it brought anything.
func (p *pace) looked(now time.Time, news bool) {
	switch {
	case news:
		p.idle = 0
	case !p.first.IsZero():
		p.idle++
	}
	p.first, p.last, p.ended = time.Time{}, time.Time{}, now
}

// WatchTally is what a watch came to.
type WatchTally struct {
	Looks    int
	Told     int // findings that were new
	Healed   int // findings that were there and are gone
	Repaired int // of those, by the watch
	GivenUp  int // findings whose repair did not help, or not for long
	Failed   int // looks and repairs that failed
}

// String is for a person.
func (t WatchTally) String() string {
	return fmt.Sprintf("%d looks, %d findings told, %d healed, %d of them by this watch", t.Looks, t.Told, t.Healed, t.Repaired)
}
