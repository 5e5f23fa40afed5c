package clients

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/platform/run"
	"devcert/scripts/fuzzlimit"
)

// FuzzSaid reads what programs say and what stands in the files beside them.
func FuzzSaid(f *testing.F) {
	for _, text := range []string{
		"curl 8.5.0 (x86_64-pc-linux-gnu)\n", "openjdk version \"17.0.15\" 2025\n", "Picked up X=1\nopenjdk version \"1.8.0_452\"", "JAVA_VERSION=\"1.8.0_452\"\r\n",
		`{"policies":{"Certificates":{"ImportEnterpriseRoots":true}}}`, `{"policies":{"Certificates":{"ImportEnterpriseRoots":1}}}`,
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
	} {
		f.Add([]byte(text))
	}
	cert := &x509.Certificate{Raw: []byte{0x30, 0}}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		for _, end := range []run.Ending{{Stdout: data}, {Stderr: data}} {
			require.Empty(t, strings.Trim(versionIn(end), "0123456789."))
		}
		javaRelease().FindSubmatch(data)
		if set, on := enterprisePolicy(data); on {
			require.True(t, set)
		}
		pemHolds(data, cert)
		require.True(t, pemHolds(append([]byte("\n"), append(block, data...)...), cert))
	})
}
