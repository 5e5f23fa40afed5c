package front

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
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
// wanted; connections that are there go on. It returns the places that were opened,
// the ports that are closed, and the places that could not be had and were not
// tried before.
func (s *sockets) follow(wanted []int) (opened []netip.AddrPort, closed []int, news []netip.AddrPort) {
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
			place := netip.AddrPortFrom(address, uint16(port)) //nolint:gosec // a port, checked when it was read
			had := s.open[place] != nil
			if !s.try(place) {
				news = append(news, place)
			} else if !had && s.open[place] != nil {
				opened = append(opened, place)
			}
		}
	}
	return opened, without(before, s.ports()), s.stillFailed(news)
}

// try opens place unless it is open, and says false when it newly cannot.
func (s *sockets) try(place netip.AddrPort) bool {
	if s.open[place] != nil || denied(s.failed[place]) {
		return true // who may not listen there now may not in a second
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
	maps.DeleteFunc(s.failed, func(place netip.AddrPort, _ error) bool { return place.Addr() == address })
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

// byPort makes one failure of each port that is served nowhere, and of the others
// one of each address.
func (s *sockets) byPort(all []failure) []devcert.PortFailure {
	served := s.ports()
	var out []devcert.PortFailure
	for _, f := range all {
		p := devcert.PortFailure{Port: int(f.place.Port()), Holder: f.holder}
		if slices.Contains(served, p.Port) {
			p.Address = f.place.Addr()
		} else if slices.ContainsFunc(out, func(o devcert.PortFailure) bool { return o.Port == p.Port }) {
			continue
		}
		p.Err = &portError{failure: f, on: p.Address}
		out = append(out, p)
	}
	return out
}

// complete are the ports that are served on every address, ascending.
func (s *sockets) complete() []int {
	return slices.DeleteFunc(s.ports(), func(port int) bool {
		return slices.ContainsFunc(s.addresses, func(a netip.Addr) bool {
			return s.open[netip.AddrPortFrom(a, uint16(port))] == nil //nolint:gosec // a port
		})
	})
}

// say tells of failures, one line for all ports that failed alike: where one
// program has a hundred ports, that is one thing to know.
func (s *sockets) say(all []failure) {
	type like struct {
		where, why string
		denied     bool
	}
	var groups alike[like]
	for _, f := range all {
		kind := like{why: f.why(), denied: denied(f.err)}
		if slices.Contains(s.ports(), int(f.place.Port())) {
			kind.where = f.place.Addr().String()
		}
		groups.add(kind, int(f.place.Port()))
	}
	for _, kind := range groups.order {
		ports := groups.ports[kind]
		what := "tried again until free"
		if kind.denied {
			what = openTo(slices.Min(ports))
		}
		s.teller.tell(portsOn(ports, kind.where) + " " + isOrAre(ports) + " " + kind.why + "; " + what)
	}
}

// sayOpened tells which ports are served now: on which address, where that is not
// on all at once.
func (s *sockets) sayOpened(places []netip.AddrPort) {
	on := map[int][]netip.Addr{}
	var ports []int
	for _, place := range places {
		port := int(place.Port())
		on[port], ports = append(on[port], place.Addr()), append(ports, port)
	}
	var groups alike[string]
	for _, port := range ports {
		where := ""
		if len(on[port]) < len(s.addresses) {
			where = words(on[port])
		}
		groups.add(where, port)
	}
	for _, where := range groups.order {
		ports := groups.ports[where]
		s.teller.tell(portsOn(ports, where) + " " + isOrAre(ports) + " served now")
	}
}

// alike are ports of which the same is to be said, by what that is.
type alike[kind comparable] struct {
	order []kind
	ports map[kind][]int
}

func (a *alike[kind]) add(to kind, port int) {
	if a.ports == nil {
		a.ports = map[kind][]int{}
	}
	if a.ports[to] == nil {
		a.order = append(a.order, to)
	}
	if !slices.Contains(a.ports[to], port) {
		a.ports[to] = append(a.ports[to], port)
	}
}

func (s *sockets) close() {
	for _, listener := range s.open {
		_ = listener.Close()
	}
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
