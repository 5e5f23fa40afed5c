package front

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// clients are certificates of clients, and whom they come from.
type clients struct {
	roots                         *x509.CertPool
	root                          *x509.Certificate
	good, forServer, past, future tls.Certificate
	stranger                      tls.Certificate // self-signed
}

func newClients(t *testing.T) *clients {
	t.Helper()
	now := time.Now()
	issue := func(issuer *tls.Certificate, use x509.ExtKeyUsage, from, to time.Duration) tls.Certificate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
		require.NoError(t, err)
		c := &x509.Certificate{
			SerialNumber: serial, Subject: pkix.Name{CommonName: "client <b>"}, NotBefore: now.Add(from), NotAfter: now.Add(to),
			BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{use},
		}
		parent, signer := c, key
		if issuer != nil {
			parent, signer = issuer.Leaf, issuer.PrivateKey.(*ecdsa.PrivateKey)
		} else {
			c.IsCA, c.ExtKeyUsage, c.Subject.CommonName = true, nil, "clients' root"
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		require.NoError(t, err)
		leaf, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	}
	root := issue(nil, 0, -1000*time.Hour, 1000*time.Hour)
	client := x509.ExtKeyUsageClientAuth
	c := &clients{
		roots: x509.NewCertPool(), root: root.Leaf,
		good:      issue(&root, client, -time.Hour, time.Hour),
		forServer: issue(&root, x509.ExtKeyUsageServerAuth, -time.Hour, time.Hour),
		past:      issue(&root, client, -2*time.Hour, -time.Hour),
		future:    issue(&root, client, time.Hour, 2*time.Hour),
		stranger:  issue(nil, client, -time.Hour, time.Hour),
	}
	c.roots.AddCert(root.Leaf)
	return c
}

// The verdict, as a client gets it.
func TestClientCertificates(t *testing.T) {
	c := newClients(t)
	upstream := startApp(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("application: " + r.Header.Get("X-Ssl-Cert")))
	})
	none, asked, needed := devcert.NoClientCert, devcert.RequestClientCert, devcert.RequireClientCert
	tests := []struct {
		name   string
		mode   devcert.ClientCertMode
		sent   *tls.Certificate
		status int
		code   string
		reason string
	}{
		{"none asked for", none, &c.good, 200, "", ""},
		{"nothing said", "", &c.good, 200, "", ""},
		{"none asked for, and none had", none, nil, 200, "", ""},
		{"requested, none", asked, nil, 200, "", ""},
		{"requested, good", asked, &c.good, 200, "", ""},
		{"requested, for servers", asked, &c.forServer, 403, "403.16", "its extended key usage does not list it"},
		{"requested, expired", asked, &c.past, 403, "403.17", "expired on"},
		{"required, good", needed, &c.good, 200, "", ""},
		{"required, none", needed, nil, 403, "403.7", "a client certificate is required, and none was sent"},
		{"required, stranger", needed, &c.stranger, 403, "403.16", "is self-signed"},
		{"required, for servers", needed, &c.forServer, 403, "403.16", "its extended key usage does not list it"},
		{"required, expired", needed, &c.past, 403, "403.17", "expired on"},
		{"required, not yet valid", needed, &c.future, 403, "403.17", "is not valid before"},
	}
	for _, test := range tests {
		for _, protocol := range spoken {
			t.Run(test.name+" over "+protocol, func(t *testing.T) {
				s := forwarding(t, upstream)
				s.ClientCert = test.mode
				s.CertHeaders = []devcert.CertHeader{{Name: "X-Ssl-Cert", Encoding: devcert.CertHex}}
				f := handled(t, s, c.roots)
				var certs []tls.Certificate
				thumbprint, forwarded := "-", ""
				if test.sent != nil {
					certs = append(certs, *test.sent)
					if test.mode == asked || test.mode == needed {
						thumbprint = chain.Thumbprint(test.sent.Leaf)
						forwarded = strings.ToUpper(hex.EncodeToString(test.sent.Leaf.Raw))
					}
				}
				client := f.client(protocol, certs...)
				for range 2 { // of one connection, where it goes on
					answer, body := fetchAll(t, client, newRequest(t, "GET", f.URL, nil))
					assert.Equal(t, test.status, answer.StatusCode)
					if test.status == 200 {
						assert.Equal(t, "application: "+forwarded, body)
						continue
					}
					assert.Contains(t, body, "devcert: "+test.code+" Client certificate ")
					assert.Contains(t, body, test.reason)
					assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
					assert.Equal(t, protocol == "HTTP/1.1", answer.Close, "another certificate takes another handshake")
				}
				log, who := f.logged(), upstream
				if test.code != "" {
					who = "-"
				}
				assert.Equal(t, 2, strings.Count(log, "ms "), log)
				assert.Equal(t, 2, strings.Count(log, "ms "+who+" "+thumbprint+" ")+strings.Count(log, "ms "+who+" "+thumbprint+"\n"), log)
				if test.code != "" {
					assert.Contains(t, log, " - "+thumbprint+" "+test.code+"\n")
				}
			})
		}
	}
}

