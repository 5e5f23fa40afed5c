package devcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/explain"
	"devcert/devcert/symptom"
)

// machine is a Windows whose one site asks for client certificates and gets them.
func (s *scene) machine() *IISState {
	root := s.hierarchy().Root
	return &IISState{
		Build: 26100,
		Roots: []*x509.Certificate{root}, CAs: []*x509.Certificate{s.hierarchy().Intermediate.Cert},
		Configs: []IISConfig{{
			Path: `C:\applicationHost.config`, Modules: []string{mappingModule, adMappingModule},
			Places: []IISPlace{{Site: "Shop", Ports: []int{44300}, Negotiate: true, Require: true, Anonymous: true}},
		}},
		Bindings: []IISBinding{{Address: "0.0.0.0:44300", Port: 44300, Negotiate: true, Thumbprint: "AB", AppID: "{1}"}},
	}
}

func (s *scene) site() *IISPlace { return &s.seen.IIS.Configs[0].Places[0] }

func set(value uint32) IISNumber { return IISNumber{Value: value, Set: true} }

// outsider makes a client certificate of nobody's that this machine knows.
func outsider(t *testing.T, parent *chain.Pair, name string, change func(*x509.Certificate)) chain.Pair {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	if change != nil {
		change(tmpl)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	issuer := chain.Pair{Cert: tmpl, Key: key}
	if parent != nil {
		issuer = *parent
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, issuer.Cert, &key.PublicKey, issuer.Key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return chain.Pair{Cert: cert, Key: key}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
}

func TestIISFindings(t *testing.T) {
	corp := outsider(t, nil, "corp root", authority)
	client := outsider(t, &corp, "anna", nil)
	expired := outsider(t, &corp, "expired", func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) })
	server := outsider(t, &corp, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	proxy := outsider(t, nil, "DO_NOT_TRUST_FiddlerRoot", authority)
	other := outsider(t, &corp, "work", nil)
	zone := []IISPrompt{{Program: "WinINet", Where: `HKCU\Zones\1\1A04`, Value: "0"}}
	yes, no := true, false
	for _, row := range []struct {
		name   string
		change func(s *scene, m *IISState)
		want   []string
		remedy string // of the last
	}{
		{"a machine that works", func(*scene, *IISState) {}, nil, ""},
		{"a machine without IIS", func(s *scene, _ *IISState) { s.seen.IIS = &IISState{} }, nil, ""},
		{"nobody looked", func(s *scene, _ *IISState) { s.seen.IIS = nil }, nil, ""},
		{"a configuration is malformed", func(_ *scene, m *IISState) { m.Damaged = []IISTrouble{{Where: `C:\a.config`, Why: "line 3: bad"}} },
			[]string{`warning iis-config-damaged C:\a.config (by hand)`}, "inetpub"},
		{"a web.config is malformed", func(_ *scene, m *IISState) {
			m.Damaged = []IISTrouble{{Where: `C:\shop\web.config`, Why: "line 3: bad"}}
		},
			[]string{`warning iis-config-damaged C:\shop\web.config (by hand)`}, "correct it"},
		{"a web.config has what is locked", func(_ *scene, m *IISState) {
			m.Damaged = []IISTrouble{{Where: `C:\shop\web.config`, Why: "IIS answers 500.19", Locked: "access"}}
		},
			[]string{`warning iis-config-damaged C:\shop\web.config (by hand)`}, "unlock config -section:system.webServer/security/access"},
		{"step 1: a web.config has the SSL settings", func(s *scene, _ *IISState) {
			s.site().Negotiate, s.site().AccessIn = false, `C:\shop\web.config`
		},
			[]string{"warning iis-certs-ignored Shop (by hand)"}, `-sslFlags:"Ssl,SslNegotiateCert,SslRequireCert"`},
		{"step 2: mappings in a web.config below the site", func(s *scene, _ *IISState) {
			s.site().Below, s.site().IISMapping, s.site().MapsHere, s.site().ManyToOne, s.site().MapsIn = "app", true, true, 1, `C:\app\web.config`
		},
			[]string{"warning iis-mapping-unusable Shop/app (by hand)"}, `from C:\app\web.config to <location path="Shop">`},
		{"a configuration may not be read", func(_ *scene, m *IISState) { m.Unseen = []IISTrouble{{Where: `C:\a.config`, Why: "access is denied"}} },
			[]string{`warning iis-unknown C:\a.config (by hand)`}, "run devcert doctor as an administrator"},
		{"step 1: IIS's mapping without its module", func(s *scene, m *IISState) {
			m.Configs[0].Modules, s.site().IISMapping = []string{adMappingModule}, true
		},
			[]string{`warning iis-module-missing C:\applicationHost.config (by hand)`}, "dism /online /enable-feature /all /featurename:IIS-IISCertificateMappingAuthentication"},
		{"step 1: Active Directory's mapping without its module", func(s *scene, m *IISState) { m.Configs[0].Modules, s.site().ADMapping = []string{mappingModule}, true },
			[]string{`warning iis-module-missing C:\applicationHost.config (by hand)`}, "featurename:IIS-ClientCertificateMappingAuthentication"},
		{"step 1: required and never asked for", func(s *scene, _ *IISState) { s.site().Negotiate = false },
			[]string{"warning iis-certs-ignored Shop (by hand)"}, `set config "Shop" -section:system.webServer/security/access -sslFlags:"Ssl,SslNegotiateCert,SslRequireCert"`},
		{"step 1: mapped and never asked for", func(s *scene, _ *IISState) {
			s.site().Negotiate, s.site().Require, s.site().IISMapping = false, false, true
		}, []string{"warning iis-certs-ignored Shop (by hand)"}, `-sslFlags:"Ssl,SslNegotiateCert"`},
		{"step 2: mappings below the site", func(s *scene, _ *IISState) {
			p := s.site()
			p.Below, p.IISMapping, p.MapsHere, p.ManyToOne = "app", true, true, 1
		}, []string{"warning iis-mapping-unusable Shop/app (by hand)"}, `<location path="Shop">`},
		{"step 2: a mapping that cannot be read", func(s *scene, _ *IISState) {
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Why: "no base64"}}
		}, []string{"warning iis-mapping-unusable Shop (by hand)"}, "one line of base64"},
		{"step 3: the intranet's zone, and a site asks for the one that there is", func(_ *scene, m *IISState) {
			m.Prompts, m.Clients = zone, []IISClient{{Cert: client.Cert, Store: `CurrentUser\My`}}
		}, []string{`warning client-prompt-skipped HKCU\Zones\1\1A04 (by hand)`}, `reg add "HKCU\Zones\1" /v 1A04 /t REG_DWORD /d 3 /f`},
		{"step 3: the intranet's zone, and there are several: it asks", func(_ *scene, m *IISState) {
			m.Prompts, m.Clients = zone, []IISClient{{Cert: client.Cert, Store: `CurrentUser\My`}, {Cert: other.Cert, Store: `CurrentUser\My`}}
		}, nil, ""},
		{"step 3: the intranet's zone, as Windows has it, and there is none", func(_ *scene, m *IISState) { m.Prompts = zone }, nil, ""},
		{"step 3: the intranet's zone, and nobody asks", func(_ *scene, m *IISState) {
			m.Configs, m.Bindings = nil, nil
			m.Prompts, m.Clients = zone, []IISClient{{Cert: client.Cert, Store: `CurrentUser\My`}}
		}, nil, ""},
		{"step 3: a policy chooses", func(_ *scene, m *IISState) {
			m.Prompts = []IISPrompt{{Program: "Edge", Where: `HKLM\E\1`, Value: "{}", Policy: true}}
		}, []string{`warning client-prompt-skipped HKLM\E\1 (by hand)`}, `reg delete "HKLM\E" /v 1 /f`},
		{"step 4: the key is gone", func(_ *scene, m *IISState) {
			m.Roots = append(m.Roots, corp.Cert)
			m.Clients = []IISClient{{Cert: client.Cert, Store: `CurrentUser\My`, KeyGone: true}}
		}, []string{`warning client-key-missing CurrentUser\My (by hand)`}, "certutil -user -repairstore my " + chain.Thumbprint(client.Cert)},
		{"step 5: a mapped certificate is for servers", func(s *scene, m *IISState) {
			m.Roots = append(m.Roots, corp.Cert)
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Cert: server.Cert}}
		}, []string{"warning client-cert-untrusted Shop (by hand)"}, ""},
		{"step 5: a mapped certificate has expired", func(s *scene, m *IISState) {
			m.Roots = append(m.Roots, corp.Cert)
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Cert: expired.Cert}}
		}, []string{"warning client-cert-expired Shop (by hand)"}, ""},
		{"step 6: a mapped certificate's root is nowhere", func(s *scene, _ *IISState) {
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Cert: client.Cert}}
		}, []string{"warning client-cert-untrusted Shop (by hand)"}, `LocalMachine\Root`},
		{"step 6: and is there", func(s *scene, m *IISState) {
			m.Roots = append(m.Roots, corp.Cert)
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Cert: client.Cert}}
		}, nil, ""},
		{"step 7: a client's root is the user's only", func(_ *scene, m *IISState) {
			m.UserRoots = []*x509.Certificate{corp.Cert}
			m.Clients = []IISClient{{Cert: client.Cert, Store: `CurrentUser\My`}}
		}, []string{`warning client-cert-untrusted CurrentUser\My (by hand)`}, "certutil -user -store Root " + chain.Thumbprint(corp.Cert)},
		{"step 7: a client's root is nowhere, which may be meant", func(_ *scene, m *IISState) {
			m.Clients = []IISClient{{Cert: client.Cert, Store: `CurrentUser\My`}}
		}, nil, ""},
		{"step 8: the list of issuers is sent", func(_ *scene, m *IISState) { m.Schannel.SendTrustedIssuerList = set(1) },
			[]string{"warning schannel-issuer-list " + schannelKey + " (by hand)"}, "/v SendTrustedIssuerList /t REG_DWORD /d 0 /f"},
		{"step 8: and is cut", func(_ *scene, m *IISState) {
			m.Schannel.SendTrustedIssuerList = set(1)
			for range 400 {
				m.Roots = append(m.Roots, &x509.Certificate{RawSubject: make([]byte, 40), RawIssuer: make([]byte, 40)})
			}
		}, []string{"warning schannel-list-truncated " + schannelKey + " (by hand)"}, "/v SendTrustedIssuerList"},
		{"step 8: a long list that is not sent", func(_ *scene, m *IISState) {
			m.Schannel.SendTrustedIssuerList = set(0)
			m.Roots = append(m.Roots, &x509.Certificate{RawSubject: make([]byte, 20000), RawIssuer: make([]byte, 20000)})
		}, nil, ""},
		{"step 9: exclusive roots", func(_ *scene, m *IISState) { m.Schannel.ClientAuthTrustMode = set(1); m.Bindings = nil },
			[]string{"warning schannel-trust-mode " + schannelKey + " (by hand)"}, "reg delete"},
		{"step 9: exclusive authorities, where the binding could name a store", func(_ *scene, m *IISState) { m.Schannel.ClientAuthTrustMode = set(2) },
			[]string{"warning schannel-trust-mode " + schannelKey + " (by hand)"}, "netsh http update sslcert ipport=0.0.0.0:44300 certhash=AB appid={1} clientcertnegotiation=enable sslctlstorename=ClientAuthIssuer"},
		{"step 9: a mode that does not exist", func(_ *scene, m *IISState) { m.Schannel.ClientAuthTrustMode = set(7) },
			[]string{"warning schannel-trust-mode " + schannelKey + " (by hand)"}, "reg delete"},
		{"step 9: the machine's own trust", func(_ *scene, m *IISState) { m.Schannel.ClientAuthTrustMode = set(0) }, nil, ""},
		{"step 10: the identity may not read the key", func(_ *scene, m *IISState) {
			m.Identity, m.Roots = `IIS AppPool\Shop`, append(m.Roots, corp.Cert)
			m.Clients = []IISClient{{Cert: client.Cert, Store: `LocalMachine\My`, KeyFile: `C:\keys\k`, Granted: &no}}
		}, []string{`warning client-key-unreadable LocalMachine\My (by hand)`}, `icacls "C:\keys\k" /grant "IIS AppPool\Shop:R"`},
		{"step 10: it may", func(_ *scene, m *IISState) {
			m.Identity, m.Roots = `IIS AppPool\Shop`, append(m.Roots, corp.Cert)
			m.Clients = []IISClient{{Cert: client.Cert, Store: `LocalMachine\My`, KeyFile: `C:\keys\k`, Granted: &yes}}
		}, nil, ""},
		{"step 10: where the key is nobody knows", func(_ *scene, m *IISState) {
			m.Identity, m.Roots = `IIS AppPool\Shop`, append(m.Roots, corp.Cert)
			m.Clients = []IISClient{{Cert: client.Cert, Store: `LocalMachine\My`}}
		}, []string{`warning client-key-unreadable LocalMachine\My (by hand)`}, "certlm.msc"},
		{"step 10: nobody asked", func(_ *scene, m *IISState) {
			m.Roots = append(m.Roots, corp.Cert)
			m.Clients = []IISClient{{Cert: client.Cert, Store: `LocalMachine\My`, Granted: &no}}
		}, nil, ""},
		{"step 11: the binding does not negotiate, TLS 1.3, a wanted port", func(_ *scene, m *IISState) { m.Bindings[0].Negotiate = false },
			[]string{"error iis-negotiation-off port 44300 (by hand)"}, "devcert ports bind 44300 --client-certs"},
		{"step 11: as HTTP.sys says, against the registry", func(s *scene, _ *IISState) { s.seen.Ports.Bindings[0].ClientCerts = AsksNobody },
			[]string{"error iis-negotiation-off port 44300 (by hand)"}, "devcert ports bind 44300 --client-certs"},
		{"step 11: another's port", func(s *scene, m *IISState) {
			s.site().Ports, m.Bindings[0] = []int{8443}, IISBinding{Address: "[::]:8443", Port: 8443, Thumbprint: "CD", AppID: "{2}"}
		}, []string{"warning iis-negotiation-off port 8443 (by hand)"}, "netsh http update sslcert ipport=[::]:8443 certhash=CD appid={2} clientcertnegotiation=enable"},
		{"step 11: a name's binding", func(s *scene, m *IISState) {
			s.site().Ports, m.Bindings[0] = []int{8443}, IISBinding{Address: "shop.test:8443", Named: true, Port: 8443, Thumbprint: "CD", AppID: "{2}"}
		}, []string{"warning iis-negotiation-off port 8443 (by hand)"}, "hostnameport=shop.test:8443 certhash=CD appid={2} certstorename=MY clientcertnegotiation=enable"},
		{"step 11: without TLS 1.3 it may work", func(_ *scene, m *IISState) { m.Bindings[0].Negotiate, m.Schannel.TLS13 = false, set(0) },
			[]string{"warning iis-negotiation-off port 44300 (by hand)"}, "devcert ports bind 44300 --client-certs"},
		{"step 11: the binding is without TLS 1.3", func(_ *scene, m *IISState) { m.Bindings[0].Negotiate, m.Bindings[0].NoTLS13 = false, true },
			[]string{"warning iis-negotiation-off port 44300 (by hand)"}, "devcert ports bind 44300 --client-certs"},
		{"step 11: nothing is bound: that has findings of its own", func(_ *scene, m *IISState) { m.Bindings = nil }, nil, ""},
		{"step 11: the site does not ask", func(s *scene, m *IISState) {
			s.site().Negotiate, s.site().Require, m.Bindings[0].Negotiate = false, false, false
		}, nil, ""},
		{"step 12: a program opens connections", func(_ *scene, m *IISState) { m.Roots = append(m.Roots, proxy.Cert) },
			[]string{`warning tls-inspection LocalMachine\Root (by hand)`}, chain.Thumbprint(proxy.Cert)},
		{"step 12: for this user only", func(_ *scene, m *IISState) { m.UserRoots = append(m.UserRoots, proxy.Cert) },
			[]string{`warning tls-inspection CurrentUser\Root (by hand)`}, ""},
		{"step 12: and nobody asks for certificates", func(_ *scene, m *IISState) {
			m.Roots, m.Configs, m.Bindings = append(m.Roots, proxy.Cert), nil, nil
		}, nil, ""},
		{"step 12: Schannel logs nothing", func(_ *scene, m *IISState) { m.Schannel.EventLogging = set(0) },
			[]string{"warning schannel-logging-off " + schannelKey + " (by hand)"}, "/v EventLogging /t REG_DWORD /d 7 /f"},
		{"anonymous access is off, and nobody is mapped", func(s *scene, _ *IISState) { s.site().Anonymous = false },
			[]string{"warning iis-anonymous-off Shop (by hand)"}, "anonymousAuthentication -enabled:true"},
		{"anonymous access is off, and mappings are there", func(s *scene, _ *IISState) { s.site().Anonymous, s.site().IISMapping = false, true }, nil, ""},
		{"anonymous access is off, and Windows' own is on", func(s *scene, _ *IISState) { s.site().Anonymous, s.site().OtherLogin = false, true }, nil, ""},
		{"a log has refusals", func(_ *scene, m *IISState) {
			m.Refusals = []IISRefusal{{File: `C:\u.log`, Status: "403.16", Win32: 0x800b0109, Times: 3, Last: noon}}
		}, []string{`warning iis-refusals C:\u.log (by hand)`}, "devcert doctor --symptom 403.16"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.seen.IIS = s.machine()
			row.change(s, s.seen.IIS)
			all := s.findings()
			if row.want == nil {
				row.want = []string{}
			}
			require.Equal(t, row.want, describe(all))
			for _, f := range all {
				require.NotEmpty(t, f.Message)
				require.NotEmpty(t, f.Remedy)
				_, known := explain.Text(f.Kind)
				require.True(t, known, f.Kind)
			}
			if row.remedy != "" {
				require.Contains(t, all[len(all)-1].Remedy, row.remedy)
			}
		})
	}
}

