package front

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// take has port at address until the func is called.
func take(t *testing.T, address string, port int) (release func()) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return func() { _ = l.Close() }
}

// self is how a message names this process, where the system tells.
func self() string {
	if runtime.GOOS != "linux" {
		return "another program"
	}
	comm, _ := os.ReadFile("/proc/self/comm")
	return fmt.Sprintf("%s (pid %d)", strings.TrimSpace(string(comm)), os.Getpid())
}

func TestATakenPort(t *testing.T) {
	t.Parallel()
	ports := free(t, 4)
	for _, row := range []struct {
		name    string
		asked   []int
		partial bool
	}{{"bound", nil, false}, {"by number", ports, true}} {
		t.Run(row.name, func(t *testing.T) {
			s := setUp(t, ports...)
			release := []func(){take(t, "127.0.0.1", ports[1]), take(t, "::1", ports[1]), take(t, "127.0.0.1", ports[2]), take(t, "::1", ports[2])}
			only4 := take(t, "::1", ports[3])
			r := begin(t, s.front(devcert.Serving{Ports: row.asked}), hello)
			assert.Equal(t, ports[:1], r.listening.Ports, "on both addresses")
			assert.Equal(t, []devcert.PortsOn{{Ports: ports[:1], Addresses: loopback()}, {Ports: ports[3:], Addresses: loopback()[:1]}}, r.listening.Served())
			require.Len(t, r.listening.Failed, 3)
			for i, failed := range r.listening.Failed {
				assert.Equal(t, ports[i+1], failed.Port)
				assert.Equal(t, row.partial, failed.Asked)
				require.True(t, inUse(failed.Err), failed.Err)
				assert.EqualError(t, failed.Err, fmt.Sprintf("port %d%s is taken by %s", ports[i+1], []string{"", "", " on ::1"}[i], self()))
				assert.Equal(t, []netip.Addr{{}, {}, netip.IPv6Loopback()}[i], failed.Address)
				if runtime.GOOS == "linux" {
					assert.Equal(t, self(), failed.Holder)
				}
			}
			assert.Equal(t, []string{
				fmt.Sprintf("%s are taken by %s; tried again until free", portWords(ports[1:3]), self()),
				fmt.Sprintf("port %d on ::1 is taken by %s; tried again until free", ports[3], self()),
			}, s.lines())
			assert.Equal(t, s.thumbprint(), s.presented(t, ports[0], "localhost"), "the others are served")
			assert.Equal(t, s.thumbprint(), s.presented(t, ports[3], "localhost"), "also on one address only")

			release[0]()
			release[1]()
			only4()
			eventually(t, "a port that is free again is served", func() bool {
				return s.heard(fmt.Sprintf("port %d is served now", ports[1])) == 1
			})
			assert.Equal(t, s.thumbprint(), s.presented(t, ports[1], "localhost"))
			err := r.end()
			var partial *devcert.PartialError
			if row.partial {
				require.ErrorAs(t, err, &partial)
				assert.EqualError(t, err, fmt.Sprintf("port %d could not be served", ports[2]))
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, 2, s.heard("taken by"), "said once, however often it is tried: %v", s.lines())
			for _, release := range release {
				release()
			}
		})
	}
}

// A port by number is asked for on each address: a client that goes by a name may
// take either.
func TestAPortTakenOnOneAddress(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports...)
	release := take(t, "127.0.0.1", ports[0])
	serving := devcert.Serving{Ports: ports}
	r := begin(t, s.front(serving), hello)
	require.ErrorAs(t, r.listening.Err(), new(*devcert.PartialError))
	err := r.end()
	require.ErrorAs(t, err, new(*devcert.PartialError))
	assert.EqualError(t, err, fmt.Sprintf("port %d on 127.0.0.1 could not be served", ports[0]))

	r = begin(t, s.front(serving), hello)
	release()
	eventually(t, "it is said which address is served now", func() bool {
		return s.heard(fmt.Sprintf("port %d on 127.0.0.1 is served now", ports[0])) == 1
	})
	require.NoError(t, r.end(), "it was served everywhere")
	assert.Equal(t, 1, s.heard("served now"))

	take(t, "::1", ports[1])
	r = begin(t, s.front(devcert.Serving{}), hello)
	require.NoError(t, r.listening.Err())
	require.NoError(t, r.end(), "it is bound, and was not asked for")
}

func TestAPortThatComesFreeOnOneAddress(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports...)
	release := take(t, "127.0.0.1", ports[0])
	take(t, "::1", ports[0])
	begin(t, s.front(devcert.Serving{}), hello)
	release()
	eventually(t, "what is served now is said", func() bool { return s.heard("served now") == 1 })
	assert.Equal(t, 1, s.heard(fmt.Sprintf("port %d on 127.0.0.1 is served now", ports[0])), "%v", s.lines())
}

