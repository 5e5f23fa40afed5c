package front

import (
	"crypto/tls"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// rsaLeaf gives the leaf a key of the type that setup makes: with it, the suites
// without forward secrecy would work too.
func (s *stage) rsaLeaf(t testing.TB, ports ...int) {
	t.Helper()
	leaf, err := chain.NewLeaf(s.made.Intermediate, chain.LeafOptions{Names: []string{"localhost", "127.0.0.1"}, Now: s.made.Root.NotBefore.Add(2 * chain.Backdate)})
	require.NoError(t, err)
	s.leaf = leaf
	s.install(t)
	s.bind(t, ports...)
}

func TestOnlyStrongTLS(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	curve, rsa := setUp(t, ports[0]), setUp(t, ports[1])
	rsa.rsaLeaf(t, ports[1])
	begin(t, curve.front(devcert.Serving{}), hello)
	begin(t, rsa.front(devcert.Serving{}), hello)

	strong := 0
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			if !slices.Contains(suite.SupportedVersions, version) {
				continue
			}
			done := false
			for i, s := range []*stage{curve, rsa} {
				config := s.trusting()
				config.ServerName, config.MinVersion, config.MaxVersion = "localhost", version, version
				config.CipherSuites = []uint16{suite.ID}
				c, err := tls.Dial("tcp", target4(ports[i]), config)
				if version < tls.VersionTLS12 {
					assert.ErrorContains(t, err, "protocol version", "refused as such, not for want of a suite")
				}
				if err == nil {
					done = true
					assert.Equal(t, version, c.ConnectionState().Version)
					_ = c.Close()
				}
			}
			// crypto/tls lets no client choose among the suites of TLS 1.3, all strong.
			want := version == tls.VersionTLS13 || version == tls.VersionTLS12 && slices.Contains(suites, suite.ID)
			assert.Equal(t, want, done, "%s with %s", tls.VersionName(version), suite.Name)
			if done {
				strong++
			}
		}
	}
	assert.Equal(t, len(suites)+3, strong)
	for _, id := range suites {
		name := tls.CipherSuiteName(id)
		assert.True(t, strings.HasPrefix(name, "TLS_ECDHE_") && (strings.Contains(name, "_GCM_") || strings.Contains(name, "POLY1305")), name)
	}
}

// OpenSSL knows suites and versions that Go does not.
func TestOnlyStrongTLSForOpenSSL(t *testing.T) {
	t.Parallel()
	const openssl = "/usr/bin/openssl"
	if err := exec.Command(openssl, "version").Run(); err != nil {
		t.Skip("no openssl:", err)
	}
	port := free(t, 1)[0]
	s := setUp(t, port)
	s.rsaLeaf(t, port)
	begin(t, s.front(devcert.Serving{}), hello)

	connects := func(arguments ...string) bool {
		command := exec.Command(openssl, append([]string{"s_client", "-connect", target4(port), "-servername", "localhost"}, arguments...)...)
		said, err := command.CombinedOutput()
		return err == nil && strings.Contains(string(said), "Cipher is ") && !strings.Contains(string(said), "Cipher is (NONE)")
	}
	others := "ALL:COMPLEMENTOFALL"
	for _, strong := range []string{"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"} {
		assert.True(t, connects("-tls1_2", "-cipher", strong), strong)
		others += ":!" + strong
	}
	assert.False(t, connects("-tls1_2", "-cipher", others+":@SECLEVEL=0"), "not one of all others")
	for version, want := range map[string]bool{"-tls1": false, "-tls1_1": false, "-tls1_2": true, "-tls1_3": true} {
		assert.Equal(t, want, connects(version, "-cipher", "ALL:@SECLEVEL=0"), version)
	}
}

func TestClientsAreAskedForACertificate(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode  devcert.ClientCertMode
		asked bool
	}{{"", false}, {devcert.NoClientCert, false}, {devcert.RequestClientCert, true}, {devcert.RequireClientCert, true}} {
		port := free(t, 1)[0]
		s := setUp(t, port)
		begin(t, s.front(devcert.Serving{ClientCert: row.mode}), hello)
		asked := false
		config := s.trusting()
		config.ServerName = "localhost"
		config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			assert.Empty(t, info.AcceptableCAs, "a browser would hide what is not from one of these")
			return &tls.Certificate{}, nil
		}
		c, err := tls.Dial("tcp", target4(port), config)
		require.NoError(t, err, "whoever has none is answered all the same, with the reason")
		assert.Equal(t, row.asked, asked, row.mode)
		_ = c.Close()
	}
}
