package front

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// listLife is how long a list that was signed on request may be relied on: a
// server that has one learns of a certificate that is revoked then so much later.
const listLife = 10 * time.Minute

// listPath is where the certificates that issuer signed say that its list is,
// below the base of all distribution points.
func listPath(root, issuer *x509.Certificate) string {
	return chain.HierarchyID(root) + "/" + chain.CRLName(issuer)
}

// readClients takes whom clients' certificates must come from, which of them were
// revoked, and who signs the lists of those.
func (k *keyring) readClients(v, old *view, h *disk.Hierarchy) {
	t := &trust{roots: x509.NewCertPool(), behind: h.ClientIntermediates()}
	t.roots.AddCert(h.Root)
	t.listed = append([]*x509.Certificate{h.Root}, t.behind...)
	v.signers = map[string]chain.Pair{}
	for _, signer := range h.ListSigners() {
		if chain.CRLName(signer.Cert) != "" {
			v.signers[listPath(h.Root, signer.Cert)] = signer
		}
	}
	var err error
	if t.revoked, err = k.folder.Revoked(); err == nil {
		v.trust = t
		k.teller.mended(disk.RevokedFile, disk.RevokedFile+" can be read again: it says who is refused")
		return
	}
	// Nothing that was revoked is good again because the list cannot be read.
	v.again = v.again || passing(err)
	until := "whom it was known to name stays refused"
	if old.trust != nil && old.trust.unread == nil && old.trust.roots.Equal(t.roots) {
		v.trust = old.trust
	} else {
		t.unread, v.trust, v.signers = &unreadRevoked{err}, t, nil
		until = "until it can be read, this machine's client certificates are refused (403.13), and no list of them is handed out"
	}
	k.teller.once(disk.RevokedFile, err.Error()+"; "+until)
}

// unreadRevoked is why it is not known what was revoked, for clients, who need not
// know where the state folder is.
type unreadRevoked struct{ err error }

func (e *unreadRevoked) Error() string {
	cause := e.err
	var inside *fs.PathError
	if errors.As(cause, &inside) {
		cause = inside.Err
	} else if below := errors.Unwrap(cause); below != nil {
		cause = below
	}
	return disk.RevokedFile + " of the state folder cannot be read: " + cause.Error()
}

func (e *unreadRevoked) Unwrap() error { return e.err }

// list is the revocation list at path; nil when there is none.
func (k *keyring) list(path string, now time.Time) []byte {
	v := k.fresh()
	signer, signed := v.signers[path]
	if !signed {
		return v.lists[path]
	}
	der, err := chain.SignCRL(signer, disk.RevokedBy(v.trust.revoked, signer.Cert), now, listLife)
	if err != nil {
		k.teller.once(path, "the revocation list "+path+" cannot be signed: "+err.Error())
		return v.lists[path]
	}
	return der
}
