package devcert

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// This file has the steps that change nothing but the state folder.

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

// recordSeen enters the present hierarchy for every store that shows a part of
// it: the ledger that said so is lost. Other certificates stay unknown.
func (w *worker) recordSeen() {
	for _, s := range w.report.Seen.Stores {
		for _, cert := range w.partsFor(s.Store) {
			if w.report.Seen.holds(s.Store, cert) {
				w.ledger.Record(s.Store, cert, w.Now())
			}
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
		key := exposedKey(w.report.Seen, name)
		if !slices.Contains(w.ledger.Exposed, key) {
			w.ledger.Exposed = append(w.ledger.Exposed, key)
		}
		if err := w.saveLedger(); err != nil {
			return err
		}
	}
	return w.folder.MakePrivate(name)
}

func (w *worker) makeHierarchy(s Step) error {
	c := w.report.Config
	made, err := w.ahead.take(w.hierarchyOptions(c))
	w.ahead = nil
	if err != nil {
		return fmt.Errorf("making a hierarchy: %w", err)
	}
	made.Remember()
	w.hierarchy = disk.Hierarchy{
		Root: made.Root, RootCRL: made.RootCRL,
		Intermediate: made.Intermediate, ClientIntermediate: made.ClientIntermediate, Leaf: made.Leaf,
	}
	if c.KeepRootKey {
		w.hierarchy.RootKey = made.RootKey
	}
	if !s.staged {
		return w.install(s)
	}
	w.made, err = w.folder.WriteGeneration(&w.hierarchy)
	return err
}

func (w *worker) reissue(s Step) error {
	c, old := w.report.Config, w.hierarchy
	if old.Root == nil || old.Intermediate.Cert == nil {
		return errors.New("issuing a leaf: root or intermediate cannot be read")
	}
	leaf, err := chain.NewLeaf(old.Intermediate, chain.LeafOptions{Names: c.AllNames(), Key: c.Key, Now: w.Now(), Rand: w.Rand})
	if err != nil {
		return fmt.Errorf("issuing a leaf: %w", err)
	}
	w.hierarchy = disk.Hierarchy{Root: old.Root, RootCRL: old.RootCRL, Intermediate: old.Intermediate, Leaf: leaf}
	switch {
	case c.KeepRootKey:
		w.hierarchy.RootKey = old.RootKey
	case old.RootKey != nil:
		if w.hierarchy.RootCRL, err = w.lastList(&old); err != nil {
			return err
		}
	}
	if c.ClientCerts {
		w.hierarchy.ClientIntermediate, w.hierarchy.Groups = old.ClientIntermediate, old.Groups
	}
	return w.install(s)
}

// lastList is the root's revocation list, which lasts as long as the root: nobody can
// sign another when its key is gone.
func (w *worker) lastList(h *disk.Hierarchy) ([]byte, error) {
	revoked, err := w.folder.Revoked()
	if err != nil {
		return nil, err
	}
	if len(h.Groups) > 0 {
		w.Say("groups stay as they are now: without the root's key none can be made, disabled or enabled")
	}
	root := chain.Pair{Cert: h.Root, Key: h.RootKey}
	return chain.SignCRL(root, disk.RevokedBy(revoked, h.Root), w.Now(), h.Root.NotAfter.Sub(w.Now()))
}

// install writes the hierarchy and switches to it in one stroke.
func (w *worker) install(s Step) error {
	config, err := w.configWith(s)
	if err != nil {
		return err
	}
	var judging sync.WaitGroup // the look afterwards asks it, and disks are waited for now
	judging.Go(func() { judgeHierarchy(&w.hierarchy, w.Now()) })
	var durable func() error
	w.made, durable, err = w.folder.Install(&w.hierarchy, config)
	judging.Wait()
	if err != nil {
		return err
	}
	unbundled := w.writeBundle() // while names go to disk
	if err := durable(); err != nil {
		return errors.Join(unbundled, err)
	}
	return w.switched(func() error { return unbundled })
}

// switchTo switches to the generation that was staged.
func (w *worker) switchTo(s Step) error {
	config, err := w.configWith(s)
	if err != nil {
		return err
	}
	if err := w.folder.Switch(w.made, &w.hierarchy, config); err != nil {
		return err
	}
	return w.switched(w.writeBundle)
}

// configWith gives the configuration that a switch saves too; nil for none.
func (w *worker) configWith(s Step) ([]byte, error) {
	if !s.config {
		return nil, nil
	}
	return w.encodeConfig()
}

// switched does what follows a switch. The bundle can wait, or was tried already: what
// only this run knows comes first.
func (w *worker) switched(bundle func() error) error {
	w.report.Ended = w.ended()
	if root := w.report.Seen.Folder.Hierarchy.Root; root == nil || !w.hierarchy.Root.Equal(root) {
		// Only now: a replacement that is given up leaves both as they were.
		w.ledger.Exposed = nil
		if w.ledger.Revoked != 0 { // the former root's lists count no longer
			w.ledger.Revoked = 0
			if err := w.saveLedger(); err != nil {
				return err
			}
		}
		if w.ledger.Machine != w.Host.Owner.Machine {
			w.ledger.Machine = w.Host.Owner.Machine
			w.ledger.Entries = slices.DeleteFunc(w.ledger.Entries, func(entry disk.Entry) bool {
				return !sameUser(entry.Cert, w.Host.Owner) // never ours to remove
			})
			w.ledger.Offered = slices.DeleteFunc(w.ledger.Offered, func(entry disk.Entry) bool { return !w.report.Seen.ownsOffered(entry) })
			if err := w.saveLedger(); err != nil {
				return err
			}
		}
	}
	for _, g := range w.report.Seen.Folder.Hierarchy.Groups {
		if slices.ContainsFunc(w.hierarchy.Groups, func(is disk.Group) bool { return is.Name == g.Name }) {
			continue
		}
		if err := w.folder.RemoveGroup(g.Name); err != nil {
			return err
		}
	}
	if err := bundle(); err != nil {
		return err
	}
	if err := w.folder.Sweep(w.made); err != nil {
		// What was switched to is in use; the next switch sweeps again.
		w.Say("the former generation could not be removed: " + err.Error())
	}
	return nil
}

func (w *worker) removeFolder() error {
	var err error
	w.report.Left, err = w.folder.Remove()
	return err
}
