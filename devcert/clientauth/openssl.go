package clientauth

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// OpenSSL is openssl s_server, by its options; apps/s_server.c and
// apps/lib/s_cb.c say what they do.
type OpenSSL struct {
	// Required is -Verify; without, -verify: a certificate is asked for only.
	Required bool
	// Tolerance is the number behind -Verify. It does not limit the chain: errors
	// about certificates up to that far above the leaf are printed and let pass,
	// unless ReturnError is set.
	Tolerance   int
	ReturnError bool // -verify_return_error: the first error ends the handshake
	Depth       int  // -verify_depth: how many authorities between leaf and root
	Strict      bool // -x509_strict
	Partial     bool // -partial_chain
	Purpose     Purpose
	CRLCheck    CRLCheck
	Level       int // the security level: -cipher ...@SECLEVEL=N
	// CAFile is -CAfile; nil takes the machine's roots.
	CAFile []*x509.Certificate
	// CRLs are -CRL's.
	CRLs []*x509.RevocationList
}

// Purpose is what -purpose asks of a certificate.
type Purpose string

// The purposes of TLS; "" is that of the side that is judged, sslclient.
const (
	PurposeClient Purpose = "sslclient"
	PurposeServer Purpose = "sslserver"
	PurposeAny    Purpose = "any"
)

func (p Purpose) use() x509.ExtKeyUsage {
	switch p {
	case PurposeAny:
		return x509.ExtKeyUsageAny
	case PurposeServer:
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

// The defaults of OpenSSL 3: the depth of the "default" parameters in
// crypto/x509/x509_vpm.c; the security level of 3.2, and of Debian's and Ubuntu's
// builds before.
const (
	opensslDepth = 100
	opensslLevel = 2
)

// NewOpenSSL is "openssl s_server -Verify 1".
func NewOpenSSL() OpenSSL {
	return OpenSSL{Required: true, Tolerance: 1, Depth: opensslDepth, Level: opensslLevel}
}

// Predict says whether the handshake succeeds. A client of TLS 1.3 is told of a
// refusal only after it has sent its first bytes.
func (s OpenSSL) Predict(p Presented, m Machine, at time.Time) Verdict {
	var w walk
	if !w.shown(p) {
		if s.Required {
			w.missing(p, certRequired.status())
		}
		return w.v
	}
	o := opensslCheck{
		trusted: s.CAFile, untrusted: p.Sent, crls: s.CRLs, crlCheck: s.CRLCheck, depth: s.Depth, level: s.Level,
		use: s.Purpose.use(), partial: s.Partial, strict: s.Strict, at: at,
	}
	if s.CAFile == nil {
		o.trusted = m.Roots
	}
	path := o.verify(p.Leaf)
	decisive := slices.IndexFunc(path.errs, func(e sslError) bool { return s.ReturnError || e.depth > s.Tolerance })
	w.openssl(o, path, decisive, func(e sslError) Status { return words()[e.code].alert.status() })
	return w.v
}

// sslGates are OpenSSL's in the order in which it comes to them.
var sslGates = []string{
	GateKeyStrength, GateTrust, GateChainLength, GateExtensions, GateAuthority, GateStrict, GateUse, GatePathLength,
	GateAlgorithms, GateRevocation, GateSignature, GateValidity, GateNames,
}

// openssl walks OpenSSL's gates up to the decisive error; -1 for none. Errors
// before that one did not stop the server.
func (w *walk) openssl(o opensslCheck, p sslPath, decisive int, status func(sslError) Status) {
	reported := decisive
	if decisive >= 0 {
		decisive = p.cause(decisive)
	}
	for _, gate := range sslGates {
		first := slices.IndexFunc(p.errs, func(e sslError) bool { return words()[e.code].gate == gate })
		switch {
		case decisive >= 0 && words()[p.errs[decisive].code].gate == gate:
			e := p.errs[decisive]
			w.refuse(gate, status(e), p.reason(e, p.errs[reported].code), words()[e.code].remedy)
			return
		case first < 0:
			w.clean(o, gate, p)
		case decisive < 0 || first < decisive:
			w.note(gate, Tolerated, p.reason(p.errs[first], p.errs[first].code))
		}
	}
}

// cause is the error behind errs[i]: a chain that is cut off for its length also
// counts as one without a root, and nginx logs just that.
func (p sslPath) cause(i int) int {
	if words()[p.errs[i].code].gate == GateTrust {
		if j := slices.IndexFunc(p.errs, func(e sslError) bool { return e.code == tooLong }); j >= 0 {
			return j
		}
	}
	return i
}

// clean notes a gate without an error: passed, or left out.
func (w *walk) clean(o opensslCheck, gate string, p sslPath) {
	switch {
	case gate == GateRevocation && o.crlCheck == CRLNone, gate == GateStrict && !o.strict,
		gate == GateUse && o.use == x509.ExtKeyUsageAny,
		(gate == GateKeyStrength || gate == GateAlgorithms) && o.bits() == 0:
		w.note(gate, Skipped, "")
	case gate == GateNames && p.otherConstraints():
		w.note(gate, Unknown, "the chain has name constraints of kinds that are not foreseen here")
	case gate == GateTrust:
		w.pass(gate, "the chain ends at "+nameOf(p.top()))
	default:
		w.pass(gate, "")
	}
}

// otherConstraints says whether there are constraints on more than DNS, IP, mail
// and URI names, which Go does not read.
func (p sslPath) otherConstraints() bool {
	return slices.ContainsFunc(p.certs, func(c *x509.Certificate) bool {
		return len(c.UnhandledCriticalExtensions) > len(unhandled(c))
	})
}

// reason says what is wrong with whom, and by which number it is reported.
func (p sslPath) reason(e sslError, number int) string {
	return fmt.Sprintf("%s (OpenSSL error %d)", p.says(e), number)
}

func (p sslPath) says(e sslError) string {
	c := p.certs[min(e.depth, len(p.certs)-1)]
	who := nameOf(c)
	if e.depth > 0 {
		who = "its issuer " + who
	}
	switch e.code {
	case expired:
		return who + " expired on " + stamp(c.NotAfter)
	case notYetValid:
		return who + " is not valid before " + stamp(c.NotBefore)
	case noLocalIssuer, noIssuer:
		return who + " comes from " + issuerOf(c) + ", which is neither trusted here nor was it sent"
	}
	return who + " " + words()[e.code].says
}
