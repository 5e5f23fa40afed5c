package devcert

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestParseProject(t *testing.T) {
	for _, row := range []struct {
		name, data string
		port       int
		problem    string
	}{
		{"as Visual Studio writes it", "\xef\xbb\xbf{\r\n \"iisSettings\": {\"iisExpress\": {\"applicationUrl\": \"http://localhost:5080\", \"sslPort\": 44333}}, \"profiles\": {}}", 44333, ""},
		{"comments and trailing commas", "{ // why\n \"iisSettings\": {\"iisExpress\": {\"sslPort\": 44301,},}, /* all */ }", 44301, ""},
		{"no IIS Express", `{"profiles": {"https": {"applicationUrl": "https://localhost:7001"}}}`, 0, ""},
		{"no https", `{"iisSettings": {"iisExpress": {"sslPort": 0}}}`, 0, ""},
		{"garbage", "garbage", 0, "is not a launchSettings.json"},
		{"nothing", "", 0, "is not a launchSettings.json"},
		{"a port that is none", `{"iisSettings": {"iisExpress": {"sslPort": 70000}}}`, 0, "is not a port"},
		{"a port in words", `{"iisSettings": {"iisExpress": {"sslPort": "44300"}}}`, 0, "is not a launchSettings.json"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := ParseProject("launchSettings.json", []byte(row.data))
			if row.problem != "" {
				var usage *UsageError
				require.ErrorAs(t, err, &usage)
				require.Contains(t, usage.Problem, row.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.port, p.SSLPort)
		})
	}
}

func FuzzParseProject(f *testing.F) {
	f.Add([]byte(`{"iisSettings": {"iisExpress": {"sslPort": 44333}}}`))
	f.Add([]byte("{ // }\n/* {"))
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		p, err := ParseProject("x", data)
		require.True(t, err != nil || p.SSLPort >= 0 && p.SSLPort <= 65535)
	})
}

func TestProjectFindings(t *testing.T) {
	for _, row := range []struct {
		name string
		port int
		want []string
	}{
		{"no https", 0, nil},
		{"a wanted port", 44300, nil},
		{"a port outside", 5001, []string{"error binding-missing port 5001 (by hand)"}},
		{"a port outside that is bound", 9, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.seen.Ports.Bindings = append(s.seen.Ports.Bindings, Binding{Port: 9, Thumbprint: "00"})
			s.seen.Projects = []Project{{Path: "launchSettings.json", SSLPort: row.port}}
			require.Equal(t, append([]string{}, row.want...), describe(s.findings()))
		})
	}
}