func TestAllPortsTaken(t *testing.T) {
	t.Parallel()
	ports := free(t, 2)
	s := setUp(t, ports...)
	for _, port := range ports {
		take(t, "127.0.0.1", port)
		take(t, "::1", port)
	}
	err := s.front(devcert.Serving{}).run(t.Context(), http.HandlerFunc(hello))
	require.EqualError(t, err, portWords(ports)+" cannot be served: taken by "+self())
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	assert.Contains(t, remedied.Remedy(), "end the program")
	assert.Empty(t, s.lines(), "an error says it")
}

// lacking refuses addresses as a machine does that has none of that kind.
func lacking(how error, prefixes ...string) func(network, address string) (net.Listener, error) {
	return func(network, address string) (net.Listener, error) {
		for _, prefix := range prefixes {
			if strings.HasPrefix(address, prefix) {
				return nil, &net.OpError{Op: "listen", Net: network, Err: os.NewSyscallError("bind", how)}
			}
		}
		return withoutLists(network, address)
	}
}

func TestNoIPv6(t *testing.T) {
	t.Parallel()
	for _, how := range []error{syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, wsaAddressNotAvailable, wsaFamilyUnsupported} {
		ports := free(t, 3)
		s := setUp(t, ports...)
		f := s.front(devcert.Serving{Ports: ports})
		f.sockets.listen = lacking(how, "[::1]")
		r := begin(t, f, hello)
		assert.Equal(t, ports, r.listening.Ports)
		assert.Equal(t, loopback()[:1], r.listening.Addresses)
		assert.Empty(t, r.listening.Failed)
		assert.Equal(t, s.thumbprint(), s.presented(t, ports[2], "localhost"))
		require.NoError(t, r.end())
		assert.Equal(t, []string{"this machine has no ::1: only 127.0.0.1 is served"}, s.lines())
	}
}

func TestNoneOfTheAddresses(t *testing.T) {
	t.Parallel()
	ports := free(t, 1)
	s := setUp(t, ports...)
	f := s.front(devcert.Serving{Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	f.sockets.listen = lacking(syscall.EADDRNOTAVAIL, "192.0.2.1")
	require.ErrorContains(t, f.run(t.Context(), http.HandlerFunc(hello)), "none of the addresses")
}

func TestAPortForAdministrators(t *testing.T) {
	t.Parallel()
	ports := free(t, 1)
	s := setUp(t, ports...)
	f := s.front(devcert.Serving{Ports: []int{443}})
	f.sockets.listen = lacking(syscall.EACCES, "127.", "[::1]")
	err := f.run(t.Context(), http.HandlerFunc(hello))
	require.EqualError(t, err, "port 443 cannot be served: administrators alone may listen below 1024 here")
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	assert.Contains(t, remedied.Remedy(), "--port")
	assert.NotContains(t, remedied.Remedy(), "end the program")
	assert.Equal(t, runtime.GOOS == "linux", strings.Contains(remedied.Remedy(), "net.ipv4.ip_unprivileged_port_start=443"))
}

// Nobody has it, and nobody will make it free.
func TestAPortForAdministratorsIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	ports := free(t, 1)
	s := setUp(t, ports...)
	f := s.front(devcert.Serving{Ports: []int{80, ports[0], 443}})
	var tries atomic.Int32
	f.sockets.listen = func(network, address string) (net.Listener, error) {
		if strings.HasSuffix(address, ":443") || strings.HasSuffix(address, ":80") {
			tries.Add(1)
			return nil, &net.OpError{Op: "listen", Net: network, Err: os.NewSyscallError("bind", syscall.EACCES)}
		}
		return withoutLists(network, address)
	}
	r := begin(t, f, hello)
	time.Sleep(2 * followEvery)
	assert.EqualValues(t, 4, tries.Load())
	require.Len(t, s.lines(), 1)
	assert.Contains(t, s.lines()[0], "ports 80,443 are not to be had: administrators alone may listen below 1024 here; ")
	assert.NotContains(t, s.lines()[0], "tried again")
	err := r.end()
	require.ErrorAs(t, err, new(*devcert.PartialError))
	var remedied interface{ Remedy() string }
	require.ErrorAs(t, err, &remedied)
	assert.NotContains(t, remedied.Remedy(), "end the program")
}

func TestOtherAddresses(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	port := free(t, 1)[0]
	s := setUp(t, port)
	r := begin(t, s.front(devcert.Serving{Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.2")}}), hello)
	assert.Equal(t, []netip.Addr{netip.MustParseAddr("127.0.0.2")}, r.listening.Addresses)
	assert.True(t, answersAt(net.JoinHostPort("127.0.0.2", strconv.Itoa(port))))
	assert.False(t, answersAt(target4(port)), "loopback's usual address was not asked for")
}

func TestStoppedBeforeItBegins(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, s.front(devcert.Serving{}).run(ctx, http.HandlerFunc(hello)))
	assert.False(t, answersAt(target4(port)))
}

func TestSomebodyOnAllAddressesIsNoticed(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	assert.False(t, answered("tcp4", target4(port)))
	take(t, "0.0.0.0", port)
	assert.True(t, answered("tcp4", target4(port)))
	_, err := listenAlone("tcp4", target4(port))
	if runtime.GOOS != "windows" { // where the two may be beside each other
		assert.True(t, inUse(err), "%v", err)
	}
}
