package devcert

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"slices"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Programs that bring their own roots can be pointed at a file instead, and that
// must have the public roots too, or they can open nothing but localhost. The
// bundle of the state folder is that file: the system's roots as they are now,
// and devcert's after them.

// bundleState is what was seen of it.
type bundleState struct {
	wanted *rootBundle // nil where the system's roots are not known
	held   *rootBundle // the one that the file has: the wanted one, or nil
	absent bool        // there is no file
	err    error       // why something could not be read
}

func (e *Engine) lookAtBundle(root *x509.Certificate) bundleState {
	var b bundleState
	if b.wanted, b.err = e.wantedBundle(root); b.wanted == nil {
		return b
	}
	holds, err := e.folder().Holds(disk.BundleFile, b.wanted.parts()...)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.absent = true
	case err != nil:
		b.err = err
	case holds:
		b.held = b.wanted
	}
	return b
}

// rootBundle is what the file should hold, in its two parts: the system's are 200 KB,
// which nobody copies only to compare them.
type rootBundle struct{ system, own []byte }

func (b *rootBundle) equal(other *rootBundle) bool {
	return other != nil && bytes.Equal(b.system, other.system) && bytes.Equal(b.own, other.own)
}

func (b *rootBundle) parts() [][]byte { return [][]byte{b.system, b.own} }

func (b *rootBundle) encode() []byte { return slices.Concat(b.system, b.own) }

func (e *Engine) wantedBundle(root *x509.Certificate) (*rootBundle, error) {
	if root == nil || e.Host.Roots == nil {
		return nil, nil
	}
	system, err := e.Host.Roots()
	if err != nil || len(system) == 0 {
		return nil, err
	}
	b := &rootBundle{system, chain.EncodeCertificates(root)}
	if !bytes.HasSuffix(system, []byte("\n")) {
		b.own = slices.Concat([]byte("\n"), b.own)
	}
	return b, nil
}

// bundleFindings is at most one. It is a warning: only who was pointed at the
// bundle reads it.
func bundleFindings(o *Observation) []Finding {
	b := o.bundle
	f := Finding{
		Kind: TrustStale, Severity: Warning, Where: disk.BundleFile, cure: writeBundle,
		Message:     "bundle.pem has not the system's present roots with devcert's",
		Consequence: "programs that devcert env points at it refuse what the system accepts, or the reverse",
	}
	switch {
	case b.wanted == nil && (b.err == nil || o.systemSpeaks()), b.held != nil:
		return nil
	case b.wanted == nil:
		f.Kind, f.cure, f.Message = TrustUnknown, noCure, b.err.Error()
		f.Consequence, f.Remedy = "whether bundle.pem has all of them is not known", "give everyone the right to read it"
	case b.err != nil:
		f.Message += ": " + b.err.Error()
	case b.absent:
		f.Message = "bundle.pem is missing"
	}
	return []Finding{f}
}

// systemSpeaks says whether the system's store has a finding of its own, which
// says what keeps its roots from being read.
func (o *Observation) systemSpeaks() bool {
	return slices.ContainsFunc(o.Stores, func(s StorePlaces) bool {
		return s.Store == SystemStore && slices.ContainsFunc(s.Places, func(p Place) bool { return p.State != Trusted })
	})
}

// writeBundle writes it as the system's roots are by now. That those cannot be
// read is for the last look to say.
func (w *worker) writeBundle() error {
	wanted, err := w.wantedBundle(w.hierarchy.Root)
	if err != nil || wanted == nil || wanted.equal(w.report.Seen.bundle.held) {
		return nil //nolint:nilerr // see above
	}
	if err := w.folder.WriteDerived(disk.BundleFile, wanted.parts()...); err != nil {
		return err
	}
	w.report.Seen.bundle.held = wanted
	return nil
}
