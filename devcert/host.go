package devcert

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

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

// Override is an environment variable that replaces the roots clients read.
type Override struct {
	Name, Value string
	// Reason is empty when what the variable names holds the root, and says
	// otherwise why clients that obey it will not trust it.
	Reason string
	// Remedy makes them trust it; "" where it is enough to unset the variable.
	Remedy string
}
