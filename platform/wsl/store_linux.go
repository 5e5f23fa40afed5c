package wsl

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Store is what the user's programs in Windows trust. It implements
// [devcert.Store].
type Store struct {
	// Env is the user's environment, for the variables of WSL's.
	Env []string
	// StateDir is the state folder, whose root.pem the commands for a person name.
	StateDir string
	// Interactive says that a person is there who can answer Windows' dialog.
	Interactive bool
	// Say tells that person of it; it may be nil.
	Say func(line string)

	root                 string        // put before every path; empty but in tests
	shorterLook, hastier time.Duration // instead of lookLimit and patience, in tests
}

var _ devcert.Store = (*Store)(nil)

// where is what people find the store by, in Windows.
const where = `CurrentUser\Root of Windows`

func (s *Store) lookLimit() time.Duration { return cmp.Or(s.shorterLook, lookLimit) }
func (s *Store) patience() time.Duration  { return cmp.Or(s.hastier, patience) }

// Name is what Windows' own store of roots is called there.
func (s *Store) Name() string { return "windows-root" }

// Ready says whether Windows' programs can be started, as far as can be seen
// without starting one.
func (s *Store) Ready(context.Context) error {
	if _, err := s.program(); err != nil {
		return &problem{"ask Windows", fmt.Errorf("%w: %w", devcert.ErrUnsupported, err), ""}
	}
	return nil
}

// Look reports the one place there is: what the user's programs in Windows
// trust, their own store and the machine's together.
func (s *Store) Look(ctx context.Context, m devcert.Material) []devcert.Place {
	entries, err := s.list(ctx)
	if err != nil {
		return []devcert.Place{{
			Path: where, Part: chain.PartRoot, Shared: true,
			State: devcert.Unknown, Evidence: reason(err), Remedy: s.toAdd(ctx),
		}}
	}
	return []devcert.Place{judge(entries, m.Root)}
}

// judge says what Windows does with root. Others are only those that the user's
// own store has: the machine's are not this store's.
func judge(entries []entry, root *x509.Certificate) devcert.Place {
	p := devcert.Place{Path: where, Part: chain.PartRoot, Shared: true, State: devcert.Missing}
	p.Others = others(entries, root)
	if root == nil {
		return p
	}
	in := func(where place) bool { return has(entries, where, root) }
	switch {
	case in(machineBanned):
		p.State, p.Evidence = devcert.Denied, string(machineBanned)+" has it"
		p.Remedy = "remove it there: run certlm.msc in Windows, Untrusted Certificates"
	case in(userBanned):
		p.State, p.Evidence = devcert.Denied, string(userBanned)+" has it"
	case in(machineRoot):
		p.State, p.VerifiedBy = devcert.Trusted, "found by its bytes in "+string(machineRoot)
	case in(userRoot):
		p.State, p.VerifiedBy = devcert.Trusted, "found by its bytes in "+string(userRoot)
	default:
		p.Evidence = fmt.Sprintf("in neither %s nor %s", userRoot, machineRoot)
	}
	return p
}

func has(entries []entry, in place, cert *x509.Certificate) bool {
	return slices.ContainsFunc(entries, func(e entry) bool { return e.in == in && bytes.Equal(e.der, cert.Raw) })
}

// others are the roots of devcert's profile, but for the given one, that only the
// user's own store has.
func others(entries []entry, root *x509.Certificate) []*x509.Certificate {
	var all []*x509.Certificate
	for _, e := range entries {
		if e.in != userRoot {
			continue
		}
		cert, part, err := chain.CheckPart(e.der)
		if err != nil || part != chain.PartRoot || root != nil && cert.Equal(root) || has(entries, machineRoot, cert) {
			continue
		}
		if !slices.ContainsFunc(all, cert.Equal) {
			all = append(all, cert)
		}
	}
	return all
}

// Deploy has the root added to the user's store, unless Windows trusts it. It
// never makes Windows ask where nobody can answer.
func (s *Store) Deploy(ctx context.Context, m devcert.Material) error {
	const what = "add the root to " + where
	if m.Root == nil {
		return errors.New(what + ": there is none")
	}
	if _, err := chain.CheckNewRoot(m.Root.Raw); err != nil {
		return &problem{what, err, "make a new hierarchy: devcert setup"}
	}
	entries, err := s.list(ctx)
	if err != nil {
		return s.failed(ctx, what, err, s.toAdd)
	}
	switch p := judge(entries, m.Root); {
	case p.State == devcert.Trusted:
		return nil
	case p.Remedy != "":
		return &problem{what, errors.New(p.Evidence), p.Remedy}
	case !s.Interactive:
		return s.failed(ctx, what, &declined{"windows would ask in a dialog, which needs a person at a terminal"}, s.toAdd)
	}
	s.say("Windows asks in a window of its own whether to trust " + m.Root.Subject.CommonName + ": answer Yes there.")
	return s.failed(ctx, what, unanswered(s.change(ctx, addScript, m.Root)), s.toAdd)
}

// Withdraw removes cert from the user's store. What the machine's has, an
// administrator of Windows put there, and it takes one to remove it.
func (s *Store) Withdraw(ctx context.Context, cert *x509.Certificate) error {
	const what = "remove the root from " + where
	if _, _, err := chain.CheckPart(cert.Raw); err != nil {
		return &problem{what, err, ""}
	}
	byHand := func(context.Context) string {
		return inPowerShell + "certutil.exe -user -delstore Root " + chain.Thumbprint(cert)
	}
	entries, err := s.list(ctx)
	switch {
	case err != nil:
		return s.failed(ctx, what, err, byHand)
	case has(entries, machineRoot, cert):
		return &problem{
			what, errors.New(string(machineRoot) + " has it, which only an administrator of Windows changes"),
			"in PowerShell in Windows, as administrator:  certutil.exe -delstore Root " + chain.Thumbprint(cert),
		}
	case !has(entries, userRoot, cert):
		return nil
	case !s.Interactive:
		return s.failed(ctx, what, &declined{"windows would ask in a dialog, which needs a person at a terminal"}, byHand)
	}
	s.say("Windows asks in a window of its own whether to delete " + cert.Subject.CommonName + ": answer Yes there.")
	return s.failed(ctx, what, unanswered(s.change(ctx, removeScript, cert)), byHand)
}

func (s *Store) say(line string) {
	if s.Say != nil {
		s.Say(line)
	}
}

// failed is the error of what was tried, nil where err is. That the run was ended
// is no fault of Windows'.
func (s *Store) failed(ctx context.Context, what string, err error, remedy func(context.Context) string) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
	return &problem{what, err, remedy(ctx)}
}

// inPowerShell begins what a person types in Windows.
const inPowerShell = "in PowerShell in Windows:  "

// toAdd is the command by which a person adds the root.
func (s *Store) toAdd(ctx context.Context) string {
	file := filepath.Join(s.StateDir, disk.RootFile)
	if path := s.windowsPath(ctx, file); path != "" {
		return inPowerShell + "certutil.exe -user -addstore Root " + quote(path)
	}
	return "copy " + file + " to Windows, and there in PowerShell:  certutil.exe -user -addstore Root root.pem"
}
