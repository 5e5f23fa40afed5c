package devcert

import (
	"errors"
	"fmt"
	"slices"

	"devcert/devcert/disk"
)

// reconcile drops from the ledger what no store shows any more.
func (w *worker) reconcile(seen *Observation) error {
	kept := slices.DeleteFunc(slices.Clone(w.ledger.Entries), func(entry disk.Entry) bool {
		return !seen.holds(entry.Store, entry.Root)
	})
	onDisk := seen.Folder.Ledger
	ours := onDisk.Machine == "" || onDisk.Machine == w.ledger.Machine
	if len(kept) == 0 && len(onDisk.Entries) == 0 && len(onDisk.Exposed) == 0 && len(w.ledger.Exposed) == 0 && ours {
		return nil // there is nothing to remember, and need be no file
	}
	if len(kept) == len(onDisk.Entries) && onDisk.Machine == w.ledger.Machine && slices.Equal(onDisk.Exposed, w.ledger.Exposed) {
		return nil
	}
	w.ledger.Entries = kept
	return w.saveLedger()
}

// verify turns a step whose tools ran, but which the machine does not show, into
// one that failed: success is what was seen afterwards.
func (r *Report) verify() {
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Err != nil {
			continue
		}
		for _, f := range r.Findings {
			unheeded := s.action == trust && f.cure == trustRoot && f.store == s.store ||
				s.action == distrust && f.cure == distrustRoot && f.root.Equal(s.root) && f.store == s.store
			if unheeded {
				s.Changed, s.Err = false, fmt.Errorf("its tools ran without complaint, but %s", f.Message)
			}
		}
	}
}

// stepErrors joins what the steps came to. What was asked for by name and did
// not take is an error; a store that was merely found is left to its finding.
func (r *Report) stepErrors() error {
	var all []error
	for _, s := range r.Steps {
		if s.Err == nil || (s.action == trust && !r.Config.asksFor(s.store)) {
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
