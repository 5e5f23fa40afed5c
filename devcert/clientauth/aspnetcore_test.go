package clientauth

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// core is an application that requires a certificate of a known root and does not
// ask for revocation, changed.
func core(change func(*AspNetCore)) AspNetCore {
	a := NewAspNetCore()
	a.Kestrel.Mode, a.Handler.RevocationMode = RequireCertificate, RevocationNoCheck
	if change != nil {
		change(&a)
	}
	return a
}

func TestAspNetCorePredicts(t *testing.T) {
	w := newWorld(t, today)
	plain := core(nil)
	custom := func(change func(*CertificateHandler)) AspNetCore {
		return core(func(a *AspNetCore) {
			a.Kestrel.AllowAny = true
			a.Handler.ChainTrustValidationMode, a.Handler.CustomTrustStore = CustomRootTrust, w.roots
			if change != nil {
				change(a.Handler)
			}
		})
	}
	kestrel := core(func(a *AspNetCore) { a.Handler = nil })
	checking := core(func(a *AspNetCore) { a.Handler, a.Kestrel.CheckRevocation = nil, true })
	all := custom(func(h *CertificateHandler) { h.AllowedCertificateTypes = TypesAll })
	noUse := custom(func(h *CertificateHandler) { h.ValidateCertificateUse = false })
	anyTime := custom(func(h *CertificateHandler) { h.ValidateValidityPeriod = false })
	delayed := core(func(a *AspNetCore) { a.Kestrel.Mode = DelayCertificate })
	allowed := core(func(a *AspNetCore) { a.Kestrel.Mode = AllowCertificate })
	lower := func(name string) func(*CertificateHandler) {
		return func(h *CertificateHandler) { h.AdditionalChainCertificates = w.find(t, name).Sent }
	}
	foresee(t, w, Machine{Roots: w.roots, CRLs: w.crls}, []prediction{
		{"plain", plain, "straight from the root", "", ""},
		{"plain", core(lowerOf(lower("good"))), "good", "", ""},
		{"plain", core(lowerOf(lower("two intermediates"))), "two intermediates", "", ""},
		{"plain", plain, "weak key", "", ""}, // .NET asks OpenSSL for no strength
		{"only Kestrel", kestrel, "good", "", ""},
		{"only Kestrel", kestrel, "no extended key usage", "", ""},
		{"only Kestrel asks for none", core(func(a *AspNetCore) { a.Kestrel.Mode, a.Handler = NoCertificate, nil }), "expired", "", ""},
		{"only Kestrel, allowed", core(func(a *AspNetCore) { a.Kestrel.Mode, a.Handler = AllowCertificate, nil }), "none", "", ""},
		{"AllowedCertificateTypes=All", all, "self-signed", "", ""},
		{"ValidateCertificateUse=false", noUse, "for servers", "", ""},
		{"ValidateValidityPeriod=false", custom(func(h *CertificateHandler) { h.ValidateValidityPeriod = false; lower("expired")(h) }), "expired", "", ""},
		{"delayed, HTTP/1.1", core(func(a *AspNetCore) { a.Kestrel.Mode, a.Kestrel.HTTP2 = DelayCertificate, false }), "straight from the root", "", ""},

		{"nothing configured", NewAspNetCore(), "good", GateRequested, "403"},
		{"delayed", delayed, "good", GateRequested, "403"},
		{"required", plain, "none", GateSent, "handshake refused: none was sent"},
		{"allowed", allowed, "none", GateSent, "403"},
		{"allowed", allowed, "self-signed", "kestrel-trust", "handshake refused: UntrustedRoot"},
		{"Kestrel", kestrel, "for servers", "kestrel-use", "handshake refused: NotValidForUsage"},
		{"Kestrel", kestrel, "missing intermediate", "kestrel-trust", "handshake refused: PartialChain"},
		{"Kestrel", kestrel, "unknown critical extension", "kestrel-critical-extension", "handshake refused: HasNotSupportedCriticalExtension"},
		{"Kestrel", kestrel, "issued by a leaf", "kestrel-authority", "handshake refused: InvalidBasicConstraints"},
		{"Kestrel", kestrel, "path too long", "kestrel-path-length", "handshake refused: InvalidBasicConstraints"},
		{"Kestrel", kestrel, "broken signature", "kestrel-signature", "handshake refused: NotSignatureValid"},
		{"Kestrel", kestrel, "common name outside", "kestrel-name-constraints", "handshake refused: HasNotPermittedNameConstraint"},
		{"CheckCertificateRevocation", checking, "good", "kestrel-revocation", "handshake refused: RevocationStatusUnknown OfflineRevocation"},
		{"CheckCertificateRevocation", checking, "self-signed", "kestrel-trust", "handshake refused: UntrustedRoot"},
		{"Kestrel", kestrel, "expired", "kestrel-validity", "handshake refused: NotTimeValid"},
		{"the default of RevocationMode", core(func(a *AspNetCore) { a.Handler.RevocationMode = RevocationOnline }), "straight from the root", "handler-revocation", "403 RevocationStatusUnknown OfflineRevocation"},
		{"Online, an incomplete chain", core(func(a *AspNetCore) { a.Handler.RevocationMode = RevocationOnline }), "good", "handler-trust", "403 PartialChain"},
		{"what is sent does not reach the handler", plain, "good", "handler-trust", "403 PartialChain"},
		{"CustomTrustStore without its mode", core(func(a *AspNetCore) { a.Kestrel.AllowAny, a.Handler.CustomTrustStore = true, w.roots }), "other root", "handler-trust", "403 PartialChain"},
		{"AllowedCertificateTypes=Chained", custom(nil), "self-signed", "handler-certificate-kind", "403"},
		{"AllowedCertificateTypes=SelfSigned", custom(func(h *CertificateHandler) { h.AllowedCertificateTypes = TypesSelfSigned }), "good", "handler-certificate-kind", "403"},
		{"AllowedCertificateTypes=All", all, "self-signed for servers", "handler-use", "403 NotValidForUsage UntrustedRoot"},
		{"AllowedCertificateTypes=All", all, "self-signed and expired", "handler-validity", "403 UntrustedRoot NotTimeValid"},
		{"handler", custom(nil), "anyExtendedKeyUsage", "handler-use", "403 NotValidForUsage"},
		{"handler", noUse, "unknown critical extension", "handler-critical-extension", "403 HasNotSupportedCriticalExtension"},
		{"handler", custom(lower("issued by a leaf")), "issued by a leaf", "handler-authority", "403 InvalidBasicConstraints"},
		{"handler", custom(lower("path too long")), "path too long", "handler-path-length", "403 InvalidBasicConstraints"},
		{"ClientCertificateValidation=AllowAny", custom(nil), "broken signature", "kestrel-signature", "handshake refused: NotSignatureValid"},
		{"handler", custom(lower("broken signature")), "broken signature, sent alone", "handler-signature", "403 NotSignatureValid"},
		{"handler", custom(lower("excluded name")), "excluded name", "handler-name-constraints", "403 HasExcludedNameConstraint"},
		{"ValidateValidityPeriod=false", anyTime, "expired", "handler-trust", "403 PartialChain NotTimeValid"},
	}, 10, slices.DeleteFunc(append(ChainGates(), GateRequested, GateSent), func(gate string) bool {
		return strings.HasSuffix(gate, GateChainLength) // no chain can be too long here
	})...)
}

