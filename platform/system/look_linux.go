package system

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
	"devcert/platform/run"
)

// Store is the system's trust store. It implements [devcert.Store].
type Store struct {
	Privileged Privileged
	Now        func() time.Time
	// Root is put before every path. It is empty but in tests.
	Root string

	bundle search
}

var _ devcert.Store = (*Store)(nil)

// Name is "system".
func (s *Store) Name() string { return "system" }

// Ready says whether the store can be changed: by us, or by asking somebody.
func (s *Store) Ready(ctx context.Context) error {
	f, ok := familyOf(s.Root)
	if !ok {
		return errNoFamily
	}
	if _, err := f.findTool(run.Finder{Root: s.Root}); err != nil {
		return err
	}
	return s.Privileged.Ready(ctx)
}

// Deploy has the root added.
func (s *Store) Deploy(ctx context.Context, m devcert.Material) error {
	return s.Privileged.Do(ctx, trustRoot, elevate.Certificate{DER: m.Root.Raw})
}

// Withdraw has the root removed.
func (s *Store) Withdraw(ctx context.Context, root *x509.Certificate) error {
	return s.Privileged.Do(ctx, distrustRoot, elevate.Certificate{DER: root.Raw})
}

// Look reports the one place there is: the bundle, and what it is made from.
func (s *Store) Look(_ context.Context, m devcert.Material) []devcert.Place {
	f, ok := familyOf(s.Root)
	if !ok {
		return nil
	}
	anchors, inAnchors := f.lookAnchors(m.Root)
	ders, inBundle := f.lookBundle(m.Root, &s.bundle)
	parts := []part{inAnchors, inBundle}
	if f.hashed != "" && m.Root != nil {
		parts = append(parts, f.lookHashed(m.Root))
	}
	place := devcert.Place{
		Path: f.bundle,
		Part: chain.PartRoot, Machine: true,
		Others: unique(append(anchors.others, ourRoots(ders, m.Root)...)),
	}
	place.State, place.Evidence = judge(parts)
	if m.Root == nil {
		place.State, place.Evidence = nothingWanted(place.State, place.Evidence)
	}
	if place.State == devcert.Trusted {
		place.VerifiedBy = f.verify(m, s.Now())
	}
	return []devcert.Place{place}
}

// part is what one part of the store says about the root.
type part struct {
	name string
	has  bool
	flaw string // why it does not serve as it is
	left string // what is left of the root where it is not
	err  error  // the look failed
}

// judge makes one state of the parts. A part that could not be looked at makes
// the whole unknown: it may be the one that matters.
func judge(parts []part) (devcert.PlaceState, string) {
	var with, without []string
	flawed, left := false, ""
	for _, p := range parts {
		text := p.name
		if p.left != "" {
			left += "; left there: " + p.left
		}
		if p.flaw != "" {
			flawed = true
			text += " (" + p.flaw + ")"
		}
		switch {
		case p.err != nil:
			return devcert.Unknown, "could not look into " + p.name + ": " + p.err.Error()
		case p.has:
			with = append(with, text)
		default:
			without = append(without, text)
		}
	}
	switch {
	case len(without) == 0 && !flawed:
		return devcert.Trusted, ""
	case len(with) == 0 && !flawed:
		return devcert.Missing, "in none of " + strings.Join(without, ", ") + left
	case len(with) == 0:
		return devcert.Unknown, "not in " + strings.Join(without, ", ")
	case len(without) == 0:
		return devcert.Stale, "in " + strings.Join(with, ", ")
	}
	return devcert.Stale, "in " + strings.Join(with, ", ") + "; not in " + strings.Join(without, ", ") + left
}

// nothingWanted is the state when there is no root to look for: only a failed
// look is worth words.
func nothingWanted(state devcert.PlaceState, evidence string) (devcert.PlaceState, string) {
	if state == devcert.Unknown {
		return state, evidence
	}
	return devcert.Missing, ""
}

// verify says how it is known that clients trust: by a chain from our leaf to
// the very bytes that the bundle holds. A chain that does not verify for another
// reason, such as an expired leaf, takes nothing from the root being trusted.
func (f family) verify(m devcert.Material, now time.Time) string {
	if m.Intermediate == nil || m.Leaf == nil {
		return "found by its bytes in " + f.bundle
	}
	roots := x509.NewCertPool()
	roots.AddCert(m.Root)
	err := chain.VerifyServer(roots, []*x509.Certificate{m.Intermediate}, m.Leaf, "localhost", now)
	if err != nil {
		return fmt.Sprintf("found by its bytes in %s; no chain from the leaf: %v", f.bundle, err)
	}
	return "chain built from " + f.bundle
}

func (f family) lookAnchors(root *x509.Certificate) (*scan, part) {
	s := f.scanAnchors(root)
	p := part{name: "the anchors of " + f.anchors, has: len(s.held) > 0}
	text, ours := f.remnant(s, root)
	switch {
	case !p.has:
		p.left = text
		p.err = f.unreadable(s, root, &p)
		return s, p
	case ours:
		p.flaw = text
		return s, p
	}
	for _, h := range s.held {
		if readable := h.mode&0o004 != 0; readable {
			return s, p
		}
		p.flaw = modeFlaw(h.path, h.mode)
	}
	return s, p
}

// unreadable judges what the scan could not read: our own file that lost its
// mode is the fault itself, anything else may be hiding the root.
func (f family) unreadable(s *scan, root *x509.Certificate, p *part) error {
	if root == nil || len(s.failed) == 0 {
		return errors.Join(s.failed...)
	}
	own := f.anchor(root)
	info, err := os.Stat(own)
	if err != nil || info.Mode()&0o004 != 0 {
		return errors.Join(s.failed...)
	}
	p.has, p.flaw = true, modeFlaw(own, info.Mode())
	return nil
}

func modeFlaw(path string, mode fs.FileMode) string {
	return fmt.Sprintf("%s has mode %04o: not everyone can read it", filepath.Base(path), mode.Perm())
}

// lookBundle looks for root.
func (f family) lookBundle(root *x509.Certificate, bundle *search) ([][]byte, part) {
	p := part{name: "the bundle " + f.bundle}
	mode, err := bundle.read(f.bundle)
	if errors.Is(err, fs.ErrNotExist) {
		if to, linkErr := os.Readlink(f.bundle); linkErr == nil {
			p.flaw = "a symbolic link to " + to + ", which is not there"
		}
		return nil, p
	}
	if err != nil {
		p.err = err
		return nil, p
	}
	ders := bundle.certificates()
	p.has = holds(ders, root)
	if mode&0o004 == 0 {
		p.flaw = modeFlaw(f.bundle, mode)
	}
	return ders, p
}

func (f family) lookHashed(root *x509.Certificate) part {
	p := part{name: "the hash links of " + f.hashed}
	p.has, p.err = inHashed(f.hashed, root)
	if !p.has && p.err == nil {
		p.left = danglingLink(f.hashed, root)
	}
	return p
}
