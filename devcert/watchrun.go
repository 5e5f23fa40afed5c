package devcert

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"
)

// Watching is what a watch is to do.
type Watching struct {
	// Every is how often it looks though nothing seems to have changed.
	Every time.Duration
	// Once ends it after the first look, and its repair.
	Once bool
	// Repair heals what needs nobody's yes and no rights that this process lacks.
	Repair bool
	// Notify shows notices on the user's screen.
	Notify bool
	// Exec is a program that is started with each loss and each healing, and its
	// arguments; none for none.
	Exec []string
	// Told is given everything that is new, at once. It is called by one goroutine.
	Told func(WatchNews)
}

// WatchNews is what one look brought, or one repair.
type WatchNews struct {
	At time.Time
	// First says that nothing was looked at before.
	First bool
	// New stand and were not known, or had been healed; Healed stand no longer.
	New, Healed []Finding
	// Mended says that it was this watch that healed.
	Mended bool
	// Lacking stand because their repair lacks rights, or a person's yes; GivenUp
	// because it did not help, or not for long.
	Lacking, GivenUp []Finding
	// Err is why a look or a repair failed.
	Err error
	// Weak says what cannot be watched, only compared now and then; "" when all can.
	Weak string
	// Report is that of the look; nil when it failed.
	Report *Report
}

// Empty says that there is nothing to tell.
func (n *WatchNews) Empty() bool {
	return !n.First && len(n.New)+len(n.Healed)+len(n.Lacking)+len(n.GivenUp) == 0 && n.Err == nil && n.Weak == ""
}

// WatchEnd is how a watch ended.
type WatchEnd struct {
	Report *Report // of the last look; nil when none succeeded
	Tally  WatchTally
	// Lacking stand because their repair lacks rights, or a person's yes.
	Lacking []Finding
	// Err is why the last look or repair failed; nil when it did not.
	Err  error
	Weak string // what cannot be watched; "" when all can
}

// watch is one at work.
type watch struct {
	*Engine
	ask     Watching
	end     WatchEnd
	seen    sights
	pace    pace
	eyes    Watcher
	teller  *teller
	weak    string    // what was said of the eyes
	failure string    // what was said of the last failure
	later   time.Time // when to look again at what another devcert is changing
	busy    time.Time // since when it is
	looked  time.Time
}

// Watch looks, and looks again whenever something has changed, until ctx ends. It
// takes no lock and changes nothing, but to repair.
func (e *Engine) Watch(ctx context.Context, w Watching) *WatchEnd {
	run := &watch{Engine: e, ask: w, seen: sights{}, teller: newTeller(e, w)}
	defer run.teller.close()
	if e.Host.Watch != nil && !w.Once {
		run.eyes = e.Host.Watch()
		defer run.eyes.Close()
	}
	for run.cover(); ; {
		run.look(ctx)
		if w.Once || ctx.Err() != nil {
			return &run.end
		}
		if run.cover(); !run.wait(ctx) {
			return &run.end
		}
	}
}

// wait returns when it is time to look, and false when there is none any more.
func (w *watch) wait(ctx context.Context) bool {
	var changed <-chan struct{}
	if w.eyes != nil {
		changed = w.eyes.Changed()
	}
	for {
		left := time.Until(w.nextLook())
		if left <= 0 {
			return ctx.Err() == nil
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
		case <-changed:
			w.pace.heard(time.Now())
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return false
		}
	}
}

