package devcert

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/disk"
)

// reconcile drops from the ledger what this run added and no store shows, and
// the certificates whose removal was done and is seen. That a store no longer shows an
// older one is not enough: whoever took it out may have left what came with it,
// such as Java's copy, which only a removal finds.
func (w *worker) reconcile(steps []StepResult, seen *Observation) error {
	removed := func(entry disk.Entry) bool {
		return slices.ContainsFunc(steps, func(s StepResult) bool {
			return s.action == withdraw && s.Err == nil && s.store == entry.Store && s.cert.Equal(entry.Cert)
		})
	}
	for _, entry := range slices.Clone(w.ledger.Entries) {
		added := !w.before.Has(entry.Store, entry.Cert)
		if !seen.holds(entry.Store, entry.Cert) && (removed(entry) || added) {
			w.ledger.Forget(entry.Store, entry.Cert)
		}
	}
	onDisk := seen.Folder.Ledger
	ours := onDisk.Machine == "" || onDisk.Machine == w.ledger.Machine
	if w.ledger.Empty() && onDisk.Empty() && ours {
		return nil // there is nothing to remember, and need be no file
	}
	before, err := onDisk.Encode()
	if err != nil {
		return err
	}
	if after, err := w.ledger.Encode(); err == nil && bytes.Equal(before, after) {
		return nil
	}
	return w.saveLedger()
}

// verify turns a step that held when it was done, but which the machine does not
// show at the end, into one that failed: success is what was seen afterwards. A
// store that nobody asked for by name and that failed is no more than a warning.
func (r *Report) verify() {
	defer r.forgive()
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Err != nil {
			continue
		}
		for _, f := range r.Findings {
			undone := s.action == deploy && f.cure == deployParts && f.store == s.store ||
				s.action == withdraw && f.cure == withdrawCert && f.cert.Equal(s.cert) && f.store == s.store ||
				s.action == install && f.Kind == ServiceMissing && f.service == s.service
			if undone {
				s.Changed, s.Err = false, unheeded(f.Message)
			}
		}
	}
}

// stepErrors joins what the steps came to. What was asked for by name and did
// not take is an error; a store that was merely found is left to its finding.
func (r *Report) stepErrors() error {
	var all []error
	for _, s := range r.Steps {
		if s.Err == nil || (s.action == deploy && !r.Config.asksFor(s.store)) {
			continue
		}
		err := fmt.Errorf("%s: %w", s.What, s.Err)
		if !errors.Is(err, ErrNeedsAdmin) && !errors.Is(err, ErrDeclined) {
			err = &PartialError{err}
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// notServed says which places of the stores that this very run named are left to a
// person: there was no step for them that could have failed.
func (r *Report) notServed(named []string) error {
	var all []error
	for _, f := range r.Findings {
		if f.Severity == Error && f.cure == noCure && slices.Contains(named, f.store) {
			all = append(all, &PartialError{fmt.Errorf("%s: %s", f.store, f.Message)})
		}
	}
	return errors.Join(all...)
}

// forgive makes warnings of the findings that a store's own failure left, where
// the store was merely found. The failed step says what went wrong.
func (r *Report) forgive() {
	for _, s := range r.Steps {
		if s.Err == nil || s.action != deploy || r.Config.asksFor(s.store) {
			continue
		}
		for i := range r.Findings {
			f := &r.Findings[i]
			if f.store != s.store || f.cure != deployParts || f.Severity == Warning {
				continue
			}
			f.Severity = Warning
			if why := s.Err.Error(); !strings.Contains(why, f.Message) {
				f.Message += ": " + why
			}
			var remedied interface{ Remedy() string }
			if errors.As(s.Err, &remedied) {
				f.Remedy = remedied.Remedy()
			}
		}
	}
}
