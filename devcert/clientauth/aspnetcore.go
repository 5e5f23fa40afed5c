package clientauth

import (
	"crypto/x509"
	"slices"
	"time"
)

// AspNetCore is an ASP.NET Core application on Kestrel: the TLS of the server, and
// behind it the certificate authentication handler of the application.
type AspNetCore struct {
	Kestrel Kestrel
	// Handler are the options of AddCertificate; nil when the application does not
	// use it and takes whom Kestrel lets in.
	Handler *CertificateHandler

	bare bool // Configure was told that there is no handler
}

// NewAspNetCore is an application with builder.Services.AddAuthentication(…)
// .AddCertificate() and nothing configured.
func NewAspNetCore() AspNetCore {
	h := NewCertificateHandler()
	return AspNetCore{Kestrel: NewKestrel(), Handler: &h}
}

// The gates of the two chains that are built: Kestrel's in the handshake, and the
// handler's.
const (
	kestrelGate = "kestrel-"
	handlerGate = "handler-"
)

// netGates are the gates of a .NET chain. .NET looks at all and reports them
// together; what is more basic is told first.
var netGates = []string{
	GateUse, GateTrust, GateChainLength, GateExtensions, GateAuthority, GatePathLength, GateSignature, GateNames,
	GateRevocation, GateValidity,
}

// ChainGates names every gate of the two chains as Predict does.
func ChainGates() []string {
	names := []string{handlerGate + GateKind}
	for _, gate := range netGates {
		names = append(names, kestrelGate+gate, handlerGate+gate)
	}
	return names
}

// Predict walks Kestrel's gate and then the handler's.
func (a AspNetCore) Predict(p Presented, m Machine, at time.Time) Verdict {
	var w walk
	if !a.asked(&w) {
		return w.v
	}
	if !w.shown(p) {
		switch {
		case a.Kestrel.Mode == RequireCertificate:
			w.missing(p, handshake("none was sent"))
		case a.Handler != nil:
			w.missing(p, "403")
		}
		return w.v
	}
	if !a.Kestrel.judge(&w, p, m, at) {
		return w.v
	}
	if a.Handler != nil {
		a.Handler.judge(&w, p, m, at)
	}
	return w.v
}

func handshake(why string) Status { return Status("handshake refused: " + why) }

// asked says whether a certificate will be asked for at all.
func (a AspNetCore) asked(w *walk) bool {
	var none string
	remedy := "set ClientCertificateMode to RequireCertificate: in appsettings.json Kestrel:EndpointDefaults:ClientCertificateMode"
	switch {
	case len(a.Kestrel.Plain) > 0:
		none = "Kestrel asks for no certificate: the settings have http for " + quoted(a.Kestrel.Plain) + ", and no endpoint with https"
		remedy = "give the endpoint a Url that begins with https://, or name another with --endpoint"
	case a.Kestrel.Mode == NoCertificate || a.Kestrel.Mode == "":
		none = "Kestrel asks for no certificate: ClientCertificateMode is NoCertificate"
	case a.Kestrel.Mode == DelayCertificate && a.Kestrel.HTTP2:
		none = "Kestrel asks for no certificate over HTTP/2, which browsers and curl use: ClientCertificateMode is DelayCertificate"
		remedy = "set ClientCertificateMode to AllowCertificate or RequireCertificate, or the endpoint's Protocols to Http1"
	default:
		w.pass(GateRequested, "ClientCertificateMode is "+string(a.Kestrel.Mode))
		return true
	}
	if a.Handler == nil {
		w.note(GateRequested, Skipped, none)
		return false
	}
	return w.refuse(GateRequested, "403", none+", so the handler sees none", remedy)
}

// judge is RemoteCertificateValidationCallback in HttpsConnectionMiddleware.cs
// without a ClientCertificateValidation: any policy error ends the handshake, and
// none of the handler's options is looked at. SslStream trusts the system's roots
// and knows what the client sent.
func (k Kestrel) judge(w *walk, p Presented, m Machine, at time.Time) bool {
	d := dotnetChain{
		roots: m.Roots, extra: slices.Concat(p.Sent, m.Intermediates), crls: m.CRLs,
		mode: RevocationNoCheck, flag: RevocationExcludeRoot, use: true, at: at,
	}
	if k.CheckRevocation {
		d.mode = RevocationOnline
	}
	if k.AllowAny {
		return w.anyChain(d, p.Leaf)
	}
	return w.dotnet(d, p.Leaf, kestrelGate, "handshake refused: ", func(s netStatus) string {
		switch s.gate {
		case GateTrust:
			return "have the server's system trust the root, and send the intermediates along; the handler's CustomTrustStore " +
				"comes too late. Or set ClientCertificateValidation, or AllowAnyClientCertificate(), and leave it to the handler"
		case GateRevocation:
			return "set CheckCertificateRevocation to false, or have every certificate below the root name a CRL over http that can be fetched"
		}
		return s.remedy
	})
}