// The gate stands before everything that is served.
func TestTheGateIsBeforeThePage(t *testing.T) {
	for name, s := range map[string]devcert.Serving{"page": {}, "static": {Static: t.TempDir()}} {
		s.ClientCert = devcert.RequireClientCert
		f := handled(t, s, nil)
		answer, _ := fetchAll(t, f.client("HTTP/2.0"), newRequest(t, "GET", f.URL, nil))
		assert.Equal(t, 403, answer.StatusCode, name)
	}
}

// Authorities that were named take the place of this machine's own.
func TestNamedAuthorities(t *testing.T) {
	mine, theirs := newClients(t), newClients(t)
	s := devcert.Serving{ClientCert: devcert.RequireClientCert, ClientCAs: []*x509.Certificate{theirs.root}}
	f := handled(t, s, mine.roots)
	answer, _ := fetchAll(t, f.client("HTTP/1.1", theirs.good), newRequest(t, "GET", f.URL, nil))
	assert.Equal(t, 200, answer.StatusCode)
	answer, _ = fetchAll(t, f.client("HTTP/1.1", mine.good), newRequest(t, "GET", f.URL, nil))
	assert.Equal(t, 403, answer.StatusCode)
}

// A connection that stays open does not outlive its certificate, nor the trust in
// it.
func TestVerdictsAreNotForEver(t *testing.T) {
	c := newClients(t)
	now, known := time.Now(), &trust{roots: c.roots}
	verified := 0
	j := newJudge(devcert.Serving{ClientCert: devcert.RequireClientCert}, func() *trust { verified++; return known })
	r := newRequest(t, "GET", "https://localhost/", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c.good.Leaf}}
	conn := &connection{}
	assert.Equal(t, "", string(j.verdict(conn, r, now).Status))
	judged := conn.cert.judged
	assert.Equal(t, "", string(j.verdict(conn, r, now.Add(verdictAge-1)).Status))
	assert.Equal(t, judged, conn.cert.judged, "not verified again for each request")
	assert.Equal(t, "403.17", string(j.verdict(conn, r, now.Add(2*time.Hour)).Status))
	assert.Equal(t, "", string(j.verdict(conn, r, now).Status), "the clock was set back")
	known = &trust{roots: c.roots, revoked: []disk.Revocation{disk.Revoke("bob", c.good.Leaf, now)}}
	assert.Equal(t, "403.13", string(j.verdict(conn, r, now).Status), "revoked since")
	known = &trust{roots: x509.NewCertPool()}
	assert.Equal(t, "403.16", string(j.verdict(conn, r, now).Status), "another root since")
	known = &trust{}
	assert.Equal(t, "403.16", string(j.verdict(conn, r, now).Status), "uninstalled since")
}

// The clock is the Serving's.
func TestJudgedByTheServingsClock(t *testing.T) {
	c := newClients(t)
	var ahead atomic.Int64
	s := devcert.Serving{ClientCert: devcert.RequireClientCert, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}
	f := handled(t, s, c.roots)
	client := f.client("HTTP/2.0", c.good)
	answer, _ := fetchAll(t, client, newRequest(t, "GET", f.URL, nil))
	assert.Equal(t, 200, answer.StatusCode)
	ahead.Store(int64(2 * time.Hour))
	answer, body := fetchAll(t, client, newRequest(t, "GET", f.URL, nil))
	assert.Equal(t, 403, answer.StatusCode)
	assert.Contains(t, body, "403.17")
}
