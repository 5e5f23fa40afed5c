package devcert

import (
	"context"
	"crypto/x509"
	"errors"

	"devcert/devcert/chain"
)

// listFindings is at most one: that nobody hands out the list by which servers
// that ask tell a client's certificate from one that was revoked.
func (e *Engine) listFindings(ctx context.Context, r *Report) []Finding {
	h := &r.Seen.Folder.Hierarchy
	issuer := h.ClientIntermediate.Cert
	if e.Host.List == nil || r.Config == nil || !r.Config.ClientCerts || h.Root == nil || issuer == nil {
		return nil
	}
	path := chain.HierarchyID(h.Root) + "/" + chain.CRLName(issuer)
	der, err := e.Host.List(ctx, path)
	if err == nil {
		err = goodList(der, issuer, r)
	}
	if err == nil {
		return nil
	}
	return []Finding{{
		Kind: CRLUnreachable, Severity: Warning, Where: chain.CRLBase + "/" + path, Remedy: "devcert serve --install-service",
		Message:     "the revocation list of client certificates is not handed out: " + inLine(err),
		Consequence: "ASP.NET Core, as it is by default, and IIS refuse client certificates: RevocationStatusUnknown, 403.13",
	}}
}

func goodList(der []byte, issuer *x509.Certificate, r *Report) error {
	list, err := x509.ParseRevocationList(der)
	switch {
	case err != nil:
		return errors.New("what answers there is no list")
	case list.CheckSignatureFrom(issuer) != nil:
		return errors.New("the list there is another authority's")
	case !list.NextUpdate.After(r.Seen.Now):
		return errors.New("the list there is past its end")
	}
	return nil
}
