package devcert

import (
	"context"
	"errors"
	"fmt"
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
	var failed error
	for _, s := range steps {
		if failed = w.try(ctx, s); failed != nil {
			break
		}
	}
	// Also after an interruption: what was done by then must be known.
	after, err := e.look(context.WithoutCancel(ctx), false, func(*Config) (*Config, error) { return r.Config, nil })
	if err != nil {
		return r, errors.Join(failed, err)
	}
	after.Steps = r.Steps
	if err := w.reconcile(after.Seen); err != nil {
		failed = errors.Join(failed, err)
	}
	after.verify()
	if failed != nil {
		return after, failed
	}
	return after, after.stepErrors()
}

// try does one step and notes it. The error it returns ends the run.
func (w *worker) try(ctx context.Context, s Step) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
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
	if s.staged && s.action == trust {
		err = fmt.Errorf("the new root is given up and the old one stays: %s: %w", s.What, err)
		return errors.Join(err, w.abandon(context.WithoutCancel(ctx)))
	}
	switch s.action {
	case trust, distrust, bind, unbind:
		return nil // stepErrors has it
	}
	return err
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
	case make_:
		return w.makeHierarchy()
	case reissue:
		return w.reissue()
	case switchTo:
		return w.switchTo(s.config)
	case trust:
		return w.trust(ctx, s)
	case distrust:
		return w.store(s.store).Distrust(ctx, s.root)
	case bind:
		return w.bind(ctx, s.ports)
	case unbind:
		return w.Host.Binder.Unbind(ctx, s.ports)
	case remove:
		return w.removeFolder()
	}
	return fmt.Errorf("step %q is not one that can be applied", s.What)
}

func (w *worker) saveConfig() error {
	data, err := w.encodeConfig()
	if err != nil {
		return err
	}
	return w.folder.Write(disk.ConfigFile, data, disk.PrivateMode)
}

// encodeConfig gives the bytes of the wanted configuration, dated now if it is
// another than before.
func (w *worker) encodeConfig() ([]byte, error) {
	c := *w.report.Config
	if configDiffers(w.report) {
		c.SetUp = w.Now().UTC().Truncate(time.Second)
	}
	w.report.Config = &c
	return c.Encode()
}

func (w *worker) saveLedger() error {
	data, err := w.ledger.Encode()
	if err != nil {
		return err
	}
	return w.folder.Write(disk.LedgerFile, data, disk.PrivateMode)
}

// rebuild sets a damaged file aside and writes what is known to belong there.
func (w *worker) rebuild(name string) error {
	aside, err := w.folder.SetAside(name)
	if err != nil {
		return fmt.Errorf("setting %s aside: %w", name, err)
	}
	if aside != "" {
		w.Say(fmt.Sprintf("the damaged %s is kept as %s", name, aside))
	}
	switch name {
	case disk.ConfigFile:
		return w.saveConfig()
	case disk.LedgerFile:
		w.recordSeen()
		return w.saveLedger()
	}
	return nil // the bindings: a later step writes them
}

// recordSeen enters the present root for every store that shows it: the ledger
// that said so is lost. Other roots stay unknown.
func (w *worker) recordSeen() {
	root := w.hierarchy.Root
	for _, s := range w.report.Seen.Stores {
		if root != nil && w.report.Seen.holds(s.Store, root) {
			w.ledger.Record(s.Store, root, w.Now())
		}
	}
}

func (w *worker) restore(d *disk.Damage) error {
	if err := w.folder.MakeWay(d.Name); err != nil {
		return err
	}
	mode := disk.PublicMode
	if d.Private {
		mode = disk.PrivateMode
	}
	return w.folder.Write(d.Name, d.Cure, mode)
}

func (w *worker) tighten(name string) error {
	if signsCertificates("/" + name) {
		key := exposedKey(w.report.Seen)
		if !slices.Contains(w.ledger.Exposed, key) {
			w.ledger.Exposed = append(w.ledger.Exposed, key)
		}
		if err := w.saveLedger(); err != nil {
			return err
		}
	}
	return w.folder.MakePrivate(name)
}

func (w *worker) makeHierarchy() error {
	c := w.report.Config
	made, err := chain.New(chain.Options{
		Owner: w.Host.Owner.User + "@" + w.Host.Owner.Host, Permits: c.Permitted(), Names: c.AllNames(),
		Key: c.Key, Now: w.Now(), Rand: w.Rand,
	})
	if err != nil {
		return fmt.Errorf("making a hierarchy: %w", err)
	}
	w.hierarchy = disk.Hierarchy{Root: made.Root, RootCRL: made.RootCRL, Intermediate: made.Intermediate, Leaf: made.Leaf}
	if c.KeepRootKey {
		w.hierarchy.RootKey = made.RootKey
	}
	w.made, err = w.folder.WriteGeneration(&w.hierarchy)
	return err
}

