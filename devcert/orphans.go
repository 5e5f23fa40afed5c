package devcert

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// This file is about what was issued and loses its authority: with the root, or
// because an authority for clients is no longer asked for. A browser that has a dead
// certificate beside a good one may well offer the dead one.

// orphan is a client's certificate that a client still offers, and that no authority
// that is there has issued.
type orphan struct {
	disk.Entry
	former bool  // its root is another one
	err    error // why it is not known whether it is still offered
}

// issuedBy says whether one of these has issued cert, as far as key ids tell.
func issuedBy(cert *x509.Certificate, authorities ...*x509.Certificate) bool {
	return slices.ContainsFunc(authorities, func(a *x509.Certificate) bool {
		return a != nil && bytes.Equal(cert.AuthorityKeyId, a.SubjectKeyId)
	})
}

// lookForOrphans asks only those clients that the ledger names.
func (e *Engine) lookForOrphans(ctx context.Context, o *Observation) []orphan {
	h := &o.Folder.Hierarchy
	if h.Root == nil || unreadable(o) {
		return nil // whose they are cannot be told
	}
	var all []orphan
	for _, entry := range o.Folder.Ledger.Offered {
		former := !below(entry.Cert, h.Root)
		if !former && issuedBy(entry.Cert, append(h.ClientIntermediates(), h.Root)...) {
			continue
		}
		for _, p := range e.Host.Personals {
			if p.Name() != entry.Store {
				continue
			}
			if places, err := p.Offers(ctx, entry.Cert); err != nil || len(places) > 0 {
				all = append(all, orphan{entry, former, err})
			}
		}
	}
	return all
}

// below says whether a client's certificate is of root's hierarchy, even if nobody
// has its issuer any more: the list that it names is.
func below(cert, root *x509.Certificate) bool {
	return slices.ContainsFunc(cert.CRLDistributionPoints, func(url string) bool {
		return strings.HasPrefix(url, chain.CRLBase+"/"+chain.HierarchyID(root)+"/")
	})
}

// orphanFindings leaves alone what only misses its issuer, as long as clients are to
// have certificates: servers that know the root go on accepting it.
func orphanFindings(c *Config, o *Observation) []Finding {
	var all []Finding
	for _, one := range o.orphans {
		if !o.ownsOffered(one.Entry) || !one.former && c.ClientCerts {
			continue
		}
		f := Finding{
			Kind: FormerRoot, Severity: Warning, Where: one.Store, store: one.Store, cert: one.Cert, cure: retractCert,
			Message:     fmt.Sprintf("%s still offers %s, whose authority is gone", one.Store, nameOf(one.Cert)),
			Consequence: "where it is chosen, servers answer with 403 or end the connection",
		}
		if one.err != nil {
			f.Message = fmt.Sprintf("whether %s still offers %s, whose authority is gone, is not known: %s", one.Store, nameOf(one.Cert), inLine(one.err))
			f.cure, f.Remedy = noCure, "devcert status looks again"
			var remedied interface{ Remedy() string }
			if errors.As(one.err, &remedied) {
				f.Remedy = remedied.Remedy()
			}
		}
		all = append(all, f)
	}
	return all
}

// ownsOffered: a folder copied from another user names that user's certificates,
// which stay.
func (o *Observation) ownsOffered(entry disk.Entry) bool {
	return !o.Foreign || sameUser(&x509.Certificate{Subject: entry.Cert.Issuer}, o.Owner)
}

// retracts plans the end of clients' certificates where they are offered, once
// nobody vouches for them.
func (p *planner) retracts(findings []Finding) {
	authorities := p.seen.Folder.Hierarchy.ClientIntermediates()
	for _, entry := range p.seen.Folder.Ledger.Offered {
		ends := p.needs(newHierarchy) || p.needs(newLeaf) && !p.config.ClientCerts && issuedBy(entry.Cert, authorities...)
		found := slices.ContainsFunc(findings, func(f Finding) bool {
			return f.cure == retractCert && f.store == entry.Store && f.cert.Equal(entry.Cert)
		})
		if (ends || found) && p.seen.ownsOffered(entry) {
			p.retract(entry)
		}
	}
}

