package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// Uninstall removes every root the ledger knows, the bindings and the state
// folder, and proves it by looking again. With all it also removes this user's
// former roots that no ledger knows. Where nothing of devcert's is, it does
// nothing.
func (e *Engine) Uninstall(ctx context.Context, all bool) (*Report, error) {
	look := e.look // what is wrong is looked at again with the lock
	if e.DryRun {
		look = e.lookSettled
	}
	before, err := look(ctx, depth{}, nil)
	if err != nil {
		return nil, err
	}
	steps := removal(before, all)
	if len(steps) == 0 || e.DryRun {
		before.Planned = steps
		return before, nil
	}
	if err := e.Confirm("Every root, binding and key that devcert made for you will be removed."); err != nil {
		return before, err
	}
	if before.Seen.Folder.Present {
		unlock, err := e.lock(ctx)
		if err != nil {
			return before, err
		}
		defer unlock()
		// Before any root goes: a folder that stays must still say what is where.
		if err := e.folder().Removable(); err != nil {
			return before, err
		}
	}
	if before, err = e.look(ctx, depth{}, nil); err != nil {
		return nil, err
	}
	if err := before.Seen.Folder.Changeable(); err != nil {
		return before, err
	}
	return e.dismantle(ctx, before, removal(before, all))
}

// removal plans an uninstall: nothing is to serve a certificate that is gone, and
// the folder holds what is needed to find the certificates again.
func removal(r *Report, all bool) []Step {
	p := planner{config: r.Config, seen: r.Seen}
	p.dismissServices()
	if ports := portsOf(r.Seen.wantedBindings(r.Config)); len(ports) > 0 {
		p.add(unbindStep(ports))
	}
	for _, entry := range r.Seen.Folder.Ledger.Offered {
		if r.Seen.ownsOffered(entry) {
			p.retract(entry)
		}
	}
	for _, cert := range ownCerts(r, all) {
		p.removeCert(cert)
	}
	if r.Seen.Folder.Present {
		p.add(Step{action: remove, What: "state folder", Where: r.Seen.StateDir})
	}
	return p.steps
}

// ownCerts are the present hierarchy, leaf first, what the ledger names, and with
// all those that only their name shows to be this user's.
func ownCerts(r *Report, all bool) []*x509.Certificate {
	var certs []*x509.Certificate
	add := func(cert *x509.Certificate) {
		if !slices.ContainsFunc(certs, cert.Equal) {
			certs = append(certs, cert)
		}
	}
	m := r.Seen.material()
	for _, part := range fromBelow {
		for _, cert := range m.Parts(part) {
			add(cert)
		}
	}
	for _, entry := range r.Seen.Folder.Ledger.Entries {
		add(entry.Cert)
	}
	for _, f := range r.Findings {
		if f.former && all {
			add(f.cert)
		}
	}
	return certs
}

// dismantle applies the plan of an uninstall. The folder stays as long as a
// store still trusts a root that only the folder's ledger knows.
func (e *Engine) dismantle(ctx context.Context, r *Report, steps []Step) (*Report, error) {
	w := &worker{Engine: e, report: r, folder: e.folder(), ledger: r.Seen.Folder.Ledger}
	w.recordLeaving()
	for _, s := range steps {
		if s.action == remove {
			proof, err := e.prove(ctx, r, steps)
			if err = errors.Join(err, r.notRemoved()); err != nil {
				return proof, err
			}
		}
		if err := w.tryRemoval(ctx, s); err != nil {
			return r, err
		}
	}
	after, err := e.prove(ctx, r, steps)
	after.excuse()
	return after, errors.Join(after.stepErrors(), err)
}

// tryRemoval is try for a step of an uninstall, where a certificate that was taken
// out has to be seen to be gone.
func (w *worker) tryRemoval(ctx context.Context, s Step) error {
	if s.action != withdraw || ctx.Err() != nil {
		return w.try(ctx, s)
	}
	start := time.Now()
	err := w.do(ctx, s)
	if err == nil {
		err = w.unseen(ctx, s)
	}
	w.note(StepResult{Step: s, Changed: err == nil && !s.absent, Elapsed: time.Since(start), Err: err})
	return w.ends(ctx, s, err)
}

// unseen says which place of the store could not be looked into, where the ledger
// has it that devcert put the certificate into that store.
func (w *worker) unseen(ctx context.Context, s Step) error {
	for _, p := range w.store(s.store).Look(ctx, w.report.Seen.material()) {
		if p.State == Unknown && w.report.Seen.placeHolds(s.store, p, s.cert) {
			return &unseenError{p}
		}
	}
	return nil
}

// unseenError is a place of which nobody knows whether a certificate is gone.
type unseenError struct{ place Place }

func (e *unseenError) Error() string {
	return "whether it is gone from " + e.place.Path + " is not known: " + e.place.Evidence
}

// Remedy says what a person can do.
func (e *unseenError) Remedy() string { return e.place.Remedy }

// excuse takes back the failure of a step whose end was reached all the same:
// the front's table, which a full disk kept from being rewritten, is gone with
// the folder.
func (r *Report) excuse() {
	left := portsOf(r.Seen.ownBindings())
	bound := func(port int) bool { return slices.Contains(left, port) }
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.action == unbind && s.Err != nil && r.Seen.PortsErr == nil && !slices.ContainsFunc(s.ports, bound) {
			s.Changed, s.Err = true, nil
		}
	}
}

// notRemoved says which removals failed. A store that cannot be looked into any
// more proves nothing, so that they count whatever the look says.
func (r *Report) notRemoved() error {
	failed := &Report{Config: r.Config}
	for _, s := range r.Steps {
		if (s.action == withdraw || s.action == retract || s.action == dismiss) && s.Err != nil {
			failed.Steps = append(failed.Steps, s)
		}
	}
	return failed.stepErrors()
}

// prove looks again, and says which roots are still there although the steps
// were to remove them.
func (e *Engine) prove(ctx context.Context, r *Report, steps []Step) (*Report, error) {
	seen, err := e.look(ctx, depth{}, nil)
	if err != nil {
		return r, err
	}
	seen.Steps, seen.Left = r.Steps, r.Left
	var still []*x509.Certificate
	for _, s := range steps {
		if s.action == withdraw && seen.Seen.holds(s.store, s.cert) {
			still = append(still, s.cert)
		}
	}
	if r.notRemoved() != nil {
		return seen, nil // that says it
	}
	if err := seen.Seen.stillServed(steps); err != nil || len(still) == 0 {
		return seen, err
	}
	return seen, &PartialError{unheeded(remains(still...))}
}
