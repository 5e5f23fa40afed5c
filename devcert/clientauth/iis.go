package clientauth

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// SSLSettings is a site's sslFlags as IIS Manager names them.
type SSLSettings string

// What IIS Manager calls Client certificates: Ignore, Accept, Require.
const (
	SSLNone    SSLSettings = "none"
	SSLAccept  SSLSettings = "accept"  // SslNegotiateCert
	SSLRequire SSLSettings = "require" // SslNegotiateCert, SslRequireCert
)

// TrustMode is Schannel's ClientAuthTrustMode, in HKLM\SYSTEM\CurrentControlSet\
// Control\SecurityProviders\SCHANNEL.
type TrustMode int

// Its values.
const (
	MachineTrust  TrustMode = 0 // the roots of LocalMachine\Root
	ExclusiveRoot TrustMode = 1 // of those the ones that stand in the issuers' store
	ExclusiveCA   TrustMode = 2 // roots and intermediates of the issuers' store
)

// IIS is a site of IIS or IIS Express, its HTTP.sys binding and Schannel. The
// machine that it is judged on holds LocalMachine\Root and LocalMachine\CA; roots
// of a user do not count. Its answers are from Microsoft's documentation; nothing
// here was compared with a real IIS.
type IIS struct {
	SSL SSLSettings
	// Negotiate is the binding's clientcertnegotiation: the certificate is asked for
	// in the handshake and not when the request is there.
	Negotiate bool
	// TLS13 says that client and server agree on TLS 1.3, in which nobody can be asked
	// later; Answers500 that the server says so (since Windows 11 24H2) instead of
	// ending the connection.
	TLS13, Answers500 bool
	CheckRevocation   bool // the binding's verifyclientcertrevocation
	UsageCheck        bool // the binding's usagecheck
	// Issuers is the store of the binding's sslctlstorename, or LocalMachine\
	// ClientAuthIssuer; nil when there is none.
	Issuers               []*x509.Certificate
	SendTrustedIssuerList bool // Schannel's, 0 since Windows 8 and Server 2012
	TrustMode             TrustMode
	Mappings              IISMappings
	Anonymous             bool // anonymousAuthentication, beside the mappings
}

// IISMappings is iisClientCertificateMappingAuthentication.
type IISMappings struct {
	Enabled bool
	// Below says that they stand in an application or folder, where IIS does not look.
	Below     bool
	OneToOne  []*x509.Certificate
	ManyToOne bool // there are rules, which are not looked into
}

// NewIIS is a site as IIS makes it: it asks for nothing, and its binding looks at
// revocation and use.
func NewIIS() IIS {
	return IIS{SSL: SSLNone, TLS13: true, CheckRevocation: true, UsageCheck: true, Anonymous: true}
}

// The sub-statuses beside those of devcert's own front.
const (
	Revoked Status = "403.13" // revoked, or its CRL could not be had
)

// Predict walks from the site's settings to its mappings.
func (s IIS) Predict(p Presented, m Machine, at time.Time) Verdict {
	var w walk
	if s.SSL == SSLNone || s.SSL == "" {
		w.note(GateRequested, Skipped, "the SSL settings ignore client certificates: nobody is asked for one, and mappings do nothing")
		return w.v
	}
	w.pass(GateRequested, "the SSL settings say "+string(s.SSL))
	if !s.asks(&w) || !s.arrives(&w, p, m) || !s.rootStore(&w, m) {
		return w.v
	}
	if s.chain(&w, p, m, at) {
		s.mapped(&w, p.Leaf)
	}
	return w.v
}

// GateNegotiation is when the certificate is asked for.
const GateNegotiation = "negotiation"

func (s IIS) asks(w *walk) bool {
	switch {
	case s.Negotiate:
		w.pass(GateNegotiation, "the binding asks in the handshake")
	case s.TLS13:
		status := Status("ERR_CONNECTION_RESET")
		if s.Answers500 {
			status = "500.0 0x80070032"
		}
		return w.refuse(GateNegotiation, status, "the binding asks for a certificate only when the request is there, and TLS 1.3 has no renegotiation",
			"set clientcertnegotiation=enable on the binding (netsh http update sslcert), or disabletls13=enable")
	default:
		w.note(GateNegotiation, Tolerated, "the binding asks by renegotiation: requests with a body can fail with 500 0x800703e3, which IIS may log as 403.7")
	}
	return true
}

