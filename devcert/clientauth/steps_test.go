package clientauth

import (
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A verdict tells how far the certificate got.
func TestSteps(t *testing.T) {
	w := newWorld(t, today)
	n := NewNginx()
	n.VerifyClient, n.ClientCertificate = NginxOn, []*x509.Certificate{w.roots[0], w.roots[1]}
	var text string
	for _, s := range n.Predict(w.find(t, "issuer for servers"), Machine{}, today).Steps {
		text += fmt.Sprintf("%s %s %s\n", s.Gate, s.Outcome, s.Detail)
	}
	assert.Equal(t, `certificate-asked passed ssl_verify_client is on
private-key passed 
certificate-sent passed 
key-strength passed 
trust passed the chain ends at "test root"
chain-length passed 
critical-extension passed 
authority passed 
strict skipped 
use failed its issuer "for servers" is not for client authentication (OpenSSL error 26)
`, text)
}
