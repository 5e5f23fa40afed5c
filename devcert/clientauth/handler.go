package clientauth

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

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

// OptionError is an option that cannot be understood.
type OptionError struct {
	Option  string   // as given
	Name    string   // its name; "" when that is what is wrong
	Allowed []string // the names, or the values, that there are
}

func (e *OptionError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%s is not an option: there are %s", quote(e.Option), strings.Join(e.Allowed, ", "))
	}
	return fmt.Sprintf("%s: %s takes %s", quote(e.Option), e.Name, strings.Join(e.Allowed, ", "))
}

// Load reads the certificates that an option names, by whatever names the caller
// gives them; the package itself reads no file.
type Load func(name string) ([]*x509.Certificate, error)

// option is one that can be set; a nil values takes a file.
type option struct {
	name   string
	values []string
	set    func(a *AspNetCore, value string)
	add    func(a *AspNetCore, certs []*x509.Certificate)
}

var truth = []string{"true", "false"}

var options = []option{
	{name: "AllowedCertificateTypes", values: []string{"Chained", "SelfSigned", "All"}, set: func(a *AspNetCore, v string) { a.Handler.AllowedCertificateTypes = CertificateTypes(v) }},
	{name: "ValidateCertificateUse", values: truth, set: func(a *AspNetCore, v string) { a.Handler.ValidateCertificateUse = v == "true" }},
	{name: "ValidateValidityPeriod", values: truth, set: func(a *AspNetCore, v string) { a.Handler.ValidateValidityPeriod = v == "true" }},
	{name: "RevocationMode", values: []string{"NoCheck", "Online", "Offline"}, set: func(a *AspNetCore, v string) { a.Handler.RevocationMode = RevocationMode(v) }},
	{name: "RevocationFlag", values: []string{"EndCertificateOnly", "EntireChain", "ExcludeRoot"}, set: func(a *AspNetCore, v string) { a.Handler.RevocationFlag = RevocationFlag(v) }},
	{name: "ChainTrustValidationMode", values: []string{"System", "CustomRootTrust"}, set: func(a *AspNetCore, v string) { a.Handler.ChainTrustValidationMode = ChainTrust(v) }},
	{name: "CustomTrustStore", add: func(a *AspNetCore, c []*x509.Certificate) {
		a.Handler.CustomTrustStore = append(a.Handler.CustomTrustStore, c...)
	}},
	{name: "AdditionalChainCertificates", add: func(a *AspNetCore, c []*x509.Certificate) {
		a.Handler.AdditionalChainCertificates = append(a.Handler.AdditionalChainCertificates, c...)
	}},
	// HttpsConnectionAdapterOptions, which code sets in ConfigureHttpsDefaults.
	{name: "ClientCertificateMode", values: modes, set: func(a *AspNetCore, v string) { a.Kestrel.Mode = ClientCertificateMode(v) }},
	{name: "ClientCertificateValidation", values: []string{"None", "AllowAny"}, set: func(a *AspNetCore, v string) { a.Kestrel.AllowAny = v == "AllowAny" }},
	{name: "CheckCertificateRevocation", values: truth, set: func(a *AspNetCore, v string) { a.Kestrel.CheckRevocation = v == "true" }},
}

// Configure sets options that live in the application's code, each as Name=Value;
// their names and values are .NET's, in any case, and may bear the enum's name
// before a dot. CustomTrustStore and AdditionalChainCertificates can be given
// several times, and name what load reads. An error is an [*OptionError], or
// load's.
func (a *AspNetCore) Configure(given []string, load Load) error {
	if a.Handler == nil {
		h := NewCertificateHandler()
		a.Handler = &h
	}
	for _, text := range given {
		if err := a.configure(text, load); err != nil {
			return err
		}
	}
	return nil
}

func (a *AspNetCore) configure(text string, load Load) error {
	name, value, ok := strings.Cut(text, "=")
	i := slices.IndexFunc(options, func(o option) bool { return strings.EqualFold(o.name, strings.TrimSpace(name)) })
	if i < 0 || !ok {
		var names []string
		for _, o := range options {
			names = append(names, o.name)
		}
		return &OptionError{Option: text, Allowed: names}
	}
	o, value := options[i], strings.TrimSpace(value)
	if o.values == nil {
		return o.load(a, text, value, load)
	}
	chosen := oneOf(value, o.values)
	if chosen == "" {
		return &OptionError{Option: text, Name: o.name, Allowed: o.values}
	}
	o.set(a, chosen)
	return nil
}

func (o option) load(a *AspNetCore, text, value string, load Load) error {
	if value == "" || load == nil {
		return &OptionError{Option: text, Name: o.name, Allowed: []string{"a file of certificates"}}
	}
	certs, err := load(value)
	if err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	o.add(a, certs)
	return nil
}

// oneOf is the value as it is spelled in the list; "" when it is not there. In C#
// it reads CertificateTypes.All, and flags may be written out.
func oneOf(value string, values []string) string {
	if dot := strings.LastIndexByte(value, '.'); dot >= 0 {
		value = value[dot+1:]
	}
	both := strings.ToLower(strings.NewReplacer(" ", "", "|", ",").Replace(value))
	if slices.Contains(values, "SelfSigned") && (both == "chained,selfsigned" || both == "selfsigned,chained") {
		return "All"
	}
	for _, v := range values {
		if strings.EqualFold(v, value) {
			return v
		}
	}
	return ""
}
