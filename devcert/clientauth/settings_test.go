package clientauth

import (
	"crypto/x509"
	"errors"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// fromFiles has one certificate and one list by each name but "missing".
func fromFiles(t testing.TB) Files {
	m := maker{t, today}
	root := m.authority(nil, "from a file")
	list := m.crl(root, -1, 1)
	return Files{
		Certificates: func(name string) ([]*x509.Certificate, error) {
			if name == "missing" {
				return nil, errors.New("no such file")
			}
			return []*x509.Certificate{root.Certificate}, nil
		},
		CRLs: func(string) ([]*x509.RevocationList, error) { return []*x509.RevocationList{list}, nil },
	}
}

// configured sets options on what a server is by default.
func configured[T any](t *testing.T, on T, set func(*T, []string, Files) error, given ...string) T {
	t.Helper()
	require.NoError(t, set(&on, given, fromFiles(t)), "%s", given)
	return on
}

func TestEveryOptionIsSet(t *testing.T) {
	nginx := func(given ...string) Nginx { return configured(t, NewNginx(), (*Nginx).Configure, given...) }
	n := nginx("ssl_verify_client=optional_no_ca", "SSL_Verify_Depth = 3", "ssl_client_certificate=a", "ssl_trusted_certificate=b", "ssl_crl=c", "SECLEVEL=0")
	require.Equal(t, NginxOptionalNoCA, n.VerifyClient)
	require.Equal(t, [2]int{3, 0}, [2]int{n.Depth, n.Level})
	require.Equal(t, [3]int{1, 1, 1}, [3]int{len(n.ClientCertificate), len(n.TrustedCertificate), len(n.CRLs)})

	openssl := func(given ...string) OpenSSL { return configured(t, NewOpenSSL(), (*OpenSSL).Configure, given...) }
	s := openssl("verify=4", "verify_return_error=on", "verify_depth=2", "x509_strict=on", "partial_chain=on", "purpose=any", "crl_check=on", "CAfile=a", "CRL=b", "CRL=c", "SECLEVEL=1")
	require.Len(t, s.CAFile, 1)
	require.Len(t, s.CRLs, 2)
	s.CAFile, s.CRLs = nil, nil
	require.Equal(t, OpenSSL{Tolerance: 4, ReturnError: true, Depth: 2, Strict: true, Partial: true, Purpose: PurposeAny, CRLCheck: CRLLeaf, Level: 1}, s)
	require.Equal(t, CRLAll, openssl("crl_check_all=on").CRLCheck)
	require.Equal(t, CRLNone, openssl("crl_check_all=on", "crl_check=off").CRLCheck)
	asks, demands := openssl("verify=2"), openssl("verify=2", "Verify=3")
	require.False(t, asks.Required) // -verify and -Verify are two options
	require.Equal(t, [2]any{true, 3}, [2]any{demands.Required, demands.Tolerance})

	front := configured(t, Serve{Required: true}, (*Serve).Configure, "client-cert=request", "client-ca=a")
	require.False(t, front.Required)
	require.Len(t, front.Anchors, 1)
	require.NotNil(t, front.Roots)
	require.True(t, configured(t, Serve{}, (*Serve).Configure, "client-cert=require").Required)

	iis := configured(t, NewIIS(), (*IIS).Configure, "ClientCertificates=require", "clientcertnegotiation=ENABLE", "disabletls13=enable",
		"verifyclientcertrevocation=disable", "usagecheck=disable", "sslctlstorename=a", "SendTrustedIssuerList=1", "ClientAuthTrustMode=2",
		"anonymousAuthentication=false", "iisClientCertificateMappingAuthentication=true", "oneToOneMappings=a", "oneToOneMappings=b",
		"manyToOneMappings=true", "mappingsAt=below", "windows=24H2")
	require.Len(t, iis.Issuers, 1)
	require.Len(t, iis.Mappings.OneToOne, 2)
	iis.Issuers, iis.Mappings.OneToOne = nil, nil
	require.Equal(t, IIS{
		SSL: SSLRequire, Negotiate: true, Answers500: true, SendTrustedIssuerList: true, TrustMode: ExclusiveCA,
		Mappings: IISMappings{Enabled: true, Below: true, ManyToOne: true},
	}, iis)
	require.Equal(t, SSLAccept, configured(t, NewIIS(), (*IIS).Configure, "clientcertificates=accept").SSL)
	require.Equal(t, SSLNone, configured(t, NewIIS(), (*IIS).Configure, "ClientCertificates=Ignore").SSL)

	asp := func(given ...string) AspNetCore {
		return configured(t, NewAspNetCore(), func(a *AspNetCore, given []string, f Files) error { return a.Configure(given, f.Certificates) }, given...)
	}
	require.Nil(t, asp("AddCertificate=false", "RevocationMode=NoCheck").Handler)
	require.NotNil(t, asp("AddCertificate=false", "AddCertificate=true").Handler)
}

// What is set is what decides: nothing of a table only looks as if.
func TestOptionsDecide(t *testing.T) {
	w := newWorld(t, today)
	load := Files{
		Certificates: func(string) ([]*x509.Certificate, error) { return w.roots, nil },
		CRLs:         func(string) ([]*x509.RevocationList, error) { return w.crls, nil },
	}
	n, s, front := NewNginx(), NewOpenSSL(), Serve{}
	require.NoError(t, n.Configure([]string{"ssl_verify_client=on", "ssl_client_certificate=roots", "ssl_crl=lists"}, load))
	require.NoError(t, s.Configure([]string{"verify_return_error=on", "CAfile=roots"}, load))
	require.NoError(t, front.Configure([]string{"client-cert=require", "client-ca=roots"}, load))
	good, revoked, stranger := w.find(t, "good"), w.find(t, "revoked"), w.find(t, "other root")
	for name, row := range map[string]struct {
		server   Predictor
		accepted []Presented
		refused  []Presented
	}{
		"nginx":   {n, []Presented{good}, []Presented{revoked, stranger}},
		"openssl": {s, []Presented{good, revoked}, []Presented{stranger}},
		"serve":   {front, []Presented{good, revoked}, []Presented{stranger}},
	} {
		for _, p := range row.accepted {
			require.False(t, row.server.Predict(p, Machine{}, today).Refused(), "%s: %s", name, p.Leaf.Subject)
		}
		for _, p := range row.refused {
			require.True(t, row.server.Predict(p, Machine{}, today).Refused(), "%s: %s", name, p.Leaf.Subject)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	nginx := func(text string) error { n := NewNginx(); return n.Configure([]string{text}, fromFiles(t)) }
	openssl := func(text string) error { s := NewOpenSSL(); return s.Configure([]string{text}, fromFiles(t)) }
	serve := func(text string) error { s := Serve{}; return s.Configure([]string{text}, fromFiles(t)) }
	iis := func(text string) error { s := NewIIS(); return s.Configure([]string{text}, fromFiles(t)) }
	asp := func(text string) error {
		a := NewAspNetCore()
		return a.Configure([]string{text}, fromFiles(t).Certificates)
	}
	for _, row := range []struct {
		text string
		set  func(string) error
		says string
	}{
		{"ssl_verify=on", nginx, `"ssl_verify=on" is not an option: there are ssl_verify_client, ssl_verify_depth,`},
		{"ssl_verify_client", nginx, `"ssl_verify_client" is not an option: there are`},
		{"", nginx, `"" is not an option`},
		{"ssl_verify_client=yes", nginx, `"ssl_verify_client=yes": ssl_verify_client takes off, on, optional, optional_no_ca`},
		{"ssl_verify_depth=-1", nginx, "ssl_verify_depth takes a number from 0 to 100"},
		{"ssl_verify_depth=101", nginx, "a number from 0 to 100"},
		{"ssl_verify_depth=1e3", nginx, "a number from 0 to 100"},
		{"ssl_crl=", nginx, "ssl_crl takes a file of revocation lists"},
		{"ssl_client_certificate=missing", nginx, "ssl_client_certificate: no such file"},
		{"SECLEVEL=6", openssl, "SECLEVEL takes a number from 0 to 5"},
		{"VERIFY_DEPTH=x", openssl, "verify_depth takes a number"},
		{"purpose=smime", openssl, "purpose takes sslclient, sslserver, any"},
		{"client-cert=none", serve, "client-cert takes require, request"},
		{"ClientAuthTrustMode=3", iis, "ClientAuthTrustMode takes a number from 0 to 2"},
		{"usagecheck=true", iis, "usagecheck takes enable, disable"},
		{"\x1b[31m=1", iis, `"\x1b[31m=1" is not an option`},
		{"AddCertificate=no", asp, "AddCertificate takes true, false"},
		{"CustomTrustStore=missing", asp, "CustomTrustStore: no such file"},
	} {
		require.ErrorContains(t, row.set(row.text), row.says, "%s", row.text)
	}
	n := NewNginx()
	require.ErrorContains(t, n.Configure([]string{"ssl_crl=x"}, Files{}), "takes a file of revocation lists")
}

// FuzzSettings: whatever is given is set or refused, and the refusal can be shown.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{"ssl_verify_client=on", "verify=1", "Verify=1", "client-cert=request", "ClientAuthTrustMode=2", "CRL=x", "=", "a=b=c", "\x1b", "SECLEVEL=99999999999999999999"} {
		f.Add(text)
	}
	with := fromFiles(f)
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		n, s, front, iis := NewNginx(), NewOpenSSL(), Serve{}, NewIIS()
		given := []string{text}
		for _, err := range []error{n.Configure(given, with), s.Configure(given, with), front.Configure(given, with), iis.Configure(given, with)} {
			if err == nil {
				continue
			}
			for _, r := range err.Error() {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q: %q", text, err)
				}
			}
		}
	})
}
