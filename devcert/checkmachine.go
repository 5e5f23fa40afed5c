package devcert

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
	"devcert/devcert/disk"
)

// machineOf sorts certificates as one who sets up a machine does: roots are
// self-signed.
func machineOf(all []*x509.Certificate) (m clientauth.Machine) {
	for _, c := range all {
		if bytes.Equal(c.RawSubject, c.RawIssuer) {
			m.Roots = append(m.Roots, c)
		} else {
			m.Intermediates = append(m.Intermediates, c)
		}
	}
	return m
}

// thisMachine is what servers here trust: the system's own roots, and devcert's
// parts where a look finds them trusted. OpenSSL looks into no stores of Windows.
func (e *Engine) thisMachine(ctx context.Context, c ClientCheck) (m clientauth.Machine, err error) {
	switch {
	case e.Host.Certificates != nil && c.Server == "openssl":
		return m, nil
	case e.Host.Certificates != nil:
		if m.Roots, m.Intermediates, err = e.Host.Certificates.Trusted(ctx, c.Server != "iis"); err != nil {
			return m, &unseenTrust{err}
		}
	default:
		if m.Roots, err = e.systemRoots(); err != nil {
			return m, &unseenTrust{err}
		}
		if err := e.addOwn(ctx, c.own, &m); err != nil {
			return m, err
		}
	}
	m.CRLs = handedOut(ownLists(c.own, c.revoked, c.At), slices.Concat(m.Intermediates, c.Shown.Chain, []*x509.Certificate{c.Shown.Leaf}))
	return m, nil
}

// unseenTrust: could not look is not "trusts nobody".
type unseenTrust struct{ err error }

func (e *unseenTrust) Error() string { return "looking at what this machine trusts: " + e.err.Error() }
func (e *unseenTrust) Unwrap() error { return e.err }

// Remedy says how to do without.
func (*unseenTrust) Remedy() string { return "name what the server trusts:  --trust FILE" }

// systemRoots are the system's own; a certificate that Go does not read is no root
// of what it judges.
func (e *Engine) systemRoots() ([]*x509.Certificate, error) {
	if e.Host.Roots == nil {
		e.Say("warning: devcert does not know this system's own roots: only its own counts")
		return nil, nil
	}
	data, err := e.Host.Roots()
	if err != nil {
		return nil, err
	}
	var roots []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots = append(roots, c)
		}
	}
	return roots, nil
}

// addOwn adds the root where the system's store trusts it, and each intermediate
// that some server's store has.
func (e *Engine) addOwn(ctx context.Context, h *disk.Hierarchy, m *clientauth.Machine) error {
	if h.Root == nil {
		return nil
	}
	material := materialOf(h)
	for _, s := range lookAll(ctx, e.Host.Stores, material, nil) {
		for _, p := range s.Places {
			switch {
			case p.Part == chain.PartRoot && s.Store == SystemStore && p.State == Unknown:
				return &unseenTrust{errors.New(p.Path + ": " + p.Evidence)}
			case p.State != Trusted || p.Part == chain.PartLeaf:
			case p.Part != chain.PartRoot:
				m.Intermediates = append(m.Intermediates, material.Parts(p.Part)...)
			case s.Store == SystemStore:
				m.Roots = append(m.Roots, material.Parts(p.Part)...)
			}
		}
	}
	return nil
}

// listLife is how long a list is good that devcert serve signs when it is asked.
const listLife = 10 * time.Minute

// ownLists are the revocation lists that devcert serve hands out at an instant.
func ownLists(h *disk.Hierarchy, revoked []disk.Revocation, at time.Time) []*x509.RevocationList {
	var ders [][]byte
	if h.RootKey == nil {
		ders = append(ders, h.RootCRL)
	}
	for _, signer := range h.ListSigners() {
		if der, err := chain.SignCRL(signer, disk.RevokedBy(revoked, signer.Cert), at, listLife); err == nil {
			ders = append(ders, der)
		}
	}
	var lists []*x509.RevocationList
	for _, der := range ders {
		if list, err := x509.ParseRevocationList(der); err == nil {
			lists = append(lists, list)
		}
	}
	return lists
}

// handedOut are the lists that a server gets at: those which every certificate of
// their issuer's names as devcert's own, as long as devcert serve runs.
func handedOut(lists []*x509.RevocationList, certs []*x509.Certificate) []*x509.RevocationList {
	return slices.DeleteFunc(lists, func(l *x509.RevocationList) bool {
		return slices.ContainsFunc(certs, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawIssuer, l.RawIssuer) && !bytes.Equal(c.RawSubject, c.RawIssuer) &&
				!slices.ContainsFunc(c.CRLDistributionPoints, func(at string) bool { return strings.HasPrefix(at, chain.CRLBase+"/") })
		})
	})
}
