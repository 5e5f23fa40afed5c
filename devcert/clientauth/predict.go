package clientauth

import (
	"crypto/x509"
	"time"
)

// Predictor foresees what a server will do. Each server's settings are one, and
// have a function that makes them as the server's documentation does by default.
type Predictor interface {
	// Predict says what the server makes of p at the instant at, on a machine that
	// trusts m. A server that is configured to take its trust from files looks at
	// those and not at m.
	Predict(p Presented, m Machine, at time.Time) Verdict
}

// Presented is what a client has to show.
type Presented struct {
	Leaf   *x509.Certificate   // nil: the client has no certificate
	Sent   []*x509.Certificate // those that it sends behind it
	HasKey bool                // the leaf's private key is where the client finds it
}

// Machine is what the server's machine trusts and knows.
type Machine struct {
	Roots         []*x509.Certificate // the system's own roots; on Windows LocalMachine\Root
	Intermediates []*x509.Certificate // those that need not be sent; on Windows LocalMachine\CA
	// CRLs are those that the server can get at: by the certificates' distribution
	// points, or in the stores.
	CRLs []*x509.RevocationList
}

// The gates. What they are called is part of what devcert prints as JSON.
const (
	GateSettings    = "settings"           // the server does not start, or refuses whatever is shown
	GateRequested   = "certificate-asked"  // the server asks for a certificate
	GateKey         = "private-key"        // the client can prove that the certificate is its own
	GateIssuerList  = "issuer-list"        // the client finds it among those that the server names
	GateSent        = "certificate-sent"   // a certificate came
	GateKind        = "certificate-kind"   // self-signed, or issued by an authority
	GateRootStore   = "root-store"         // nothing is among the roots that does not belong there
	GateKeyStrength = "key-strength"       // the leaf's key
	GateTrust       = "trust"              // a chain leads to a trusted root
	GateChainLength = "chain-length"       // and is not longer than allowed
	GateExtensions  = "critical-extension" // all critical extensions are understood
	GateAuthority   = "authority"          // issuers are authorities
	GateStrict      = "strict"             // RFC 5280 to the letter
	GateUse         = "use"                // for client authentication
	GatePathLength  = "path-length"        // authorities below one another
	GateAlgorithms  = "algorithm-strength" // the issuers' keys, and all digests
	GateRevocation  = "revocation"
	GateSignature   = "signature"
	GateValidity    = "validity"
	GateNames       = "name-constraints"
	GateMapping     = "mapping" // the certificate belongs to a user
)

// Outcome is how a step ended.
type Outcome string

// The outcomes.
const (
	Passed    Outcome = "passed"
	Failed    Outcome = "failed"
	Tolerated Outcome = "tolerated" // wrong, and the settings let it pass
	Skipped   Outcome = "skipped"   // the settings leave it out
	Unknown   Outcome = "unknown"   // could not be foreseen
)

// Step is one check and how it ended.
type Step struct {
	Gate    string
	Outcome Outcome
	Detail  string // one clause; may be ""
}

// walk is a verdict in the making. After the first refusal nothing is added.
type walk struct{ v Verdict }

func (w *walk) note(gate string, o Outcome, detail string) {
	if !w.v.Refused() {
		w.v.Steps = append(w.v.Steps, Step{gate, o, detail})
	}
}

func (w *walk) pass(gate, detail string) { w.note(gate, Passed, detail) }

// refuse ends the walk. It is false, so that a gate can return it.
func (w *walk) refuse(gate string, status Status, reason, remedy string) bool {
	if w.v.Refused() {
		return false
	}
	if n := len(w.v.Steps); n > 0 && w.v.Steps[n-1].Gate == gate {
		w.v.Steps = w.v.Steps[:n-1] // what was noted of it was not all
	}
	w.note(gate, Failed, reason)
	w.v.Gate, w.v.Status, w.v.Reason, w.v.Remedy = gate, status, reason, remedy
	return false
}

const (
	sendOne = "send one, for instance: curl --cert client.pem --key client-key.pem. " +
		"A browser offers only those whose private key it has, and keeps to its choice until all its windows are closed"
	haveKey = "install it together with its private key, as a PFX file; a certificate alone proves nothing"
)

// shown notes whether a certificate will come, and says so.
func (w *walk) shown(p Presented) bool {
	switch {
	case p.Leaf == nil:
		w.note(GateSent, Tolerated, "the client has none")
		return false
	case !p.HasKey:
		w.note(GateKey, Tolerated, "the private key of "+nameOf(p.Leaf)+" is missing, so the client does not send it")
		return false
	}
	w.pass(GateKey, "")
	w.pass(GateSent, "")
	return true
}

// missing refuses because no certificate will come.
func (w *walk) missing(p Presented, status Status) {
	if p.Leaf != nil && !p.HasKey {
		w.refuse(GateKey, status, "a client certificate is required, and the private key of "+nameOf(p.Leaf)+
			" is missing: the client sends none", haveKey)
		return
	}
	w.refuse(GateSent, status, "a client certificate is required, and none was sent", sendOne)
}
