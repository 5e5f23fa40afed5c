package devcert

import (
	"context"
	"crypto/x509"
	"io"
	"net/netip"
	"net/url"
	"time"
)

// Server makes the bindings real on loopback: it listens on the bound ports,
// presents the bound certificates and forwards to the developer's application.
type Server interface {
	// Serve listens and answers until ctx ends; what runs then may end for
	// [ServeGrace]. It changes nothing outside this process. The error is nil when
	// everything that was asked for by number was served, a [PartialError] when a
	// part was, and otherwise says why nothing could be.
	Serve(ctx context.Context, s Serving) error
}

// ServeGrace is how long requests may take to end once serving is to stop.
const ServeGrace = 5 * time.Second

// CRLPort is where the profile's distribution points say that the CRLs are, in
// plain HTTP.
const CRLPort = 44298

// Serving is what is to be served, and how.
type Serving struct {
	// Ports were asked for by number: each presents what it is bound to, else the
	// leaf. None means every bound port, followed as the table changes.
	Ports []int
	// Addresses are listened on; none means 127.0.0.1 and ::1.
	Addresses []netip.Addr
	// To is where every port forwards that is not in Map; nil for none.
	To *url.URL
	// Map is where single ports forward.
	Map map[int]*url.URL
	// Static is the absolute path of a folder whose files are served where nothing
	// is forwarded; "" for none. Where there is neither, devcert's own page is.
	Static string
	// ClientCert says whether clients are asked for a certificate.
	ClientCert ClientCertMode
	// ClientCAs are whom a client's certificate must come from; none means this
	// machine's own root.
	ClientCAs []*x509.Certificate
	// CertHeaders carry the client's certificate to the application.
	CertHeaders []CertHeader
	// Log is where each request becomes a line; nil for nowhere.
	Log io.Writer
	// LogJSON makes each of those lines a JSON object.
	LogJSON bool
	// Report looks at the machine, for devcert's own page.
	Report func(context.Context) (*Report, error)
	// Listening is told once, when everything that can be listened on is.
	Listening func(Listening)
	// Say is told what a person should know while it serves, in one line.
	Say func(line string)
	// Now is the time by which certificates are judged.
	Now func() time.Time
}

// ClientCertMode says what is asked of clients in the handshake.
type ClientCertMode string

// The modes, as `serve --client-cert` takes them.
const (
	NoClientCert      ClientCertMode = "none"
	RequestClientCert ClientCertMode = "request"
	RequireClientCert ClientCertMode = "require"
)

// CertHeader is a request header that carries the client's certificate.
type CertHeader struct {
	Name     string // as http.CanonicalHeaderKey writes it
	Encoding CertEncoding
}

// CertEncoding is the form in which an application expects a certificate.
type CertEncoding string

// The encodings, as `serve --cert-header` takes them.
const (
	CertHex    CertEncoding = "hex"     // the DER in hex: ASP.NET Core's documentation, X-SSL-CERT
	CertBase64 CertEncoding = "base64"  // the DER in base64: Azure's X-ARR-ClientCert, X-Client-Cert
	CertPEMURL CertEncoding = "pem-url" // URL-encoded PEM: nginx's $ssl_client_escaped_cert
)

// Listening is what a server listens on.
type Listening struct {
	Ports     []int // served, in ascending order
	Addresses []netip.Addr
	Failed    []PortFailure
	Took      time.Duration
}

// PortFailure is a port that could not be listened on.
type PortFailure struct {
	Port   int
	Holder string // the process that has it, as the system tells; "" when it does not
	Err    error
}
