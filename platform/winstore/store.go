package winstore

import "errors"

// Location is whose store it is.
type Location string

// The locations. HTTP.sys, IIS and services read the machine's only; what a
// user's programs see of Root and CA is the user's and the machine's together.
const (
	LocalMachine Location = "LocalMachine"
	CurrentUser  Location = "CurrentUser"
)

// The names of the stores that matter here. Windows compares them without case.
const (
	Root = "Root" // what is trusted; self-signed certificates only
	CA   = "CA"   // intermediates
	My   = "My"   // certificates with a private key
)

// Store names one certificate store. It holds nothing open.
type Store struct {
	Location Location
	Name     string
	// MayAsk says that a person sits there and that the caller wants Windows to
	// ask them: adding to and deleting from CurrentUser\Root pops up a dialog,
	// which hangs whoever has nobody to answer it. Elsewhere it has no meaning.
	MayAsk bool
}

// ErrWouldAsk is returned for a change of CurrentUser\Root without MayAsk.
// Nothing was changed.
var ErrWouldAsk = errors.New("windows would ask a person")

// String is how PowerShell and people write it: LocalMachine\Root.
func (s Store) String() string { return string(s.Location) + `\` + s.Name }

// Entry is one certificate in a store.
type Entry struct {
	DER          []byte // a copy: the store may be closed
	FriendlyName string // "" when it has none
	// HasKey says that a private key was linked to it once. Whether that is
	// still there is for Store.Key to find out.
	HasKey bool
}

// KeyOptions say how a private key is to be kept.
type KeyOptions struct {
	FriendlyName string
	// Exportable lets the key be taken out again: "dotnet dev-certs --check"
	// demands it of the key in CurrentUser\My. HTTP.sys does not.
	Exportable bool
}

// KeyState is what became of the private key of a certificate.
type KeyState string

// The states. Only KeyOpens lets a server use the certificate.
const (
	KeyOpens   KeyState = "opens"   // opens without asking anybody, and signs what the certificate verifies
	KeyMissing KeyState = "missing" // none was ever linked, or it is gone
	KeyWrong   KeyState = "wrong"   // another certificate's key
	KeyDenied  KeyState = "denied"  // there, and does not open: not for this user, not without a dialog, damaged
	KeyUnknown KeyState = "unknown" // could not look; never means missing
)

// Key is what was seen of a private key.
type Key struct {
	State     KeyState
	Number    uint32 // Windows' error number when it does not open; 0 when there was none
	Provider  string // the provider it is kept by; "" when none is linked
	Container string // the name it is kept under
	Type      uint32 // the provider's type (wincrypt.h, PROV_RSA_FULL…); 0 for a CNG provider
	Machine   bool   // kept for the machine, not for one user
	Err       error  // why the state is not KeyOpens; an *Error, or nil
}
