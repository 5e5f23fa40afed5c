package httpsys

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"devcert/devcert/lazy"
)

const (
	// IISExpress is the application id under which IIS Express binds its ports.
	IISExpress = "{214124cd-d05b-4309-9af9-9caa44b2b74a}"
	// My is the store that HTTP.sys takes where none is named.
	My = "MY"
	// null is how netsh writes a value that is not set, in every language.
	null = "(null)"
)

// Kind says by what HTTP.sys chooses a record.
type Kind string

// The kinds in the order HTTP.sys tries them, an exact address first and the
// unspecified ones last.
const (
	IP        Kind = "ip"         // address and port
	Hostname  Kind = "hostname"   // name (SNI) and port
	ScopedCCS Kind = "scoped-ccs" // name and port, certificate from the central store
	CCS       Kind = "ccs"        // port, certificate from the central store
)

// Switch is a setting that is on, off, or could not be told.
type Switch string

// The states of a Switch; "" is: not known.
const (
	On  Switch = "on"
	Off Switch = "off"
)

// Record is one entry of the table.
type Record struct {
	Kind    Kind   `json:"kind"`
	Address string `json:"address"` // as netsh writes it: "0.0.0.0:44300", "[::]:443", "host:443", "443" for CCS
	Port    int    `json:"port"`
	// Thumbprint is the certificate's hash, 40 or 64 upper-case hex digits; ""
	// where the certificate comes from a central store.
	Thumbprint string `json:"thumbprint,omitempty"`
	AppID      string `json:"appId"` // "{…}", lower case
	Store      string `json:"store"` // of LocalMachine; My where netsh says (null)
	Settings
}

// Settings are what else a record says and can be put back. The zero value is
// what HTTP.sys does without being told.
type Settings struct {
	Revocation    Switch `json:"revocation,omitempty"` // of client certificates is verified
	CachedOnly    Switch `json:"cachedOnly,omitempty"` // … with cached lists only
	UsageCheck    Switch `json:"usageCheck,omitempty"`
	Mapper        Switch `json:"mapper,omitempty"`    // client certificates to directory accounts
	Negotiate     Switch `json:"negotiate,omitempty"` // a client certificate is asked for in the handshake
	Freshness     int    `json:"freshness,omitempty"` // of revocation lists, seconds
	Timeout       int    `json:"timeout,omitempty"`   // of fetching them, milliseconds
	CTLIdentifier string `json:"ctlIdentifier,omitempty"`
	CTLStore      string `json:"ctlStore,omitempty"`
}

// Bound is the record that binds port on all addresses, ::1 among them, to the
// certificate in LocalMachine\My.
func Bound(port int, thumbprint, appID string) Record {
	return Record{
		Kind: IP, Address: fmt.Sprintf("0.0.0.0:%d", port), Port: port,
		Thumbprint: strings.ToUpper(thumbprint), AppID: strings.ToLower(appID), Store: My,
	}
}

// Same says whether r is what was wanted: the same place, certificate, owner
// and store, and no setting that is known to differ.
func (r Record) Same(wanted Record) bool {
	return r.Is(wanted) &&
		strings.EqualFold(r.Thumbprint, wanted.Thumbprint) &&
		strings.EqualFold(r.AppID, wanted.AppID) &&
		strings.EqualFold(r.Store, wanted.Store) &&
		(r.Negotiate == "" || r.Negotiate == On == (wanted.Negotiate == On))
}

// Is says whether both stand in the same place of the table, where only one can.
func (r Record) Is(other Record) bool {
	return r.Port == other.Port && r.place() == other.place()
}

// place is a key that two records share when Is says so.
func (r Record) place() string { return string(r.Kind) + " " + strings.ToLower(r.Address) }

// Shadows says whether HTTP.sys takes r before 0.0.0.0 on the port of r, at
// least for some clients.
func (r Record) Shadows() bool { return !strings.HasPrefix(r.Address, "0.0.0.0:") }

var (
	hashShape  = lazy.Regexp(`^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$`)
	guidShape  = lazy.Regexp(`^\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}$`)
	storeShape = lazy.Regexp(`^[0-9A-Za-z]([0-9A-Za-z ._-]{0,62}[0-9A-Za-z])?$`)
	hostShape  = lazy.Regexp(`^(\*\.)?[0-9A-Za-z_]([0-9A-Za-z._-]{0,251}[0-9A-Za-z_])?$`)
	zoneShape  = lazy.Regexp(`^[0-9A-Za-z]*$`)
)

// parseAddress reads an address and port, or a name and port, by their shape.
// A name is whatever could not be anything else: HTTP.sys takes more than DNS.
func parseAddress(text string) (kind Kind, port int, ok bool) {
	if ip, err := netip.ParseAddrPort(text); err == nil && ip.Port() != 0 {
		return IP, int(ip.Port()), true
	}
	host, digits, found := strings.Cut(text, ":")
	port, ok = parsePort(digits)
	if !found || !ok || len(host) > 255 || strings.ContainsAny(host, `/\[]{}()<>"`) {
		return "", 0, false
	}
	letter := strings.IndexFunc(host, func(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' || r > 0x7f })
	return Hostname, port, letter >= 0
}

func parsePort(digits string) (int, bool) {
	port, err := strconv.ParseUint(digits, 10, 16)
	return int(port), err == nil && port != 0 && digits[0] != '0' && digits[0] != '+'
}

// Check refuses what must not get into a script: a record comes from a file or
// over a pipe, and a script has a syntax of its own.
func (r Record) Check() error {
	if err := r.checkPlace(); err != nil {
		return err
	}
	central := r.Kind == CCS || r.Kind == ScopedCCS
	switch {
	case central != (r.Thumbprint == "") || r.Thumbprint != "" && !hashShape().MatchString(r.Thumbprint):
		return fmt.Errorf("%s: %q is no certificate hash", r.Address, r.Thumbprint)
	case !guidShape().MatchString(r.AppID):
		return fmt.Errorf("%s: %q is no application id", r.Address, r.AppID)
	case !storeShape().MatchString(r.Store):
		return fmt.Errorf("%s: %q is no store name", r.Address, r.Store)
	case r.CTLStore != "" && !storeShape().MatchString(r.CTLStore):
		return fmt.Errorf("%s: %q is no store name", r.Address, r.CTLStore)
	case r.CTLIdentifier != "" && !storeShape().MatchString(r.CTLIdentifier):
		return fmt.Errorf("%s: %q is no list identifier", r.Address, r.CTLIdentifier)
	case r.Freshness < 0 || r.Timeout < 0:
		return fmt.Errorf("%s: a time is negative", r.Address)
	}
	return nil
}

func (r Record) checkPlace() error {
	ok := false
	switch r.Kind {
	case IP:
		ip, err := netip.ParseAddrPort(r.Address)
		ok = err == nil && int(ip.Port()) == r.Port && zoneShape().MatchString(ip.Addr().Zone())
	case Hostname, ScopedCCS:
		host, digits, _ := strings.Cut(r.Address, ":")
		ok = hostShape().MatchString(host) && digits == strconv.Itoa(r.Port)
	case CCS:
		ok = r.Address == strconv.Itoa(r.Port)
	}
	if !ok || r.Port < 1 || r.Port > 65535 {
		return fmt.Errorf("%q is no %s address with port %d", r.Address, r.Kind, r.Port)
	}
	return nil
}