func (w *worker) reissue() error {
	c, old := w.report.Config, w.hierarchy
	if old.Root == nil || old.Intermediate.Cert == nil {
		return errors.New("issuing a leaf: root or intermediate cannot be read")
	}
	leaf, err := chain.NewLeaf(old.Intermediate, chain.LeafOptions{Names: c.AllNames(), Key: c.Key, Now: w.Now(), Rand: w.Rand})
	if err != nil {
		return fmt.Errorf("issuing a leaf: %w", err)
	}
	w.hierarchy = disk.Hierarchy{Root: old.Root, RootCRL: old.RootCRL, Intermediate: old.Intermediate, Leaf: leaf}
	if c.KeepRootKey {
		w.hierarchy.RootKey = old.RootKey
	}
	w.made, err = w.folder.WriteGeneration(&w.hierarchy)
	return err
}

func (w *worker) switchTo(withConfig bool) error {
	var config []byte
	if withConfig {
		var err error
		if config, err = w.encodeConfig(); err != nil {
			return err
		}
	}
	if err := w.folder.Switch(w.made, &w.hierarchy, config); err != nil {
		return err
	}
	if root := w.report.Seen.Folder.Hierarchy.Root; root == nil || !w.hierarchy.Root.Equal(root) {
		// Only now: a replacement that is given up leaves both as they were.
		w.ledger.Exposed = nil
		if w.ledger.Machine != w.Host.Owner.Machine {
			w.ledger.Machine = w.Host.Owner.Machine
			if err := w.saveLedger(); err != nil {
				return err
			}
		}
	}
	return w.folder.Sweep(w.made)
}

// trust records first and acts then, so that a killed run can be undone.
func (w *worker) trust(ctx context.Context, s Step) error {
	w.ledger.Record(s.store, w.hierarchy.Root, w.Now())
	if err := w.saveLedger(); err != nil {
		return err
	}
	if err := w.store(s.store).Trust(ctx, w.hierarchy.Root); err != nil || !s.staged {
		return err
	}
	return w.stillTrusts(ctx, s.store)
}

// stillTrusts says whether the places that trusted the old root trust the staged
// one. What a tool said is not enough: the old one is about to go.
func (w *worker) stillTrusts(ctx context.Context, store string) error {
	before := map[string]PlaceState{}
	for _, s := range w.report.Seen.Stores {
		for _, p := range s.Places {
			before[s.Store+" "+p.Path] = p.State
		}
	}
	h := &w.hierarchy
	for _, p := range w.store(store).Look(ctx, Material{Root: h.Root, Intermediate: h.Intermediate.Cert, Leaf: h.Leaf.Cert}) {
		if p.State != Trusted && before[store+" "+p.Path] == Trusted {
			return fmt.Errorf("its tools ran without complaint, but in %s the new root is %s", p.Path, p.State)
		}
	}
	return nil
}

// abandon takes back a staged root that could not be trusted everywhere. The
// old one was never out of use.
func (w *worker) abandon(ctx context.Context) error {
	var failed error
	for _, done := range w.report.Steps {
		if done.action != trust || errors.Is(done.Err, ErrNeedsAdmin) || errors.Is(done.Err, ErrDeclined) {
			continue
		}
		// A tool that failed may have done a part; what it leaves is in the ledger.
		if err := w.store(done.store).Distrust(ctx, w.hierarchy.Root); done.Err == nil {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, w.folder.Sweep(w.report.Seen.Folder.Current))
}

func (w *worker) bind(ctx context.Context, ports []int) error {
	if w.hierarchy.Leaf.Cert == nil {
		return errors.New("there is no leaf to bind them to") // repair --only can leave it lost
	}
	var bindings []Binding
	for _, p := range ports {
		bindings = append(bindings, Binding{Port: p, Thumbprint: chain.Thumbprint(w.hierarchy.Leaf.Cert)})
	}
	return w.Host.Binder.Bind(ctx, bindings)
}

func (w *worker) removeFolder() error {
	left, err := w.folder.Remove()
	w.report.Left = left
	if err != nil {
		return fmt.Errorf("removing the state folder %s: %w", w.folder.Path, err)
	}
	return nil
}

func (w *worker) store(name string) Store {
	for _, s := range w.Host.Stores {
		if s.Name() == name {
			return s
		}
	}
	return nil
}

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
