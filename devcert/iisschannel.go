package devcert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert/chain"
)

// This file has the findings about Schannel, and about what stands between a
// client's certificate and the server: programs that do not offer it, and those
// that open the connection.

const schannelKey = `HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL`

// maxIssuerList is what fits into a list of issuers (event 36885).
const maxIssuerList = 16 << 10

// issuerListSize is what the names of the roots take, each with its two bytes of
// length (RFC 5246, 7.4.4).
func (s *IISState) issuerListSize() int {
	size := 0
	for _, c := range s.Roots {
		size += len(c.RawSubject) + 2
	}
	return size
}

func schannelFindings(s *IISState) []Finding {
	var all []Finding
	if v := s.Schannel.SendTrustedIssuerList; v.Set && v.Value != 0 {
		all = append(all, listFinding(s))
	}
	if v := s.Schannel.ClientAuthTrustMode; v.Set && v.Value != 0 {
		all = append(all, trustModeFinding(s, v.Value))
	}
	if v := s.Schannel.EventLogging; v.Set && v.Value == 0 && s.asked() {
		all = append(all, Finding{
			Kind: SchannelLoggingOff, Severity: Warning, Where: schannelKey,
			Message:     "Schannel logs nothing: EventLogging is 0",
			Consequence: "why a client certificate was refused stands nowhere",
			Remedy:      `reg add "` + schannelKey + `" /v EventLogging /t REG_DWORD /d 7 /f, and restart`,
		})
	}
	return all
}

func listFinding(s *IISState) Finding {
	f := Finding{
		Kind: SchannelIssuerList, Severity: Warning, Where: schannelKey,
		Message:     "Schannel tells clients which issuers it trusts: SendTrustedIssuerList is " + strconv.Itoa(int(s.Schannel.SendTrustedIssuerList.Value)),
		Consequence: "a client whose certificate comes from none of those does not offer it, and IIS answers 403.7",
		Remedy:      `reg add "` + schannelKey + `" /v SendTrustedIssuerList /t REG_DWORD /d 0 /f`,
	}
	if size := s.issuerListSize(); size > maxIssuerList {
		f.Kind = SchannelTruncated
		f.Message += fmt.Sprintf("; the names of the roots take %d bytes, and the list is cut at %d (event 36885)", size, maxIssuerList)
		f.Consequence = "clients whose issuer was cut off do not offer their certificate, and IIS answers 403.7"
	}
	return f
}

func trustModeFinding(s *IISState, mode uint32) Finding {
	f := Finding{
		Kind: SchannelTrustMode, Severity: Warning, Where: schannelKey,
		Remedy: `reg delete "` + schannelKey + `" /v ClientAuthTrustMode /f`,
	}
	switch mode {
	case 1, 2:
		takes := "only roots that are in the issuers' store as well"
		if mode == 2 {
			takes = "only issuers in the issuers' store, roots or not"
		}
		f.Message = fmt.Sprintf("ClientAuthTrustMode is %d: for every server of this machine Schannel takes %s", mode, takes)
		f.Consequence = "other client certificates are answered with 403.16"
		at := slices.IndexFunc(s.Bindings, func(b IISBinding) bool { return b.Negotiate && b.CTLStore == "" })
		if len(s.Issuers) == 0 {
			f.Consequence = "LocalMachine\\ClientAuthIssuer is empty, so every client certificate is answered with 403.16 where the binding names no store"
		}
		if at >= 0 {
			f.Remedy = s.Bindings[at].update() + " clientcertnegotiation=enable sslctlstorename=ClientAuthIssuer, and " + f.Remedy
		}
	default:
		f.Message = fmt.Sprintf("ClientAuthTrustMode is %d, which Schannel does not know", mode)
		f.Consequence = "which issuers it takes is anybody's guess"
	}
	return f
}

func promptFindings(s *IISState) []Finding {
	var all []Finding
	for _, p := range s.Prompts {
		if !p.Policy && (!s.asked() || !s.soleClient()) {
			continue // Windows sets it so for the intranet, and asks where there are several
		}
		f := Finding{
			Kind: ClientPromptSkipped, Severity: Warning, Where: p.Where,
			Message:     fmt.Sprintf("%s does not ask which client certificate to offer to localhost: %s is %s", p.Program, p.Where, p.Value),
			Consequence: "it offers one by itself or none, which looks like 403.7",
		}
		key, value := cutLast(p.Where, `\`)
		f.Remedy = `reg add "` + key + `" /v ` + value + ` /t REG_DWORD /d 3 /f`
		if p.Policy {
			f.Remedy = "ask who set the policy, or remove it: reg delete \"" + key + `" /v ` + value + " /f"
		}
		all = append(all, f)
	}
	return all
}

// soleClient says whether the user has one client certificate, and no more.
func (s *IISState) soleClient() bool {
	n := 0
	for _, c := range s.Clients {
		if strings.HasPrefix(c.Store, "CurrentUser") && !c.KeyGone {
			n++
		}
	}
	return n == 1
}

func cutLast(s, sep string) (before, after string) {
	at := strings.LastIndex(s, sep)
	if at < 0 {
		return s, ""
	}
	return s[:at], s[at+len(sep):]
}

// inspectors are words in the names of roots by which programs that open TLS
// connections are known.
var inspectors = []string{
	"fiddler", "charles proxy", "mitmproxy", "portswigger", "owasp zed attack", "zscaler", "netskope", "fortinet", "fortigate", "blue coat",
	"palo alto", "cisco umbrella", "forcepoint", "websense", "sophos", "kaspersky anti-virus", "avast web/mail", "avg web/mail",
	"eset ssl filter", "bitdefender personal", "adguard",
}

// inspectionFindings name roots of programs that stand between client and server:
// no client certificate gets through them.
func inspectionFindings(s *IISState) []Finding {
	if !s.asked() {
		return nil
	}
	var all []Finding
	for i, c := range slices.Concat(s.Roots, s.UserRoots) {
		name := strings.ToLower(c.Subject.String())
		if !slices.ContainsFunc(inspectors, func(word string) bool { return strings.Contains(name, word) }) {
			continue
		}
		where := `LocalMachine\Root`
		if i >= len(s.Roots) {
			where = `CurrentUser\Root`
		}
		all = append(all, Finding{
			Kind: TLSInspection, Severity: Warning, Where: where,
			Message:     fmt.Sprintf("%s has the root of a program that opens TLS connections, %s", where, nameOf(c)),
			Consequence: "no client certificate gets through it: IIS answers 403.7",
			Remedy:      "have it leave localhost and the server's name alone, or try without it; certificate " + chain.Thumbprint(c),
		})
	}
	return all
}
