package devcert

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// ParseUpstream reads the URL of an application: http or https, a host, and a
// path before that of each request where there is one.
func ParseUpstream(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	problem := ""
	switch {
	case err != nil && (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")):
		problem = "it is not a URL"
	case err != nil, u.Scheme != "http" && u.Scheme != "https":
		problem = "it does not begin with http:// or https://"
	case u.Hostname() == "":
		problem = "it names no host"
	case u.User != nil:
		return nil, upstreamError("it carries a password, which would be sent with every request", "the URL")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		problem = "it has more than a host and a path"
	case !isPort(u.Port()), strings.HasSuffix(u.Host, ":"):
		problem = "its port is not 1 to 65535"
	}
	if problem != "" {
		return nil, upstreamError(problem, strconv.Quote(text))
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}, nil
}

func upstreamError(problem, what string) error {
	return &UsageError{
		Problem: "cannot forward to " + what + ": " + problem,
		Hint:    "write for instance http://localhost:5000",
	}
}

// isPort says whether a URL's port can be connected to; one that is absent is the
// scheme's.
func isPort(text string) bool {
	n, err := strconv.Atoi(text)
	return text == "" || err == nil && n >= 1 && n <= 65535
}

// ParseMapping reads PORT=URL.
func ParseMapping(text string) (int, *url.URL, error) {
	left, right, found := strings.Cut(text, "=")
	ports, err := ParsePorts(left)
	if !found || err != nil || len(ports) != 1 {
		return 0, nil, &UsageError{
			Problem: fmt.Sprintf("%q does not map a port", text),
			Hint:    "write for instance 44301=http://localhost:5001",
		}
	}
	u, err := ParseUpstream(right)
	return ports[0], u, err
}

// meaningful are headers that clients send or the front sets, and applications or
// HTTP itself go by (RFC 9110, sections 7 and 10 to 13; RFC 9112, section 6). One
// that carries a certificate is taken from every client.
var meaningful = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection", "Content-Encoding",
	"Content-Length", "Content-Type", "Cookie", "Date", "Expect", "Forwarded", "From", "Host", "Http2-Settings",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Max-Forwards",
	"Origin", "Proxy-Authorization", "Proxy-Connection", "Range", "Referer", "Te", "Trailer", "Transfer-Encoding",
	"Upgrade", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-Proto", "X-Requested-With",
}

// ParseCertHeader reads NAME:ENCODING.
func ParseCertHeader(text string) (CertHeader, error) {
	name, encoding, _ := strings.Cut(text, ":")
	h := CertHeader{http.CanonicalHeaderKey(name), CertEncoding(encoding)}
	known := slices.Contains([]CertEncoding{CertHex, CertBase64, CertPEMURL}, h.Encoding)
	if slices.Contains(meaningful, h.Name) {
		return CertHeader{}, &UsageError{
			Problem: name + " cannot carry a certificate: it has a meaning of its own",
			Hint:    "take a name of the application's own, as X-SSL-CERT:hex",
		}
	}
	if !known || !httpguts.ValidHeaderFieldName(name) {
		return CertHeader{}, &UsageError{
			Problem: fmt.Sprintf("%q is not a header and how it carries a certificate", text),
			Hint:    "write X-SSL-CERT:hex, X-ARR-ClientCert:base64, X-Client-Cert:base64 or NAME:pem-url",
		}
	}
	return h, nil
}

// ParseListen reads an address to listen on.
func ParseListen(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, &UsageError{
			Problem: fmt.Sprintf("cannot listen on %q: it is not an IP address", text),
			Hint:    "write for instance 127.0.0.1, ::1 or 0.0.0.0",
		}
	}
	return a.Unmap(), nil
}

// ParseClientCAs reads the certificates in PEM from which clients' are to come.
func ParseClientCAs(path string, data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &UsageError{Problem: fmt.Sprintf("%s: certificate %d: %v", path, len(certs)+1, err), Hint: "write the file anew"}
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, &UsageError{Problem: path + " holds no certificate in PEM", Hint: "write those of the authorities into it"}
	}
	for _, c := range certs {
		if !c.IsCA {
			return nil, &UsageError{
				Problem: fmt.Sprintf("%s: the certificate of %q is not one of an authority", path, c.Subject),
				Hint:    "name the file of those that issued the clients' certificates",
			}
		}
	}
	return certs, nil
}

// appURL finds where `dotnet run` has the project's application listen: the first
// profile that starts the project itself, else IIS Express's; "" when there is
// none. Of several addresses plain HTTP is taken: the front does the TLS.
func appURL(profiles json.RawMessage, iisExpress string) string {
	for _, list := range append(projectURLs(profiles), iisExpress) {
		addresses := strings.Split(list, ";")
		slices.SortStableFunc(addresses, func(a, b string) int { // http before https
			return strings.Compare(strings.ToLower(scheme(a)), strings.ToLower(scheme(b)))
		})
		for _, a := range addresses {
			if u, err := ParseUpstream(reachable(strings.TrimSpace(a))); err == nil {
				return u.String()
			}
		}
	}
	return ""
}

func scheme(address string) string {
	s, _, _ := strings.Cut(strings.TrimSpace(address), "://")
	return s
}

// projectURLs are the applicationUrl of the profiles that start the project, in
// the file's order, which is the one that counts: `dotnet run` takes the first.
func projectURLs(profiles json.RawMessage) []string {
	var urls []string
	d := json.NewDecoder(strings.NewReader(string(profiles)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		if _, err := d.Token(); err != nil {
			return urls
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return urls
		}
		var profile struct{ CommandName, ApplicationURL string }
		if json.Unmarshal(raw, &profile) == nil && strings.EqualFold(profile.CommandName, "Project") {
			urls = append(urls, profile.ApplicationURL)
		}
	}
	return urls
}

// reachable puts localhost where a server's address says every address of this
// machine's.
func reachable(address string) string {
	for _, every := range []string{"*", "+", "0.0.0.0", "[::]"} {
		for _, s := range []string{"http://", "https://"} {
			if rest, found := strings.CutPrefix(address, s+every); found && (rest == "" || rest[0] == ':' || rest[0] == '/') {
				return s + "localhost" + rest
			}
		}
	}
	return address
}

// toItself says whether u leads back to a port that is served, on this machine.
func toItself(u *url.URL, ports []int) bool {
	port := u.Port()
	if port == "" && u.Scheme == "https" {
		port = "443"
	}
	n, _ := strconv.Atoi(port)
	ip := net.ParseIP(u.Hostname())
	return slices.Contains(ports, n) && (u.Hostname() == "localhost" || ip.IsLoopback() || ip.IsUnspecified())
}
