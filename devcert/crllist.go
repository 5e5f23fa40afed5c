package devcert

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"devcert/devcert/chain"
)

// ListAnswer is what an address of localhost answers that is asked for a
// revocation list.
type ListAnswer struct {
	Address string // 127.0.0.1 or ::1
	Holder  string // the process that listens there; "" where that cannot be told
	DER     []byte
	Err     error // what is answered instead, as a clause without its subject
}

// listFindings are that servers which ask do not get the list by which they tell a
// client's certificate from one that was revoked: nobody hands it out, or another
// program takes the port on an address of localhost.
func (e *Engine) listFindings(ctx context.Context, r *Report) []Finding {
	h := &r.Seen.Folder.Hierarchy
	issuer := h.ClientIntermediate.Cert
	if e.Host.List == nil || r.Config == nil || !r.Config.ClientCerts || h.Root == nil || issuer == nil {
		return nil
	}
	path := chain.HierarchyID(h.Root) + "/" + chain.CRLName(issuer)
	unreachable := func(how, remedy string) Finding {
		return Finding{
			Kind: CRLUnreachable, Severity: Warning, Where: chain.CRLBase + "/" + path, Remedy: remedy,
			Message:     "the revocation list of client certificates is not handed out" + how,
			Consequence: "ASP.NET Core, as it is by default, and IIS refuse client certificates: RevocationStatusUnknown, 403.13",
		}
	}
	answers := e.Host.List(ctx, path)
	if len(answers) == 0 {
		return []Finding{unreachable(": nobody answers there", "devcert serve --install-service")}
	}
	var all []Finding
	for _, a := range answers {
		if err := a.judge(issuer, r); err != nil {
			all = append(all, unreachable(
				fmt.Sprintf(" on %s: %s %s", a.Address, cmp.Or(a.Holder, "whoever has the port"), inLine(err)),
				fmt.Sprintf("end what has port %d of %s; devcert serve takes it when it is free", CRLPort, a.Address)))
		}
	}
	return all
}

// judge says what is wrong with an answer, as what its holder does.
func (a ListAnswer) judge(issuer *x509.Certificate, r *Report) error {
	if a.Err != nil {
		return a.Err
	}
	list, err := x509.ParseRevocationList(a.DER)
	switch {
	case err != nil:
		return errors.New("answers with what is no list")
	case list.CheckSignatureFrom(issuer) != nil:
		return errors.New("hands out another authority's list")
	case !list.NextUpdate.After(r.Seen.Now):
		return errors.New("hands out a list that is past its end")
	}
	return nil
}
