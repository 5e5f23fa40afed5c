package front

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countingKey counts the signatures that are asked of it.
type countingKey struct {
	crypto.Signer
	signed atomic.Int64
}

func (k *countingKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.signed.Add(1)
	return k.Signer.Sign(random, digest, opts)
}

// fronted is an identity as the keyring makes it.
func fronted(t *testing.T) (config *tls.Config, key *countingKey, thumbprint string) {
	t.Helper()
	pair, thumbprint := certificate(t)
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(t, err)
	key = &countingKey{Signer: pair.PrivateKey.(crypto.Signer)}
	return newIdentity([]*x509.Certificate{leaf}, key, tls.NoClientCert).config, key, thumbprint
}

// shaking is a server that says nothing after the handshake.
func shaking(config *tls.Config) handler {
	return func(conn net.Conn) {
		secure := tls.Server(conn, config)
		_, _ = secure.Read(make([]byte, 1))
	}
}

// patient is a prober that waits for its scout however busy the machine is.
func patient() *prober {
	p := newProber()
	p.scoutLimit = time.Minute
	return p
}

func TestProbeHasTheFrontSignOnce(t *testing.T) {
	config, key, thumbprint := fronted(t)
	var ports []int
	for range 8 {
		ports = append(ports, listen(t, shaking(config), shaking(config)))
	}
	for _, answer := range patient().ask(t.Context(), ports) {
		assert.NoError(t, answer.Err)
		assert.Equal(t, thumbprint, answer.Listener)
	}
	assert.EqualValues(t, 1, key.signed.Load(), "signatures for sixteen handshakes")
	patient().ask(t.Context(), ports)
	assert.EqualValues(t, 2, key.signed.Load(), "a session is of one probe: what is presented is looked at again")
}

// What was resumed must say what each port presents all the same.
func TestProbeTellsCertificatesApart(t *testing.T) {
	oneFront, _, oneThumb := fronted(t)
	otherFront, _, otherThumb := fronted(t)
	var shared [32]byte
	keeping := func(config *tls.Config) *tls.Config { // one key for all, as Caddy has
		config = &tls.Config{Certificates: config.Certificates, NextProtos: []string{"h2", "http/1.1"}}
		config.SetSessionTicketKeys([][32]byte{shared})
		return config
	}
	for _, test := range []struct {
		name       string
		one, other *tls.Config
	}{
		{"a front with two certificates", oneFront, otherFront},
		{"a server with one ticket key for two certificates", keeping(oneFront), keeping(otherFront)},
		{"a front and another server", oneFront, keeping(otherFront)},
	} {
		t.Run(test.name, func(t *testing.T) {
			ports := []int{
				listen(t, shaking(test.one), shaking(test.one)), listen(t, shaking(test.other), shaking(test.other)),
				listen(t, shaking(test.one), shaking(test.other)),
			}
			answers := patient().ask(t.Context(), ports)
			assert.Equal(t, oneThumb, answers[0].Listener)
			assert.Equal(t, otherThumb, answers[1].Listener)
			assert.NoError(t, answers[0].Err)
			assert.NoError(t, answers[1].Err)
			assert.Equal(t, oneThumb, answers[2].Listener)
			assert.ErrorContains(t, answers[2].Err, "presents another certificate, "+otherThumb)
		})
	}
}

func TestProbeGoesOnWithoutItsScout(t *testing.T) {
	pair, thumbprint := certificate(t)
	p := newProber()
	p.scouting.Store(true) // it is out, and does not come back
	answers := p.ask(t.Context(), []int{listen(t, present(pair), nil)})
	assert.Equal(t, thumbprint, answers[0].Listener)
	assert.GreaterOrEqual(t, answers[0].Took, scoutLimit)
}