func (p *planner) retract(entry disk.Entry) {
	p.add(Step{action: retract, What: entry.Store, Where: "without " + nameOf(entry.Cert), store: entry.Store, cert: entry.Cert})
}

// Ended is what was issued and has lost its authority in this run.
type Ended struct {
	Name string
	// Again are the words behind devcert that issue it once more; none where there is
	// no authority for it, or where it took a request or a folder of somebody's.
	Again []string
	// Unrevocable says that it is as good as before, only that nobody can revoke it.
	Unrevocable bool
}

// ended compares what is good now with what was. A damaged list of what was revoked
// hides nothing: that is told on its own.
func (w *worker) ended() []Ended {
	old, now := &w.report.Seen.Folder.Hierarchy, &w.hierarchy
	issued, _ := w.folder.Issued() // a folder that cannot be read has a finding
	revoked, _ := w.folder.Revoked()
	var all []Ended
	for _, i := range issued {
		was := issuedState(i, old, revoked, w.Now())
		if was != IssuedValid && was != IssuedNotYet {
			continue
		}
		switch is := issuedState(i, now, revoked, w.Now()); {
		case is == IssuedFormer:
			all = append(all, Ended{Name: i.Name, Again: w.again(i)})
		case now.ClientIntermediate.Cert == nil && issuedBy(i.Cert(), old.ClientIntermediates()...):
			all = append(all, Ended{Name: i.Name, Unrevocable: true})
		}
	}
	return all
}

// again are the words that issue the like of a certificate.
func (w *worker) again(i disk.Issued) []string {
	cert := i.Cert()
	client := isFor(cert, x509.ExtKeyUsageClientAuth)
	if !i.Key || chain.FlawOf(cert) != "" { // a request or a folder was named, or it is for a test
		return nil
	}
	if client && w.hierarchy.ClientIntermediate.Cert == nil {
		return nil
	}
	words := append([]string{"issue"}, askedNames(i)...)
	if client {
		words = append(words, w.clientWords(cert)...)
	}
	life := cert.NotAfter.Sub(cert.NotBefore) - chain.Backdate
	if cut := len(i.Certs) > 1 && cert.NotAfter.Equal(i.Certs[1].NotAfter); life != chain.LeafLifetime && !cut {
		words = append(words, "--days", strconv.Itoa(days(life)))
	}
	if keyTypeOf(cert) == chain.ECDSA {
		words = append(words, "--key", "ecdsa")
	}
	if slices.ContainsFunc(w.before.Offered, func(entry disk.Entry) bool { return entry.Cert.Equal(cert) }) {
		words = append(words, "--install")
	}
	return words
}

// clientWords are those about a client. A group is gone with its root, and issue says
// what makes it.
func (w *worker) clientWords(cert *x509.Certificate) []string {
	words := []string{"--client"}
	group := chain.GroupOf(&x509.Certificate{Subject: cert.Issuer})
	switch {
	case isFor(cert, x509.ExtKeyUsageServerAuth):
		words = append(words, "--server")
	case issuedBy(cert, w.report.Seen.Folder.Hierarchy.Root):
		words = append(words, "--from-root")
	case group != "":
		words = append(words, "--group", group)
	}
	for _, email := range cert.EmailAddresses {
		words = append(words, "--email", email)
	}
	for _, uri := range cert.URIs {
		words = append(words, "--uri", uri.String())
	}
	return words
}

// askedNames are the names that a certificate was asked for with, the one first that
// its files are called by.
func askedNames(i disk.Issued) []string {
	cert := i.Cert()
	if !isFor(cert, x509.ExtKeyUsageServerAuth) {
		return []string{cert.Subject.CommonName}
	}
	names := chain.ServerNames(cert)
	at := slices.IndexFunc(names, func(name string) bool { return fileName(name) == i.Name })
	if at > 0 {
		first := names[at]
		names = slices.Insert(slices.Delete(names, at, at+1), 0, first)
	}
	return names
}