// maxIssuerList is what fits into Schannel's list of trusted issuers; what does not
// is left out (event 36885).
const maxIssuerList = 16 << 10

// arrives says whether a certificate comes. Where Schannel sends the names of its
// issuers, clients offer only what comes from one of them.
func (s IIS) arrives(w *walk, p Presented, m Machine) bool {
	if !w.shown(p) {
		if s.SSL == SSLRequire {
			w.missing(p, Required)
		}
		return false
	}
	if !s.SendTrustedIssuerList {
		w.note(GateIssuerList, Skipped, "SendTrustedIssuerList is 0: clients choose by themselves")
		return true
	}
	list, size := s.Issuers, 0
	if list == nil {
		list = m.Roots
	}
	for _, c := range list {
		size += len(c.RawSubject) + 2
	}
	named := slices.ContainsFunc(append([]*x509.Certificate{p.Leaf}, p.Sent...), func(c *x509.Certificate) bool {
		return slices.ContainsFunc(list, func(i *x509.Certificate) bool { return bytes.Equal(i.RawSubject, c.RawIssuer) })
	})
	switch {
	case named && size > maxIssuerList:
		w.note(GateIssuerList, Unknown, fmt.Sprintf("the issuers' names take %d bytes, and Schannel cuts the list at %d (event 36885)", size, maxIssuerList))
	case named:
		w.pass(GateIssuerList, "")
	case s.SSL == SSLRequire:
		return w.refuse(GateIssuerList, Required, "Schannel sends a list of issuers on which none of "+nameOf(p.Leaf)+" stands, so clients do not offer it",
			"set SendTrustedIssuerList to 0, or add the root to LocalMachine\\Root")
	default:
		w.note(GateIssuerList, Tolerated, "not on the list of issuers: clients do not offer it")
		return false
	}
	return true
}

// rootStore is Microsoft's KB 2802568: one certificate in LocalMachine\Root that is
// not self-signed spoils client authentication for all.
func (s IIS) rootStore(w *walk, m Machine) bool {
	stray := slices.IndexFunc(m.Roots, func(c *x509.Certificate) bool { return !selfIssued(c) })
	switch {
	case stray < 0:
		w.pass(GateRootStore, "")
		return true
	case s.TrustMode != MachineTrust:
		w.note(GateRootStore, Tolerated, nameOf(m.Roots[stray])+" in LocalMachine\\Root is not self-signed; ClientAuthTrustMode makes up for it")
		return true
	}
	status := Untrusted
	if s.SendTrustedIssuerList {
		status = Required
	}
	return w.refuse(GateRootStore, status, nameOf(m.Roots[stray])+" in LocalMachine\\Root is not self-signed, and spoils client authentication for all (0x800b0109)",
		"move it to LocalMachine\\CA, where intermediates belong")
}

// mapped looks whether the certificate stands for a user. Without anonymous access
// nobody else gets in.
func (s IIS) mapped(w *walk, leaf *x509.Certificate) {
	t := s.Mappings
	switch {
	case !t.Enabled:
		w.note(GateMapping, Skipped, "")
	case t.Below:
		w.note(GateMapping, Tolerated, "the mappings stand below the site, where IIS does not look at them")
	case slices.ContainsFunc(t.OneToOne, leaf.Equal):
		w.pass(GateMapping, "one-to-one")
		return
	case t.ManyToOne:
		w.note(GateMapping, Unknown, "many-to-one rules decide")
		return
	}
	if t.Enabled && !s.Anonymous {
		w.refuse(GateMapping, "401.2", "no mapping of the site makes "+nameOf(leaf)+" a user, and anonymous access is off",
			"add a one-to-one mapping at the level of the site, or allow anonymous access")
	}
}
