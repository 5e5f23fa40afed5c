package clientauth

import "crypto/x509"

// CertificateTypes are the handler's CertificateTypes.
type CertificateTypes string

// Which kinds of certificates the handler takes.
const (
	TypesChained    CertificateTypes = "Chained"
	TypesSelfSigned CertificateTypes = "SelfSigned"
	TypesAll        CertificateTypes = "All"
)

// ChainTrust is .NET's X509ChainTrustMode.
type ChainTrust string

// Whose roots count.
const (
	SystemTrust     ChainTrust = "System"
	CustomRootTrust ChainTrust = "CustomRootTrust"
)

// CertificateHandler is CertificateAuthenticationOptions.cs, by its names.
type CertificateHandler struct {
	AllowedCertificateTypes     CertificateTypes
	ValidateCertificateUse      bool
	ValidateValidityPeriod      bool
	RevocationMode              RevocationMode
	RevocationFlag              RevocationFlag
	ChainTrustValidationMode    ChainTrust
	CustomTrustStore            []*x509.Certificate
	AdditionalChainCertificates []*x509.Certificate
}

// NewCertificateHandler is AddCertificate() without options. It rejects what a
// private authority without CRLs issued: its revocation is looked for online.
func NewCertificateHandler() CertificateHandler {
	return CertificateHandler{
		AllowedCertificateTypes: TypesChained, ValidateCertificateUse: true, ValidateValidityPeriod: true,
		RevocationMode: RevocationOnline, RevocationFlag: RevocationExcludeRoot, ChainTrustValidationMode: SystemTrust,
	}
}

var aspnetOptions = []option[AspNetCore]{
	// CertificateAuthenticationOptions, which code sets in AddCertificate.
	{name: "AllowedCertificateTypes", values: []string{"Chained", "SelfSigned", "All"}, set: func(a *AspNetCore, v string) { a.Handler.AllowedCertificateTypes = CertificateTypes(v) }},
	{name: "ValidateCertificateUse", values: truth, set: func(a *AspNetCore, v string) { a.Handler.ValidateCertificateUse = v == "true" }},
	{name: "ValidateValidityPeriod", values: truth, set: func(a *AspNetCore, v string) { a.Handler.ValidateValidityPeriod = v == "true" }},
	{name: "RevocationMode", values: []string{"NoCheck", "Online", "Offline"}, set: func(a *AspNetCore, v string) { a.Handler.RevocationMode = RevocationMode(v) }},
	{name: "RevocationFlag", values: []string{"EndCertificateOnly", "EntireChain", "ExcludeRoot"}, set: func(a *AspNetCore, v string) { a.Handler.RevocationFlag = RevocationFlag(v) }},
	{name: "ChainTrustValidationMode", values: []string{"System", "CustomRootTrust"}, set: func(a *AspNetCore, v string) { a.Handler.ChainTrustValidationMode = ChainTrust(v) }},
	{name: "CustomTrustStore", certs: func(a *AspNetCore, c []*x509.Certificate) {
		a.Handler.CustomTrustStore = append(a.Handler.CustomTrustStore, c...)
	}},
	{name: "AdditionalChainCertificates", certs: func(a *AspNetCore, c []*x509.Certificate) {
		a.Handler.AdditionalChainCertificates = append(a.Handler.AdditionalChainCertificates, c...)
	}},
	// HttpsConnectionAdapterOptions, which code sets in ConfigureHttpsDefaults.
	{name: "ClientCertificateMode", values: modes, set: func(a *AspNetCore, v string) { a.Kestrel.Mode = ClientCertificateMode(v) }},
	{name: "ClientCertificateValidation", values: []string{"None", "AllowAny"}, set: func(a *AspNetCore, v string) { a.Kestrel.AllowAny = v == "AllowAny" }},
	{name: "CheckCertificateRevocation", values: truth, set: func(a *AspNetCore, v string) { a.Kestrel.CheckRevocation = v == "true" }},
	// Whether the application uses the handler at all.
	{name: "AddCertificate", values: truth, set: func(a *AspNetCore, v string) { a.bare = v == "false" }},
}

// Configure sets options that live in the application's code, each as Name=Value;
// their names and values are .NET's, in any case, and may bear the enum's name
// before a dot. AddCertificate=false says that the application does not use the
// handler. CustomTrustStore and AdditionalChainCertificates can be given several
// times, and name what load reads. An error is an [*OptionError], or load's.
func (a *AspNetCore) Configure(given []string, load Load) error {
	if a.Handler == nil {
		h := NewCertificateHandler()
		a.Handler = &h
	}
	if err := configure(a, aspnetOptions, given, Files{Certificates: load}); err != nil {
		return err
	}
	if a.bare {
		a.Handler = nil
	}
	return nil
}