func (w *watch) nextLook() time.Time {
	next := w.looked.Add(w.ask.Every)
	sooner := func(at time.Time) {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	if at, changed := w.pace.at(); changed {
		sooner(at)
	}
	if w.ask.Repair {
		sooner(w.seen.next())
	}
	sooner(w.later)
	return next
}

// cover has the eyes where the last look went.
func (w *watch) cover() {
	if w.eyes == nil {
		return
	}
	if weak := w.eyes.Cover(w.spots(w.end.Report)); weak != w.weak {
		w.weak, w.end.Weak = weak, weak
		w.told(WatchNews{Weak: weak})
	}
}

// spots are where to look for changes.
func (e *Engine) spots(r *Report) []Spot {
	dir := e.Host.StateDir
	generations := filepath.Join(dir, "generations")
	all := []Spot{{Path: dir, Folder: true}, {Path: generations, Folder: true}}
	if r != nil && r.Seen.Folder.Current != "" {
		all = append(all, Spot{Path: filepath.Join(generations, r.Seen.Folder.Current), Folder: true})
	}
	if r != nil {
		for _, s := range r.Seen.Stores {
			for _, p := range s.Places {
				if filepath.IsAbs(p.Path) {
					all = append(all, Spot{Path: p.Path})
				}
			}
		}
	}
	parts := []any{e.Host.Binder, e.Host.Services}
	for _, s := range e.Host.Stores {
		parts = append(parts, s)
	}
	for _, part := range parts {
		if s, ok := part.(Spotter); ok {
			all = append(all, s.Spots()...)
		}
	}
	return all
}

// look looks once, tells what is new, and repairs what is due.
func (w *watch) look(ctx context.Context) {
	first := w.end.Tally.Looks == 0
	w.later = time.Time{}
	if b, ok := w.Host.Binder.(Forgetter); ok {
		b.Forget()
	}
	r, err := w.Engine.look(ctx, depth{}, nil)
	if ctx.Err() != nil {
		return
	}
	w.end.Tally.Looks++
	w.looked = time.Now()
	if err != nil {
		w.pace.looked(w.looked, w.failure != err.Error())
		w.failed(err, first)
		return
	}
	if w.underChange(r) {
		w.pace.looked(w.looked, true)
		w.end.Tally.Looks--
		return
	}
	w.end.Report = r
	fresh, healed := w.seen.see(w.looked, r.Findings)
	w.pace.looked(w.looked, len(fresh)+len(healed) > 0)
	w.told(WatchNews{First: first, New: fresh, Healed: healed})
	if w.ask.Repair {
		err = w.repair(ctx)
	}
	w.failed(err, false)
}

// underChange says whether what was seen may be half of what another devcert is
// about to do. It is then looked at again, when that has ended.
func (w *watch) underChange(r *Report) bool {
	now := time.Now()
	if !w.seen.differ(r.Findings) || !w.folder().Busy() {
		w.busy = time.Time{}
		return false
	}
	if w.busy.IsZero() {
		w.busy = now
	}
	if now.Sub(w.busy) > w.Timeout { // it hangs, and people are to know what it left
		return false
	}
	w.later = now.Add(quiet)
	return true
}

// failed tells of a failure once. nil forgets it.
func (w *watch) failed(err error, first bool) {
	text := ""
	if err != nil {
		text = err.Error()
		w.end.Tally.Failed++
	}
	said := w.failure == text
	w.end.Err, w.failure = err, text
	if err != nil && !said || first {
		w.told(WatchNews{Err: err, First: first})
	}
}

// repair heals what is due, and says what became of it.
func (w *watch) repair(ctx context.Context) error {
	due := func(all []Finding) []Finding {
		return pick(all, func(f Finding) bool { return w.seen.due(time.Now(), &f) })
	}
	tried := due(w.end.Report.Findings)
	if len(tried) == 0 {
		return nil
	}
	r, err := w.change(ctx, goal{pick: due})
	w.rest()
	if ctx.Err() != nil {
		return nil
	}
	now := time.Now()
	var news WatchNews
	if r != nil && r.Seen != nil {
		w.end.Report = r
		news.New, news.Healed = w.seen.see(now, r.Findings)
		news.Mended = true
	}
	before := len(w.seen.lacking(tried))
	news.GivenUp = w.seen.repaired(now, tried, func(f Finding) bool { return lacks(r, err, f) })
	if lacking := w.seen.lacking(tried); len(lacking) > before {
		news.Lacking = lacking
	}
	w.end.Lacking = w.seen.lacking(w.end.Report.Findings)
	w.told(news)
	if errors.Is(err, ErrNeedsAdmin) || errors.Is(err, ErrDeclined) {
		return nil // Lacking has it
	}
	return err
}

// lacks says whether a finding stands because its repair lacked rights, or a
// person's yes.
func lacks(r *Report, err error, f Finding) bool {
	lacking := func(err error) bool { return errors.Is(err, ErrNeedsAdmin) || errors.Is(err, ErrDeclined) }
	failed := false
	if r != nil {
		for _, s := range r.Steps {
			if s.Err == nil {
				continue
			}
			failed = true
			same := f.store != "" && s.store == f.store || s.action == bind && len(f.ports) > 0 ||
				f.service != "" && s.service == f.service
			if same && lacking(s.Err) {
				return true
			}
		}
	}
	return !failed && lacking(err)
}

// told passes news on, and counts them.
func (w *watch) told(n WatchNews) {
	n.At, n.Report = w.Now(), w.end.Report
	w.end.Tally.Told += len(n.New)
	w.end.Tally.Healed += len(n.Healed)
	w.end.Tally.GivenUp += len(n.GivenUp)
	if n.Mended {
		w.end.Tally.Repaired += len(n.Healed)
	}
	if len(n.Lacking) == 0 && w.end.Report != nil {
		w.end.Lacking = w.seen.lacking(w.end.Report.Findings)
	}
	if n.Empty() {
		return
	}
	if w.ask.Told != nil {
		w.ask.Told(n)
	}
	w.teller.tell(n)
}

// Unready are the places of wanted stores, by the stores' names, that this process
// may only look at: their repair takes rights that it lacks.
func (e *Engine) Unready(ctx context.Context, r *Report) []string {
	var all []string
	if r == nil || r.Config == nil {
		return nil
	}
	defer e.rest()
	for _, store := range e.Host.Stores {
		if r.needsAdmin(store.Name()) && errors.Is(store.Ready(ctx), ErrNeedsAdmin) {
			all = append(all, store.Name())
		}
	}
	if r.Seen.Ports.Machine && len(all) > 0 {
		all = append(all, "ports")
	}
	slices.Sort(all)
	return all
}

func (e *Engine) rest() {
	if e.Host.Rest != nil {
		e.Host.Rest()
	}
}

// differ says whether see would find anything new, or healed.
func (s sights) differ(findings []Finding) bool {
	standing := map[string]bool{}
	for i := range findings {
		for _, key := range keysOf(&findings[i]) {
			standing[key] = true
			if s[key] == nil || !s[key].stands {
				return true
			}
		}
	}
	for key, one := range s {
		if one.stands && !standing[key] {
			return true
		}
	}
	return false
}
