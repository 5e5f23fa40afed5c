package clientauth

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestAppSettings(t *testing.T) {
	kestrel := func(mode ClientCertificateMode, http2 bool) Kestrel { return Kestrel{Mode: mode, HTTP2: http2} }
	const two = `{"Kestrel": {"EndpointDefaults": {"ClientCertificateMode": "AllowCertificate"}, "Endpoints": {
		"Plain": {"Url": "http://localhost:5000"},
		"Open": {"Url": "https://localhost:5001"},
		"Strict": {"Url": "HTTPS://*:5002", "ClientCertificateMode": "RequireCertificate", "Protocols": "Http1"}}}}`
	const sni = `{"Kestrel": {"Endpoints": {"E": {"Url": "https://*:1", "ClientCertificateMode": "AllowCertificate", "Sni": {
		"a.test": {"ClientCertificateMode": "RequireCertificate"}, "*.test": {}, "*.b.test": {"ClientCertificateMode": "NoCertificate"}}}}}}`
	tests := []struct {
		name, text     string
		endpoint, host string
		want           Kestrel
		err            string
	}{
		{name: "empty", text: `{}`, want: kestrel(NoCertificate, true)},
		{name: "defaults", text: `{"Kestrel": {"EndpointDefaults": {"ClientCertificateMode": "RequireCertificate"}}}`, want: kestrel(RequireCertificate, true)},
		{
			name: "comments, trailing commas, a byte order mark",
			text: "\ufeff// what\n{\"Kestrel\": { /* is */ \"EndpointDefaults\": {\"ClientCertificateMode\": \"DelayCertificate\", \"Protocols\": \"Http1\",},},}",
			want: kestrel(DelayCertificate, false),
		},
		{name: "case", text: `{"KESTREL": {"endpointdefaults": {"clientcertificatemode": " requirecertificate "}}}`, want: kestrel(RequireCertificate, true)},
		{name: "number", text: `{"Kestrel": {"EndpointDefaults": {"ClientCertificateMode": 2, "Protocols": "7"}}}`, want: kestrel(RequireCertificate, true)},
		{name: "path as a key", text: `{"Kestrel:EndpointDefaults:ClientCertificateMode": "AllowCertificate"}`, want: kestrel(AllowCertificate, true)},
		{name: "null", text: `{"Kestrel": {"EndpointDefaults": {"ClientCertificateMode": null}}}`, want: kestrel(NoCertificate, true)},
		{name: "endpoint's own", text: two, endpoint: "strict", want: kestrel(RequireCertificate, false)},
		{name: "endpoint with the defaults", text: two, endpoint: "Open", want: kestrel(AllowCertificate, true)},
		{name: "the only endpoint", text: sni, host: "a.test", want: kestrel(RequireCertificate, true)},
		{name: "wildcard host", text: sni, host: "x.test", want: kestrel(AllowCertificate, true)},
		{name: "longest wildcard", text: sni, host: "x.b.test", want: kestrel(NoCertificate, true)},

		{name: "which endpoint", text: two, err: `the settings have several endpoints: name one of "Open", "Strict"`},
		{name: "no such endpoint", text: two, endpoint: "Other", err: `the settings have no HTTPS endpoint "Other": there are "Open", "Strict"`},
		{name: "an endpoint that is http", text: two, endpoint: "plain", want: Kestrel{Mode: AllowCertificate, HTTP2: true, Plain: []string{"Plain"}}},
		{
			name: "http alone", text: `{"Kestrel": {"Endpoints": {"B": {"Url": "HTTP://*:1", "ClientCertificateMode": "RequireCertificate"}, "A": {"Url": "http://*:2"}}}}`,
			want: Kestrel{Mode: NoCertificate, HTTP2: true, Plain: []string{"A", "B"}},
		},
		{name: "no such host", text: sni, host: "c.example", err: `endpoint "E" serves the hosts "*.b.test", "*.test", "a.test", and not "c.example"`},
		{
			name: "unknown mode", text: `{"Kestrel": {"EndpointDefaults": {"ClientCertificateMode": "Required"}}}`,
			err: `"Kestrel:EndpointDefaults:ClientCertificateMode": "Required" is none of NoCertificate, AllowCertificate, RequireCertificate, DelayCertificate; .NET ignores it`,
		},
		{name: "unknown number", text: `{"Kestrel": {"EndpointDefaults": {"ClientCertificateMode": 4}}}`, err: `"4" is none of NoCertificate`},
		{name: "unknown protocol", text: `{"Kestrel": {"EndpointDefaults": {"Protocols": "SPDY"}}}`, err: `"SPDY" is none of None, Http1`},
		{name: "twice", text: `{"Kestrel": {"a": 1, "A": 2}}`, err: `the settings have "Kestrel:A" twice`},
		{name: "no JSON", text: `hello`, err: "the settings are not JSON: invalid character"},
		{name: "nothing", text: ``, err: "the settings are not JSON: EOF"},
		{name: "cut off", text: `{"Kestrel": {`, err: "the settings are not JSON: "},
		{name: "a list", text: `[]`, err: "the settings must be a JSON object"},
		{name: "more behind", text: `{} {}`, err: "the settings go on behind their end"},
		{name: "deep", text: strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100), err: "nested deeper than 64"},
		{name: "large", text: strings.Repeat(" ", maxSettings) + `{}`, err: "larger than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := ParseAppSettings([]byte(test.text))
			var got Kestrel
			if err == nil {
				got, err = s.Apply(NewKestrel(), test.endpoint, test.host)
			}
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

// What the application sets itself stays where the settings are silent.
func TestSettingsLieOverCode(t *testing.T) {
	code := Kestrel{Mode: RequireCertificate, AllowAny: true, CheckRevocation: true}
	s, err := ParseAppSettings([]byte(`{"Kestrel": {"EndpointDefaults": {"Protocols": "Http1AndHttp2"}}}`))
	require.NoError(t, err)
	got, err := s.Apply(code, "", "")
	require.NoError(t, err)
	code.HTTP2 = true
	assert.Equal(t, code, got)
}

// FuzzAppSettings: whatever the file says, it ends in settings or in one line.
func FuzzAppSettings(f *testing.F) {
	for _, seed := range []string{
		`{"Kestrel": {"Endpoints": {"E": {"Url": "https://*:1", "Sni": {"*": {"ClientCertificateMode": "1"}}}}}}`,
		"\ufeff{/**/\"Kestrel\":{\"Endpoints\":{\"\u212a\":{\"Url\":\"https:\"},},},}", `{"a":[1,{"b":null}],"Kestrel:Endpoints::Url":"https:"}`, "{\"\u212a\":1,\"k\":2}",
	} {
		f.Add([]byte(seed), "", "")
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte, endpoint, host string) {
		s, err := ParseAppSettings(data)
		if err == nil {
			var k Kestrel
			k, err = s.Apply(NewKestrel(), endpoint, host)
			if err == nil && enum(string(k.Mode), modes) != string(k.Mode) {
				t.Fatalf("%q is no mode", k.Mode)
			}
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q", err.Error())
		}
	})
}
