package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"devcert/devcert/chain"
)

// Server makes the bindings real on loopback: it listens on the bound ports,
// presents the bound certificates and forwards to the developer's application.
type Server interface {
	// Serve listens and answers until ctx ends; what runs then may end for
	// [ServeGrace]. It changes nothing outside this process. The error is nil when
	// everything that was asked for by number was served, on each address that this
	// machine has, a [PartialError] when a part was, and otherwise says why nothing
	// could be.
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
	// leaf. None means every bound port, followed as the table changes. Those of
	// Map are asked for by number besides.
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
	// Flaws are ports that present a certificate which clients should refuse, and why.
	// They are asked for by number.
	Flaws map[int]chain.Flaw
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
	Ports     []int // served on each of Addresses, in ascending order
	Addresses []netip.Addr
	Failed    []PortFailure // in ascending order of their ports
	Took      time.Duration
}

// Err is not nil when a port that was asked for by number failed.
func (l Listening) Err() error {
	var failed []error
	for _, f := range l.Failed {
		if f.Asked {
			failed = append(failed, &PartialError{f.Err})
		}
	}
	return errors.Join(failed...)
}

// PortsOn are ports that are served on the same addresses.
type PortsOn struct {
	Ports     []int
	Addresses []netip.Addr
}

// Served are all ports that are served anywhere, by where: those first that are
// on every address.
func (l Listening) Served() []PortsOn {
	var out []PortsOn
	if len(l.Ports) > 0 {
		out = append(out, PortsOn{l.Ports, l.Addresses})
	}
	failed := map[int][]netip.Addr{}
	for _, f := range l.Failed {
		failed[f.Port] = append(failed[f.Port], f.Address)
	}
	for _, port := range slices.Sorted(maps.Keys(failed)) {
		if slices.Contains(failed[port], netip.Addr{}) {
			continue // served nowhere
		}
		on := slices.DeleteFunc(slices.Clone(l.Addresses), func(a netip.Addr) bool { return slices.Contains(failed[port], a) })
		if at := slices.IndexFunc(out, func(p PortsOn) bool { return slices.Equal(p.Addresses, on) }); at >= 0 {
			out[at].Ports = append(slices.Clone(out[at].Ports), port)
		} else if len(on) > 0 {
			out = append(out, PortsOn{[]int{port}, on})
		}
	}
	return out
}

// PortFailure is a port that could not be listened on.
type PortFailure struct {
	Port int
	// Address is the one where it could not; it is served on the others. The zero
	// value says that it is served on none.
	Address netip.Addr
	Holder  string // the process that has it, as the system tells; "" when it does not
	Asked   bool   // for by number
	Err     error  // in words for a person, about the cause
}

// Serve serves until ctx ends: see [Server]. Nothing is changed.
func (e *Engine) Serve(ctx context.Context, s Serving) error {
	if err := e.servable(ctx, &s); err != nil {
		return err
	}
	s.Now, s.Say = e.Now, e.Say
	e.warn(&s)
	looking := *e
	looking.Projects = nil // their ports are served, bound or not
	// Without a probe: who serves the ports would ask itself.
	s.Report = func(ctx context.Context) (*Report, error) { return looking.Status(ctx, false) }
	return e.Host.Server.Serve(ctx, s)
}

// warn says of the authorities of clients' certificates that none will be accepted.
func (e *Engine) warn(s *Serving) {
	if s.ClientCert != NoClientCert && s.ClientCert != "" && len(s.ClientCAs) == 0 {
		if seen, err := e.folder().Snapshot(); err == nil && seen.Hierarchy.ClientIntermediate.Cert == nil {
			s.Say("warning: no client's certificate comes from this machine's root: name --client-ca, or devcert setup --client-certs")
		}
	}
	for _, ca := range s.ClientCAs {
		if s.Now().After(ca.NotAfter) {
			s.Say(fmt.Sprintf("warning: %q of --client-ca expired on %s: no client is accepted by it", ca.Subject.CommonName, day(ca.NotAfter)))
		}
	}
}

// InstallServing makes the system serve s from now on and after every login. args
// are the flags that say s, with absolute paths.
func (e *Engine) InstallServing(ctx context.Context, s Serving, args []string) (*Report, error) {
	if len(s.Flaws) > 0 {
		return nil, &UsageError{Problem: "--flaw is for trying out how clients refuse, and no service", Hint: "leave it or --install-service out"}
	}
	if err := e.servable(ctx, &s); err != nil {
		return nil, err
	}
	return e.InstallService(ctx, ServeService, args)
}

// servable says why s cannot be served.
func (e *Engine) servable(ctx context.Context, s *Serving) error {
	if e.Host.Server == nil {
		return fmt.Errorf("serving on the ports: %w", ErrUnsupported)
	}
	table, err := e.Host.Binder.Table(ctx)
	if err != nil {
		return refuseNewer(err)
	}
	if snapshot, err := e.folder().Snapshot(); err != nil {
		return refuseNewer(err)
	} else if snapshot.Hierarchy.Root == nil && snapshot.Config == nil {
		return notSetUp("devcert setup")
	}
	return s.check(table)
}

// Forward maps the port of each project to its application, where nothing else
// was said of that port.
func (s *Serving) Forward(projects []Project) error {
	s.Map = maps.Clone(s.Map)
	if s.Map == nil {
		s.Map = map[int]*url.URL{}
	}
	for _, p := range projects {
		if p.SSLPort == 0 || p.AppURL == "" {
			missing := "sslPort"
			if p.SSLPort != 0 {
				missing = "applicationUrl"
			}
			return &UsageError{
				Problem: fmt.Sprintf("%s names no %s", p.Path, missing),
				Hint:    "say it:  devcert serve --map 44300=http://localhost:5000",
			}
		}
		if s.Map[p.SSLPort] != nil {
			continue
		}
		u, err := ParseUpstream(p.AppURL)
		if err != nil {
			return err
		}
		s.Map[p.SSLPort] = u
	}
	return nil
}

// check refuses what contradicts itself or would serve nothing.
func (s *Serving) check(table PortTable) error {
	asked := slices.Concat(s.Ports, slices.Collect(maps.Keys(s.Map)))
	if table.Machine && len(asked) == 0 {
		return &UsageError{
			Problem: "the bound ports are served by this system itself",
			Hint:    "name others:  devcert serve --port 8443 --to http://localhost:5000",
		}
	}
	if !table.Machine && len(s.Ports) == 0 {
		asked = append(asked, portsOf(table.Bindings)...)
	}
	if len(asked) == 0 {
		return &UsageError{Problem: "no port is bound, and none was named", Hint: "devcert setup binds " + DefaultPorts + "; --port names others"}
	}
	if s.Map[CRLPort] != nil || slices.Contains(s.Ports, CRLPort) {
		return &UsageError{Problem: fmt.Sprintf("port %d is for the revocation lists", CRLPort), Hint: "serve another port"}
	}
	for _, u := range append(slices.Collect(maps.Values(s.Map)), s.To) {
		if u != nil && toItself(u, asked) {
			return &UsageError{
				Problem: "cannot forward to " + u.String() + ": devcert itself is to serve there",
				Hint:    "name the port on which the application listens",
			}
		}
	}
	switch {
	case s.To != nil && s.Static != "":
		return &UsageError{Problem: "--to and --static contradict each other", Hint: "--map PORT=URL forwards single ports beside --static"}
	case s.ClientCert == NoClientCert && (len(s.CertHeaders) > 0 || len(s.ClientCAs) > 0):
		return &UsageError{
			Problem: "--cert-header and --client-ca are about clients' certificates, and none is asked for",
			Hint:    "add --client-cert request, or require",
		}
	}
	return nil
}
