package systemtest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var negotiated = regexp.MustCompile(`(?m)^New, (\S+), Cipher is (\S+)$`)

// TestServeTLS offers one suite after the other with OpenSSL, which has many that
// nobody should take.
func TestServeTLS(t *testing.T) {
	m, n := serveMachine(t)
	m.serve(n, "--port", "44300")
	// offer is what comes of a handshake; "" when there is none.
	offer := func(options ...string) string {
		args := append([]string{"s_client", "-connect", "127.0.0.1:44300", "-servername", ours}, options...)
		r := m.run("openssl", args...)
		found := negotiated.FindStringSubmatch(r.stdout)
		require.NotNil(t, found, "%s", r)
		if found[2] == "(NONE)" {
			return ""
		}
		return found[1] + " " + found[2]
	}
	for _, old := range []string{"-tls1", "-tls1_1"} {
		require.Empty(t, offer(old, "-cipher", "ALL:@SECLEVEL=0"))
	}
	var taken []string
	all := strings.Split(strings.TrimSpace(m.must("openssl", "ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")), ":")
	require.Greater(t, len(all), 40)
	for _, suite := range all {
		if strings.HasPrefix(suite, "TLS_") {
			continue
		}
		if got := offer("-tls1_2", "-cipher", suite+":@SECLEVEL=0"); got != "" {
			taken = append(taken, suite)
		}
	}
	require.NotEmpty(t, taken)
	t.Logf("of %d suites of TLS 1.2: %v", len(all), taken)
	for _, suite := range taken {
		require.Regexp(t, `^ECDHE-(RSA|ECDSA)-(AES\d+-GCM-SHA\d+|CHACHA20-POLY1305)$`, suite)
	}
	require.Regexp(t, "^TLSv1.3 TLS_AES_", offer("-tls1_3"))
}
