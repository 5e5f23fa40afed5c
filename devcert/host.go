package devcert

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"devcert/devcert/chain"
	"devcert/devcert/disk"
)

// Sentinels that a host returns, wrapped with what was tried. Callers branch on
// them with errors.Is; every other error means that the attempt failed.
var (
	// ErrNeedsAdmin: administrator rights are needed and cannot be had without
	// asking somebody (exit 4).
	ErrNeedsAdmin = errors.New("needs administrator rights")
	// ErrDeclined: a person was asked and said no, or did not answer (exit 5).
	ErrDeclined = errors.New("declined")
	// ErrTableDamaged: the binder's table is a file of the state folder, and cannot
	// be understood. It is set aside and written anew.
	ErrTableDamaged = errors.New("the binding table is damaged")
	// ErrUnsupported: this machine has no such store, or none that devcert knows.
	ErrUnsupported = errors.New("not supported on this machine")
)

// Host is the machine a command acts on, seen through the few things devcert
// needs of it. It is made once per process and belongs to one user.
type Host struct {
	// Owner is whom the state folder and the stores belong to.
	Owner Owner
	// StateDir is the absolute path of the state folder, which need not exist.
	StateDir string
	// Link is the symbolic link that led to StateDir, its owner's way of keeping
	// the folder elsewhere; "" when none did.
	Link string
	// Elsewhere says that StateDir is not where this owner's would be found
	// without a flag or variable.
	Elsewhere bool
	// Files creates and judges private files the way this system does.
	Files disk.Files
	// Stores are those this system can have, in the order they are shown.
	Stores []Store
	// Binder keeps the port → certificate bindings.
	Binder Binder
	// Personals are where the clients of this system keep certificates that they
	// offer to servers.
	Personals []Personal
	// Server serves on the ports; nil where devcert has none.
	Server Server
	// Services keeps devcert's own services for this user; nil where devcert knows
	// of nothing that does.
	Services Services
	// Overrides lists the environment variables that make clients take their
	// roots from somewhere else, judged for root. It only reads.
	Overrides func(root *x509.Certificate) []Override
	// Roots gives the system's own roots in PEM, for the bundle of those that are
	// pointed at one; nil, or no bytes, where devcert knows none.
	Roots func() ([]byte, error)
	// Certificates are those of the system's own stores; nil where it has none that
	// servers look into.
	Certificates Certificates
	// List asks whoever hands out revocation lists on this machine for the one at
	// path, below the base of distribution points, on each address where somebody
	// listens; nil where nobody can be asked.
	List func(ctx context.Context, path string) []ListAnswer
	// Ephemeral tells which ports the system lends to outgoing connections; nil
	// where devcert does not know.
	Ephemeral func() Ephemeral
	// Clients knows this machine's programs that verify servers; nil when devcert
	// knows none of this system's.
	Clients Clients
	// IIS looks at IIS, HTTP.sys and Schannel where they ask for client
	// certificates; nil where there is none. It only reads. What is wrong with what
	// a person named in the look is a *UsageError.
	IIS func(ctx context.Context, look IISLook) (*IISState, error)
	// Team reads a repository's devcert.json; nil where nobody looks for one.
	Team TeamFiles
	// Watch begins to watch the machine for changes; nil where devcert can only look
	// now and then.
	Watch func() Watcher
	// Teller reaches the user; nil where nothing does.
	Teller Teller
	// Self is how a person starts this very program again, as an absolute path.
	Self string
	// AsAdmin is what a person types before a command line to run it with
	// administrator rights; "" where the system itself asks for them.
	AsAdmin string
	// Quote makes a word one word of this system's command line; nil means as
	// POSIX shells read it.
	Quote func(word string) string
	// Transient says that Self is gone when this process ends, as after `go run`.
	Transient bool
	// Rest ends what the host has started and can start again, for a process that
	// waits; nil where there is nothing of the kind.
	Rest func()
	// Close ends what the host has started for this process. It may be called
	// when nothing was, and more than once.
	Close func()
}

