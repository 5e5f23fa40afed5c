package devcert

import (
	"encoding/pem"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestParseUpstream(t *testing.T) {
	for _, row := range []struct{ name, text, want, problem string }{
		{"a port", "http://localhost:5000", "http://localhost:5000", ""},
		{"without a port", "https://127.0.0.1", "https://127.0.0.1", ""},
		{"a path", "http://[::1]:5000/app/", "http://[::1]:5000/app", ""},
		{"a slash", "http://localhost:5000/", "http://localhost:5000", ""},
		{"no scheme", "localhost:5000", "", "does not begin with http://"},
		{"only a port", "5000", "", "does not begin with http://"},
		{"another scheme", "ftp://localhost", "", "does not begin with http://"},
		{"nothing", "", "", "does not begin with http://"},
		{"no host", "http://:5000", "", "names no host"},
		{"a query", "http://localhost:5000/?a=b", "", "more than a host and a path"},
		{"port 0", "http://localhost:0", "", "port is not 1 to 65535"},
		{"port 70000", "http://localhost:70000", "", "port is not 1 to 65535"},
		{"a control character", "http://localhost:5000/\x1b[2J", "", "is not a URL"},
		{"a blank", "http://local host", "", "is not a URL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			u, err := ParseUpstream(row.text)
			if row.problem != "" {
				requireUsage(t, err, row.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.want, u.String())
		})
	}
	_, err := ParseUpstream("http://anna:secret@localhost:5000")
	requireUsage(t, err, "carries a password")
	require.NotContains(t, err.Error(), "secret")
}

func requireUsage(t *testing.T, err error, problem string) {
	t.Helper()
	var usage *UsageError
	require.ErrorAs(t, err, &usage)
	require.Contains(t, usage.Problem, problem)
	require.NotEmpty(t, usage.Hint)
}

func TestParseMapping(t *testing.T) {
	port, u, err := ParseMapping("44301=http://localhost:5001")
	require.NoError(t, err)
	require.Equal(t, 44301, port)
	require.Equal(t, "http://localhost:5001", u.String())
	for _, text := range []string{"", "=", "44301", "44301=", "=http://localhost", "44301-44302=http://localhost", "x=http://localhost", "0=http://localhost"} {
		_, _, err := ParseMapping(text)
		require.ErrorAs(t, err, new(*UsageError), text)
	}
}

func TestParseCertHeader(t *testing.T) {
	h, err := ParseCertHeader("x-ssl-cert:hex")
	require.NoError(t, err)
	require.Equal(t, CertHeader{"X-Ssl-Cert", CertHex}, h)
	for _, name := range []string{"Host", "content-length", "CONNECTION", "Transfer-Encoding", "te", "Upgrade", "x-forwarded-for", "Cookie", "authorization"} {
		_, err := ParseCertHeader(name + ":hex")
		requireUsage(t, err, name+" cannot carry a certificate")
	}
	for _, text := range []string{"", ":", "X-SSL-CERT", "X-SSL-CERT:", "X-SSL-CERT:pem", ":hex", "X SSL:hex", "X\r\nY:hex", "X:hex:hex"} {
		_, err := ParseCertHeader(text)
		require.ErrorAs(t, err, new(*UsageError), text)
	}
}

func TestParseClientCAs(t *testing.T) {
	h := setUp(t).status().Seen.Folder.Hierarchy
	encode := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
	certs, err := ParseClientCAs("ca.pem", append([]byte("Bag Attributes\n"), encode(h.Root.Raw)...))
	require.NoError(t, err)
	require.True(t, certs[0].Equal(h.Root))
	for _, row := range []struct {
		problem string
		data    []byte
	}{
		{"holds no certificate", []byte("garbage")},
		{"certificate 1", encode([]byte("garbage"))},
		{"not one of an authority", encode(h.Leaf.Cert.Raw)},
	} {
		_, err := ParseClientCAs("ca.pem", row.data)
		requireUsage(t, err, row.problem)
	}
}

func TestAppURL(t *testing.T) {
	for _, row := range []struct{ name, profiles, express, want string }{
		{"plain HTTP of two", `{"a": {"commandName": "Project", "applicationUrl": "https://localhost:7001;http://localhost:5001"}}`, "", "http://localhost:5001"},
		{"only https", `{"a": {"commandName": "Project", "applicationUrl": "https://localhost:7001"}}`, "http://localhost:4", "https://localhost:7001"},
		{"the first that starts the project", `{
			"IIS Express": {"commandName": "IISExpress", "applicationUrl": "http://localhost:1"},
			"z": {"commandName": "Project", "applicationUrl": "http://localhost:2"},
			"a": {"commandName": "Project", "applicationUrl": "http://localhost:3"}}`, "", "http://localhost:2"},
		{"IIS Express's", `{"IIS Express": {"commandName": "IISExpress"}}`, "http://localhost:51234/", "http://localhost:51234"},
		{"every address", `{"a": {"commandName": "Project", "applicationUrl": "http://*:5001"}}`, "", "http://localhost:5001"},
		{"every IPv6 address", `{"a": {"commandName": "Project", "applicationUrl": "http://[::]:5001"}}`, "", "http://localhost:5001"},
		{"no profile", ``, "", ""},
		{"profiles of another kind", `[{"commandName": "Project"}]`, "", ""},
		{"a pipe", `{"a": {"commandName": "Project", "applicationUrl": "http://unix:/tmp/sock"}}`, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, appURL([]byte(row.profiles), row.express))
		})
	}
}

func FuzzParseUpstream(f *testing.F) {
	f.Add("http://localhost:5000/app")
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		u, err := ParseUpstream(text)
		if err != nil {
			require.ErrorAs(t, err, new(*UsageError))
			return
		}
		again, err := url.Parse(u.String())
		require.NoError(t, err)
		require.Equal(t, u.Host, again.Host)
		require.NotEmpty(t, u.Hostname())
	})
}
