package devcert

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// IssuedState is what a certificate that was issued is good for now.
type IssuedState string

// The states.
const (
	IssuedValid      IssuedState = "valid"
	IssuedNotYet     IssuedState = "not-yet-valid"
	IssuedExpired    IssuedState = "expired"
	IssuedRevoked    IssuedState = "revoked"
	IssuedFormer     IssuedState = "former-root" // its root is not the present one
	IssuedDisabled   IssuedState = "group-disabled"
	IssuedUnreadable IssuedState = "unreadable"
)

// IssuedCert is a certificate that was issued, as it is now.
type IssuedCert struct {
	disk.Issued
	State  IssuedState
	Client bool // for clients
	Server bool // for servers
	// Offered are the clients of this machine into which it was put.
	Offered []string
	// Planned is what revoking it would do, with DryRun.
	Planned []Step
}

// List tells what was issued, and looks where it is offered. It changes nothing.
func (e *Engine) List(ctx context.Context) (all []IssuedCert, err error) {
	e.settle(ctx, func() bool {
		all, err = e.list(ctx)
		return err == nil && !slices.ContainsFunc(all, func(c IssuedCert) bool { return c.State == IssuedUnreadable })
	})
	return all, err
}

func (e *Engine) list(ctx context.Context) ([]IssuedCert, error) {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return nil, refuseNewer(err)
	}
	all, err := e.folder().Issued()
	if err != nil {
		return nil, err
	}
	revoked, err := e.folder().Revoked()
	if err != nil {
		return nil, refuseNewer(err)
	}
	var out []IssuedCert
	for _, i := range all {
		c := IssuedCert{Issued: i, State: issuedState(i, &seen.Hierarchy, revoked, e.Now())}
		if cert := i.Cert(); cert != nil {
			c.Client, c.Server = isFor(cert, x509.ExtKeyUsageClientAuth), isFor(cert, x509.ExtKeyUsageServerAuth)
			c.Offered = e.offeredBy(ctx, seen.Ledger, cert)
		}
		out = append(out, c)
	}
	return out, nil
}

// offeredBy are those of the clients that devcert put cert into which have it still,
// or of which that cannot be told.
func (e *Engine) offeredBy(ctx context.Context, ledger *disk.Ledger, cert *x509.Certificate) []string {
	var clients []string
	for _, p := range e.Host.Personals {
		if !slices.ContainsFunc(ledger.Offered, func(o disk.Entry) bool { return o.Store == p.Name() && o.Cert.Equal(cert) }) {
			continue
		}
		if places, err := p.Offers(ctx, cert); err != nil || len(places) > 0 {
			clients = append(clients, p.Name())
		}
	}
	return clients
}

// IssuedPath is where that file of a certificate is; "" when it is not there.
func (e *Engine) IssuedPath(name, ending string) string {
	if !e.folder().HasIssued(name, ending) {
		return ""
	}
	return e.folder().IssuedPath(name, ending)
}

func isFor(cert *x509.Certificate, use x509.ExtKeyUsage) bool {
	return slices.Contains(cert.ExtKeyUsage, use)
}

// issuedState judges by the hierarchy that is present. A self-signed one, or one of a
// throw-away root's, has no other root.
func issuedState(i disk.Issued, h *disk.Hierarchy, revoked []disk.Revocation, now time.Time) IssuedState {
	cert := i.Cert()
	switch {
	case cert == nil:
		return IssuedUnreadable
	case disk.IsRevoked(revoked, cert):
		return IssuedRevoked
	case h.Root != nil && fromAnother(cert, i.Certs[1:], h):
		return IssuedFormer
	case disabled(cert, h), slices.ContainsFunc(i.Certs[1:], func(ca *x509.Certificate) bool { return disk.IsRevoked(revoked, ca) }):
		return IssuedDisabled
	case now.After(cert.NotAfter):
		return IssuedExpired
	case now.Before(cert.NotBefore):
		return IssuedNotYet
	}
	return IssuedValid
}