// HostOptions are what a command knows and a host needs to know.
type HostOptions struct {
	// StateDir is the absolute path of the state folder; "" means the system's
	// usual place for the owner.
	StateDir string
	// Env is the environment of this process, as os.Environ gives it.
	Env []string
	// Interactive says that a person sits at a terminal and may be asked.
	Interactive bool
	// Now is the time by which certificates are judged.
	Now func() time.Time
	// Timeout is how long another devcert that changes a store is waited for at
	// most; 0 means two minutes.
	Timeout time.Duration
	// Say tells that person one line, for instance why a password is about to
	// be asked for. It may be nil when nobody is there.
	Say func(line string)
}

// Owner is the user the state folder belongs to; under sudo the invoking one.
type Owner struct {
	User    string // login name, as the system gives it
	Host    string // host name, as the system gives it
	Machine string // opaque and stable: tells this machine and user from others; "" when unknown
}

// PlaceState is what one place of a store does with a root.
type PlaceState string

// The states of a place. Unknown is said when the look itself failed: it never
// means missing.
const (
	Trusted PlaceState = "trusted"
	Missing PlaceState = "missing"
	Denied  PlaceState = "denied" // there, but distrusted or without trust bits
	Stale   PlaceState = "stale"  // in one part of the store and not in another
	Unknown PlaceState = "unknown"
)

// Material is the hierarchy a store is asked about. All are nil when there is
// none; a store then still reports the certificates of ours it holds.
type Material struct {
	Root, Intermediate, Leaf *x509.Certificate
	// ClientIntermediate issues clients' certificates; nil unless it was asked for.
	ClientIntermediate *x509.Certificate
	// Groups issue them too, each for some clients: those that are enabled. What
	// holds the client intermediate holds them beside it.
	Groups []*x509.Certificate
	// RootCRL is the list that the root signed when it was made, for stores in which
	// clients look for it; nil where it is lost, where the root's key is kept, so that
	// a later list can revoke what this one does not name, and where one has.
	RootCRL []byte
	// Revoked are certificates that Intermediate's list is to name.
	Revoked []chain.Revoked
	// LeafKey is there only for Deploy.
	LeafKey crypto.Signer
	// ServersCRL is a list by Intermediate, good until its end, which names what is
	// Revoked. It is there only for Deploy, and nil where none can be signed.
	ServersCRL []byte
	// UserOnly leaves out the places that only an administrator may change.
	UserOnly bool

	done map[string]<-chan struct{} // closed when the store's Deploy has ended
}

// After waits until another store's Deploy in the same run has ended, however
// it did; it returns at once where there is none. Stores get their parts at the
// same time: one calls it whose places another one writes, or is judged by. Two
// may not wait for each other.
func (m Material) After(store string) {
	if done, running := m.done[store]; running {
		<-done
	}
}

// Part is the certificate of one part; nil when it is not there.
func (m Material) Part(p chain.Part) *x509.Certificate {
	switch p {
	case chain.PartRoot:
		return m.Root
	case chain.PartIntermediate:
		return m.Intermediate
	case chain.PartClientIntermediate:
		return m.ClientIntermediate
	case chain.PartLeaf:
		return m.Leaf
	}
	return nil
}

// Parts are the certificates of one part: of clients' intermediates there may be
// several.
func (m Material) Parts(p chain.Part) []*x509.Certificate {
	var all []*x509.Certificate
	if cert := m.Part(p); cert != nil {
		all = append(all, cert)
	}
	if p == chain.PartClientIntermediate {
		all = append(all, m.Groups...)
	}
	return all
}

// fromBelow are all parts, so that whoever removes them in this order leaves no
// chain with a hole.
var fromBelow = []chain.Part{chain.PartLeaf, chain.PartIntermediate, chain.PartClientIntermediate, chain.PartRoot}