// Where devcert was never set up the same is said, and no port is wanted.
func TestIISFindingsWithoutSetup(t *testing.T) {
	s := newScene(t)
	s.seen.IIS, s.config = s.machine(), nil
	s.seen.IIS.Bindings[0].Negotiate = false
	assert.Equal(t, []string{
		"error hierarchy-missing state folder (by hand)", "warning iis-negotiation-off port 44300 (by hand)",
	}, describe(s.findings()))
}

// A status of IIS is explained by what doctor finds there.
func TestExplainingIIS(t *testing.T) {
	corp := outsider(t, nil, "corp root", authority)
	client := outsider(t, &corp, "anna", nil)
	expired := outsider(t, &corp, "old", func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) })
	for _, row := range []struct {
		symptom string
		change  func(s *scene, m *IISState)
		want    string
	}{
		{"403.7", func(s *scene, _ *IISState) { s.site().Negotiate = false }, IISCertsIgnored},
		{"403.7", func(_ *scene, m *IISState) { m.Schannel.SendTrustedIssuerList = set(1) }, SchannelIssuerList},
		{"403.16", func(_ *scene, m *IISState) { m.Schannel.ClientAuthTrustMode = set(2) }, SchannelTrustMode},
		{"403 16 2148204809", func(s *scene, _ *IISState) {
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Cert: client.Cert}}
		}, ClientCertUntrusted},
		{"403.17", func(s *scene, m *IISState) {
			m.Roots = append(m.Roots, corp.Cert)
			s.site().MapsHere, s.site().OneToOne = true, []IISMapped{{Cert: expired.Cert}}
		}, ClientCertExpired},
		{"ERR_CONNECTION_RESET", func(_ *scene, m *IISState) { m.Bindings[0].Negotiate = false }, IISNegotiationOff},
		{"500 with 0x800703e3", func(_ *scene, m *IISState) { m.Bindings[0].Negotiate = false }, IISNegotiationOff},
		{"500 with 0x80070032", func(_ *scene, m *IISState) { m.Bindings[0].Negotiate = false }, IISNegotiationOff},
	} {
		t.Run(fmt.Sprint(row.symptom, " ", row.want), func(t *testing.T) {
			s := newScene(t)
			s.seen.IIS = s.machine()
			row.change(s, s.seen.IIS)
			known, ok := symptom.Recognise(row.symptom)
			require.True(t, ok)
			causes := (&Report{Config: s.config, Seen: s.seen, Findings: s.findings()}).Explaining(known)
			require.Len(t, causes, 1)
			assert.Equal(t, row.want, causes[0].Kind)
		})
	}
}

// appcmd writes where the setting stands: what it wrote above a web.config would not
// hold.
func TestWhereTheSSLSettingsAreSet(t *testing.T) {
	c := IISConfig{Path: `C:\a.config`}
	const command = `%windir%\System32\inetsrv\appcmd.exe set config "Shop" -section:system.webServer/security/access -sslFlags:"Ssl"`
	require.Equal(t, command+" -commit:apphost", setAccess(c, IISPlace{Site: "Shop"}, "Ssl"))
	require.Equal(t, command, setAccess(c, IISPlace{Site: "Shop", AccessIn: `C:\shop\web.config`}, "Ssl"))
}
