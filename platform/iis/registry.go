package iis

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"devcert/devcert"
)

// Keys of the registry.
const (
	schannelKey = `HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL`
	httpKey     = `HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters\`
	versionKey  = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion`
	zoneKey     = `Microsoft\Windows\CurrentVersion\Internet Settings\Zones\1`
)

// numberOf reads a number; one that cannot be read is noted.
func (m machine) numberOf(s *devcert.IISState, key, name string) devcert.IISNumber {
	n, err := m.number(key, name)
	if err != nil {
		m.unseen(s, key+`\`+name, err)
	}
	return n
}

func (m machine) unseen(s *devcert.IISState, where string, err error) {
	s.Unseen = append(s.Unseen, devcert.IISTrouble{Where: where, Why: err.Error()})
}

func (m machine) schannel(s *devcert.IISState) {
	s.Schannel.SendTrustedIssuerList = m.numberOf(s, schannelKey, "SendTrustedIssuerList")
	s.Schannel.ClientAuthTrustMode = m.numberOf(s, schannelKey, "ClientAuthTrustMode")
	s.Schannel.EventLogging = m.numberOf(s, schannelKey, "EventLogging")
	s.Schannel.TLS13 = m.numberOf(s, schannelKey+`\Protocols\TLS 1.3\Server`, "Enabled")
	if texts, err := m.texts(versionKey); err == nil {
		s.Build, _ = strconv.Atoi(texts["CurrentBuildNumber"])
	}
}

// Flags of a binding (http.h, HTTP_SERVICE_CONFIG_SSL_FLAG_*), and of what is
// checked of a client's certificate (DefaultCertCheckMode).
const (
	flagNegotiate, flagNoTLS13 = 0x2, 0x40
	checkNoUsage               = 0x10000
)

// bindings are those of HTTP.sys, by address and by name.
func (m machine) bindings(s *devcert.IISState) {
	for _, folder := range []string{"SslBindingInfo", "SslSniBindingInfo"} {
		names, err := m.keys(httpKey + folder)
		if err != nil {
			m.unseen(s, httpKey+folder, err)
		}
		for _, name := range names {
			if b, is := m.binding(s, httpKey+folder+`\`+name, name); is {
				b.Named = folder == "SslSniBindingInfo"
				s.Bindings = append(s.Bindings, b)
			}
		}
	}
}

func (m machine) binding(s *devcert.IISState, key, name string) (devcert.IISBinding, bool) {
	_, text, err := net.SplitHostPort(name)
	if err != nil {
		return devcert.IISBinding{}, false
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return devcert.IISBinding{}, false
	}
	flags, check := m.numberOf(s, key, "DefaultFlags").Value, m.numberOf(s, key, "DefaultSslCertCheckMode").Value
	b := devcert.IISBinding{
		Address: clean(name), Port: int(port),
		Negotiate: flags&flagNegotiate != 0, NoTLS13: flags&flagNoTLS13 != 0, NoUsage: check&checkNoUsage != 0,
	}
	if hash, err := m.binary(key, "SslCertHash"); err == nil {
		b.Thumbprint = strings.ToUpper(fmt.Sprintf("%x", hash))
	}
	if id, err := m.binary(key, "AppId"); err == nil {
		b.AppID = guid(id)
	}
	if texts, err := m.texts(key); err == nil {
		b.CTLStore = clean(texts["DefaultSslCtlStoreName"])
	}
	return b, true
}

// guid writes a GUID, whose first three parts are little-endian in memory.
func guid(b []byte) string {
	const size = 16
	if len(b) != size {
		return ""
	}
	return fmt.Sprintf("{%08x-%04x-%04x-%x-%x}", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]),
		binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:])
}

// prompts are the settings by which nobody is asked: a policy of Edge or Chrome
// about localhost, and that of the intranet's zone, in which localhost is.
func (m machine) prompts(s *devcert.IISState) {
	for _, hive := range []string{`HKLM`, `HKCU`} {
		for _, b := range []struct{ program, key string }{{"Edge", `Microsoft\Edge`}, {"Chrome", `Google\Chrome`}} {
			key := hive + `\SOFTWARE\Policies\` + b.key + `\AutoSelectCertificateForUrls`
			texts, err := m.texts(key)
			if err != nil {
				m.unseen(s, key, err)
			}
			for _, name := range slices.Sorted(maps.Keys(texts)) {
				if pattern, is := covers(texts[name]); is {
					s.Prompts = append(s.Prompts, devcert.IISPrompt{
						Program: b.program, Where: key + `\` + clean(name), Value: "for " + clean(pattern), Policy: true,
					})
				}
			}
		}
	}
	m.zone(s)
}

// zone reads 1A04 (urlmon.h, URLACTION_CLIENT_CERT_PROMPT) where it holds first: 0
// has the program choose by itself.
func (m machine) zone(s *devcert.IISState) {
	for _, key := range []string{`HKLM\SOFTWARE\Policies\` + zoneKey, `HKCU\SOFTWARE\Policies\` + zoneKey, `HKCU\SOFTWARE\` + zoneKey} {
		n := m.numberOf(s, key, "1A04")
		if !n.Set {
			continue
		}
		if n.Value == 0 {
			s.Prompts = append(s.Prompts, devcert.IISPrompt{
				Program: "Internet Explorer's mode, and what uses WinINet,", Where: key + `\1A04`, Value: "0", Policy: strings.Contains(key, "Policies"),
			})
		}
		return
	}
}
