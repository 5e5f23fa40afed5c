package devcert

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
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
}

// apply does the steps in order and reports what the machine shows afterwards.
// A step about files that fails ends the run; a store or port that fails leaves
// the others to be done.
func (e *Engine) apply(ctx context.Context, r *Report, steps []Step) (*Report, error) {
	w := &worker{Engine: e, report: r, folder: e.folder(), ledger: r.Seen.Folder.Ledger, hierarchy: r.Seen.Folder.Hierarchy}
	if !r.Seen.Foreign {
		w.ledger.Machine = e.Host.Owner.Machine
	}
	if len(w.ledger.Entries) == 0 {
		w.recordSeen() // a lost ledger is about to be written anew
	}
	w.before.Entries = slices.Clone(w.ledger.Entries)
	var failed error
	for _, s := range steps {
		if failed = w.try(ctx, s); failed != nil {
			break
		}
	}
	after, err := w.lookAgain(ctx)
	if err != nil {
		return r, errors.Join(failed, err)
	}
	after.Steps = r.Steps
	after.verify()
	if ctx.Err() == nil { // else a tool may still be at work on what the ledger was told
		failed = errors.Join(failed, w.reconcile(after.Steps, after.Seen))
	}
	if failed != nil {
		return after, failed
	}
	return after, after.stepErrors()
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
	result := StepResult{Step: s, Changed: err == nil, Elapsed: time.Since(start), Err: err}
	if s.What != "" || err != nil {
		w.report.Steps = append(w.report.Steps, result)
		if w.Step != nil {
			w.Step(result)
		}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // nothing is taken back now: a person wants it to end
		return &interruptedError{fmt.Errorf("%s: %w", s.What, err)}
	}
	if s.staged && s.action == deploy {
		err = fmt.Errorf("the new root is given up and the old one stays: %s: %w", s.What, err)
		return errors.Join(err, w.abandon(context.WithoutCancel(ctx)))
	}
	switch s.action {
	case deploy, withdraw, bind, unbind:
		return nil // stepErrors has it
	}
	return err
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
	case tighten:
		return w.tighten(s.damage.Name)
	case create:
		return w.makeHierarchy(s)
	case reissue:
		return w.reissue(s)
	case switchTo:
		return w.switchTo(s)
	case deploy:
		return w.deploy(ctx, s)
	case withdraw:
		return w.withdraw(ctx, s)
	case bind:
		return w.bind(ctx, s)
	case unbind:
		return w.Host.Binder.Unbind(ctx, s.ports)
	case remove:
		return w.removeFolder()
	}
	return fmt.Errorf("step %q is not one that can be applied", s.What)
}

// deploy records first and acts then, so that a killed run can be undone.
func (w *worker) deploy(ctx context.Context, s Step) error {
	for _, cert := range w.partsFor(s.store) {
		w.ledger.Record(s.store, cert, w.Now())
	}
	if err := w.saveLedger(); err != nil {
		return err
	}
	m := materialOf(&w.hierarchy)
	m.LeafKey, m.UserOnly = w.hierarchy.Leaf.Key, w.report.Config.Scope == ScopeUser
	if err := w.store(s.store).Deploy(ctx, m); err != nil {
		return err
	}
	return w.nowHolds(ctx, s)
}

// partsFor are the certificates that the places of a store are for.
func (w *worker) partsFor(store string) []*x509.Certificate {
	m := materialOf(&w.hierarchy)
	var certs []*x509.Certificate
	for _, s := range w.report.Seen.Stores {
		for _, part := range []chain.Part{chain.PartLeaf, chain.PartIntermediate, chain.PartRoot} {
			if cert := m.Part(part); s.Store == store && s.isFor(part) && cert != nil {
				certs = append(certs, cert)
			}
		}
	}
	return certs
}

// nowHolds looks whether every place of the store holds its part: what a tool
// said is not enough to call the step done. A staged hierarchy has to be only
// where the old one was.
func (w *worker) nowHolds(ctx context.Context, s Step) error {
	before := map[string]PlaceState{}
	for _, seen := range w.report.Seen.Stores {
		for _, p := range seen.Places {
			before[seen.Store+" "+p.Path] = p.State
		}
	}
	for _, p := range w.store(s.store).Look(ctx, materialOf(&w.hierarchy)) {
		if w.report.Config.wantsPlace(s.store, p) && p.State != Trusted && (!s.staged || before[s.store+" "+p.Path] == Trusted) {
			return unheeded(placeFinding(w.report.Config, s.store, p).Message)
		}
	}
	return nil
}

// withdraw removes a certificate and looks whether it is gone. A place that
// cannot be looked into says neither; the run's last look decides there.
func (w *worker) withdraw(ctx context.Context, s Step) error {
	if err := w.store(s.store).Withdraw(ctx, s.cert); err != nil {
		return err
	}
	for _, p := range w.store(s.store).Look(ctx, Material{}) {
		if p.has(s.cert) {
			return unheeded(remains(s.cert))
		}
	}
	return nil
}

// remains says that a certificate was not removed.
func remains(certs ...*x509.Certificate) string {
	what := "still there: "
	var names []string
	for _, cert := range certs {
		names = append(names, nameOf(cert))
		if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			what = "still trusted: "
		}
	}
	return what + strings.Join(names, ", ")
}

func unheeded(what string) error {
	return fmt.Errorf("its tools ran without complaint, but %s", what)
}

// abandon takes back a staged root that could not be trusted everywhere. The
// old one was never out of use.
func (w *worker) abandon(ctx context.Context) error {
	var failed error
	for _, done := range w.report.Steps {
		if done.action != deploy || errors.Is(done.Err, ErrNeedsAdmin) || errors.Is(done.Err, ErrDeclined) {
			continue
		}
		// A tool that failed may have done a part; what it leaves is in the ledger.
		for _, cert := range w.partsFor(done.store) {
			if err := w.store(done.store).Withdraw(ctx, cert); done.Err == nil {
				failed = errors.Join(failed, err)
			}
		}
	}
	return errors.Join(failed, w.folder.Sweep(w.report.Seen.Folder.Current))
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
