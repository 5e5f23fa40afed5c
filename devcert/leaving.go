package devcert

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"devcert/devcert/disk"
)

// This file is about an uninstall that was begun and not finished, for want of
// rights for instance: what is gone then is not wanted back.

// recordLeaving notes that an uninstall begins. On a full disk that cannot be
// noted, and it goes on all the same: it is to make room. What is not a sound
// ledger is never written over.
func (w *worker) recordLeaving() {
	folder := w.report.Seen.Folder
	damaged := slices.ContainsFunc(folder.Damage, func(d disk.Damage) bool { return d.Name == disk.LedgerFile })
	if !folder.Present || folder.NoLedger || damaged || w.ledger.Leaving {
		return
	}
	w.ledger.Leaving = true
	_ = w.saveLedger() // see above
}

// stay takes that back: somebody wants what setup was asked for.
func (w *worker) stay() error {
	w.ledger.Leaving = false
	return w.saveLedger()
}

// withStaying puts that before all other steps of a setup or repair.
func withStaying(steps []Step, r *Report) []Step {
	if !r.Seen.Folder.Ledger.Leaving {
		return steps
	}
	return slices.Insert(steps, 0, Step{action: stay, What: "uninstall", Where: "is given up"})
}

// leave says in the place of all other findings that an uninstall is to be
// finished: nothing that lacks is wanted any more.
func (r *Report) leave() {
	o := r.Seen
	if !o.Folder.Ledger.Leaving || r.Config == nil || o.Foreign {
		return
	}
	r.Config = nil
	r.Findings = append([]Finding{leavingFinding(o)}, unknownCerts(o)...)
	r.Findings = append(r.Findings, allStrays(o)...)
	r.Findings = append(r.Findings, brokenBindings(o)...)
}

func leavingFinding(o *Observation) Finding {
	f := Finding{
		Kind: UninstallUnfinished, Severity: Error, Where: o.StateDir, Remedy: "devcert uninstall",
		Message:     "an uninstall was begun and is not finished",
		Consequence: "devcert repair or setup would put back what is gone",
	}
	var left []string
	for _, s := range o.Stores {
		if slices.ContainsFunc(o.known(), func(cert *x509.Certificate) bool { return o.holds(s.Store, cert) }) {
			left = append(left, s.Store)
		}
	}
	switch {
	case len(left) == 1:
		f.Message += fmt.Sprintf(": the %s store still has what devcert put there", left[0])
	case len(left) > 1:
		f.Message += fmt.Sprintf(": the stores %s still have what devcert put there", strings.Join(left, ", "))
	}
	return f
}

// known are the certificates that an uninstall removes without --all.
func (o *Observation) known() []*x509.Certificate {
	return ownCerts(&Report{Seen: o}, false)
}

// unknownCerts are former ones that only uninstall --all removes.
func unknownCerts(o *Observation) []Finding {
	return pick(formerCerts(o), func(f Finding) bool { return f.former })
}
