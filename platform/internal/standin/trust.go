package standin

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"howett.net/plist"
)

// policies are those that can be named, with the content of their DER.
var policies = map[string][]byte{
	"ssl":   {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x01, 0x03},
	"basic": {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x01, 0x02},
	"smime": {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 0x01, 0x08},
}

var names = map[string]string{"ssl": "sslServer", "basic": "basicX509", "smime": "SMIME"}

var results = map[string]int{"trustRoot": 1, "trustAsRoot": 2, "deny": 3, "unspecified": 4}

type settings struct {
	Version int              `plist:"trustVersion"`
	List    map[string]named `plist:"trustList"`
}

type named struct {
	Issuer   []byte           `plist:"issuerName"`
	Modified time.Time        `plist:"modDate"`
	Serial   []byte           `plist:"serialNumber"`
	Settings []map[string]any `plist:"trustSettings"`
}

func (t *tool) domain(admin bool) string {
	if admin {
		return t.beside("admin.plist")
	}
	return t.beside("user.plist")
}

// load reads the settings of a domain; there are none where there is no file.
func (t *tool) load(admin bool) (s settings, there bool) {
	data, err := os.ReadFile(t.domain(admin))
	if errors.Is(err, fs.ErrNotExist) {
		return settings{Version: 1, List: map[string]named{}}, false
	}
	if err == nil {
		_, err = plist.Unmarshal(data, &s)
	}
	if err != nil {
		panic(err)
	}
	return s, true
}

// save writes them; a domain without any has no file.
func (t *tool) save(admin bool, s settings) {
	var err error
	if len(s.List) == 0 {
		err = os.Remove(t.domain(admin))
	} else {
		var data []byte
		if data, err = plist.MarshalIndent(s, plist.XMLFormat, "\t"); err == nil {
			err = replace(t.domain(admin), data)
		}
	}
	if err != nil {
		panic(err)
	}
}

func (t *tool) export(args []string) int {
	o, ok := parse(args, "dsh")
	if !ok || o.has('h') || len(o.others) != 1 {
		return usage
	}
	s, there := t.load(o.has('d'))
	if !there || o.has('s') {
		return t.complain("SecTrustSettingsCreateExternalRepresentation", "Es wurden keine Vertrauenseinstellungen gefunden.", 1)
	}
	data, err := plist.MarshalIndent(s, plist.XMLFormat, "\t")
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(o.others[0], data, 0o600); err != nil {
		return t.complain("Error (2) writing", o.others[0], 2)
	}
	fmt.Fprintln(t.out, "...Trust Settings exported successfully.")
	return 0
}

func (t *tool) addTrusted(args []string) int {
	o, ok := parse(args, "dr:a:p:s:e:u:k:i:o:Dh")
	if !ok || o.has('h') || len(o.others) != 1 {
		return usage
	}
	if o.has('r') && results[o.value('r')] == 0 {
		return usage
	}
	var constraints []map[string]any
	for _, name := range o.flags['p'] {
		if policies[name] == nil {
			return usage
		}
		constraints = append(constraints, map[string]any{"kSecTrustSettingsPolicy": policies[name], "kSecTrustSettingsPolicyName": names[name]})
	}
	if len(constraints) == 0 && (o.has('r') || o.has('s')) {
		constraints = []map[string]any{{}}
	}
	for _, c := range constraints {
		if o.has('s') {
			c["kSecTrustSettingsPolicyString"] = o.value('s')
		}
		if result := o.value('r'); result != "" && result != "trustRoot" {
			c["kSecTrustSettingsResult"] = results[result]
		}
	}
	cert, ok := readCertificate(o.others[0])
	if !ok {
		return t.complain("Error reading file", o.others[0], 1)
	}
	if o.has('k') {
		if status := t.put("SecCertificateAddToKeychain", o.value('k'), certificate, cert.Raw, false); status != 0 {
			return status
		}
	}
	const function = "SecTrustSettingsSetTrustSettings"
	if self := bytes.Equal(cert.RawIssuer, cert.RawSubject); !self && (o.value('r') == "trustRoot" || !o.has('r')) || self && o.value('r') == "trustAsRoot" {
		return t.complain(function, "Ein oder mehrere Parameter waren ungültig.", 1)
	}
	if status := t.allowed(function, o.has('d')); status != 0 {
		return status
	}
	s, _ := t.load(o.has('d'))
	s.List[thumbprint(cert.Raw)] = named{cert.RawIssuer, time.Now().UTC(), cert.SerialNumber.Bytes(), constraints}
	t.save(o.has('d'), s)
	return 0
}

