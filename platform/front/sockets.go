package front

import (
	"errors"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"devcert/devcert"
)

// sockets are the listeners that are open. One goroutine uses it.
type sockets struct {
	addresses []netip.Addr
	// listen is [listenAlone], and serve takes connections until the listener is
	// closed; holders names the processes that have ports. Pulled out for testing.
	listen  func(network, address string) (net.Listener, error)
	serve   func(net.Listener)
	holders func(places []netip.AddrPort) map[netip.AddrPort]string
	teller  *teller

	open   map[netip.AddrPort]net.Listener
	failed map[netip.AddrPort]error // that were tried last and could not be had
}

// listenAlone is [net.Listen] for who must be the only one there. Where BSD's
// sockets are, a listener on one address may join one that another program has on
// all addresses, and takes that one's clients from it without anybody noticing
// (SO_REUSEADDR, which package net sets on all its listeners).
func listenAlone(network, address string) (net.Listener, error) {
	if runtime.GOOS == "darwin" && answered(network, address) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: syscall.EADDRINUSE}
	}
	return net.Listen(network, address)
}

// answered says that somebody takes connections at address. Where nobody does,
// the system says so at once on addresses of its own.
func answered(network, address string) bool {
	c, err := net.DialTimeout(network, address, 250*time.Millisecond)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// loopback is what is listened on where nobody said otherwise.
func loopback() []netip.Addr {
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
}

// follow opens what is wanted and not open, and closes what is open and no longer
// wanted; connections that are there go on. It returns the ports that were opened
// and closed, and the places that could not be had and were not tried before.
func (s *sockets) follow(wanted []int) (opened, closed []int, news []netip.AddrPort) {
	if s.open == nil {
		s.open, s.failed = map[netip.AddrPort]net.Listener{}, map[netip.AddrPort]error{}
	}
	before := s.ports()
	for place, listener := range s.open {
		if !slices.Contains(wanted, int(place.Port())) {
			_ = listener.Close()
			delete(s.open, place)
		}
	}
	maps.DeleteFunc(s.failed, func(place netip.AddrPort, _ error) bool { return !slices.Contains(wanted, int(place.Port())) })
	for _, port := range wanted {
		for _, address := range slices.Clone(s.addresses) {
			if place := netip.AddrPortFrom(address, uint16(port)); !s.try(place) { //nolint:gosec // a port, checked when it was read
				news = append(news, place)
			}
		}
	}
	after := s.ports()
	return without(after, before), without(before, after), s.stillFailed(news)
}

// try opens place unless it is open, and says false when it newly cannot.
func (s *sockets) try(place netip.AddrPort) bool {
	if s.open[place] != nil {
		return true
	}
	network := "tcp6"
	if place.Addr().Is4() {
		network = "tcp4"
	}
	listener, err := s.listen(network, place.String())
	if err == nil {
		delete(s.failed, place)
		s.open[place] = listener
		s.serve(listener)
		return true
	}
	if noSuchAddress(err) {
		s.drop(place.Addr())
		return true
	}
	_, known := s.failed[place]
	s.failed[place] = err
	return known
}

// drop gives up an address that this machine does not have.
func (s *sockets) drop(address netip.Addr) {
	s.addresses = slices.DeleteFunc(s.addresses, func(a netip.Addr) bool { return a == address })
	if len(s.addresses) > 0 {
		s.teller.tell("this machine has no " + address.String() + ": only " + words(s.addresses) + " is served")
	}
}

func noSuchAddress(err error) bool {
	for _, known := range []error{
		syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, wsaAddressNotAvailable, wsaFamilyUnsupported,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// stillFailed leaves out the places on addresses that were given up since.
func (s *sockets) stillFailed(places []netip.AddrPort) []netip.AddrPort {
	return slices.DeleteFunc(places, func(p netip.AddrPort) bool { return s.failed[p] == nil })
}

// ports are those that are served on at least one address, ascending.
func (s *sockets) ports() []int {
	var ports []int
	for place := range s.open {
		ports = append(ports, int(place.Port()))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// failures says of places why they could not be had, and who has them.
func (s *sockets) failures(places []netip.AddrPort) []failure {
	if len(places) == 0 {
		return nil
	}
	var taken []netip.AddrPort
	for _, place := range places {
		if inUse(s.failed[place]) {
			taken = append(taken, place)
		}
	}
	holders := map[netip.AddrPort]string{}
	if len(taken) > 0 {
		holders = s.holders(taken)
	}
	var out []failure
	for _, place := range places {
		out = append(out, failure{place: place, holder: holders[place], err: s.failed[place]})
	}
	return out
}

// failure is one address of a port that could not be listened on.
type failure struct {
	place  netip.AddrPort
	holder string
	err    error
}

// why is the cause in a few words, for a person.
func (f failure) why() string {
	switch {
	case inUse(f.err) && f.holder != "":
		return "taken by " + f.holder
	case inUse(f.err):
		return "taken by another program"
	case errors.Is(f.err, fs.ErrPermission):
		return "for administrators only"
	case errors.Is(f.err, wsaAccess):
		return "taken by another program, or kept by Windows for itself"
	}
	var cause syscall.Errno
	if errors.As(f.err, &cause) {
		return "not to be had (" + cause.Error() + ")"
	}
	return "not to be had (" + f.err.Error() + ")"
}

// As Windows numbers them. It gives the second for a port that another program
// has for itself alone, as HTTP.sys does, and for one in an excluded range.
const (
	wsaAddressInUse = syscall.Errno(10048)
	wsaAccess       = syscall.Errno(10013)
)

func inUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddressInUse)
}

// byPortOnce makes one failure of each port that is served nowhere.
func (s *sockets) byPortOnce(all []failure) []devcert.PortFailure {
	served := s.ports()
	var out []devcert.PortFailure
	for _, f := range all {
		port := int(f.place.Port())
		had := slices.ContainsFunc(out, func(o devcert.PortFailure) bool { return o.Port == port })
		if !had && !slices.Contains(served, port) {
			out = append(out, devcert.PortFailure{Port: port, Holder: f.holder, Err: f.err})
		}
	}
	return out
}

// say tells of failures, one line for all ports that failed alike: where one
// program has a hundred ports, that is one thing to know.
func (s *sockets) say(all []failure) {
	type like struct {
		where netip.Addr // zero: nowhere served
		why   string
	}
	groups, order := map[like][]int{}, []like{}
	for _, f := range all {
		port, kind := int(f.place.Port()), like{why: f.why()}
		if slices.Contains(s.ports(), port) {
			kind.where = f.place.Addr()
		}
		if groups[kind] == nil {
			order = append(order, kind)
		}
		if !slices.Contains(groups[kind], port) {
			groups[kind] = append(groups[kind], port)
		}
	}
	for _, kind := range order {
		line := portWords(groups[kind])
		if kind.where.IsValid() {
			line += " on " + kind.where.String()
		}
		s.teller.tell(line + " " + isOrAre(groups[kind]) + " " + kind.why + "; tried again until free")
	}
}

func (s *sockets) close() {
	for _, listener := range s.open {
		_ = listener.Close()
	}
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

// without gives those of all that are not in the others, both ascending.
func without(all, others []int) []int {
	var out []int
	for _, n := range all {
		if _, found := slices.BinarySearch(others, n); !found {
			out = append(out, n)
		}
	}
	return out
}