// anyChain is a ClientCertificateValidation that takes every certificate. But the
// chain is built all the same, and of a wrong signature OpenSSL keeps an error that
// ends a handshake of TLS 1.3, though none of 1.2 (seen with .NET 9 on Linux).
func (w *walk) anyChain(d dotnetChain, leaf *x509.Certificate) bool {
	_, all := d.build(leaf)
	if i := slices.IndexFunc(all, func(s netStatus) bool { return s.gate == GateSignature }); i >= 0 {
		return w.refuse(kestrelGate+GateSignature, handshake(joined(all)), all[i].reason+" ("+all[i].name+
			"): over TLS 1.3 the handshake fails, although ClientCertificateValidation takes any certificate", all[i].remedy)
	}
	w.note(kestrelGate+GateTrust, Skipped, "the application's ClientCertificateValidation takes any certificate")
	return true
}

// judge is ValidateCertificateAsync and BuildChainPolicy in
// CertificateAuthenticationHandler.cs. What the client sent beside its own
// certificate does not reach it.
func (h CertificateHandler) judge(w *walk, p Presented, m Machine, at time.Time) {
	self := selfIssued(p.Leaf)
	if !h.kind(w, p.Leaf, self) {
		return
	}
	d := dotnetChain{
		roots: m.Roots, extra: slices.Concat(h.AdditionalChainCertificates, m.Intermediates), crls: m.CRLs,
		mode: h.RevocationMode, flag: h.RevocationFlag, use: h.ValidateCertificateUse, anyTime: !h.ValidateValidityPeriod, at: at,
	}
	switch {
	case self:
		d.mode, d.anyRoot = RevocationNoCheck, true
		d.extra = append([]*x509.Certificate{p.Leaf}, d.extra...)
	case h.ChainTrustValidationMode == CustomRootTrust:
		d.roots = h.CustomTrustStore
	}
	w.dotnet(d, p.Leaf, handlerGate, "403 ", func(s netStatus) string {
		if s.gate == GateTrust {
			return h.trustRemedy(p)
		}
		return s.remedy
	})
}

func (h CertificateHandler) kind(w *walk, leaf *x509.Certificate, self bool) bool {
	gate := handlerGate + GateKind
	allowed := "AllowedCertificateTypes is " + string(h.AllowedCertificateTypes)
	switch {
	case self && h.AllowedCertificateTypes == TypesChained:
		return w.refuse(gate, "403", nameOf(leaf)+" is self-signed, and "+allowed,
			"set AllowedCertificateTypes to CertificateTypes.SelfSigned or All, or send one that an authority issued")
	case !self && h.AllowedCertificateTypes == TypesSelfSigned:
		return w.refuse(gate, "403", nameOf(leaf)+" was issued by an authority, and "+allowed,
			"set AllowedCertificateTypes to CertificateTypes.Chained or All, or send a self-signed one")
	}
	w.pass(gate, allowed)
	return true
}

func (h CertificateHandler) trustRemedy(p Presented) string {
	switch {
	case len(h.CustomTrustStore) > 0 && h.ChainTrustValidationMode != CustomRootTrust:
		return "set ChainTrustValidationMode to X509ChainTrustMode.CustomRootTrust: without it CustomTrustStore is not looked at"
	case len(p.Sent) > 0 && len(h.AdditionalChainCertificates) == 0:
		return "add the intermediates to AdditionalChainCertificates: those that the client sends do not reach the handler; " +
			"and have the root trusted by the system or in CustomTrustStore"
	case h.ChainTrustValidationMode == CustomRootTrust:
		return "add the root to CustomTrustStore, and the intermediates to AdditionalChainCertificates"
	}
	return "have the system trust the root, or set ChainTrustValidationMode to CustomRootTrust and CustomTrustStore to it; " +
		"intermediates belong into AdditionalChainCertificates"
}

// dotnet walks the gates of one chain.
func (w *walk) dotnet(d dotnetChain, leaf *x509.Certificate, prefix, status string, remedy func(netStatus) string) bool {
	p, all := d.build(leaf)
	for _, gate := range netGates {
		i := slices.IndexFunc(all, func(s netStatus) bool { return s.gate == gate && !s.ignored })
		if i >= 0 {
			return w.refuse(prefix+gate, Status(status+joined(all)), all[i].reason+" ("+all[i].name+")", remedy(all[i]))
		}
		left := d.ignores(gate) || gate == GateUse && !d.use || gate == GateRevocation && d.mode == RevocationNoCheck
		switch {
		case left:
			w.note(prefix+gate, Skipped, "")
		case gate == GateTrust:
			w.pass(prefix+gate, "the chain ends at "+nameOf(p.top()))
		case gate == GateNames && p.otherConstraints():
			w.note(prefix+gate, Unknown, "the chain has name constraints of kinds that are not foreseen here")
		default:
			w.pass(prefix+gate, "")
		}
	}
	return true
}
