package nss

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/elevate"
)

// Privileged is who changes policies for us, with the Handlers of a Changer.
type Privileged interface {
	Ready(ctx context.Context) error
	Do(ctx context.Context, what string, body any) error
}

// Store is the trust of Chromium and the browsers made from it. It implements
// [devcert.Store].
//
// One way is used on a machine. With certutil it is the NSS databases, which are
// the user's own. Without it, and as long as devcert's policy holds the root
// afterwards, it is the policies of the browsers that are installed for all
// users; browsers that obey none, snaps and Flatpak applications have their
// databases in either case, which need certutil.
type Store struct {
	Privileged Privileged
	// Env is the environment of the user whose databases are meant: HOME,
	// XDG_DATA_HOME and PATH.
	Env []string
	// Root is put before every path of the system's. It is empty but in tests.
	Root string
}

var _ devcert.Store = (*Store)(nil)

// Name is "chromium".
func (s *Store) Name() string { return "chromium" }

// noToolError is a database that cannot be changed for want of certutil.
type noToolError struct{ dir string }

func (e *noToolError) Error() string { return "change " + e.dir + ": certutil is not installed" }
func (e *noToolError) Unwrap() error { return devcert.ErrUnsupported }

// Remedy says what a person can do.
func (e *noToolError) Remedy() string {
	return "install certutil (Debian: libnss3-tools, Fedora: nss-tools)" + again
}

// Ready says whether the store can be changed: by certutil, or by the privileged
// child.
func (s *Store) Ready(ctx context.Context) error {
	if _, ok := findTool(s.Root); ok {
		return nil
	}
	if len(governed(s.Root)) > 0 {
		return s.Privileged.Ready(ctx)
	}
	return &noToolError{"the NSS databases of " + lookup(s.Env, "HOME")}
}

// spot is a place and how it is changed.
type spot struct {
	devcert.Place
	home *home  // nil for a policy
	dir  string // of the database or the policies
}

// Look reports every database of the user's browsers, or their policies.
func (s *Store) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	var places []devcert.Place
	for _, spot := range s.look(ctx, m.Root) {
		places = append(places, spot.Place)
	}
	return places
}

func (s *Store) look(ctx context.Context, root *x509.Certificate) []spot {
	browsers, all := governed(s.Root), homes(s.Env)
	tool, certutil := findTool(s.Root)
	byPolicy := len(browsers) > 0 && (!certutil || s.policyHolds(browsers, root))
	var spots []spot
	for _, k := range browsers {
		if dir := k.managed(s.Root); byPolicy || platformOff(dir) != "" {
			spots = append(spots, spot{Place: lookPolicy(s.Root, k.name, dir, root), dir: dir})
		}
	}
	for i, h := range all {
		if !h.private && byPolicy && !s.ungoverned() {
			s.doubt(spots, h, root, certutil)
			continue
		}
		for _, dir := range s.databases(h, browsers) {
			place := lookDatabase(ctx, tool, certutil, dir, root)
			if !h.private {
				s.overrule(browsers, &place, root)
			}
			spots = append(spots, spot{Place: place, home: &all[i], dir: dir})
		}
	}
	for i := range spots {
		if root == nil && spots[i].State != devcert.Unknown {
			spots[i].State, spots[i].Evidence = devcert.Missing, ""
		}
		if spots[i].State == devcert.Trusted {
			spots[i].Remedy = ""
		}
	}
	return spots
}

// policyHolds says whether the policies that devcert has set hold root wherever
// they must: then they stay the way, also where certutil came later.
func (s *Store) policyHolds(browsers []kind, root *x509.Certificate) bool {
	if root == nil {
		return false
	}
	return !slices.ContainsFunc(browsers, func(k kind) bool {
		roots, err := readOwn(k.managed(s.Root))
		return err != nil || !has(roots, root)
	})
}

// ungoverned says whether there is a browser on the machine or the user's PATH
// that reads the user's databases and obeys no policies that devcert knows.
func (s *Store) ungoverned() bool {
	return slices.ContainsFunc(kinds, func(k kind) bool {
		system := k.inSystem(s.Root) != ""
		return system && k.policies == "" || !system && k.onPath(lookup(s.Env, "PATH"))
	})
}

// databases are those of a home, and the one that its browser will make.
func (s *Store) databases(h home, browsers []kind) []string {
	dirs := h.databases()
	installed := h.private || len(browsers) > 0 || s.ungoverned()
	if next := h.next(); installed && !slices.Contains(dirs, next) {
		dirs = append(dirs, next)
	}
	return distinct(dirs)
}

// distinct drops folders that are another one by way of a link.
func distinct(dirs []string) []string {
	var kept []string
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err == nil && slices.ContainsFunc(kept, func(other string) bool {
			seen, err := os.Stat(other)
			return err == nil && os.SameFile(seen, info)
		}) {
			continue
		}
		kept = append(kept, dir)
	}
	return kept
}