// Which lists .NET fetches, and what it makes of them, depends on what else is
// wrong; TestDotNetOptionsAgree asks it.
func TestHandlerRevocation(t *testing.T) {
	at := func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://localhost/list"} }
	m := maker{t, today}
	client := use(x509.ExtKeyUsageClientAuth)
	root := m.authority(nil, "root")
	between, closed := m.authority(root, "between", at), m.authority(root, "closed", at)
	good, below := m.leaf(between, "good", client, at), m.leaf(closed, "below", client, at)
	lists := []*x509.RevocationList{m.crl(root, -1, 9, closed), m.crl(between, -1, 9), m.crl(closed, -1, 9, below)}
	for _, test := range []struct {
		name   string
		leaf   *party
		change func(*CertificateHandler)
		status Status
	}{
		{"good", good, nil, ""},
		{"Offline", good, func(h *CertificateHandler) { h.RevocationMode = RevocationOffline }, "403 RevocationStatusUnknown OfflineRevocation"},
		{"no intermediate", good, func(h *CertificateHandler) { h.AdditionalChainCertificates = nil }, "403 PartialChain"},
		{"expired", m.leaf(between, "old", client, at, m.days(-9, -1)), nil, "403 NotTimeValid"},
		{"critical", m.leaf(between, "odd", client, at, critical), nil, "403 HasNotSupportedCriticalExtension RevocationStatusUnknown OfflineRevocation"},
		{"its issuer is revoked", below, nil, "403 Revoked RevocationStatusUnknown OfflineRevocation"},
		{"EntireChain", below, func(h *CertificateHandler) { h.RevocationFlag = RevocationEntireChain }, "403 Revoked RevocationStatusUnknown OfflineRevocation"},
		{"EndCertificateOnly", below, func(h *CertificateHandler) { h.RevocationFlag = RevocationEndOnly }, "403 Revoked"},
	} {
		a := core(func(a *AspNetCore) { a.Kestrel.AllowAny, a.Handler.RevocationMode = true, RevocationOnline })
		a.Handler.AdditionalChainCertificates = []*x509.Certificate{between.Certificate, closed.Certificate}
		if test.change != nil {
			test.change(a.Handler)
		}
		v := a.Predict(Presented{Leaf: test.leaf.Certificate, HasKey: true}, Machine{Roots: []*x509.Certificate{root.Certificate}, CRLs: lists}, today)
		assert.Equal(t, test.status, v.Status, test.name)
	}
}

func lowerOf(change func(*CertificateHandler)) func(*AspNetCore) {
	return func(a *AspNetCore) { change(a.Handler) }
}