// fromAnother says that a hierarchy of devcert's issued cert, and not h.
func fromAnother(cert *x509.Certificate, behind []*x509.Certificate, h *disk.Hierarchy) bool {
	if issuedBy(cert, append(h.ClientIntermediates(), h.Root, h.Intermediate.Cert)...) {
		return false
	}
	for _, c := range behind {
		if c.CheckSignatureFrom(h.Root) == nil {
			return false
		}
	}
	return chain.OwnerOf(&x509.Certificate{Subject: cert.Issuer}) != ""
}

// Revoke ends a client's certificate before its time: it is on the list that
// `serve` signs from then on, and no client here offers it any more.
func (e *Engine) Revoke(ctx context.Context, name string) (c *IssuedCert, changed bool, err error) {
	if c, err = e.revocable(ctx, name, e.List); err != nil {
		return nil, false, err
	}
	if e.DryRun {
		c.Planned, err = e.ending(c.Issued)
		return c, false, err
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if c, err = e.revocable(ctx, name, e.list); err != nil {
		return nil, false, err
	}
	switch c.State {
	case IssuedRevoked:
	case IssuedFormer: // nobody trusts it any more; it is taken out of the browsers
		changed = true
	default:
		if err := e.noteRevoked(c.Name, c.Cert()); err != nil {
			return c, false, err
		}
		c.State, changed = IssuedRevoked, true
	}
	return c, changed, e.withdrawOffered(ctx, c.Cert())
}

// ending are the steps that end a certificate before its time.
func (e *Engine) ending(i disk.Issued) ([]Step, error) {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return nil, refuseNewer(err)
	}
	revoked, err := e.folder().Revoked()
	if err != nil {
		return nil, refuseNewer(err)
	}
	var steps []Step
	cert := i.Cert()
	if len(cert.CRLDistributionPoints) > 0 && !disk.IsRevoked(revoked, cert) && issuedState(i, &seen.Hierarchy, revoked, e.Now()) != IssuedFormer {
		steps = append(steps, Step{What: "revoke", Where: i.Name + ", until " + day(cert.NotAfter)})
	}
	for _, entry := range seen.Ledger.Offered {
		if entry.Cert.Equal(cert) {
			steps = append(steps, Step{What: entry.Store, Where: "would offer " + i.Name + " no more"})
		}
	}
	return steps, nil
}

// revocable finds the certificate in a list, and says why revoking it would be of no use.
func (e *Engine) revocable(ctx context.Context, name string, list func(context.Context) ([]IssuedCert, error)) (*IssuedCert, error) {
	if strings.TrimSpace(name) == "" {
		return nil, &UsageError{Problem: "revoke needs a name, and this one is empty", Hint: "devcert list tells what was issued"}
	}
	all, err := list(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(c IssuedCert) bool { return strings.EqualFold(c.Name, fileName(name)) })
	if at < 0 {
		return nil, &UsageError{Problem: fmt.Sprintf("nothing was issued as %q", name), Hint: "devcert list tells what was"}
	}
	c := &all[at]
	switch {
	case c.State == IssuedUnreadable:
		return nil, fmt.Errorf("reading %s: %w", e.folder().IssuedPath(c.Name, ".pem"), c.Err)
	case c.State == IssuedRevoked, c.State == IssuedFormer && len(c.Offered) > 0:
	case c.State == IssuedFormer:
		return nil, &UsageError{Problem: c.Name + " comes from a former root, which vouches for nothing any more", Hint: "issue it again"}
	case !e.listable(c.Cert()):
		return nil, &UsageError{Problem: "nobody can sign the list that " + c.Name + " names any more: the key of its authority is gone", Hint: "to end it all the same, make a new root:  devcert renew --root"}
	case len(c.Cert().CRLDistributionPoints) == 0:
		return nil, &UsageError{
			Problem: c.Name + " names no revocation list, so that nobody would ask whether it was revoked",
			Hint:    "to end all that was issued for servers, make a new root:  devcert renew --root",
		}
	}
	return c, nil
}

// listable says whether the key is there that signs the list on which cert would be.
func (e *Engine) listable(cert *x509.Certificate) bool {
	seen, err := e.folder().Snapshot()
	if err != nil || len(cert.CRLDistributionPoints) == 0 {
		return true // which is said elsewhere
	}
	return slices.ContainsFunc(seen.Hierarchy.ListSigners(), func(p chain.Pair) bool {
		return bytes.Equal(p.Cert.SubjectKeyId, cert.AuthorityKeyId)
	})
}

