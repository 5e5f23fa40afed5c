package devcert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// change is the pipeline: look; if there is anything to do, take the lock, look
// again, and do it; look once more. The first look takes no lock and leaves no
// trace, so that a run with nothing to do changes nothing at all. Where there
// is not even a folder there is certainly something to do, and one look is enough.
func (e *Engine) change(ctx context.Context, g goal) (*Report, error) {
	var made *ahead
	if fresh := !e.folder().Exists() && g.want != nil && !e.DryRun && !e.TakeOver; !fresh {
		look := e.look // what is wrong is looked at again with the lock
		if e.DryRun {
			look = e.lookSettled
		}
		before, err := look(ctx, depth{}, g.want)
		if err != nil {
			return nil, err
		}
		steps := g.steps(before)
		if len(steps) == 0 || e.DryRun {
			before.Planned = e.preview(ctx, before, steps)
			return before, nil
		}
		if err := e.ready(ctx, before, steps); err != nil {
			return before, err
		}
	} else if c, err := g.want(nil); err != nil {
		return nil, err
	} else if err := e.mayPermit(c, ""); err != nil {
		return nil, err
	} else {
		made = e.makeAhead(c)
	}
	return e.changeLocked(ctx, g, made)
}

// changeLocked is the part of change that no other writer may come between.
func (e *Engine) changeLocked(ctx context.Context, g goal, made *ahead) (*Report, error) {
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	before, err := e.look(ctx, depth{}, g.want)
	if err != nil {
		return nil, err
	}
	steps := g.steps(before)
	if len(steps) == 0 {
		if before.Seen.Folder.Empty() { // an uninstall came between, and the lock has made it anew
			_, _ = e.folder().Remove()
		}
		return before, nil
	}
	if err := before.Seen.Folder.Changeable(); err != nil {
		return before, err
	}
	after, err := e.apply(ctx, before, steps, made)
	if err != nil && after != nil && after.Seen.Folder.Empty() {
		_, _ = e.folder().Remove() // not even a first file could be written
	}
	return after, err
}

func (e *Engine) lock(ctx context.Context) (func(), error) {
	wait, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	return e.folder().Lock(wait, e.Command, e.sayWaiting)
}

// ready asks what must be asked before anything changes. Replacing a root that
// works needs a person's yes, and the rights to finish: half of it would leave
// two roots.
func (e *Engine) ready(ctx context.Context, r *Report, steps []Step) error {
	if err := e.mayTakeOver(r, steps); err != nil {
		return err
	}
	replaces := ""
	if sound(r.Findings) && slices.ContainsFunc(steps, Step.replaces) {
		replaces = "The present root will be replaced: every store is asked to trust a new one."
	}
	if err := e.mayPermit(r.Config, replaces); err != nil {
		return err
	}
	for _, s := range steps {
		if !s.replaces() {
			continue
		}
		for _, store := range e.Host.Stores {
			if !r.needsAdmin(store.Name()) {
				continue
			}
			if err := store.Ready(ctx); errors.Is(err, ErrNeedsAdmin) || errors.Is(err, ErrDeclined) {
				return fmt.Errorf("replacing the root in the %s store: %w", store.Name(), err)
			}
		}
	}
	return nil
}

// replaces says that a step makes a hierarchy in the place of one that is there.
func (s Step) replaces() bool { return s.action == create && s.staged }

// mayPermit asks for what a project's file wants the root to vouch for and nobody has
// permitted before, and whether the root may be replaced, all in one question.
func (e *Engine) mayPermit(c *Config, replaces string) error {
	question := replaces
	if c != nil && len(c.newPermits) > 0 {
		question = fmt.Sprintf("The root is to vouch for %s too, as %s asks.", strings.Join(c.newPermits, ", "), c.team)
		if replaces != "" {
			question += " " + replaces
		}
	}
	if question == "" {
		return nil
	}
	return e.Confirm(question)
}

// needsAdmin says whether the store has a wanted place that only an
// administrator may change.
func (r *Report) needsAdmin(store string) bool {
	return slices.ContainsFunc(r.Seen.Stores, func(s StorePlaces) bool {
		return s.Store == store && slices.ContainsFunc(s.Places, func(p Place) bool { return p.Machine && r.Config.wantsPlace(store, p) })
	})
}

// mayTakeOver asks before another application's bindings are replaced.
func (e *Engine) mayTakeOver(r *Report, steps []Step) error {
	binds := slices.ContainsFunc(steps, func(s Step) bool { return s.action == bind })
	var taken []int
	for _, f := range r.Findings {
		if f.Kind == BindingForeign || f.Kind == BindingShadowed {
			taken = append(taken, f.ports...)
		}
	}
	if !e.TakeOver || !binds || len(taken) == 0 {
		return nil
	}
	slices.Sort(taken)
	return e.Confirm("Another application's bindings will be replaced, on " + FormatPorts(slices.Compact(taken)) +
		"; uninstall puts them back.")
}

// preview adds to the binding of ports the commands that would be run.
func (e *Engine) preview(ctx context.Context, r *Report, steps []Step) []Step {
	leaf := r.Seen.leafThumbprint()
	for i := range steps {
		s := &steps[i]
		if s.action == create || s.action == reissue {
			leaf = "" // nobody knows yet
		}
		if s.action != bind {
			continue
		}
		order := e.order(r, *s, leaf)
		lines, err := e.Host.Binder.Preview(ctx, order)
		if err != nil {
			lines = []string{"which commands that takes cannot be told: " + inLine(err)}
		}
		s.Lines = lines
	}
	return steps
}

// order is what a step asks of the binder, with the leaf as it then is.
func (e *Engine) order(r *Report, s Step, leaf string) BindOrder {
	return BindOrder{
		Ports: s.ports, Thumbprint: cmp.Or(s.as.thumb, leaf), AppID: r.Config.AppID, TakeOver: e.TakeOver, ClientCerts: s.as.asks,
	}
}

// sound says that the hierarchy works as it is, and that only a wish replaces it.
func sound(findings []Finding) bool {
	for _, f := range findings {
		if f.cure == newHierarchy && f.Kind != ConstraintsDiffer && f.Kind != KeyMissing {
			return false
		}
	}
	return true
}
