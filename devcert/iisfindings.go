package devcert

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kinds of finding about client certificates, IIS and Schannel, which only doctor
// looks for.
const (
	IISConfigDamaged    = "iis-config-damaged"
	IISUnknown          = "iis-unknown"
	IISModuleMissing    = "iis-module-missing"
	IISCertsIgnored     = "iis-certs-ignored"
	IISMappingUnusable  = "iis-mapping-unusable"
	IISAnonymousOff     = "iis-anonymous-off"
	IISNegotiationOff   = "iis-negotiation-off"
	IISRefusals         = "iis-refusals"
	SchannelIssuerList  = "schannel-issuer-list"
	SchannelTruncated   = "schannel-list-truncated"
	SchannelTrustMode   = "schannel-trust-mode"
	SchannelLoggingOff  = "schannel-logging-off"
	ClientPromptSkipped = "client-prompt-skipped"
	ClientKeyMissing    = "client-key-missing"
	ClientKeyUnreadable = "client-key-unreadable"
	ClientCertUntrusted = "client-cert-untrusted"
	ClientCertExpired   = "client-cert-expired"
	TLSInspection       = "tls-inspection"
)

// iisFindings go through Microsoft's steps for 403.7 and 403.16 in their order.
// What is others' is a warning; a wanted port that nobody gets a page from is an
// error. Without c nothing is wanted.
func iisFindings(c *Config, o *Observation) []Finding {
	if o.IIS == nil {
		return nil
	}
	all := slices.Concat(troubleFindings(o.IIS), placeFindings(o.IIS))
	all = append(all, negotiationFindings(c, o)...)
	all = append(all, schannelFindings(o.IIS)...)
	all = append(all, clientCertFindings(o)...)
	all = append(all, promptFindings(o.IIS)...)
	all = append(all, inspectionFindings(o.IIS)...)
	return append(all, refusalFindings(o.IIS)...)
}

// asked says whether anything on the machine asks for client certificates. What
// only matters then is not said of machines where nothing does.
func (s *IISState) asked() bool {
	return slices.ContainsFunc(s.Bindings, func(b IISBinding) bool { return b.Negotiate }) ||
		slices.ContainsFunc(s.Configs, func(c IISConfig) bool { return slices.ContainsFunc(c.Places, IISPlace.asks) })
}

func troubleFindings(s *IISState) []Finding {
	var all []Finding
	for _, t := range s.Damaged {
		f := Finding{
			Kind: IISConfigDamaged, Severity: Warning, Where: t.Where,
			Message:     t.Where + ": " + t.Why,
			Consequence: "its sites do not start, or not with what somebody meant to write there",
			Remedy:      "correct it, or put an older one back: %SystemDrive%\\inetpub\\history has IIS's, and Visual Studio makes a project's anew",
		}
		if strings.HasSuffix(strings.ToLower(t.Where), "web.config") {
			f.Remedy = "correct it"
		}
		if t.Locked != "" {
			f.Remedy = "take <" + t.Locked + `> out of it, or unlock it: %windir%\System32\inetsrv\appcmd.exe unlock config -section:` + sectionPath(t.Locked)
		}
		all = append(all, f)
	}
	for _, t := range s.Unseen {
		all = append(all, Finding{
			Kind: IISUnknown, Severity: Warning, Where: t.Where,
			Message: t.Where + " could not be looked at: " + t.Why,
			Remedy:  "run devcert doctor as an administrator",
		})
	}
	return all
}

// The modules that authenticate by certificate, and the features that bring them.
const (
	mappingModule   = "IISCertificateMappingAuthenticationModule"
	adMappingModule = "CertificateMappingAuthenticationModule"
	mappingFeature  = "IIS-IISCertificateMappingAuthentication"
	adFeature       = "IIS-ClientCertificateMappingAuthentication"
)

// placeFindings are about modules, SSL settings, mappings and anonymous access.
func placeFindings(s *IISState) []Finding {
	var all []Finding
	for _, c := range s.Configs {
		all = append(all, moduleFindings(c)...)
		for _, p := range c.Places {
			for _, f := range []func(IISConfig, IISPlace) (Finding, bool){ignoredFinding, belowFinding, anonymousFinding} {
				if finding, is := f(c, p); is {
					finding.Message += " (" + cmp.Or(p.AccessIn, c.Path) + ")"
					all = append(all, finding)
				}
			}
			all = append(all, unreadableMappings(c, p)...)
		}
	}
	return all
}

func moduleFindings(c IISConfig) []Finding {
	var all []Finding
	for _, m := range []struct {
		on            func(IISPlace) bool
		name, feature string
	}{
		{func(p IISPlace) bool { return p.IISMapping }, mappingModule, mappingFeature},
		{func(p IISPlace) bool { return p.ADMapping }, adMappingModule, adFeature},
	} {
		at := slices.IndexFunc(c.Places, m.on)
		if at < 0 || slices.ContainsFunc(c.Modules, func(have string) bool { return strings.EqualFold(have, m.name) }) {
			continue
		}
		f := Finding{
			Kind: IISModuleMissing, Severity: Warning, Where: c.Path,
			Message:     fmt.Sprintf("%s asks for authentication by certificate, and %s is not among the modules of %s", c.Places[at].Name(), m.name, c.Path),
			Consequence: "no certificate ever stands for a user there, and the site may answer 500.19 or 500.21",
			Remedy:      "dism /online /enable-feature /all /featurename:" + m.feature,
		}
		if c.Express {
			f.Remedy = "put " + m.name + " back into <globalModules>, or repair IIS Express: its templates have it"
		}
		all = append(all, f)
	}
	return all
}

