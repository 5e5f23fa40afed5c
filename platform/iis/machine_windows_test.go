package iis

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/platform/front"
	"devcert/platform/securefile"
	"devcert/platform/winstore"
)

// scratchOnly keeps the test off machines that somebody uses: it writes where
// Schannel and HTTP.sys read their settings.
func scratchOnly(t *testing.T) {
	t.Helper()
	wine := windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
	if os.Getenv("DEVCERT_TEST_MACHINE") != "1" || !wine {
		t.Skip("changes Schannel's and HTTP.sys's registry: only under Wine, with DEVCERT_TEST_MACHINE=1")
	}
}

// scratch is a Windows with one site that asks for client certificates in the
// handshake, and nothing wrong with it.
type scratch struct {
	*testing.T
	machine machine
	ask     devcert.IISLook
}

const sitePort = `SslBindingInfo\0.0.0.0:44300`

func newScratch(t *testing.T) *scratch {
	s := &scratch{T: t, machine: thisMachine()}
	s.machine.inetsrv, s.machine.documents, s.machine.here = t.TempDir(), t.TempDir(), t.TempDir()
	s.config(at("Shop", `<access sslFlags="Ssl,SslNegotiateCert,SslRequireCert"/>`))
	s.number(httpKey+sitePort, "DefaultFlags", 2)
	s.value(httpKey+sitePort, func(k registry.Key) error { return k.SetBinaryValue("SslCertHash", []byte{0xab, 0xcd}) })
	s.number(httpKey+`SslBindingInfo\0.0.0.0:44301`, "DefaultFlags", 2)
	return s
}

func (s *scratch) config(sections string) {
	place(s.T, host(sections), s.machine.inetsrv, "config", "applicationHost.config")
}

// web has a web.config in the folder of a site or application.
func (s *scratch) web(mode, folder, text string) {
	dir := s.TempDir()
	own := strings.Replace(at("Shop", `<access sslFlags="Ssl,SslNegotiateCert,SslRequireCert"/>`), "Allow", "Inherit", 1)
	place(s.T, hostAt(dir, mode, own), s.machine.inetsrv, "config", "applicationHost.config")
	place(s.T, text, dir, folder, "web.config")
}

// value writes into a key, all of which is gone after the row.
func (s *scratch) value(path string, write func(registry.Key) error) {
	s.Helper()
	top, below := hive(path)
	key, there, err := registry.CreateKey(top, below, registry.ALL_ACCESS)
	require.NoError(s, err)
	defer func() { _ = key.Close() }()
	names, err := key.ReadValueNames(-1)
	require.NoError(s, err)
	require.NoError(s, write(key))
	s.Cleanup(func() {
		if !there {
			_ = registry.DeleteKey(top, below)
			return
		}
		key, err := registry.OpenKey(top, below, registry.ALL_ACCESS)
		if err != nil {
			return // a row before has taken it away
		}
		defer func() { _ = key.Close() }()
		after, err := key.ReadValueNames(-1)
		require.NoError(s, err)
		for _, name := range after {
			if !slices.Contains(names, name) {
				require.NoError(s, key.DeleteValue(name))
			}
		}
	})
}

func (s *scratch) number(path, name string, n uint32) {
	s.Helper()
	s.value(path, func(k registry.Key) error {
		if before, _, err := k.GetIntegerValue(name); err == nil { // Windows' own
			s.Cleanup(func() { s.restore(path, name, uint32(before)) })
		}
		return k.SetDWordValue(name, n)
	})
}

// restore puts back a number, unless its key is one that the row has made.
func (s *scratch) restore(path, name string, n uint32) {
	top, below := hive(path)
	if key, err := registry.OpenKey(top, below, registry.SET_VALUE); err == nil {
		require.NoError(s, key.SetDWordValue(name, n))
		require.NoError(s, key.Close())
	}
}

