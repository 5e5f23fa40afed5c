package iis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

// host is an applicationHost.config as IIS has it, with something in its middle.
func host(sections string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<configuration>
  <configSections><section name="access" overrideModeDefault="Deny" /></configSections>
  <system.applicationHost>
    <applicationPools><add name="DefaultAppPool" userName="x" password="[enc:secret:enc]" /></applicationPools>
    <sites>
      <site name="Shop" id="1">
        <application path="/"><virtualDirectory path="/" physicalPath="C:\shop" password="secret" /></application>
        <bindings>
          <binding protocol="http" bindingInformation="*:80:" />
          <binding protocol="https" bindingInformation="*:44300:localhost" sslFlags="1" />
          <binding protocol="HTTPS" bindingInformation="[::1]:44301:" />
          <binding protocol="https" bindingInformation="*:44300:other" />
          <binding protocol="https" bindingInformation="nonsense" />
          <binding protocol="https" bindingInformation="*:99999:" />
          <binding protocol="net.tcp" bindingInformation="808:*" />
        </bindings>
      </site>
      <site name="Plain" id="2"><bindings><binding protocol="http" bindingInformation="*:81:" /></bindings></site>
      <siteDefaults />
    </sites>
  </system.applicationHost>
  <system.webServer>
    <globalModules>
      <add name="HttpCacheModule" image="%windir%\System32\inetsrv\cachhttp.dll" />
      <add name="IISCertificateMappingAuthenticationModule" image="authmap.dll" />
    </globalModules>
    <security><access sslFlags="None" /><authentication><anonymousAuthentication enabled="true" userName="IUSR" /></authentication></security>
  </system.webServer>
` + sections + `
</configuration>
`
}

func at(path, section string) string {
	return `<location path="` + path + `" overrideMode="Allow"><system.webServer><security>` + section + `</security></system.webServer></location>`
}

func mapping(inner string) string {
	return `<authentication><iisClientCertificateMappingAuthentication ` + inner + `</iisClientCertificateMappingAuthentication></authentication>`
}

func newCert(t testing.TB, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "anna"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(tmpl)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

func TestParseConfig(t *testing.T) {
	cert := newCert(t, nil)
	one := `<add enabled="true" userName="u" password="[enc:secret:enc]" certificate="` + base64Of(cert) + `" />`
	shop := devcert.IISPlace{Site: "Shop", Ports: []int{44300, 44301}, Anonymous: true}
	plain := devcert.IISPlace{Site: "Plain", Anonymous: true}
	change := func(change func(p *devcert.IISPlace)) []devcert.IISPlace {
		p := shop
		change(&p)
		return []devcert.IISPlace{p, plain}
	}
	both := func(change func(p *devcert.IISPlace)) []devcert.IISPlace {
		p := shop
		change(&p)
		return []devcert.IISPlace{shop, p, plain}
	}
	for _, row := range []struct {
		name, sections string
		want           []devcert.IISPlace
	}{
		{"as installed", "", []devcert.IISPlace{shop, plain}},
		{"accept", at("Shop", `<access sslFlags="Ssl, SslNegotiateCert" />`), change(func(p *devcert.IISPlace) { p.Negotiate = true })},
		{"require, as a number", at("Shop", `<access sslFlags="104" />`), change(func(p *devcert.IISPlace) { p.Negotiate, p.Require = true, true })},
		{"required and not asked for", at("Shop", `<access sslFlags="Ssl,SslRequireCert" />`), change(func(p *devcert.IISPlace) { p.Require = true })},
		{"for all sites", at("", `<access sslFlags="SslNegotiateCert" />`), []devcert.IISPlace{
			{Site: "Shop", Ports: []int{44300, 44301}, Anonymous: true, Negotiate: true}, {Site: "Plain", Anonymous: true, Negotiate: true},
		}},
		{"for all sites but one", at(".", `<access sslFlags="SslNegotiateCert" />`) + at("PLAIN", `<access sslFlags="None" />`), change(func(p *devcert.IISPlace) { p.Negotiate = true })},
		{"below a site", at("Shop/App", `<access sslFlags="Ssl,SslNegotiateCert" />`), both(func(p *devcert.IISPlace) { p.Below, p.Negotiate = "App", true })},
		{"below takes from above", at("Shop", `<access sslFlags="SslNegotiateCert"/>`) + at("shop/app/in", `<authentication><anonymousAuthentication enabled="False"/></authentication>`) +
			at("Shop/App", `<authentication><windowsAuthentication enabled="true"/></authentication>`), func() []devcert.IISPlace {
			site, app, in := shop, shop, shop
			site.Negotiate = true
			app.Negotiate, app.Below, app.OtherLogin = true, "App", true
			in.Negotiate, in.Below, in.OtherLogin, in.Anonymous = true, "app/in", true, false
			return []devcert.IISPlace{site, app, in, plain}
		}()},
		{"one-to-one", at("Shop", mapping(`enabled="true"><oneToOneMappings>`+one+`</oneToOneMappings>`)), change(func(p *devcert.IISPlace) {
			p.IISMapping, p.MapsHere, p.OneToOne = true, true, []devcert.IISMapped{{Cert: cert}}
		})},
		{"one-to-one and switched off", at("Shop", mapping(`enabled="true" oneToOneCertificateMappingsEnabled="false"><oneToOneMappings>`+one+`</oneToOneMappings>`)), change(func(p *devcert.IISPlace) {
			p.IISMapping, p.MapsHere = true, true
		})},
		{"mappings, and the authentication is off", at("Shop", mapping(`enabled="false"><oneToOneMappings>`+one+`</oneToOneMappings>`)), change(func(*devcert.IISPlace) {})},
		{"certificates that are none", at("Shop", mapping(`enabled="true"><oneToOneMappings><add certificate="-----BEGIN CERTIFICATE-----"/><add certificate="AA AA"/>`+
			`<add certificate="!"/><add certificate="AAAA"/><add enabled="false" certificate="!"/></oneToOneMappings>`)), change(func(p *devcert.IISPlace) {
			p.IISMapping, p.MapsHere = true, true
			p.OneToOne = []devcert.IISMapped{{Why: "it has the lines of a PEM file"}, {Why: "it has blanks or line breaks in it"}, {Why: "it is not base64"}, {Why: "it is no certificate"}}
		})},
		{"many-to-one below the site", at("Shop/App", mapping(`enabled="true"><manyToOneMappings><add name="a" enabled="true"><rules/></add><add name="b"/></manyToOneMappings>`)),
			both(func(p *devcert.IISPlace) { p.Below, p.IISMapping, p.MapsHere, p.ManyToOne = "App", true, true, 2 })},
		{"Active Directory", at("Shop", `<authentication><clientCertificateMappingAuthentication enabled="true" /></authentication>`), change(func(p *devcert.IISPlace) { p.ADMapping = true })},
		{"a site that is not there", at("Gone", `<access sslFlags="SslNegotiateCert" />`), []devcert.IISPlace{shop, plain}},
		{"another one's name begins alike", at("ShopTwo/App", `<access sslFlags="SslNegotiateCert" />`), []devcert.IISPlace{shop, plain}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := ParseConfig([]byte(host(row.sections)))
			require.NoError(t, err)
			assert.Equal(t, row.want, c.Places)
			assert.Equal(t, []string{"HttpCacheModule", "IISCertificateMappingAuthenticationModule"}, c.Modules)
			assert.NotContains(t, fmt.Sprintf("%+v", c), "secret")
		})
	}
}

func utf16le(s string) []byte {
	data := []byte{0xff, 0xfe}
	for _, word := range utf16.Encode([]rune(s)) {
		data = binary.LittleEndian.AppendUint16(data, word)
	}
	return data
}

func TestEncodings(t *testing.T) {
	want, err := ParseConfig([]byte(host("")))
	require.NoError(t, err)
	for name, data := range map[string][]byte{
		"with a byte order mark": []byte("\xef\xbb\xbf" + host("")),
		"UTF-16":                 utf16le(strings.Replace(host(""), "UTF-8", "utf-16", 1)),
		"Windows' line ends":     []byte(strings.ReplaceAll(host(""), "\n", "\r\n")),
		"a comment at the end":   []byte(host("") + "<!-- end -->\n"),
	} {
		c, err := ParseConfig(data)
		require.NoError(t, err, name)
		assert.Equal(t, want, c, name)
	}
}

// What is wrong is said in one line, with the line of the file.
func TestBadConfig(t *testing.T) {
	for _, row := range []struct{ name, data, want string }{
		{"empty", "", "it is empty"},
		{"blank", " \n", "it is empty"},
		{"not XML", "{\"a\": 1}", "it is not XML"},
		{"cut short", host("")[:900], "line 1"},
		{"an end without a beginning", strings.Replace(host(""), "</sites>", "</site>", 1), "line 21: element <sites> closed by </site>"},
		{"two attributes without quotes", strings.Replace(host(""), `id="1"`, `id=1`, 1), "line 7: unquoted or missing attribute value"},
		{"another document", "<web><a/></web>", "line 1: expected element type <configuration> but have <web>"},
		{"more behind it", host("") + "<more/>", "something stands behind the end of the document"},
		{"text behind it", host("") + "<<<<<<< HEAD", "line"},
		{"a merge conflict", strings.Replace(host(""), "<siteDefaults />", "<<<<<<< HEAD", 1), "line 20: expected element name"},
		{"an entity that nobody declared", strings.Replace(host(""), "Plain", "&boom;", 1), "line 19: invalid character entity ?boom;"},
		{"an encoding of its own", strings.Replace(host(""), "UTF-8", "EBCDIC\x1b[2J", 1), "line 1"},
		{"not UTF-8", strings.Replace(host(""), "Plain", "Pl\xe4in", 1), "it is neither UTF-8 nor UTF-16"},
		{"half of a UTF-16", string(utf16le(host(""))[:100]), "line"},
		{"huge", host(strings.Repeat(" ", maxConfig)), "it is larger than 4 MB"},
		{"too many places", host(strings.Repeat("<location/>", maxPlaces)), "it has more than 5000 sites and locations"},
		{"too many mappings", host(at("Shop", mapping("><oneToOneMappings>"+strings.Repeat("<add/>", maxMappings+1)+"</oneToOneMappings>"))), "it has more than 1000 certificate mappings"},
		{"a path without an end", host(at(strings.Repeat("a/", 600), "")), "a path of more than 1024 bytes"},
		{"deep", strings.Repeat("<a>", 300000), "line 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			start := time.Now()
			_, err := ParseConfig([]byte(row.data))
			require.ErrorContains(t, err, row.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "\x1b")
			assert.Less(t, len(err.Error()), 300)
			assert.Less(t, time.Since(start), 10*time.Second)
		})
	}
}

// A name that would be a command in the line that a person copies is none.
func TestNamesAreClean(t *testing.T) {
	c, err := ParseConfig([]byte(strings.Replace(host(at("Plain", `<access sslFlags="None"/>`)), `name="Shop"`, "name='x\" &amp; calc &amp; \"%PATH%&#10;`$(a)`'", 1)))
	require.NoError(t, err)
	assert.Equal(t, "x? ? calc ? ??PATH????(a)?", c.Places[0].Site)
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(host("")))
	f.Add([]byte(host(at("Shop/App/In", `<access sslFlags="SslNegotiateCert,SslRequireCert"/>`))))
	f.Add([]byte(host(at("Shop", mapping(`enabled="true"><oneToOneMappings><add certificate="AAAA"/></oneToOneMappings>`)))))
	f.Add(utf16le(host("")))
	f.Add([]byte("<configuration><location/></configuration>"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Fatalf("more than a line: %q", err)
			}
			return
		}
		for _, p := range c.Places {
			for _, m := range p.OneToOne {
				if (m.Cert == nil) != (m.Why != "") {
					t.Fatal("neither a certificate nor a reason")
				}
			}
			if strings.ContainsAny(p.Name(), "\"&|%\n\x1b`$") {
				t.Fatalf("not to be shown: %q", p.Name())
			}
			for _, port := range p.Ports {
				if port < 1 || port > 65535 {
					t.Fatal(port)
				}
			}
		}
	})
}

func base64Of(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }
