package devcert

import (
	"context"
	"time"
)

// Binding says which certificate a port is meant to present.
type Binding struct {
	Port       int
	Thumbprint string // SHA-1 of the leaf, upper-case hex
	// Address is the one address or name that it is for, as the binder writes
	// it; "" when it is for all that no other binding of the port is for.
	Address string
	// AppID is the application it was made for, a {GUID} in lower case; "" where
	// the binder knows of none.
	AppID string
	// Broken is why its certificate cannot be served, in a line; "" when it can,
	// as far as can be seen.
	Broken string
	// ClientCerts says whether clients are asked for a certificate.
	ClientCerts Asks
}

// Asks says whether a server asks its clients for a certificate in the first
// handshake, the only one that TLS 1.3 has.
type Asks string

// The answers. The zero value says that it is not known; in an order, that it is
// to stay as it is.
const (
	AsksUnknown Asks = ""
	AsksClients Asks = "yes"
	AsksNobody  Asks = "no"
)

// PortRange is a run of ports: both ends belong to it.
type PortRange struct{ First, Last int }

// PortTable is what a binder knows of the ports.
type PortTable struct {
	Bindings []Binding
	// Machine says that only an administrator may change it.
	Machine bool
	// Reserves says that a plain user may listen only on a port of Reserved.
	Reserves bool
	Reserved []int
	// Excluded are ports that the system keeps for itself.
	Excluded []PortRange
	// ClientCerts says that a binding can ask for client certificates. It holds
	// also beside an error.
	ClientCerts bool
}

// BindOrder asks for bindings of ports to one certificate.
type BindOrder struct {
	Ports      []int
	Thumbprint string // "" in a preview: of a leaf that is not made yet
	AppID      string // "" for the binder's usual one
	// TakeOver replaces also what another application bound.
	TakeOver bool
	// ClientCerts says whether the bindings ask clients for a certificate. What is
	// bound and not another application's keeps what it has with AsksUnknown.
	ClientCerts Asks
}

// Answer is what a TLS handshake with a bound port brought.
type Answer struct {
	Port     int
	Address  string        // the loopback address that was asked
	Listener string        // thumbprint of the certificate presented; "" when none was
	Err      error         // why there is none, or how the other address differs; nil when nobody listens
	Took     time.Duration // from connecting to the end of the handshake
}

// Binder keeps the bindings: HTTP.sys on Windows, devcert's own front elsewhere.
type Binder interface {
	// Table is everything that is bound, by whomever. One that cannot be read is
	// an error, never an empty table; one that does not exist is empty.
	Table(ctx context.Context) (PortTable, error)
	// Bind binds each port, replacing what stood there, which it remembers where
	// that was another application's.
	Bind(ctx context.Context, order BindOrder) error
	// CanServe says why the certificate with this thumbprint cannot be bound;
	// nil when it can. The leaf always can.
	CanServe(thumbprint string) error
	// Preview gives the commands that Bind would run; none where it runs none.
	Preview(ctx context.Context, order BindOrder) ([]string, error)
	// Unbind removes devcert's bindings of ports and puts back what they
	// replaced. A port that is not bound is no error.
	Unbind(ctx context.Context, ports []int) error
	// Probe does a TLS handshake with every port, all at once, on each loopback
	// address, and reports one answer per port: the first that presents a
	// certificate, else one that says why there is none.
	Probe(ctx context.Context, ports []int) []Answer
}
