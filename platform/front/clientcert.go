package front

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"slices"
	"sync"
	"time"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
	"devcert/devcert/disk"
)

// judge gives the verdict on clients' certificates. In the handshake they are only
// asked for, and any is taken, as IIS does: a browser shows a person no more of a
// refused handshake than a number, while a verdict in HTTP can say why.
type judge struct {
	mode    devcert.ClientCertMode
	own     *x509.CertPool // of the Serving; nil for that of trust
	anchors []*x509.Certificate
	trust   func() *trust
	headers []devcert.CertHeader
}

// trust is what the state folder says about clients' certificates. It is never
// changed: what is read later is another one.
type trust struct {
	roots *x509.CertPool
	// behind helps to build chains: browsers send the leaf alone.
	behind  []*x509.Certificate
	revoked []disk.Revocation
	// unread is why it is not known what was revoked; nil when it is.
	unread error
	// listed are the authorities whose certificates can be among the revoked.
	listed []*x509.Certificate
}

func (t *trust) isRevoked(c *x509.Certificate) (bool, error) {
	by := func(issuer *x509.Certificate) bool { return bytes.Equal(issuer.SubjectKeyId, c.AuthorityKeyId) }
	if t.unread != nil && slices.ContainsFunc(t.listed, by) {
		return false, t.unread
	}
	return disk.IsRevoked(t.revoked, c), nil
}

func newJudge(s devcert.Serving, known func() *trust) *judge {
	j := &judge{mode: s.ClientCert, trust: known, headers: s.CertHeaders}
	if len(s.ClientCAs) > 0 {
		j.own, j.anchors = x509.NewCertPool(), s.ClientCAs
		for _, c := range s.ClientCAs {
			j.own.AddCert(c)
		}
	}
	return j
}

// verdictAge is how long a verdict holds for its connection. Time goes on, and the
// roots can change, while a connection is open; verifying takes as long as a few
// requests.
const verdictAge = time.Second

// connCert is the client's certificate of a connection and what was made of it.
type connCert struct {
	mu         sync.Mutex // HTTP/2 has many requests at a time
	leaf       *x509.Certificate
	thumbprint string
	headers    []certValue
	verdict    clientauth.Verdict
	trust      *trust
	judged     time.Time
}

// verdict judges the certificate of r's connection, and notes it there.
func (j *judge) verdict(c *connection, r *http.Request, now time.Time) clientauth.Verdict {
	if j.mode != devcert.RequestClientCert && j.mode != devcert.RequireClientCert {
		return clientauth.Verdict{} // nothing was asked for, and nothing is passed on
	}
	var sent []*x509.Certificate
	if r.TLS != nil {
		sent = r.TLS.PeerCertificates
	}
	c.cert.mu.Lock()
	defer c.cert.mu.Unlock()
	if len(sent) > 0 && c.cert.leaf != sent[0] {
		c.cert.leaf, c.cert.judged = sent[0], time.Time{}
		c.cert.thumbprint = chain.Thumbprint(sent[0])
		c.cert.headers = encodeCert(sent[0], j.headers)
	}
	known := j.trust()
	age := now.Sub(c.cert.judged)
	if c.cert.judged.IsZero() || c.cert.trust != known || age < 0 || age >= verdictAge {
		s := clientauth.Serve{
			Required: j.mode == devcert.RequireClientCert, Roots: known.roots,
			Intermediates: known.behind, Revoked: known.isRevoked,
		}
		if j.own != nil {
			s.Roots, s.Anchors = j.own, j.anchors
		}
		c.cert.verdict, c.cert.trust, c.cert.judged = s.Judge(sent, now), known, now
	}
	return c.cert.verdict
}

// setHeaders tells the application of the certificate, where there is one.
func (c *connection) setHeaders(h http.Header) {
	c.cert.mu.Lock()
	defer c.cert.mu.Unlock()
	for _, header := range c.cert.headers {
		h[header.name] = header.value
	}
}

// shown is the thumbprint of the certificate that the client has shown; "" for
// none.
func (c *connection) shown() string {
	c.cert.mu.Lock()
	defer c.cert.mu.Unlock()
	return c.cert.thumbprint
}

// refuseCert answers with the verdict. The connection ends with it: the client
// can show another certificate only in another handshake.
func refuseCert(x *exchange, r *http.Request, v clientauth.Verdict) {
	x.note = string(v.Status)
	x.Header().Set("Connection", "close") // for HTTP/2, net/http says GOAWAY
	answer{
		status: http.StatusForbidden, code: string(v.Status), title: certTitles[v.Status], reason: v.Reason, remedy: v.Remedy,
	}.write(x, r)
}

// certTitles are IIS's own words, for people who look them up.
var certTitles = map[clientauth.Status]string{
	clientauth.Required:  "Client certificate required",
	clientauth.Revoked:   "Client certificate revoked",
	clientauth.Untrusted: "Client certificate is untrusted or invalid",
	clientauth.OutOfTime: "Client certificate has expired or is not yet valid",
}
