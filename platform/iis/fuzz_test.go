package iis

import (
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// FuzzValues are the texts that stand in the registry and in attributes.
func FuzzValues(f *testing.F) {
	var one site
	if err := decode([]byte(`<site><bindings><binding protocol="https"/></bindings></site>`), &one); err != nil || len(one.Bindings) != 1 {
		f.Fatal(err)
	}
	for _, text := range []string{
		`{"pattern":"https://localhost:44300","filter":{}}`, `{"pattern":"[*.]localhost"}`, `{"pattern":"https://[::1]:1/x"}`,
		"Ssl, SslNegotiateCert,SslRequireCert", "104", "*:443:localhost", "[::1]:44300:", "MAA=", "-----BEGIN CERTIFICATE-----",
	} {
		f.Add(text)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		if pattern, is := covers(text); is {
			require.NotEmpty(t, pattern)
		}
		flags(text)
		m := mapped(text)
		require.NotEqual(t, m.Cert == nil, m.Why == "", text)
		one.Bindings[0].Info = text
		for _, port := range one.ports() {
			require.True(t, 0 < port && port <= 65535, port)
		}
	})
}