// noteRevoked puts a certificate on its issuer's list.
func (e *Engine) noteRevoked(name string, cert *x509.Certificate) error {
	all, err := e.folder().Revoked()
	if err != nil {
		return err
	}
	if disk.IsRevoked(all, cert) {
		return nil
	}
	number, err := e.folder().WriteRevoked(append(all, disk.Revoke(name, cert, e.Now())))
	if err != nil {
		return err
	}
	return e.changeLedger(func(l *disk.Ledger) { l.Revoked = number })
}

// offer has every client of this machine that can offer the certificate.
func (e *Engine) offer(ctx context.Context, i *Issuance, made product) error {
	var all []error
	for _, p := range e.Host.Personals {
		if err := e.changeLedger(func(l *disk.Ledger) { l.RecordOffered(p.Name(), made.Cert, e.Now()) }); err != nil {
			return err
		}
		places, err := p.Offer(ctx, Offered{Pair: made.Pair, Chain: made.chain, Label: i.Name + " (devcert)"})
		if len(places) > 0 {
			i.Offered = append(i.Offered, OfferedBy{p.Name(), places})
		}
		if err != nil && !errors.Is(err, ErrUnsupported) {
			all = append(all, &PartialError{fmt.Errorf("%s: %w", p.Name(), err)})
		}
		if err != nil && len(places) == 0 && errors.Is(err, ErrUnsupported) {
			if err := e.changeLedger(func(l *disk.Ledger) { l.ForgetOffered(p.Name(), made.Cert) }); err != nil {
				return err
			}
		}
	}
	if len(all) == 0 && len(i.Offered) == 0 {
		return &PartialError{&notExported{"no client was found here that offers certificates", "import the PFX by hand, where the client has a place for it"}}
	}
	return errors.Join(all...)
}

// changeLedger changes the ledger on disk, whose lock is held.
func (e *Engine) changeLedger(change func(*disk.Ledger)) error {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return err
	}
	if err := seen.Changeable(); err != nil {
		return err
	}
	for _, d := range seen.Damage {
		if d.Name == disk.LedgerFile { // what it was must not be written over
			return &notExported{disk.LedgerFile + ": " + d.Reason, "devcert repair"}
		}
	}
	seen.Ledger.Machine = cmp.Or(seen.Ledger.Machine, e.Host.Owner.Machine)
	change(seen.Ledger)
	data, err := seen.Ledger.Encode()
	if err != nil {
		return err
	}
	return e.folder().Write(disk.LedgerFile, data, disk.PrivateMode)
}

// withdrawOffered takes a certificate out of every client that it was put into.
func (e *Engine) withdrawOffered(ctx context.Context, cert *x509.Certificate) error {
	seen, err := e.folder().Snapshot()
	if err != nil {
		return err
	}
	var all []error
	for _, entry := range seen.Ledger.Offered {
		if !entry.Cert.Equal(cert) {
			continue
		}
		err := e.Host.withdrawOffered(ctx, entry)
		if err == nil {
			err = e.changeLedger(func(l *disk.Ledger) { l.ForgetOffered(entry.Store, cert) })
		}
		if err != nil {
			all = append(all, &PartialError{fmt.Errorf("%s: %w", entry.Store, err)})
		}
	}
	return errors.Join(all...)
}

// retract takes a client's certificate out of one kind of client.
func (w *worker) retract(ctx context.Context, s Step) error {
	if err := w.Host.withdrawOffered(ctx, disk.Entry{Store: s.store, Cert: s.cert}); err != nil {
		return err
	}
	w.ledger.ForgetOffered(s.store, s.cert)
	return w.saveLedger()
}

// withdrawOffered has the client that the ledger names forget a certificate.
func (h *Host) withdrawOffered(ctx context.Context, entry disk.Entry) error {
	for _, p := range h.Personals {
		if p.Name() == entry.Store {
			return p.Withdraw(ctx, entry.Cert)
		}
	}
	return nil // this system has no such client: there is nothing to take out
}
