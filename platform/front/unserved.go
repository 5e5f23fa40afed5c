package front

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"devcert/devcert"
)

// failure is one address of a port that could not be listened on.
type failure struct {
	place  netip.AddrPort
	holder string
	err    error
}

// privileged are the ports that only administrators may listen on where nobody
// changed that (ip-sysctl.rst, ip_unprivileged_port_start).
const privileged = 1024

// why is the cause in a few words, for a person.
func (f failure) why() string {
	switch {
	case inUse(f.err) && f.holder != "":
		return "taken by " + f.holder
	case inUse(f.err):
		return "taken by another program"
	case denied(f.err) && f.place.Port() < privileged:
		return notHad + "administrators alone may listen below 1024 here"
	case denied(f.err):
		return notHad + "this user may not listen there"
	case errors.Is(f.err, wsaAccess):
		return "taken by another program, or kept by Windows for itself"
	}
	var cause syscall.Errno
	if errors.As(f.err, &cause) {
		return "not to be had (" + cause.Error() + ")"
	}
	return "not to be had (" + f.err.Error() + ")"
}

// remedy is what a person can do.
func (f failure) remedy() string {
	switch {
	case inUse(f.err):
		return taken
	case denied(f.err):
		return openTo(int(f.place.Port()))
	}
	return others
}

// notHad begins a cause that does not say by itself that there is no port.
const notHad = "not to be had: "

const (
	taken  = "end the program that has it, or serve other ports with --port"
	others = "serve other ports with --port"
)

// openTo is how everybody may listen on port and those above.
func openTo(port int) string {
	if runtime.GOOS != "linux" || port >= privileged {
		return others
	}
	return fmt.Sprintf("sudo sysctl net.ipv4.ip_unprivileged_port_start=%d allows it, or serve other ports with --port", port)
}

// portError is a port that cannot be had, as a person reads it.
type portError struct {
	failure
	on netip.Addr // zero: nowhere
}

func (e *portError) Error() string {
	where := ""
	if e.on.IsValid() {
		where = e.on.String()
	}
	return portsOn([]int{int(e.place.Port())}, where) + " is " + e.why()
}

func (e *portError) Unwrap() error { return e.err }

// Remedy says what a person can do.
func (e *portError) Remedy() string { return e.remedy() }

// As Windows numbers them. It gives the second for a port that another program
// has for itself alone, as HTTP.sys does, and for one in an excluded range.
const (
	wsaAddressInUse = syscall.Errno(10048)
	wsaAccess       = syscall.Errno(10013)
)

func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddressInUse)
}

// denied says that this user may not listen there, whoever else does.
func denied(err error) bool { return errors.Is(err, fs.ErrPermission) }

// unserved is the error for ports that were asked for and never could be had on an
// address that this machine has.
func (f *front) unserved() error {
	var missing alike[string]
	var remedy string
	for _, port := range f.asked {
		var on []netip.Addr
		for _, address := range f.sockets.addresses {
			place := netip.AddrPortFrom(address, uint16(port)) //nolint:gosec // a port, checked when it was read
			if f.served[place] {
				continue
			}
			on = append(on, address)
			if remedy == "" && f.sockets.failed[place] != nil {
				remedy = failure{place: place, err: f.sockets.failed[place]}.remedy()
			}
		}
		switch len(on) {
		case 0:
		case len(f.sockets.addresses):
			missing.add("", port)
		default:
			missing.add(words(on), port)
		}
	}
	if len(missing.order) == 0 {
		return nil
	}
	if remedy == "" {
		remedy = taken
	}
	what := ""
	for i, where := range missing.order {
		if i > 0 {
			what += ", and "
		}
		what += portsOn(missing.ports[where], where)
	}
	return &devcert.PartialError{Err: &serveError{what + " could not be served", remedy, nil}}
}

// nothing is the error where no port could be had.
func (f *front) nothing(failures []failure) error {
	if len(failures) == 0 {
		return &serveError{"cannot listen: this machine has none of the addresses asked for", "devcert serve without --listen", nil}
	}
	var causes alike[string]
	for _, failed := range failures {
		causes.add(strings.TrimPrefix(failed.why(), notHad), int(failed.place.Port()))
	}
	what := ""
	for i, why := range causes.order {
		if i > 0 {
			what += "; "
		}
		what += portWords(causes.ports[why]) + " cannot be served: " + why
	}
	return &serveError{what, failures[0].remedy(), nil}
}

// portsOn names ports, and where they are meant.
func portsOn(ports []int, where string) string {
	if where == "" {
		return portWords(ports)
	}
	return portWords(ports) + " on " + where
}

// portWords names ports, in ascending order.
func portWords(ports []int) string {
	slices.Sort(ports)
	if len(ports) == 1 {
		return "port " + strconv.Itoa(ports[0])
	}
	return "ports " + devcert.FormatPorts(ports)
}

func isOrAre(ports []int) string {
	if len(ports) == 1 {
		return "is"
	}
	return "are"
}

func words(addresses []netip.Addr) string {
	out := ""
	for i, a := range addresses {
		if i > 0 {
			out += " and "
		}
		out += a.String()
	}
	return out
}
