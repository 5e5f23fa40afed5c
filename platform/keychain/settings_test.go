package keychain

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/scripts/fuzzlimit"
)

// root makes a self-signed certificate: settings say nothing of profiles.
func root(t testing.TB, name string) *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// written is a record as macOS writes it, with constraints for cert.
func written(cert *x509.Certificate, constraints string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>trustList</key>
	<dict>
		<key>` + chain.Thumbprint(cert) + `</key>
		<dict>
			<key>issuerName</key>
			<data>` + base64.StdEncoding.EncodeToString(cert.RawIssuer) + `</data>
			<key>modDate</key>
			<date>2026-11-21T14:15:32Z</date>
			<key>serialNumber</key>
			<data>Bw==</data>` + constraints + `
		</dict>
	</dict>
	<key>trustVersion</key>
	<integer>1</integer>
</dict>
</plist>
`
}

const (
	ssl   = `<key>kSecTrustSettingsPolicy</key><data>KoZIhvdjZAED</data><key>kSecTrustSettingsPolicyName</key><string>sslServer</string>`
	basic = `<key>kSecTrustSettingsPolicy</key><data>KoZIhvdjZAEC</data><key>kSecTrustSettingsPolicyName</key><string>basicX509</string>`
	yes   = `<key>kSecTrustSettingsResult</key><integer>1</integer>`
	no    = `<key>kSecTrustSettingsResult</key><integer>3</integer>`
)

func settingsOf(dicts ...string) string {
	return `<key>trustSettings</key><array><dict>` + strings.Join(dicts, `</dict><dict>`) + `</dict></array>`
}

func TestSettings(t *testing.T) {
	cert := root(t, "a root")
	for _, row := range []struct {
		name, constraints string
		want              Trust
	}{
		{"no array: always trusted", "", Trusted},
		{"an empty array: always trusted", "<key>trustSettings</key><array/>", Trusted},
		{"an empty constraint: everything, with the result that is the default", settingsOf(""), Trusted},
		{"as mkcert and truststore write it", settingsOf(ssl+yes, basic+yes), Trusted},
		{"for servers, without a result", settingsOf(ssl), Trusted},
		{"in words, as newer systems keep it", settingsOf(`<key>kSecTrustSettingsPolicy</key><string>1.2.840.113635.100.1.3</string>`), Trusted},
		{"an allowed error beside it, as Keychain Access writes it", settingsOf(ssl + `<key>kSecTrustSettingsAllowedError</key><integer>-2147409654</integer>` + yes), Trusted},
		{"for signing certificates", settingsOf(ssl + `<key>kSecTrustSettingsKeyUsage</key><integer>8</integer>`), Trusted},
		{"for every use of the key", settingsOf(ssl + `<key>kSecTrustSettingsKeyUsage</key><integer>-1</integer>`), Trusted},
		{"never", settingsOf(no), Denied},
		{"never for servers", settingsOf(basic+yes, ssl+no), Denied},
		{"no and yes: no", settingsOf(ssl+no, yes), Denied},
		{"yes and no: no", settingsOf(ssl+yes, no), Denied},
		{"never for mail only", settingsOf(`<key>kSecTrustSettingsPolicy</key><data>KoZIhvdjZAEI</data>`+no, ssl+yes), Trusted},
		{"the system's defaults, in Keychain Access", settingsOf(`<key>kSecTrustSettingsResult</key><integer>4</integer>`), Neither},
		{"as root, which is for what is none", settingsOf(`<key>kSecTrustSettingsResult</key><integer>2</integer>`), Neither},
		{"for the certificate alone", settingsOf(basic + yes), Neither},
		{"for one host", settingsOf(ssl + yes + `<key>kSecTrustSettingsPolicyString</key><string>localhost</string>`), Neither},
		{"for one program", settingsOf(ssl + yes + `<key>kSecTrustSettingsApplication</key><data>AA==</data>`), Neither},
		{"for signatures only", settingsOf(ssl + yes + `<key>kSecTrustSettingsKeyUsage</key><integer>1</integer>`), Neither},
		{"a policy of no known kind", settingsOf(`<key>kSecTrustSettingsPolicy</key><integer>3</integer>` + yes), Neither},
		{"a result of no known kind", settingsOf(`<key>kSecTrustSettingsResult</key><string>1</string>`), Neither},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := parseSettings([]byte(written(cert, row.constraints)))
			require.NoError(t, err)
			require.Equal(t, row.want, s.Of(cert))
			require.Equal(t, Unset, s.Of(root(t, "another")))
		})
	}
}

func TestSettingsRefused(t *testing.T) {
	cert := root(t, "a root")
	for name, data := range map[string]string{
		"nothing":           "",
		"no property list":  "Trust Settings",
		"cut short":         written(cert, "")[:300],
		"a later version":   strings.Replace(written(cert, ""), "<integer>1</integer>\n</dict>", "<integer>2</integer>\n</dict>", 1),
		"no version":        strings.Replace(written(cert, ""), "trustVersion", "version", 1),
		"no list":           `<plist version="1.0"><dict><key>trustVersion</key><integer>1</integer></dict></plist>`,
		"a list of strings": `<plist version="1.0"><dict><key>trustVersion</key><integer>1</integer><key>trustList</key><string/></dict></plist>`,
		"settings in words": written(cert, "<key>trustSettings</key><string>always</string>"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseSettings([]byte(data))
			require.Error(t, err)
		})
	}
}

func FuzzSettings(f *testing.F) {
	cert := root(f, "a root")
	f.Add([]byte(written(cert, settingsOf(ssl+yes, basic+no))))
	f.Add([]byte("bplist00\xd1\x01\x02\\trustVersion\x10\x01\x08\x0b\x18\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1a"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		if s, err := parseSettings(data); err == nil && s.Of(cert) == Trusted && len(s.list) == 0 {
			t.Fatal("trusted by an empty list")
		}
		_, _ = asks(data, true)
	})
}

func TestAsks(t *testing.T) {
	wrap := func(keys string) string { return `<plist version="1.0"><dict>` + keys + `</dict></plist>` }
	user := `<key>class</key><string>user</string><key>group</key><string>admin</string>`
	for _, row := range []struct {
		name, rule string
		user, root bool // are asked
	}{
		{"as macOS 10 had it", user + `<key>allow-root</key><true/>`, true, false},
		{"as macOS has had it since 11", user + `<key>allow-root</key><false/>`, true, true},
		{"authorizationdb write … allow", `<key>class</key><string>rule</string><key>rule</key><array><string>allow</string></array>`, false, false},
		{"allow in itself", `<key>class</key><string>allow</string>`, false, false},
		{
			"root or an administrator",
			`<key>class</key><string>rule</string><key>k-of-n</key><integer>1</integer><key>rule</key><array><string>is-root</string><string>authenticate-admin</string></array>`,
			true, false,
		},
		{
			"root and an administrator",
			`<key>class</key><string>rule</string><key>rule</key><array><string>is-root</string><string>authenticate-admin</string></array>`,
			true, true,
		},
		{"deny", `<key>class</key><string>deny</string>`, true, true},
		{"mechanisms of somebody's", `<key>class</key><string>evaluate-mechanisms</string><key>allow-root</key><true/>`, true, true},
		{"nothing", ``, true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			for asRoot, want := range map[bool]bool{false: row.user, true: row.root} {
				got, err := asks([]byte(wrap(row.rule)), asRoot)
				require.NoError(t, err)
				require.Equal(t, want, got, "as root: %v", asRoot)
			}
		})
	}
	got, err := asks([]byte("NO (-60005)"), true)
	require.Error(t, err)
	require.True(t, got)
}

func TestParseIdentities(t *testing.T) {
	const one, two = "0123456789ABCDEF0123456789ABCDEF01234567", "89ABCDEF0123456789ABCDEF0123456701234567"
	require.Equal(t, map[string]bool{one: true, two: true}, parseIdentities([]byte(`
Policy: X.509 Basic
  Matching identities
  1) `+one+` "localhost"
  2) `+two+` "1) `+strings.Repeat("F", 40)+` " (CSSMERR_TP_CERT_EXPIRED)
     2 identities found

  Valid identities only
  1) `+one+` "localhost"
     1 valid identities found
