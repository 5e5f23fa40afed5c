package devcert

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// worker applies one plan. It holds the lock of the state folder.
type worker struct {
	*Engine
	report    *Report
	folder    disk.Folder
	ledger    *disk.Ledger
	before    disk.Ledger    // the ledger this run began with
	hierarchy disk.Hierarchy // the one that is current, or was just made
	made      string         // the generation made and not yet switched to
	ahead     *ahead         // the hierarchy that is being made already; nil for none
}

// apply does the steps in order and reports what the machine shows afterwards.
// A step about files that fails ends the run; a store or port that fails leaves
// the others to be done.
func (e *Engine) apply(ctx context.Context, r *Report, steps []Step, a *ahead) (*Report, error) {
	w := &worker{Engine: e, ahead: a, report: r, folder: e.folder(), ledger: r.Seen.Folder.Ledger, hierarchy: r.Seen.Folder.Hierarchy}
	if !r.Seen.Foreign {
		w.ledger.Machine = e.Host.Owner.Machine
	}
	if len(w.ledger.Entries) == 0 {
		w.recordSeen() // a lost ledger is about to be written anew
	}
	w.before.Entries, w.before.Offered = slices.Clone(w.ledger.Entries), slices.Clone(w.ledger.Offered)
	var failed error
	for len(steps) > 0 && failed == nil {
		if n := together(steps); n > 1 {
			failed, steps = w.tryDeploys(ctx, steps[:n]), steps[n:]
		} else {
			failed, steps = w.try(ctx, steps[0]), steps[1:]
		}
	}
	if failed == nil && w.changedSystem() {
		failed = w.writeBundle()
	}
	after, err := w.lookAgain(ctx)
	if err != nil {
		return r, errors.Join(failed, err)
	}
	after.Steps, after.Ended = r.Steps, r.Ended
	after.verify()
	if ctx.Err() == nil { // else a tool may still be at work on what the ledger was told
		failed = errors.Join(failed, w.reconcile(after.Steps, after.Seen))
	}
	if failed != nil {
		return after, failed
	}
	return after, after.stepErrors()
}

// changedSystem says whether the system's store got its part, so that its roots
// may be others than they were when the bundle was looked at.
func (w *worker) changedSystem() bool {
	return slices.ContainsFunc(w.report.Steps, func(r StepResult) bool {
		return r.action == deploy && r.store == SystemStore && r.Err == nil
	})
}

// lookAgain looks also after an interruption: what was done by then must be
// known. A store that nobody wants and no step was about is as it was.
func (w *worker) lookAgain(ctx context.Context) (*Report, error) {
	var untouched []StorePlaces
	for _, s := range w.report.Seen.Stores {
		touched := slices.ContainsFunc(w.report.Steps, func(done StepResult) bool { return done.store == s.Store })
		if !touched && !w.report.Config.WantsStore(s.Store) {
			untouched = append(untouched, s)
		}
	}
	o, err := w.observe(context.WithoutCancel(ctx), depth{}, untouched)
	if err != nil {
		return nil, err
	}
	return w.judge(o, func(*Config) (*Config, error) { return w.report.Config, nil })
}

// try does one step and notes it. The error it returns ends the run.
func (w *worker) try(ctx context.Context, s Step) error {
	if ctx.Err() != nil {
		return &interruptedError{context.Cause(ctx)}
	}
	start := time.Now()
	err := w.do(ctx, s)
	w.note(StepResult{Step: s, Changed: err == nil && !s.absent, Elapsed: time.Since(start), Err: err})
	return w.ends(ctx, s, err)
}

// note adds a step to the report, and tells whoever listens.
func (w *worker) note(r StepResult) {
	if r.What == "" && r.Err == nil {
		return
	}
	w.report.Steps = append(w.report.Steps, r)
	if w.Step != nil {
		w.Step(r)
	}
}

// ends says what a step that came to err means for the run: an error ends it.
func (w *worker) ends(ctx context.Context, s Step, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // nothing is taken back now: a person wants it to end
		return &interruptedError{fmt.Errorf("%s: %w", s.What, err)}
	}
	if s.staged && s.action == deploy && !w.spares(s) {
		err = fmt.Errorf("the new root is given up and the old one stays: %s: %w", s.What, err)
		return errors.Join(err, w.abandon(context.WithoutCancel(ctx)))
	}
	switch s.action {
	case deploy, withdraw, retract, bind, unbind, install, dismiss:
		return nil // stepErrors has it
	}
	return err
}

// spares says whether a new root can do without the store: it is not here, or was
// merely found and did not trust the old one.
func (w *worker) spares(s Step) bool {
	return s.absent || !w.report.Config.asksFor(s.store) && !slices.ContainsFunc(w.report.Seen.Stores, func(seen StorePlaces) bool {
		return seen.Store == s.store && slices.ContainsFunc(seen.Places, Place.inUse)
	})
}

// interruptedError ends a run that a person, or whoever started it, wanted to end.
type interruptedError struct{ err error }

func (e *interruptedError) Error() string { return "interrupted: " + e.err.Error() }
func (e *interruptedError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *interruptedError) Remedy() string {
	return "devcert status says what was done; the same command again does the rest"
}

func (w *worker) do(ctx context.Context, s Step) error {
	switch s.action {
	case saveConfig:
		return w.saveConfig()
	case rebuild:
		return w.rebuild(s.damage.Name)
	case restore:
		return w.restore(s.damage)
	case finish:
		return w.folder.FinishIssued(path.Base(s.damage.Name))
	case tighten:
		return w.tighten(s.damage.Name)
	case create:
		return w.makeHierarchy(s)
	case reissue:
		return w.reissue(s)
	case switchTo:
		return w.switchTo(s)
	case bundle:
		return w.writeBundle()
	case deploy:
		if err := w.record(s); err != nil {
			return err
		}
		return w.deploy(ctx, s, w.material())
	case withdraw:
		return w.withdraw(ctx, s)
	case retract:
		return w.retract(ctx, s)
	case bind:
		return w.bind(ctx, s)
	case unbind:
		return w.Host.Binder.Unbind(ctx, s.ports)
	case install:
		return w.installService(ctx, s)
	case dismiss:
		return w.Host.Services.Remove(ctx, s.service, w.Host.homeFlag())
	case remove:
		return w.removeFolder()
	case stay:
		return w.stay()
	case alterGroup:
		return w.alterGroup(s.group)
	}
	return fmt.Errorf("step %q is not one that can be applied", s.What)
}

func (w *worker) bind(ctx context.Context, s Step) error {
	leaf := w.hierarchy.Leaf.Cert
	if leaf == nil {
		return errors.New("there is no leaf to bind them to") // repair --only can leave it lost
	}
	return w.Host.Binder.Bind(ctx, w.order(w.report, s, chain.Thumbprint(leaf)))
}

func (w *worker) store(name string) Store {
	for _, s := range w.Host.Stores {
		if s.Name() == name {
			return s
		}
	}
	return nil
}