func (t *tool) removeTrusted(args []string) int {
	o, ok := parse(args, "dDh")
	if !ok || o.has('h') || len(o.others) != 1 || o.has('D') {
		return usage
	}
	cert, ok := readCertificate(o.others[0])
	if !ok {
		return t.complain("Error reading file", o.others[0], 1)
	}
	const function = "SecTrustSettingsRemoveTrustSettings"
	s, _ := t.load(o.has('d'))
	if _, there := s.List[thumbprint(cert.Raw)]; !there {
		return t.complain(function, "Das angegebene Objekt konnte nicht im Schlüsselbund gefunden werden.", 1)
	}
	if status := t.allowed(function, o.has('d')); status != 0 {
		return status
	}
	delete(s.List, thumbprint(cert.Raw))
	t.save(o.has('d'), s)
	return 0
}

// trusts is Apple's evaluation of settings (qualifyUsageWithCertDict in Security):
// the first constraint that matches decides.
func trusts(n named, policy []byte, host string) (yes, decided bool) {
	if len(n.Settings) == 0 {
		return true, true
	}
	for _, c := range n.Settings {
		if named, ok := c["kSecTrustSettingsPolicy"].([]byte); ok && !bytes.Equal(named, policy) {
			continue
		}
		if named, ok := c["kSecTrustSettingsPolicyString"].(string); ok && named != host {
			continue
		}
		switch c["kSecTrustSettingsResult"] {
		case nil, uint64(1):
			return true, true
		case uint64(3):
			return false, true
		}
		return false, false
	}
	return false, false
}

func (t *tool) verify(args []string) int {
	o, ok := parse(args, "Cc:r:p:k:e:s:d:LlNnPqR:tv")
	if !ok || len(o.others) > 0 || !o.has('c') || o.has('k') || o.has('r') || policies[o.value('p')] == nil {
		return usage
	}
	if !o.has('L') {
		panic("a look at the machine would ask the network")
	}
	at, err := time.Parse("2006-01-02-15:04:05", o.value('d'))
	if o.has('d') && err != nil {
		return usage
	}
	var certs []*x509.Certificate
	for _, file := range o.flags['c'] {
		cert, ok := readCertificate(file)
		if !ok {
			return 1
		}
		certs = append(certs, cert)
	}
	pool, roots := x509.NewCertPool(), x509.NewCertPool()
	for _, cert := range certs[1:] {
		pool.AddCert(cert)
	}
	blocks, _ := t.read("")
	for _, block := range blocks {
		if cert, err := x509.ParseCertificate(block.Bytes); block.Type == certificate && err == nil && t.anchors(cert, o) {
			roots.AddCert(cert)
		}
	}
	_, err = certs[0].Verify(x509.VerifyOptions{DNSName: o.value('s'), Roots: roots, Intermediates: pool, CurrentTime: at})
	if err != nil {
		return t.complain("Cert Verify Result", "CSSMERR_TP_NOT_TRUSTED", 1)
	}
	fmt.Fprintln(t.out, "...certificate verification successful.")
	return 0
}

// anchors says whether a chain may end in cert: the user's settings go before the
// administrators'.
func (t *tool) anchors(cert *x509.Certificate, o options) bool {
	for _, admin := range []bool{false, true} {
		s, _ := t.load(admin)
		if n, there := s.List[thumbprint(cert.Raw)]; there {
			if yes, decided := trusts(n, policies[o.value('p')], o.value('s')); decided {
				return yes
			}
		}
	}
	return false
}

func (t *tool) authorization(args []string) int {
	if len(args) != 2 || args[0] != "read" || !slices.Contains([]string{"com.apple.trust-settings.admin", "com.apple.trust-settings.user"}, args[1]) {
		return usage
	}
	rule := map[string]any{"class": "user", "group": "admin", "allow-root": t.Rule == "allow-root" && strings.HasSuffix(args[1], ".admin")}
	if t.Rule == "allow" {
		rule = map[string]any{"class": "rule", "rule": []string{"allow"}}
	}
	data, err := plist.MarshalIndent(rule, plist.XMLFormat, "\t")
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(t.out, string(data))
	fmt.Fprintln(t.err, "YES (0)")
	return 0
}