`)))
	require.Empty(t, parseIdentities([]byte("     0 identities found\n")))
}

func TestParseList(t *testing.T) {
	a, b := root(t, "a"), root(t, "b")
	text := string(pemOf(a)) + string(pemOf(b))
	ders, err := parseList([]byte(text))
	require.NoError(t, err)
	require.Equal(t, [][]byte{a.Raw, b.Raw}, ders)
	require.True(t, Holds(ders, b))
	require.False(t, Holds(ders, nil))
	ders, err = parseList([]byte("\n"))
	require.NoError(t, err)
	require.Empty(t, ders)
	for _, bad := range []string{"keychain: …\n" + text, text + "-----BEGIN CERTIFICATE-----\nMII", strings.ReplaceAll(text, "CERTIFICATE", "X509 CRL")} {
		_, err := parseList([]byte(bad))
		require.Error(t, err)
	}
}

func FuzzList(f *testing.F) {
	f.Add(pemOf(root(f, "a")))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		if ders, err := parseList(data); err == nil {
			for _, der := range ders {
				if len(der) > len(data) {
					t.Fatal("more came out than went in")
				}
			}
		}
		parseIdentities(data)
	})
}

func TestLogin(t *testing.T) {
	require.Equal(t, "login.keychain-db", Login("/Users/anna")[len("/Users/anna/Library/Keychains/"):])
	require.Error(t, Tool{Root: t.TempDir()}.Find())
	_, err := Tool{Root: t.TempDir()}.Settings(context.Background(), User)
	require.NotErrorIs(t, err, ErrNoSettings, "a tool that is not there is no answer")
	require.Error(t, err)
}