// sectionPath is how appcmd calls a section.
func sectionPath(name string) string {
	if name == "access" {
		return "system.webServer/security/access"
	}
	return "system.webServer/security/authentication/" + name
}

// setAccess is the command that sets a place's SSL settings: in its web.config, as
// appcmd does unless it is told otherwise, where they are a web.config's already.
func setAccess(c IISConfig, p IISPlace, flags string) string {
	command := appcmd(c) + ` set config "` + p.Name() + `" -section:` + sectionPath("access") + ` -sslFlags:"` + flags + `"`
	if p.AccessIn == "" {
		command += " -commit:apphost"
	}
	return command
}

// appcmd is IIS Express's own where the configuration is: it needs to be told.
func appcmd(c IISConfig) string {
	if c.Express {
		return `"%ProgramFiles%\IIS Express\appcmd.exe" /apphostconfig:"` + c.Path + `"`
	}
	return `%windir%\System32\inetsrv\appcmd.exe`
}

// ignoredFinding is about places that have use for a certificate and do not ask.
func ignoredFinding(c IISConfig, p IISPlace) (Finding, bool) {
	f := Finding{Kind: IISCertsIgnored, Severity: Warning, Where: p.Name()}
	switch {
	case p.Require && !p.Negotiate:
		f.Message = p.Name() + " requires client certificates (SslRequireCert) and never asks for one: SslNegotiateCert is not set"
		f.Consequence = "it answers 403.7 to everybody"
		f.Remedy = setAccess(c, p, "Ssl,SslNegotiateCert,SslRequireCert")
	case (p.IISMapping || p.ADMapping) && !p.Negotiate:
		f.Message = p.Name() + " authenticates by certificate, and its SSL settings ignore client certificates"
		f.Consequence = "nobody is asked for one, and the mappings do nothing"
		f.Remedy = setAccess(c, p, "Ssl,SslNegotiateCert")
	default:
		return f, false
	}
	return f, true
}

// belowFinding is about mappings where IIS does not look at them.
func belowFinding(c IISConfig, p IISPlace) (Finding, bool) {
	if p.Below == "" || !p.MapsHere || len(p.OneToOne)+p.ManyToOne == 0 {
		return Finding{}, false
	}
	return Finding{
		Kind: IISMappingUnusable, Severity: Warning, Where: p.Name(),
		Message:     "the certificate mappings of " + p.Name() + " stand below the site, and IIS looks at the site's only",
		Consequence: "the certificates in them stand for nobody",
		Remedy:      `move <iisClientCertificateMappingAuthentication> from ` + cmp.Or(p.MapsIn, c.Path) + ` to <location path="` + p.Site + `"> in ` + c.Path,
	}, true
}

func unreadableMappings(c IISConfig, p IISPlace) []Finding {
	var all []Finding
	for i, m := range p.OneToOne {
		if m.Cert != nil || !p.MapsHere {
			continue
		}
		all = append(all, Finding{
			Kind: IISMappingUnusable, Severity: Warning, Where: p.Name(),
			Message:     fmt.Sprintf("the certificate of one-to-one mapping %d of %s cannot be read: %s", i+1, p.Name(), m.Why),
			Consequence: "whoever shows it is not known",
			Remedy:      "in " + cmp.Or(p.MapsIn, c.Path) + " write it as one line of base64, without the lines BEGIN and END",
		})
	}
	return all
}

// anonymousFinding is about places that know nobody: a WCF service that takes its
// caller from the transport's certificate needs anonymous access in IIS.
func anonymousFinding(c IISConfig, p IISPlace) (Finding, bool) {
	if !p.asks() || p.Anonymous || p.OtherLogin || p.IISMapping || p.ADMapping {
		return Finding{}, false
	}
	return Finding{
		Kind: IISAnonymousOff, Severity: Warning, Where: p.Name(),
		Message:     p.Name() + " asks for client certificates and maps them to nobody, and anonymous access is off",
		Consequence: "IIS answers 401.2 whatever the certificate, and a WCF service does not start",
		Remedy:      appcmd(c) + ` set config "` + p.Name() + `" -section:` + sectionPath("anonymousAuthentication") + ` -enabled:true -commit:apphost`,
	}, true
}

func refusalFindings(s *IISState) []Finding {
	var all []Finding
	for _, r := range s.Refusals {
		f := Finding{
			Kind: IISRefusals, Severity: Warning, Where: r.File,
			Message: fmt.Sprintf("%s has %s %s", r.File, times(r.Times), r.Status),
			Remedy:  "devcert doctor --symptom " + r.Status,
		}
		if r.Win32 != 0 {
			f.Message += fmt.Sprintf(" with 0x%08x", r.Win32)
			if strings.HasPrefix(r.Status, "500") {
				f.Remedy = fmt.Sprintf(`devcert doctor --symptom "500 0x%08x"`, r.Win32)
			}
		}
		if !r.Last.IsZero() {
			f.Message += ", last on " + r.Last.UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
		all = append(all, f)
	}
	return all
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
