package front

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strings"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// ownHeaders are those by which servers behind a proxy learn of the client's
// certificate, folded. An application that reads one takes it for the proxy's
// word, so that none may come from a client, whether this front sets it or not.
var ownHeaders = []string{
	"X_SSL_CERT",               // ASP.NET Core's documentation, nginx
	"X_ARR_CLIENTCERT",         // Azure App Service, Application Request Routing
	"X_CLIENT_CERT",            // ASP.NET Core's default
	"CLIENT_CERT",              // RFC 9440, which section 4 demands it
	"CLIENT_CERT_CHAIN",        // the same
	"MS_ASPNETCORE_CLIENTCERT", // IIS in front of Kestrel
	"SSL_CLIENT_CERT",          // nginx in Kubernetes, Apache
	"X_SSL_CLIENT_CERT",        // HAProxy's and Apache's documentation
}

// ownPrefix is of headers that say where a request came from, Envoy's and
// Traefik's for certificates among them. The front is the first hop: nobody
// before it has anything to say.
const ownPrefix = "X_FORWARDED_"

// stripper takes away the headers that only the front may set.
type stripper struct {
	names   map[string]bool // folded
	longest int
}

func newStripper(configured []devcert.CertHeader) *stripper {
	s := &stripper{names: map[string]bool{"FORWARDED": true}, longest: len(ownPrefix)}
	for _, name := range ownHeaders {
		s.add(name)
	}
	for _, h := range configured {
		s.add(h.Name)
	}
	return s
}

func (s *stripper) add(name string) {
	folded := make([]byte, len(name))
	for i := range folded {
		folded[i] = fold(name[i])
	}
	s.names[string(folded)] = true
	s.longest = max(s.longest, len(name))
}

// fold writes a byte of a header's name as servers do that hand headers on as
// variables: RFC 3875 section 4.1.18 makes upper case and "_" for "-", so that
// X_SSL_CERT arrives as X-SSL-CERT does; Apache, lighttpd and PHP fold dots and
// others too.
func fold(b byte) byte {
	switch {
	case 'a' <= b && b <= 'z':
		return b - 'a' + 'A'
	case 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return b
	}
	return '_'
}

// forbids says whether a client may not send a header of this name.
func (s *stripper) forbids(name string) bool {
	var space [128]byte
	folded := space[:0]
	for i := range min(len(name), max(s.longest, len(ownPrefix))) {
		folded = append(folded, fold(name[i]))
	}
	if strings.HasPrefix(string(folded), ownPrefix) {
		return true
	}
	return len(name) <= s.longest && s.names[string(folded)]
}

func (s *stripper) cleanHeader(h http.Header) {
	for name := range h {
		if s.forbids(name) {
			delete(h, name)
		}
	}
}

// clean takes the forbidden headers out of r, and out of its trailers, of which
// only those that were announced are here yet.
func (s *stripper) clean(r *http.Request) {
	s.cleanHeader(r.Header)
	if r.Trailer != nil {
		s.cleanHeader(r.Trailer)
		r.Body = &cleanTrailers{r.Body, r, s}
	}
}

// cleanTrailers is a request's body. Over HTTP/1.1 a client can send trailers that
// it did not announce; net/http adds them when the body has been read.
type cleanTrailers struct {
	io.ReadCloser
	request *http.Request
	strip   *stripper
}

func (b *cleanTrailers) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.strip.cleanHeader(b.request.Trailer)
	}
	return n, err
}

// certValue is a header that carries a certificate. All requests of a connection
// share the value.
type certValue struct {
	name  string
	value []string
}

// encodeCert makes the headers that carry cert.
func encodeCert(cert *x509.Certificate, headers []devcert.CertHeader) []certValue {
	values := make([]certValue, 0, len(headers))
	for _, h := range headers {
		text := ""
		switch h.Encoding {
		case devcert.CertHex:
			text = strings.ToUpper(hex.EncodeToString(cert.Raw))
		case devcert.CertBase64:
			text = base64.StdEncoding.EncodeToString(cert.Raw)
		case devcert.CertPEMURL:
			text = escapePEM(chain.EncodeCertificates(cert))
		}
		values = append(values, certValue{http.CanonicalHeaderKey(h.Name), []string{text}})
	}
	return values
}

// escapePEM escapes as nginx does for $ssl_client_escaped_cert: everything but
// letters, digits and "-._~" (ngx_escape_uri with NGX_ESCAPE_URI_COMPONENT), a
// space as %20, in upper-case hex, the last line break too.
func escapePEM(text []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(text)*5/4)
	for _, b := range text {
		if f := fold(b); f != '_' || b == '_' || b == '-' || b == '.' || b == '~' {
			out = append(out, b)
			continue
		}
		out = append(out, '%', digits[b>>4], digits[b&15])
	}
	return string(out)
}
