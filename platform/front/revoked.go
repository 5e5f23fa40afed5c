package front

import (
	"crypto/x509"
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
	v.signers = map[string]chain.Pair{}
	for _, signer := range h.ListSigners() {
		if chain.CRLName(signer.Cert) != "" {
			v.signers[listPath(h.Root, signer.Cert)] = signer
		}
	}
	var err error
	if t.revoked, err = k.folder.Revoked(); err == nil {
		v.trust = t
		k.teller.over(disk.RevokedFile)
		return
	}
	// Nothing that was revoked is good again because the list cannot be read.
	v.trust, v.again = old.trust, v.again || passing(err)
	if old.trust == nil {
		v.trust, v.signers = nobody, nil
	}
	k.teller.once(disk.RevokedFile, err.Error()+"; whom it was known to name stays refused")
}

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
