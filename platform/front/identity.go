package front

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"slices"
)

// protocols are what ALPN offers (RFC 7301).
var protocols = []string{"h2", "http/1.1"}

// suites are those of TLS 1.2 with forward secrecy and authenticated encryption,
// which are the ones that HTTP/2 allows too (RFC 9113, appendix A). TLS 1.3 has
// no others, and crypto/tls lets nobody choose there.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// identity is a certificate that can be presented, and how.
type identity struct {
	cert   *x509.Certificate
	config *tls.Config
}

// newIdentity takes the leaf first, and the intermediates that follow it.
//
// Each identity encrypts its own session tickets. A resumed session presents no
// certificate: with keys shared by all, a browser that was here before renew
// would go on with the old leaf for days.
func newIdentity(certs []*x509.Certificate, key crypto.Signer, asks tls.ClientAuthType) *identity {
	config := newTLSConfig(asks)
	pair := tls.Certificate{PrivateKey: key, Leaf: certs[0]}
	for _, cert := range certs {
		pair.Certificate = append(pair.Certificate, cert.Raw)
	}
	config.NextProtos = append([]string{probeProtocol}, config.NextProtos...) // the first that both have is chosen
	config.Certificates = []tls.Certificate{pair}
	config.WrapSession, config.UnwrapSession = config.EncryptTicket, config.DecryptTicket
	return &identity{cert: certs[0], config: config}
}

// newTLSConfig is what all identities have in common. A client's certificate is
// taken as it comes, and judged when there is a request to answer: a handshake
// that fails tells a browser's user nothing. For the same reason no list of
// authorities is sent, as IIS sends none either: a browser that knows only a
// client's leaf would hide it from the user because of one.
func newTLSConfig(asks tls.ClientAuthType) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		MaxVersion:   tls.VersionTLS13,
		CipherSuites: slices.Clone(suites),
		NextProtos:   slices.Clone(protocols),
		ClientAuth:   asks,
	}
}

// covers says whether a client that asked for name would accept the certificate.
func (i *identity) covers(name string) bool { return i.cert.VerifyHostname(name) == nil }