func hive(path string) (top registry.Key, below string) {
	if below, is := strings.CutPrefix(path, `HKCU\`); is {
		return registry.CURRENT_USER, below
	}
	return registry.LOCAL_MACHINE, strings.TrimPrefix(path, `HKLM\`)
}

func (s *scratch) text(path, name, text string) {
	s.Helper()
	s.value(path, func(k registry.Key) error { return k.SetStringValue(name, text) })
}

func (s *scratch) add(store string, cert *x509.Certificate) {
	s.Helper()
	at := storeOf(store)
	at.MayAsk = true // Wine asks nobody
	_, err := at.Add(cert.Raw, "")
	require.NoError(s, err)
	s.Cleanup(func() {
		_, err := at.Delete(cert.Raw, true)
		require.NoError(s, err)
	})
}

func (s *scratch) addKey(store string, pair chain.Pair) {
	s.Helper()
	at := storeOf(store)
	_, err := at.AddKey(pair, winstore.KeyOptions{FriendlyName: "client"})
	require.NoError(s, err)
	s.Cleanup(func() {
		_, err := at.Delete(pair.Cert.Raw, true)
		require.NoError(s, err)
	})
}

// findings are what devcert makes of it, by kind and place.
func (s *scratch) findings() []devcert.Finding {
	s.Helper()
	state := s.TempDir()
	e := devcert.Engine{Now: time.Now, Host: &devcert.Host{
		StateDir: filepath.Join(state, "none"), Files: securefile.Files{}, Binder: front.New(state, securefile.Files{}),
		Owner: devcert.Owner{User: "u", Host: "h", Machine: "m"}, IIS: s.machine.look,
		Stores: winstore.Stores(winstore.Options{Now: time.Now}),
	}}
	r, err := e.Diagnose(s.Context(), devcert.Examine{IIS: s.ask})
	require.NoError(s, err)
	return slices.DeleteFunc(r.Findings, func(f devcert.Finding) bool { return f.Kind == devcert.HierarchyMissing })
}

// issued makes certificates with RSA keys, which Wine imports.
func issued(t *testing.T, parent *chain.Pair, subject pkix.Name, change func(*x509.Certificate)) chain.Pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: parent == nil,
	}
	if change != nil {
		change(tmpl)
	}
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

func forClients(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// States of a machine, as they are in the registry, the stores and the files, and
// what is then found: each row writes its state, looks, and takes it away.
func TestMachines(t *testing.T) {
	scratchOnly(t)
	root := issued(t, nil, pkix.Name{CommonName: "corp root"}, nil)
	middle := issued(t, &root, pkix.Name{CommonName: "corp issuing"}, func(c *x509.Certificate) { c.IsCA = true })
	client := issued(t, &root, pkix.Name{CommonName: "anna"}, forClients)
	proxy := issued(t, nil, pkix.Name{CommonName: "DO_NOT_TRUST_FiddlerRoot"}, nil)
	policies := func(hive, program string) string {
		return hive + `\SOFTWARE\Policies\` + program + `\AutoSelectCertificateForUrls`
	}
	const edge, chrome = `Microsoft\Edge`, `Google\Chrome`
	mapped := func(pair chain.Pair) string {
		return at("Shop", `<access sslFlags="Ssl,SslNegotiateCert"/>`+mapping(`enabled="true"><oneToOneMappings><add certificate="`+base64Of(pair.Cert)+`"/></oneToOneMappings>`))
	}
	for _, row := range []struct {
		name   string
		change func(s *scratch)
		want   []string // kind and place
		remedy string
	}{
		{"as it should be", func(*scratch) {}, nil, ""},
		{"no IIS", func(s *scratch) { require.NoError(s, os.RemoveAll(s.machine.inetsrv)) }, nil, ""},
		{"the configuration is malformed", func(s *scratch) { s.config("<<<<<<< HEAD") },
			[]string{"iis-config-damaged applicationHost.config"}, ""},
		{"the configuration is huge", func(s *scratch) { s.config(strings.Repeat(" ", maxConfig)) },
			[]string{"iis-config-damaged applicationHost.config"}, ""},
		{"IIS Express's is malformed", func(s *scratch) {
			place(s.T, "x", s.machine.documents, "IISExpress", "config", "applicationhost.config")
		}, []string{"iis-config-damaged applicationhost.config"}, ""},
		{"a project's does not ask and requires", func(s *scratch) {
			place(s.T, host(at("Plain", `<access sslFlags="SslRequireCert"/>`)), s.machine.here, ".vs", "x", "config", "applicationhost.config")
		}, []string{"iis-certs-ignored Plain"}, "/apphostconfig:"},
		{"a solution's below does not ask and requires", func(s *scratch) {
			place(s.T, host(at("Plain", `<access sslFlags="SslRequireCert"/>`)), s.machine.here, "src", "web", ".vs", "x", "config", "applicationhost.config")
		}, []string{`iis-certs-ignored Plain src\web\.vs`}, "/apphostconfig:"},
		{"a web.config requires and does not ask", func(s *scratch) {
			s.web("Allow", "shop", webText(security(`<access sslFlags="SslRequireCert"/>`)))
		}, []string{`iis-certs-ignored Shop shop\web.config`}, `-sslFlags:"Ssl,SslNegotiateCert,SslRequireCert"`},
		{"a web.config has a section that is locked", func(s *scratch) {
			s.web("Deny", "shop", webText(security(`<access sslFlags="SslRequireCert"/>`)))
		}, []string{`iis-config-damaged shop\web.config 0x80070021 <access>`}, "unlock config -section:system.webServer/security/access"},
		{"a web.config is malformed", func(s *scratch) { s.web("Allow", "shop", "<configuration>") },
			[]string{`iis-config-damaged shop\web.config line`}, "correct it"},
		{"a web.config has mappings below the site", func(s *scratch) {
			s.web("Allow", "app", webText(security(`<access sslFlags="SslNegotiateCert"/>`+mapping(`enabled="true"><manyToOneMappings><add name="x"/></manyToOneMappings>`))))
		}, []string{`iis-mapping-unusable Shop/app`}, `app\web.config to <location path="Shop">`},
		{"the module is missing", func(s *scratch) {
			s.config(at("Shop", `<access sslFlags="SslNegotiateCert"/><authentication><clientCertificateMappingAuthentication enabled="true"/></authentication>`))
		}, []string{"iis-module-missing applicationHost.config"}, "dism /online"},
		{"mappings below the site", func(s *scratch) {
			s.config(at("Shop/app", `<access sslFlags="SslNegotiateCert"/>`+mapping(`enabled="true"><manyToOneMappings><add name="x"/></manyToOneMappings>`)))
		}, []string{"iis-mapping-unusable Shop/app"}, `<location path="Shop">`},
		{"anonymous access is off", func(s *scratch) {
			s.config(at("Shop", `<access sslFlags="SslNegotiateCert"/><authentication><anonymousAuthentication enabled="false"/></authentication>`))
		}, []string{"iis-anonymous-off Shop"}, "anonymousAuthentication -enabled:true"},
		{"the binding asks late", func(s *scratch) { s.number(httpKey+sitePort, "DefaultFlags", 0) },
			[]string{"iis-negotiation-off port 44300"}, "ipport=0.0.0.0:44300 certhash=ABCD appid={GUID} clientcertnegotiation=enable"},
		{"the binding of a name asks late", func(s *scratch) { s.number(httpKey+`SslSniBindingInfo\localhost:44300`, "DefaultFlags", 0) },
			[]string{"iis-negotiation-off port 44300"}, "hostnameport=localhost:44300"},
		{"TLS 1.3 is off, and the binding asks late", func(s *scratch) {
			s.number(httpKey+sitePort, "DefaultFlags", 0)
			s.number(schannelKey+`\Protocols\TLS 1.3\Server`, "Enabled", 0)
		}, []string{"iis-negotiation-off port 44300 0x800703e3"}, ""},
		{"SendTrustedIssuerList is 1", func(s *scratch) { s.number(schannelKey, "SendTrustedIssuerList", 1) },
			[]string{"schannel-issuer-list " + schannelKey}, "/v SendTrustedIssuerList /t REG_DWORD /d 0 /f"},
		{"SendTrustedIssuerList is 0", func(s *scratch) { s.number(schannelKey, "SendTrustedIssuerList", 0) }, nil, ""},
		{"SendTrustedIssuerList is a text", func(s *scratch) { s.text(schannelKey, "SendTrustedIssuerList", "1") }, nil, ""},
		{"the list of issuers is longer than 16 KB", func(s *scratch) {
			s.number(schannelKey, "SendTrustedIssuerList", 1)
			long := pkix.Name{}
			for i := range 60 {
				long.OrganizationalUnit = append(long.OrganizationalUnit, fmt.Sprint(i, strings.Repeat("x", 60)))
			}
			for i := range 4 {
				long.CommonName = fmt.Sprint("root ", i)
				s.add(`LocalMachine\Root`, issued(s.T, nil, long, nil).Cert)
			}
		}, []string{"schannel-list-truncated " + schannelKey}, ""},
		{"ClientAuthTrustMode is 1", func(s *scratch) { s.number(schannelKey, "ClientAuthTrustMode", 1) },
			[]string{"schannel-trust-mode " + schannelKey}, "reg delete"},
		{"ClientAuthTrustMode is 2", func(s *scratch) { s.number(schannelKey, "ClientAuthTrustMode", 2) },
			[]string{"schannel-trust-mode " + schannelKey + " ClientAuthIssuer is empty"}, "sslctlstorename=ClientAuthIssuer"},
		{"ClientAuthTrustMode is 2, and the issuers are there", func(s *scratch) {
			s.number(schannelKey, "ClientAuthTrustMode", 2)
			s.add(`LocalMachine\ClientAuthIssuer`, middle.Cert)
		}, []string{"schannel-trust-mode " + schannelKey + " answered with 403.16"}, ""},
		{"EventLogging is 0", func(s *scratch) { s.number(schannelKey, "EventLogging", 0) },
			[]string{"schannel-logging-off " + schannelKey}, "/v EventLogging /t REG_DWORD /d 7 /f"},
		{"EventLogging is 1", func(s *scratch) { s.number(schannelKey, "EventLogging", 1) }, nil, ""},
		{"zone 1 does not ask, and there is nothing to choose", func(s *scratch) { s.number(`HKCU\SOFTWARE\`+zoneKey, "1A04", 0) }, nil, ""},
		{"zone 1 does not ask", func(s *scratch) {
			s.number(`HKCU\SOFTWARE\`+zoneKey, "1A04", 0)
			s.add(`LocalMachine\Root`, root.Cert)
			s.addKey(`CurrentUser\My`, client)
		},
			[]string{"client-prompt-skipped " + `HKCU\SOFTWARE\` + zoneKey + `\1A04`}, "/d 3 /f"},
		{"zone 1 asks", func(s *scratch) {
			s.number(`HKCU\SOFTWARE\`+zoneKey, "1A04", 3)
			s.add(`LocalMachine\Root`, root.Cert)
			s.addKey(`CurrentUser\My`, client)
		}, nil, ""},
		{"Edge chooses for localhost", func(s *scratch) { s.text(policies("HKLM", edge), "1", `{"pattern":"https://localhost","filter":{}}`) },
			[]string{"client-prompt-skipped " + policies("HKLM", edge) + `\1`}, "reg delete"},
		{"Chrome chooses for everything", func(s *scratch) { s.text(policies("HKCU", chrome), "2", `{"pattern":"*","filter":{}}`) },
			[]string{"client-prompt-skipped " + policies("HKCU", chrome) + `\2`}, "reg delete"},
		{"Chrome chooses for the company", func(s *scratch) { s.text(policies("HKCU", chrome), "2", `{"pattern":"https://corp.example"}`) }, nil, ""},
		{"an intermediate is in Root", func(s *scratch) { s.add(`LocalMachine\Root`, middle.Cert) },
			[]string{`intermediate-in-root LocalMachine\Root`}, ""},
		{"a program's root is in Root", func(s *scratch) { s.add(`LocalMachine\Root`, proxy.Cert) }, []string{`tls-inspection LocalMachine\Root`}, ""},
		{"a program's root is in the user's Root", func(s *scratch) { s.add(`CurrentUser\Root`, proxy.Cert) }, []string{`tls-inspection CurrentUser\Root`}, ""},
		{"a client's root is in the user's Root only", func(s *scratch) {
			s.add(`CurrentUser\Root`, root.Cert)
			s.number(`HKCU\SOFTWARE\`+zoneKey, "1A04", 3)
			s.addKey(`CurrentUser\My`, client)
		}, []string{`client-cert-untrusted CurrentUser\My its root, corp root, is in CurrentUser\Root only`}, "certutil -addstore Root root.crt"},
		{"a client's root is in the machine's Root", func(s *scratch) {
			s.number(`HKCU\SOFTWARE\`+zoneKey, "1A04", 3)
			s.add(`LocalMachine\Root`, root.Cert)
			s.addKey(`CurrentUser\My`, client)
		}, nil, ""},
		{"a client certificate without its key", func(s *scratch) {
			s.add(`LocalMachine\Root`, root.Cert)
			s.add(`LocalMachine\My`, client.Cert)
		}, []string{`client-key-missing LocalMachine\My`}, "certutil -repairstore my " + chain.Thumbprint(client.Cert)},
		{"a mapped certificate whose root is not here", func(s *scratch) { s.config(mapped(client)) }, []string{"client-cert-untrusted Shop"}, ""},
		{"a mapped certificate whose root is here", func(s *scratch) {
			s.config(mapped(client))
			s.add(`LocalMachine\Root`, root.Cert)
		}, nil, ""},
		{"a mapped certificate has expired", func(s *scratch) {
			s.config(mapped(issued(s.T, &root, pkix.Name{CommonName: "old"}, func(c *x509.Certificate) {
				forClients(c)
				c.NotAfter = time.Now().Add(-time.Minute)
			})))
			s.add(`LocalMachine\Root`, root.Cert)
		}, []string{"client-cert-expired Shop"}, ""},
		{"a mapped certificate is a server's", func(s *scratch) {
			s.config(mapped(issued(s.T, &root, pkix.Name{CommonName: "server"}, func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			})))
			s.add(`LocalMachine\Root`, root.Cert)
		}, []string{"client-cert-untrusted Shop 0x800b0110"}, ""},
		{"a log has refusals", func(s *scratch) {
			s.ask.Logs = []string{place(s.T, fields+logLine("10:00:01", "403 16 2148204809"), s.TempDir(), "u_ex.log")}
		}, []string{"iis-refusals u_ex.log 0x800b0109"}, "devcert doctor --symptom 403.16"},
		{"an account that nobody has", func(s *scratch) {
			s.ask.Identity = `IIS AppPool\none such`
			s.add(`LocalMachine\Root`, root.Cert)
			s.addKey(`LocalMachine\My`, client)
		}, []string{`client-key-unreadable LocalMachine\My is not known`}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScratch(t)
			row.change(s)
			found := s.findings()
			require.Len(t, found, len(row.want), "%+v", found)
			for i, f := range found {
				kind, rest, _ := strings.Cut(row.want[i], " ")
				assert.Equal(t, kind, f.Kind)
				said := f.Where + " " + f.Message + " " + f.Consequence
				for word := range strings.FieldsSeq(rest) {
					assert.Contains(t, said, word)
				}
				assert.Contains(t, f.Remedy, row.remedy)
				t.Logf("%s %s: %s → %s", f.Severity, f.Kind, f.Message, f.Remedy)
			}
		})
	}
	assert.Empty(t, newScratch(t).findings(), "nothing is left over")
}