// Place is what was seen in one place of a store: the system's bundle, one
// browser profile, one JDK, a server's personal store.
type Place struct {
	Path string // where a person can look for it
	// Part is what the place is for: a trust store holds the root, a personal
	// store the leaf and its key.
	Part chain.Part
	// Machine says that only an administrator may change it.
	Machine bool
	// UserOnly says that it stands in for a place of the machine's, and is to
	// hold its part only where those are left out.
	UserOnly bool
	// Shared says that other machines of the same user's have their roots there
	// too: one that this machine's ledger does not know may be in use by another.
	Shared     bool
	State      PlaceState
	VerifiedBy string // how it is known, e.g. "chain built from the bundle"
	Evidence   string // what was seen, in one line, when the state is not Trusted
	// Remedy is what a person can do about that where devcert cannot: the place
	// is as it is until then, and repair leaves it alone.
	Remedy string
	// Others are the certificates of devcert's profile in this place that are
	// not of the Material, whoever made them.
	Others []*x509.Certificate
	// Strays are certificates that do harm here, whoever put them there.
	Strays []Stray
}

// fromGood orders the states, so that the last one says most of a place.
var fromGood = []PlaceState{Trusted, Missing, Stale, Denied, Unknown}

// Each sets the state of a place that is to hold all of certs, from what see says of
// each: the worst, and stale where only some are missing.
func (p *Place) Each(certs []*x509.Certificate, see func(*x509.Certificate) (state PlaceState, verifiedBy, evidence string)) {
	var missing []string
	for i, cert := range certs {
		state, by, evidence := see(cert)
		if state == Missing {
			missing = append(missing, nameOf(cert))
		}
		if i == 0 || slices.Index(fromGood, state) > slices.Index(fromGood, p.State) {
			p.State, p.VerifiedBy, p.Evidence = state, by, evidence
		}
	}
	if p.State == Missing && len(missing) < len(certs) {
		p.State, p.Evidence = Stale, "without "+strings.Join(missing, ", ")
	}
}

// Stray is a certificate in a place where it does harm.
type Stray struct {
	Cert *x509.Certificate
	Harm Harm
	Why  string // what it does, in one line
	// TakesOver says of a rival that the server never gets to the leaf while it
	// is there; of others it is only known that they might be taken.
	TakesOver bool
	// Where is the file, where that is not the place's path.
	Where string
}

// Harm is what a stray certificate does.
type Harm string

// The harms.
const (
	// HarmNotSelfSigned: in a Windows Root store it makes IIS answer 403.16 to
	// client certificates (Microsoft KB 2802568).
	HarmNotSelfSigned Harm = "not-self-signed"
	// HarmRival: a server takes it for localhost instead of the leaf.
	HarmRival Harm = "rival"
	// HarmExposed: the file at Where has the leaf's key, and others may read it.
	HarmExposed Harm = "exposed"
	// HarmStaleExport: a server presents what is in the file at Where, which is
	// not the leaf. There is no Cert: none of the place's own is meant.
	HarmStaleExport Harm = "stale-export"
)

// Store is one kind of trust store or personal store. Implementations match
// certificates by their bytes, never by name or serial number.
type Store interface {
	// Name is what the store is called on the command line: "system".
	Name() string
	// Look reports every place of the store. It changes nothing, asks nobody
	// and starts nothing that writes. No places means that the client the
	// store belongs to is not on this machine.
	Look(ctx context.Context, m Material) []Place
	// Ready says, without asking anybody, whether Deploy and Withdraw may act
	// now: nil when they may (a person may yet be asked on a terminal),
	// ErrNeedsAdmin or ErrUnsupported when they cannot.
	Ready(ctx context.Context) error
	// Deploy makes every place hold its part of m, trusted or with its key; it
	// also mends a place that has it in part. A nil error says that the tools
	// ran: Look says what they achieved. Other stores' may run meanwhile: see
	// [Material.After].
	Deploy(ctx context.Context, m Material) error
	// Withdraw removes cert, its key and what else its deployment left behind
	// from every place. One that is not there is no error.
	Withdraw(ctx context.Context, cert *x509.Certificate) error
}

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

// Override is an environment variable that replaces the roots clients read.
type Override struct {
	Name, Value string
	// Reason is empty when what the variable names holds the root, and says
	// otherwise why clients that obey it will not trust it.
	Reason string
	// Remedy makes them trust it; "" where it is enough to unset the variable.
	Remedy string
}
