package devcert

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// This file is about ports that present another certificate than the leaf: one of
// those that `issue` made, or one that is named by its thumbprint.

// unbindable is why ports cannot present a certificate.
type unbindable struct{ why, remedy string }

func (e *unbindable) Error() string { return e.why }

// Remedy says what a person can do.
func (e *unbindable) Remedy() string { return e.remedy }

// bindable gives the thumbprint of a certificate that ports can be bound to; ""
// for the leaf, whichever it will be. cert is the name under which it was issued,
// or its thumbprint.
func (e *Engine) bindable(r *Report, cert string) (string, error) {
	if leaf := r.Seen.leafThumbprint(); cert == "localhost" || strings.EqualFold(cert, leaf) {
		return "", nil
	}
	thumbprint := strings.ToUpper(strings.ReplaceAll(cert, " ", "")) // as certmgr.msc shows it
	named, found, err := e.folder().FindIssued(fileName(cert))
	switch {
	case err != nil:
		return "", err
	case found && named.Cert() == nil:
		return "", fmt.Errorf("reading %s: %w", e.folder().IssuedPath(named.Name, ".pem"), named.Err)
	case found:
		thumbprint = chain.Thumbprint(named.Cert())
	case checkThumbprint(thumbprint) != nil:
		return "", &UsageError{
			Problem: fmt.Sprintf("there is no certificate %q to bind", cert),
			Hint:    "there is localhost, and what devcert list tells; others are named by their SHA-1 thumbprint",
		}
	}
	if err := e.presentable(r.Seen, thumbprint); err != nil {
		wrong := &UsageError{Problem: fmt.Sprintf("certificate %s cannot be bound: %v", cert, err), Hint: "there is: localhost"}
		var remedied interface{ Remedy() string }
		if errors.As(err, &remedied) {
			wrong.Hint = remedied.Remedy()
		}
		return "", wrong
	}
	return thumbprint, nil
}

// presentable says why ports cannot present the certificate with this thumbprint;
// nil when they can.
func (e *Engine) presentable(o *Observation, thumbprint string) error {
	if i := o.issuedAs(thumbprint); i != nil {
		if err := forPorts(*i, &o.Folder.Hierarchy, o.Now); err != nil {
			return err
		}
	}
	return e.Host.Binder.CanServe(thumbprint)
}

// forPorts says why a certificate that was issued is none for a port. Whether it was
// revoked is not asked: that list is about clients.
func forPorts(i disk.Issued, h *disk.Hierarchy, now time.Time) error {
	again := "issue it again:  devcert issue " + i.Name + " --force"
	switch state := issuedState(i, h, nil, now); {
	case !isFor(i.Cert(), x509.ExtKeyUsageServerAuth):
		return &unbindable{"it is a client's", "bind a server's, as devcert issue api.dev.internal makes"}
	case state == IssuedExpired:
		return &unbindable{"it expired on " + day(i.Cert().NotAfter), again}
	case state == IssuedNotYet:
		return &unbindable{"it is valid from " + day(i.Cert().NotBefore) + " on", "wait until then, or " + again}
	case state == IssuedFormer:
		return &unbindable{"it comes from a former root, which is trusted no longer", again}
	}
	return nil
}

// lookAtNamed looks at what was issued, and at whether what ports were bound to by
// name can be presented still.
func (e *Engine) lookAtNamed(o *Observation) {
	o.issued, _ = e.folder().Issued() // only for names and reasons: none is given of what cannot be read
	c, err := ParseConfig(o.Folder.Config)
	if err != nil {
		return // which is damage with a finding of its own
	}
	o.unpresentable = map[string]error{}
	for _, thumbprint := range c.Certs {
		if _, known := o.unpresentable[thumbprint]; !known {
			o.unpresentable[thumbprint] = e.presentable(o, thumbprint)
		}
	}
}

// issuedAs is what was issued with this thumbprint; nil when nothing was.
func (o *Observation) issuedAs(thumbprint string) *disk.Issued {
	at := slices.IndexFunc(o.issued, func(i disk.Issued) bool { return i.Cert() != nil && chain.Thumbprint(i.Cert()) == thumbprint })
	if at < 0 || thumbprint == "" {
		return nil
	}
	return &o.issued[at]
}

// nameOf is what the certificate with this thumbprint was issued as; "" when it was
// not.
func (o *Observation) nameOf(thumbprint string) string {
	if i := o.issuedAs(thumbprint); i != nil {
		return i.Name
	}
	return ""
}

// namedFindings are the ports whose certificate is bound as it should be, and cannot
// be presented any more: it expired, or was issued again since.
func namedFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, port := range c.PortList() {
		thumbprint := c.Certs[port]
		why := o.unpresentable[thumbprint]
		if thumbprint == "" || why == nil {
			continue
		}
		f := Finding{
			Kind: BindingStale, Severity: Error, Where: "port " + strconv.Itoa(port), ports: []int{port},
			Message:     fmt.Sprintf("port %d is to present %s, which it cannot: %s", port, cmp.Or(o.nameOf(thumbprint), "SHA-1 "+thumbprint), inLine(why)),
			Consequence: "a server there presents what clients do not accept, or another certificate",
			Remedy:      fmt.Sprintf("devcert ports bind %d --cert NAME; devcert list tells the names, and localhost is the leaf's", port),
		}
		all = append(all, f)
	}
	return all
}
