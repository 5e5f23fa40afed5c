package systemtest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// dotnet asks .NET's chain engine about a certificate, with what a home has kept.
func (w *servers) dotnet(home string, s shown, args ...string) ruling {
	w.t.Helper()
	r := w.with("HOME="+home).run(filepath.Join(os.Getenv("DEVCERT_TEST_KESTREL"), "chain"), append([]string{s.der(w.machine)}, args...)...)
	verdict, rest, _ := strings.Cut(r.stdout, "\n")
	require.Contains(w.t, []string{"accepted", "rejected"}, verdict, "%s", r)
	var statuses []string
	for line := range strings.Lines(rest) {
		if status, ok := strings.CutPrefix(line, "status "); ok {
			statuses = append(statuses, strings.TrimSpace(status))
		}
	}
	return ruling{verdict == "accepted", strings.Join(statuses, " ")}
}

// sameStatuses compares without order: .NET's is that of its elements.
func sameStatuses(f foreseen, a ruling) bool {
	real, expected := strings.Fields(a.said), strings.Fields(f.Status)
	slices.Sort(real)
	slices.Sort(expected)
	return slices.Equal(real, expected)
}

// handlerSettings are of the certificate authentication handler, behind a Kestrel
// that lets everybody in.
func (w *servers) handlerSettings() (all []setting) {
	everybody := []option{takesAny, {"ClientCertificateMode", "RequireCertificate"}}
	usual := instead(everybody, option{"AdditionalChainCertificates", w.above})
	custom := instead(usual, option{"ChainTrustValidationMode", "CustomRootTrust"}, option{"RevocationMode", "NoCheck"}, option{"CustomTrustStore", w.root})
	for _, path := range w.thrownAway {
		custom = append(custom, option{"CustomTrustStore", path})
	}
	some := []string{"alice", "oneself", "flawed-self-signed", "flawed-expired", "flawed-revoked"}
	for _, s := range []setting{
		{options: usual},
		{options: custom},
		{options: everybody, only: []string{"alice", "both.test"}},
		{options: instead(usual, option{"RevocationMode", "Offline"}), only: []string{"alice", "flawed-revoked"}},
		{options: instead(usual, option{"RevocationFlag", "EndCertificateOnly"}), only: []string{"alice", "flawed-revoked"}},
		{options: instead(usual, option{"RevocationFlag", "EntireChain"}), only: []string{"alice", "flawed-revoked"}},
		{options: append(slices.Clone(custom), option{"AllowedCertificateTypes", "All"}), only: some},
		{options: append(slices.Clone(custom), option{"AllowedCertificateTypes", "SelfSigned"}), only: some},
		{options: append(slices.Clone(custom), option{"ValidateCertificateUse", "false"}), only: []string{"alice", "flawed-wrong-use"}},
		{options: append(slices.Clone(custom), option{"ValidateValidityPeriod", "false"}), only: []string{"alice", "flawed-expired", "flawed-not-yet-valid", "flawed-wrong-use"}},
	} {
		s.server, s.same = "aspnetcore", sameStatuses
		home := w.newFolder("handler")
		s.ask = func(client shown) ruling {
			if a := w.letIn[client.name]; !a.accepted {
				return a
			}
			return w.askHandler(home, s.options, client)
		}
		if s.only == nil {
			s.only = w.withKeys()
		}
		all = append(all, s)
	}
	return all
}

// withKeys are those that a client can show.
func (w *servers) withKeys() (names []string) {
	for _, s := range w.all {
		if s.pair != nil {
			names = append(names, s.name)
		}
	}
	return names
}

// askHandler does what the handler does before and with .NET's chain engine
// (CertificateAuthenticationHandler.cs: ValidateCertificateAsync, BuildChainPolicy);
// no runtime has its own assembly. The kind is looked at before there is a chain.
func (w *servers) askHandler(home string, options []option, s shown) ruling {
	w.t.Helper()
	given := map[string]string{"AllowedCertificateTypes": "Chained", "RevocationMode": "Online", "RevocationFlag": "ExcludeRoot"}
	var extra, roots []string
	for _, o := range options {
		switch o.name {
		case "AdditionalChainCertificates":
			extra = append(extra, "extra="+o.value)
		case "CustomTrustStore":
			roots = append(roots, "root="+o.value)
		default:
			given[o.name] = o.value
		}
	}
	self := bytes.Equal(s.leaf(w.t).RawSubject, s.leaf(w.t).RawIssuer)
	if kind := given["AllowedCertificateTypes"]; self && kind == "Chained" || !self && kind == "SelfSigned" {
		return ruling{said: "403"}
	}
	flags := "flags="
	if self {
		given["RevocationMode"], given["RevocationFlag"], roots = "NoCheck", "EntireChain", nil
		extra = append(extra, "extra="+s.der(w.machine))
		flags += "AllowUnknownCertificateAuthority,IgnoreEndRevocationUnknown,"
	}
	args := append([]string{"revocation=" + given["RevocationMode"], "flag=" + given["RevocationFlag"]}, extra...)
	if given["ChainTrustValidationMode"] == "CustomRootTrust" {
		args = append(args, roots...)
	}
	if given["ValidateCertificateUse"] != "false" {
		args = append(args, "use=1.3.6.1.5.5.7.3.2")
	}
	if given["ValidateValidityPeriod"] == "false" {
		flags += "IgnoreNotTimeValid"
	}
	if flags != "flags=" {
		args = append(args, strings.TrimSuffix(flags, ","))
	}
	a := w.dotnet(home, s, args...)
	a.said = "403 " + a.said
	return a
}
