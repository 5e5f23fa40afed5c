package clientauth

import (
	"bytes"
	"crypto/x509"
	"slices"
	"strings"
	"sync"
	"time"
)

// RevocationMode is .NET's X509RevocationMode.
type RevocationMode string

// Where .NET takes CRLs from. Offline knows those that the same user's programs
// have fetched before, until they expire: none, as far as can be foreseen.
const (
	RevocationNoCheck RevocationMode = "NoCheck"
	RevocationOnline  RevocationMode = "Online"
	RevocationOffline RevocationMode = "Offline"
)

// RevocationFlag is .NET's X509RevocationFlag: which certificates are looked at.
type RevocationFlag string

// Its values.
const (
	RevocationEndOnly     RevocationFlag = "EndCertificateOnly"
	RevocationEntireChain RevocationFlag = "EntireChain"
	RevocationExcludeRoot RevocationFlag = "ExcludeRoot"
)

// dotnetChain is an X509Chain with its policy. On Linux .NET has OpenSSL build the
// chain, without a purpose or a security level, and lets it find everything
// (ChainPal.OpenSsl.cs and OpenSslX509ChainProcessor.cs in dotnet/runtime).
type dotnetChain struct {
	roots, extra []*x509.Certificate
	crls         []*x509.RevocationList
	mode         RevocationMode
	flag         RevocationFlag
	use          bool // every certificate must be good for clientAuth
	anyTime      bool // IgnoreNotTimeValid
	anyRoot      bool // AllowUnknownCertificateAuthority
	at           time.Time
}

// netStatus is one of .NET's chain statuses (X509ChainStatusFlags), with what a
// person can be told of it.
type netStatus struct {
	gate, name, reason, remedy string
	// ignored by the policy's flags: it does not fail the chain, and is listed with
	// those that do.
	ignored bool
}

// netNames are .NET's names for what OpenSSL finds.
var netNames = sync.OnceValue(func() map[int]string {
	return map[int]string{
		notYetValid: "NotTimeValid", expired: "NotTimeValid",
		revoked:      "Revoked",
		badSignature: "NotSignatureValid", badCRLSignature: offlineRevocation,
		selfSignedLeaf: "UntrustedRoot", selfSignedRoot: "UntrustedRoot",
		noIssuer: "PartialChain", noLocalIssuer: "PartialChain", unverifiableLeaf: "PartialChain", tooLong: "PartialChain",
		noCRL: offlineRevocation, crlExpired: offlineRevocation, crlNotYetValid: offlineRevocation, noCRLSign: offlineRevocation,
		noAuthority: "InvalidBasicConstraints", tooDeep: "InvalidBasicConstraints", noCertSign: "InvalidBasicConstraints",
		unknownCritical: "HasNotSupportedCriticalExtension",
		notPermitted:    "HasNotPermittedNameConstraint", excluded: "HasExcludedNameConstraint",
	}
})

const offlineRevocation = "RevocationStatusUnknown OfflineRevocation"

// build lists the chain's statuses; one that is not ignored fails it.
func (d dotnetChain) build(leaf *x509.Certificate) (sslPath, []netStatus) {
	o := opensslCheck{trusted: d.roots, untrusted: d.extra, depth: opensslDepth, use: x509.ExtKeyUsageAny, at: d.at}
	p := o.verify(leaf)
	if d.mode != RevocationNoCheck && !incomplete(p) {
		o.crlCheck = CRLAll
		if d.flag == RevocationEndOnly {
			o.crlCheck = CRLLeaf
		}
		if d.mode == RevocationOnline && !troubled(p) {
			o.crls = d.reachable(p.certs)
		}
		p = o.verify(leaf)
		p.errs = d.settled(p)
	}
	var all []netStatus
	if s, wrong := d.usage(p); wrong {
		all = append(all, s)
	}
	for _, e := range p.errs {
		w := words()[e.code]
		all = append(all, netStatus{w.gate, netNames()[e.code], p.says(e), d.remedy(w), d.ignores(w.gate)})
	}
	return p, all
}

// incomplete says that the chain has no end (IsCompleteChain): then .NET does not
// look for revocation at all.
func incomplete(p sslPath) bool {
	return len(p.errs) > 0 && (p.errs[0].code == noIssuer || p.errs[0].code == noLocalIssuer)
}

// troubled says that the chain has another fault than its time (BuildChainCore):
// then .NET fetches no lists, and misses them.
func troubled(p sslPath) bool {
	return len(p.errs) > 0 && p.errs[0].code != notYetValid && p.errs[0].code != expired
}

// settled is what remains of the errors about revocation (FinishRevocation): the
// root's only count when it is asked about and revoked, and what a revoked issuer's
// list says counts no more.
func (d dotnetChain) settled(p sslPath) (errs []sslError) {
	root, gone := len(p.certs)-1, -1 // gone: the highest that is revoked
	for _, e := range p.errs {
		if e.code == revoked && (e.depth != root || d.flag != RevocationExcludeRoot) {
			gone = max(gone, e.depth)
		}
	}
	for _, e := range p.errs {
		switch about := words()[e.code].gate == GateRevocation; {
		case about && e.depth == root && (e.code != revoked || gone != root):
		case about && e.depth == gone && e.code != revoked:
		case about && e.depth < gone:
		default:
			errs = append(errs, e)
		}
	}
	for i := range max(gone, 0) {
		errs = append(errs, sslError{noCRL, i})
	}
	return errs
}

// ignores says whether the policy's flags let a gate pass.
func (d dotnetChain) ignores(gate string) bool {
	return gate == GateValidity && d.anyTime || (gate == GateTrust || gate == GateChainLength) && d.anyRoot
}

// reachable are the CRLs that a distribution point in the chain leads to: .NET on
// Linux knows no other way to one, and fetches by http only.
func (d dotnetChain) reachable(chain []*x509.Certificate) []*x509.RevocationList {
	var all []*x509.RevocationList
	for _, l := range d.crls {
		if slices.ContainsFunc(chain, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawIssuer, l.RawIssuer) && slices.ContainsFunc(c.CRLDistributionPoints, overHTTP)
		}) {
			all = append(all, l)
		}
	}
	return all
}

func overHTTP(url string) bool {
	return len(url) > 7 && strings.EqualFold(url[:7], "http://")
}

// usage is the application policy: a certificate without extended key usage is
// good for everything; anyExtendedKeyUsage is a use like any other.
func (d dotnetChain) usage(p sslPath) (netStatus, bool) {
	if !d.use {
		return netStatus{}, false
	}
	for i, c := range p.certs {
		if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
			w := words()[wrongPurpose]
			return netStatus{GateUse, "NotValidForUsage", p.says(sslError{wrongPurpose, i}), w.remedy, false}, true
		}
	}
	return netStatus{}, false
}

// remedy is OpenSSL's, but for what .NET has settings of its own.
func (d dotnetChain) remedy(w word) string {
	switch {
	case w.gate != GateRevocation || w.alert == revokedAlert:
		return w.remedy
	case d.mode == RevocationOffline:
		return "set RevocationMode to X509RevocationMode.NoCheck, or to Online for certificates with a CRL distribution point over http"
	}
	return "set RevocationMode to X509RevocationMode.NoCheck, or have every certificate below the root name a CRL over http that can be fetched"
}

// joined are the statuses' names as .NET logs them, each once.
func joined(all []netStatus) string {
	var names []string
	for _, s := range all {
		for _, name := range strings.Fields(s.name) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, " ")
}