// The remedy is about what is wrong with the options, when it is they.
func TestHandlerTrustRemedy(t *testing.T) {
	w := newWorld(t, today)
	a := core(func(a *AspNetCore) { a.Kestrel.AllowAny, a.Handler.CustomTrustStore = true, w.roots })
	v := a.Predict(w.find(t, "good"), Machine{}, today)
	assert.Contains(t, v.Remedy, "CustomRootTrust: without it CustomTrustStore is not looked at")
	a.Handler.ChainTrustValidationMode = CustomRootTrust
	v = a.Predict(w.find(t, "good"), Machine{}, today)
	assert.Contains(t, v.Remedy, "those that the client sends do not reach the handler")
}

func TestConfigure(t *testing.T) {
	read := []*x509.Certificate{{}}
	load := func(name string) ([]*x509.Certificate, error) {
		if name != "roots.pem" {
			return nil, errors.New("no such file")
		}
		return read, nil
	}
	tests := []struct {
		name  string
		given string
		want  func(*AspNetCore)
		err   string
	}{
		{name: "nothing", want: func(*AspNetCore) {}},
		{name: "types", given: "AllowedCertificateTypes=All", want: func(a *AspNetCore) { a.Handler.AllowedCertificateTypes = TypesAll }},
		{name: "as in C#", given: "allowedcertificatetypes = CertificateTypes.SelfSigned", want: func(a *AspNetCore) { a.Handler.AllowedCertificateTypes = TypesSelfSigned }},
		{name: "both types", given: "AllowedCertificateTypes=Chained | SelfSigned", want: func(a *AspNetCore) { a.Handler.AllowedCertificateTypes = TypesAll }},
		{name: "use", given: "ValidateCertificateUse=False", want: func(a *AspNetCore) { a.Handler.ValidateCertificateUse = false }},
		{name: "period", given: "ValidateValidityPeriod=false", want: func(a *AspNetCore) { a.Handler.ValidateValidityPeriod = false }},
		{name: "mode", given: "RevocationMode=X509RevocationMode.NoCheck", want: func(a *AspNetCore) { a.Handler.RevocationMode = RevocationNoCheck }},
		{name: "flag", given: "RevocationFlag=EntireChain", want: func(a *AspNetCore) { a.Handler.RevocationFlag = RevocationEntireChain }},
		{name: "trust", given: "ChainTrustValidationMode=CustomRootTrust", want: func(a *AspNetCore) { a.Handler.ChainTrustValidationMode = CustomRootTrust }},
		{name: "store", given: "CustomTrustStore=roots.pem", want: func(a *AspNetCore) { a.Handler.CustomTrustStore = read }},
		{name: "additional", given: "AdditionalChainCertificates=roots.pem", want: func(a *AspNetCore) { a.Handler.AdditionalChainCertificates = read }},
		{name: "kestrel's mode", given: "ClientCertificateMode=AllowCertificate", want: func(a *AspNetCore) { a.Kestrel.Mode = AllowCertificate }},
		{name: "kestrel takes any", given: "ClientCertificateValidation=AllowAny", want: func(a *AspNetCore) { a.Kestrel.AllowAny = true }},
		{name: "kestrel's revocation", given: "CheckCertificateRevocation=true", want: func(a *AspNetCore) { a.Kestrel.CheckRevocation = true }},

		{name: "unknown option", given: "Revocation=NoCheck", err: `"Revocation=NoCheck" is not an option: there are AllowedCertificateTypes, ValidateCertificateUse,`},
		{name: "no value", given: "RevocationMode", err: `"RevocationMode" is not an option`},
		{name: "empty value", given: "RevocationMode=", err: `"RevocationMode=": RevocationMode takes NoCheck, Online, Offline`},
		{name: "unknown value", given: "RevocationMode=None", err: `"RevocationMode=None": RevocationMode takes NoCheck, Online, Offline`},
		{name: "truth in words", given: "ValidateCertificateUse=yes", err: "ValidateCertificateUse takes true, false"},
		{name: "line break", given: "Revo\ncation=1", err: `"Revo\ncation=1" is not an option`},
		{name: "no file named", given: "CustomTrustStore=", err: "CustomTrustStore takes a file of certificates"},
		{name: "file missing", given: "CustomTrustStore=x", err: "CustomTrustStore: no such file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := NewAspNetCore()
			err := a.Configure(strings.FieldsFunc(test.given, func(r rune) bool { return r == ';' }), load)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			want := NewAspNetCore()
			test.want(&want)
			assert.Equal(t, want, a)
		})
	}
}

// FuzzConfigure: an option is understood, or the error is one line that names what
// there is.
func FuzzConfigure(f *testing.F) {
	for _, seed := range []string{"RevocationMode=NoCheck", "AllowedCertificateTypes=Chained,SelfSigned", "CustomTrustStore=x", "=", "ClientCertificateMode=.", "x\x00=\xff", "\xc8Է "} {
		f.Add(seed)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		a := NewAspNetCore()
		err := a.Configure([]string{text}, func(string) ([]*x509.Certificate, error) { return nil, nil })
		var wrong *OptionError
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("%T", err)
		}
		if err == nil && !strings.Contains(text, "=") {
			t.Fatalf("%q is no option", text)
		}
		if err != nil && strings.IndexFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Fatalf("%q", err.Error())
		}
	})
}
