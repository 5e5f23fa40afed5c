package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Issuance is what came of an order.
type Issuance struct {
	Name  string // of its files
	Chain []*x509.Certificate
	Files []disk.IssuedFile
	Dir   string // where in the state folder they are kept
	// Offered are the clients that offer it.
	Offered []OfferedBy
	// Planned is all that there is besides, with DryRun: what would be done.
	Planned []Step
}

// Cert is the certificate itself.
func (i *Issuance) Cert() *x509.Certificate { return i.Chain[0] }

// OfferedBy is a kind of client, and the places where it has a certificate.
type OfferedBy struct {
	Client string
	Places []string
}

// The longest lives that can be asked for, in days. Apple's clients refuse a
// server's certificate that lives longer than 825 below a root that a user
// installed; a client's ends with the root at the latest.
const (
	maxServerDays = 825
	maxClientDays = 10 * 365
)

// Issue makes a certificate as o asks. What is wrong with an order is a
// *UsageError, and found before a password is asked for or anything is made.
func (e *Engine) Issue(ctx context.Context, o IssueOrder) (*Issuance, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	name := fileName(o.Names[0])
	var by *signer
	e.settle(ctx, func() bool {
		by, err = e.issuer(o, name)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if o.Elsewhere != nil {
		if err := o.Elsewhere.Ready(name); err != nil {
			return nil, err
		}
	}
	made, err := e.make(o, by)
	if err != nil {
		return nil, issueError(err, by)
	}
	i := &Issuance{Name: name, Chain: append([]*x509.Certificate{made.Cert}, made.chain...)}
	if e.DryRun { // what was made is forgotten, and no password asked for
		i.Planned, err = e.issuing(o, i, by.replaces)
		return i, err
	}
	files, err := made.encode(o)
	if err != nil {
		return nil, err
	}
	unlock, err := e.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if by, err = e.confirm(o, name, by); err != nil {
		return nil, err
	}
	if i.Files, err = files(); err != nil {
		return nil, err
	}
	if err := e.keep(ctx, o, i, made, by.replaces); err != nil {
		return nil, err
	}
	if o.Install {
		return i, e.offer(ctx, i, made)
	}
	return i, nil
}

// issuing are the steps that keep and offer would do.
func (e *Engine) issuing(o IssueOrder, i *Issuance, had *disk.Issued) ([]Step, error) {
	var steps []Step
	if had != nil && had.Cert() != nil {
		var err error
		if steps, err = e.ending(*had); err != nil {
			return nil, err
		}
	}
	steps = append(steps, Step{What: "issue", Where: e.folder().IssuedPath(i.Name, ".pem")})
	if o.Elsewhere != nil {
		steps = append(steps, Step{What: "write", Where: o.Elsewhere.Where()})
	}
	for _, p := range e.Host.Personals {
		if o.Install {
			steps = append(steps, Step{What: p.Name(), Where: "would offer it, where it is found"})
		}
	}
	return steps, nil
}

// issuer finds who signs, and says why nobody can, or may under that name.
func (e *Engine) issuer(o IssueOrder, name string) (*signer, error) {
	seen, err := e.folder().Authorities()
	if err != nil {
		return nil, refuseNewer(err)
	}
	h := &seen.Hierarchy
	if h.Root == nil {
		return nil, notSetUp("devcert setup")
	}
	by, err := e.authorityFor(o, h)
	if err != nil {
		return nil, err
	}
	by.generation, by.hierarchy = seen.Current, h
	return by, e.mayIssue(o, name, by)
}

// mayIssue refuses a name under which something valid was issued already, and notes
// what by would replace.
func (e *Engine) mayIssue(o IssueOrder, name string, by *signer) error {
	had, found, err := e.folder().FindIssued(name)
	if err != nil {
		return err
	}
	if by.replaces = nil; found {
		by.replaces = &had
	}
	revoked, err := e.folder().Revoked()
	if err != nil {
		return err
	}
	if state := issuedState(had, by.hierarchy, revoked, e.Now()); found && state == IssuedValid && !o.Force {
		return &UsageError{
			Problem: fmt.Sprintf("%s was issued already, and is valid until %s", had.Name, day(had.Cert().NotAfter)),
			Hint:    "add --force to replace it; devcert revoke ends a client's at once",
		}
	}
	return nil
}

// confirm asks again, with the lock, what was asked without: others may have changed
// the folder meanwhile. A generation does not change; what is in no generation does,
// as the group of what would be replaced.
func (e *Engine) confirm(o IssueOrder, name string, by *signer) (*signer, error) {
	if o.Group == "" && e.folder().IsCurrent(by.generation) {
		if err := e.mayIssue(o, name, by); err != nil || by.replaces == nil {
			return by, err
		}
	}
	now, err := e.issuer(o, name)
	if err == nil && by.Cert != nil && !by.Cert.Equal(now.Cert) {
		return nil, &notExported{"issuing " + o.Names[0] + ": another devcert has made a new root meanwhile, and nothing was kept", "run the same command again: it then comes from the new root"}
	}
	return now, err
}

// signer signs, or would.
type signer struct {
	chain.Pair
	// behind are the certificates from the issuer up to the root, without it.
	behind []*x509.Certificate
	// generation is where they were read, and hierarchy all that was.
	generation string
	hierarchy  *disk.Hierarchy
	replaces   *disk.Issued // what has the name of the order now; nil for nothing
}

// authorityFor finds who signs what o asks for.
func (e *Engine) authorityFor(o IssueOrder, h *disk.Hierarchy) (*signer, error) {
	pair := h.Intermediate
	switch {
	case o.SelfSigned:
		return &signer{}, nil
	case o.Client && (o.Server || o.FromRoot):
		if h.RootKey == nil {
			return nil, o.withoutRootKey()
		}
		return &signer{Pair: chain.Pair{Cert: h.Root, Key: h.RootKey}}, nil
	case o.Group != "":
		return memberOf(h, o.Group)
	case o.Client:
		pair = h.ClientIntermediate
		if pair.Cert == nil {
			return nil, &UsageError{
				Problem: "this machine's hierarchy has no authority for clients",
				Hint:    "to have one, make a new root:  devcert setup --client-certs",
			}
		}
	}
	if pair.Cert == nil || pair.Key == nil {
		return nil, &notExported{"the intermediate or its key cannot be read", "devcert repair"}
	}
	return &signer{Pair: pair, behind: []*x509.Certificate{pair.Cert}}, nil
}

// keep records the certificate before anything is done with it, so that it can be
// revoked whatever becomes of its files.
func (e *Engine) keep(ctx context.Context, o IssueOrder, i *Issuance, made product, had *disk.Issued) error {
	if o.Flaw == chain.FlawRevoked {
		if err := e.noteRevoked(i.Name, made.Cert); err != nil {
			return err
		}
	}
	var kept []disk.IssuedFile
	for _, file := range i.Files {
		if o.Elsewhere == nil || !disk.SecretEnding(file.Ending) {
			kept = append(kept, file)
		}
	}
	if had != nil && had.Cert() != nil {
		if err := e.supersede(ctx, *had); err != nil {
			return err
		}
	}
	if err := e.folder().WriteIssued(i.Name, kept); err != nil {
		return err
	}
	i.Dir = e.folder().IssuedDir(i.Name)
	if o.Elsewhere == nil {
		return nil
	}
	if err := o.Elsewhere.Write(i.Name, i.Files); err != nil {
		return errors.Join(err, e.folder().RemoveIssued(i.Name))
	}
	return nil
}

// supersede ends what was issued under the name before: nobody could revoke it any
// more, or take it out of a browser.
func (e *Engine) supersede(ctx context.Context, had disk.Issued) error {
	if err := e.withdrawOffered(ctx, had.Cert()); err != nil {
		return err
	}
	if len(had.Cert().CRLDistributionPoints) == 0 {
		return nil
	}
	return e.noteRevoked(had.Name, had.Cert())
}