func lookDatabase(ctx context.Context, tool Tool, certutil bool, dir string, root *x509.Certificate) devcert.Place {
	place := devcert.Place{Path: dir, Part: chain.PartRoot}
	if certutil {
		seen, err := tool.Look(ctx, dir, root) // the evidence is the error
		place.State, place.Evidence, place.Others, place.Remedy = seen.State, seen.Evidence, seen.Others, Remedy(err)
		switch {
		case seen.State == devcert.Trusted:
			place.VerifiedBy = "certutil: trust bits " + seen.Trust
		case root != nil && err == nil:
			tool.hindered(ctx, &place)
		}
		return place
	}
	held, err := readHeld(dir)
	place.Remedy = (&noToolError{dir}).Remedy()
	switch {
	case err == nil && held.mayHaveOurs(root):
		place.State, place.Evidence = devcert.Unknown, "certutil, which reads it, is not installed"
	case err == nil, !exists(filepath.Join(dir, certFile)):
		place.State, place.Evidence = devcert.Missing, "certutil, which adds it, is not installed"
	default:
		place.State, place.Evidence = devcert.Unknown, err.Error()
	}
	return place
}

// doubt is for policies without the root where a database that nobody can read
// may have it: what the browser does is then not known.
func (s *Store) doubt(spots []spot, h home, root *x509.Certificate, certutil bool) {
	if certutil {
		return
	}
	for _, dir := range h.databases() {
		if held, err := readHeld(dir); err == nil && !held.mayHave(root) {
			continue
		}
		for i := range spots {
			if spots[i].State == devcert.Missing {
				spots[i].State = devcert.Unknown
				spots[i].Evidence += ", and " + dir + " cannot be read without certutil"
			}
		}
	}
}

func platformOff(dir string) string {
	all, err := readPolicies(dir)
	if err != nil {
		return ""
	}
	return all.platformOff()
}

// overrule is for a policy that distrusts what the database trusts. One that has a
// browser disregard the database is answered by a policy of our own.
func (s *Store) overrule(browsers []kind, place *devcert.Place, root *x509.Certificate) {
	if root == nil || place.State != devcert.Trusted {
		return
	}
	for _, k := range browsers {
		dir := k.managed(s.Root)
		all, err := readPolicies(dir)
		if err != nil {
			continue
		}
		for _, key := range []string{keyDistrusted, keyConstrained} {
			if file := all.having(key, root); file != "" && file != ownName {
				place.State, place.VerifiedBy = devcert.Denied, ""
				place.Evidence = k.name + " overrules it by " + key + " of " + filepath.Join(dir, file)
			}
		}
	}
}

// Deploy has every place trust the root that does not yet. Places that do stay
// untouched.
func (s *Store) Deploy(ctx context.Context, m devcert.Material) error {
	tool, certutil := findTool(s.Root)
	var all []error
	policy := false
	for _, spot := range s.look(ctx, m.Root) {
		switch {
		case spot.State == devcert.Trusted, spot.Remedy != "":
		case spot.home == nil:
			policy = true
		case !certutil:
			all = append(all, &noToolError{spot.dir})
		default:
			all = append(all, s.add(ctx, tool, spot, m.Root))
		}
	}
	if policy && !m.UserOnly {
		all = append(all, s.Privileged.Do(ctx, trustRoot, elevate.Certificate{DER: m.Root.Raw}))
	}
	return errors.Join(all...)
}

func (s *Store) add(ctx context.Context, tool Tool, at spot, root *x509.Certificate) error {
	dir := at.dir
	if !exists(filepath.Join(dir, certFile)) && len(at.home.databases()) == 0 {
		dir = at.home.place(ctx, s.Root)
	}
	return tool.Install(ctx, dir, root)
}

// Withdraw removes cert from every database and from the policies, whichever way
// it came there.
func (s *Store) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	tool, certutil := findTool(s.Root)
	var all []error
	for _, h := range homes(s.Env) {
		for _, dir := range distinct(h.databases()) {
			if certutil {
				all = append(all, tool.Remove(ctx, dir, cert))
			} else if held, err := readHeld(dir); err != nil || held.mayHave(cert) {
				all = append(all, &noToolError{dir})
			}
		}
	}
	for _, k := range kinds {
		if k.policies == "" {
			continue
		}
		roots, err := readOwn(k.managed(s.Root))
		if errors.As(err, new(*foreignError)) {
			continue
		}
		if err != nil || has(roots, cert) {
			all = append(all, s.Privileged.Do(ctx, distrustRoot, elevate.Certificate{DER: cert.Raw}))
			break
		}
	}
	return errors.Join(all...)
}
