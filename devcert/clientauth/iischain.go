package clientauth

import (
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"time"
)

// hresult is how Windows reports an error of a chain, and the sub-status that IIS
// makes of it.
type hresult struct {
	gate   string
	codes  []int // of OpenSSL, whose checks stand in for CryptoAPI's
	status Status
	value  string
}

// hresults are the errors of CERT_CHAIN_POLICY_BASE in the order of their
// documentation (CERT_CHAIN_POLICY_STATUS): one is reported, the first.
var hresults = []hresult{
	{GateSignature, []int{badSignature}, Untrusted, "0x80096004"},
	{GateAlgorithms, []int{weakLeafKey, weakIssuerKey}, Untrusted, "0x80096004"},
	{GateRevocation, []int{revoked}, Revoked, "0x80092010"},
	{GateTrust, []int{selfSignedLeaf, selfSignedRoot}, Untrusted, "0x800b0109"},
	{GateTrust, []int{noIssuer, noLocalIssuer, unverifiableLeaf, tooLong}, Untrusted, "0x800b010a"},
	{GateUse, []int{wrongPurpose}, Untrusted, "0x800b0110"},
	{GateValidity, []int{expired, notYetValid}, OutOfTime, "0x800b0101"},
	{GateNames, []int{notPermitted, excluded}, Untrusted, "0x800b0114"},
	{GateAuthority, []int{noAuthority, noCertSign}, Untrusted, "0x80096019"},
	{GatePathLength, []int{tooDeep}, Untrusted, "0x80096019"},
	{GateExtensions, []int{unknownCritical}, Untrusted, "0x800b0105"},
	{GateRevocation, []int{noCRL, crlExpired, crlNotYetValid, badCRLSignature, noCRLSign}, Revoked, "0x80092013"},
}

// chain is what HTTP.sys has Windows verify.
func (s IIS) chain(w *walk, p Presented, m Machine, at time.Time) bool {
	o := opensslCheck{
		trusted: m.Roots, untrusted: slices.Concat(p.Sent, m.Intermediates), crls: m.CRLs, depth: opensslDepth,
		use: x509.ExtKeyUsageAny, at: at,
	}
	if s.CheckRevocation {
		o.crlCheck = CRLAll
	}
	if s.TrustMode == ExclusiveCA {
		o.trusted, o.partial = s.Issuers, true
	}
	path := o.verify(p.Leaf)
	errs := s.windows(path)
	for _, h := range hresults {
		i := slices.IndexFunc(errs, func(e sslError) bool { return slices.Contains(h.codes, e.code) })
		switch {
		case i >= 0:
			return w.refuse(h.gate, h.status, path.says(errs[i])+" ("+h.number(path.certs[errs[i].depth])+")", s.remedy(h, path, errs[i]))
		case h.value == "0x80092010", h.value == "0x800b0109":
			continue // their gates come again
		case h.gate == GateTrust:
			if !s.exclusive(w, path) {
				return false
			}
		case h.gate == GateUse && !s.UsageCheck, h.gate == GateRevocation && !s.CheckRevocation:
			w.note(h.gate, Skipped, "the binding leaves it out")
		case h.gate == GateNames && path.otherConstraints():
			w.note(h.gate, Unknown, "the chain has name constraints of kinds that are not foreseen here")
		default:
			w.pass(h.gate, "")
		}
	}
	return true
}

// windows are the errors that CryptoAPI finds too, and those that only it does: keys
// below 1024 bits (KB 2661254), and uses by the extended key usage alone. Whether
// the trusted end of the chain is revoked is not asked.
func (s IIS) windows(p sslPath) []sslError {
	var all []sslError
	for i, c := range p.certs {
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 1024 {
			all = append(all, sslError{weakIssuerKey, i})
		}
	}
	if s.UsageCheck {
		for i, c := range p.certs {
			if !forClients(c) {
				all = append(all, sslError{wrongPurpose, i})
			}
		}
	}
	for _, e := range p.errs {
		end := e.depth == len(p.certs)-1 && (selfSigned(p.top()) || p.untrusted < len(p.certs))
		if words()[e.code].gate != GateRevocation || !end {
			all = append(all, e)
		}
	}
	return all
}

// exclusive is what ClientAuthTrustMode 1 and 2 ask beyond a chain.
func (s IIS) exclusive(w *walk, p sslPath) bool {
	if s.TrustMode == ExclusiveRoot && !slices.ContainsFunc(s.Issuers, p.top().Equal) {
		return w.refuse(GateTrust, Untrusted, "the root "+nameOf(p.top())+" is not in the issuers' store, which ClientAuthTrustMode 1 asks for",
			"add it to the store that the binding's sslctlstorename names, or set ClientAuthTrustMode to 0")
	}
	w.pass(GateTrust, "the chain ends at "+nameOf(p.top()))
	return true
}

// number tells a certificate that names no CRL from one whose CRL is out of reach.
func (h hresult) number(c *x509.Certificate) string {
	if h.value == "0x80092013" && len(c.CRLDistributionPoints) == 0 {
		return "0x80092012"
	}
	return h.value
}

func (s IIS) remedy(h hresult, p sslPath, e sslError) string {
	switch {
	case h.gate == GateTrust && s.TrustMode == ExclusiveCA:
		return "add the certificate's issuer to the store that the binding's sslctlstorename names, or set ClientAuthTrustMode to 0"
	case h.value == "0x800b0109":
		return "add the root to LocalMachine\\Root; one in CurrentUser\\Root does not count for a server"
	case h.value == "0x800b010a":
		return "add the missing intermediate, " + issuerOf(p.certs[e.depth]) + ", to LocalMachine\\CA, and its root to LocalMachine\\Root"
	case h.value == "0x80092013":
		return "let the server fetch every authority's CRL, or add it to LocalMachine\\CA; or set verifyclientcertrevocation=disable on the binding"
	}
	return words()[e.code].remedy
}
