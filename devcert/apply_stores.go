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
)

// This file has the steps that change stores.

// together says how many of the first steps are done at once: stores that get
// their parts do not mind each other, and rebuilding the system's bundle takes a
// second or more in which the others are ready.
func together(steps []Step) int {
	n := 0
	for n < len(steps) && steps[n].action == deploy {
		n++
	}
	return n
}

// tryDeploys does the steps of several stores at once. All of them end before
// it returns the first error that ends the run.
func (w *worker) tryDeploys(ctx context.Context, steps []Step) error {
	if ctx.Err() != nil {
		return &interruptedError{context.Cause(ctx)}
	}
	if err := w.record(steps...); err != nil {
		return err
	}
	ended, done := map[string]chan struct{}{}, make(chan StepResult)
	m := w.material()
	for _, s := range steps {
		ended[s.store] = make(chan struct{})
		m.done[s.store] = ended[s.store]
	}
	for _, s := range steps {
		go func() {
			start := time.Now()
			err := w.deploy(ctx, s, m)
			close(ended[s.store])
			done <- StepResult{Step: s, Changed: err == nil, Elapsed: time.Since(start), Err: err}
		}()
	}
	first := len(w.report.Steps)
	for range steps {
		w.note(<-done) // as they end, for whoever watches
	}
	noted := w.report.Steps[first:]
	for _, s := range steps { // now as they were planned; not all are noted
		if at := slices.IndexFunc(noted, func(r StepResult) bool { return r.store == s.store }); at >= 0 {
			noted[0], noted[at] = noted[at], noted[0]
			noted = noted[1:]
		}
	}
	for _, r := range w.report.Steps[first:] {
		if err := w.ends(ctx, r.Step, r.Err); err != nil {
			return err
		}
	}
	return nil
}

// record enters what steps are about to put into stores, so that a killed run
// can be undone.
func (w *worker) record(steps ...Step) error {
	for _, s := range steps {
		for _, cert := range w.partsFor(s.store) {
			w.ledger.Record(s.store, cert, w.Now())
		}
	}
	return w.saveLedger()
}

// material is what stores get.
func (w *worker) material() Material {
	m := materialOf(&w.hierarchy)
	m.LeafKey, m.UserOnly = w.hierarchy.Leaf.Key, w.report.Config.Scope == ScopeUser
	m.done = map[string]<-chan struct{}{}
	w.addList(&m)
	return m
}

// addList signs the list of the servers' intermediate. It may last as long as that:
// servers' certificates end by a new root, and the few that are revoked, with a flaw
// to be tried, make a list stale that does not name them. What of those cannot be
// known is in no list: an empty one would make them good again.
func (w *worker) addList(m *Material) {
	issuer := w.hierarchy.Intermediate
	revoked, err := w.folder.Revoked()
	if err != nil || issuer.Cert == nil || issuer.Key == nil {
		return
	}
	m.without(revoked)
	if list, err := chain.SignCRL(issuer, m.Revoked, w.Now(), issuer.Cert.NotAfter.Sub(w.Now())); err == nil {
		m.ServersCRL = list
	}
}

func (w *worker) deploy(ctx context.Context, s Step, m Material) error {
	err := w.store(s.store).Deploy(ctx, m)
	switch {
	case s.absent && errors.Is(err, ErrUnsupported):
		return w.absent(s, err)
	case err != nil:
		return err
	}
	return w.nowHolds(ctx, s)
}

// partsFor are the certificates that the places of a store are for.
func (w *worker) partsFor(store string) []*x509.Certificate {
	m := materialOf(&w.hierarchy)
	var certs []*x509.Certificate
	for _, s := range w.report.Seen.Stores {
		for _, part := range fromBelow {
			if s.Store == store && s.isFor(part) {
				certs = append(certs, m.Parts(part)...)
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
			before[seen.Store+" "+string(p.Part)+" "+p.Path] = p.State
		}
	}
	m := materialOf(&w.hierarchy)
	m.without(w.report.Seen.Folder.Revoked)
	places := w.store(s.store).Look(ctx, m)
	if len(places) == 0 {
		return w.absent(s, ErrUnsupported)
	}
	for _, p := range places {
		was := before[s.store+" "+string(p.Part)+" "+p.Path]
		if w.report.Config.wantsPlace(s.store, p) && p.State != Trusted && p.Remedy == "" && (!s.staged || was == Trusted) {
			return unheeded(placeFinding(w.report.Config, s.store, p).Message)
		}
	}
	return nil
}

// absentError is a store that was asked for and is not on this machine.
type absentError struct {
	finding Finding
	err     error
}

func (w *worker) absent(s Step, err error) error {
	return &absentError{noStore(w.report.Config, w.report.Seen, s.store), err}
}

func (e *absentError) Error() string { return e.finding.Message }
func (e *absentError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *absentError) Remedy() string { return e.finding.Remedy }

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
