package systemtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// network is a loopback of one test's own, so that all of 443xx is free there and
// its settings are the test's. Processes that the machine starts are in it; so is
// what the machine's goroutine itself opens.
type network struct{ dials chan func() }

// ownNetwork puts the machine into a network of its own. The thread never leaves:
// it is locked to the test, as for its files.
func (m *machine) ownNetwork() *network {
	m.t.Helper()
	require.NoError(m.t, unix.Unshare(unix.CLONE_NEWNET))
	require.NoError(m.t, raise("lo"))
	ns, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	require.NoError(m.t, err)
	n := &network{make(chan func())}
	n.reserve(m, "44300-44399")
	go n.work(m.t, ns)
	m.t.Cleanup(func() { close(n.dials) })
	return n
}

// raise brings an interface up.
func raise(name string) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// work dials for goroutines whose threads are elsewhere: a socket belongs to the
// network of the thread that makes it, and is anybody's then.
func (n *network) work(t *testing.T, ns *os.File) {
	runtime.LockOSThread() // and never unlocked: the thread ends with this
	err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
	_ = ns.Close()
	if err != nil {
		t.Errorf("cannot enter the network: %v", err)
	}
	for dial := range n.dials {
		dial()
	}
}

// dial is [net.Dialer.DialContext] there. localhost is 127.0.0.1.
func (n *network) dial(ctx context.Context, kind, address string) (conn net.Conn, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host == ours {
		host = "127.0.0.1"
	}
	done := make(chan struct{})
	n.dials <- func() {
		conn, err = (&net.Dialer{}).DialContext(ctx, kind, net.JoinHostPort(host, port))
		close(done)
	}
	<-done
	return conn, err
}

// set writes a setting of the network's kernel.
func (n *network) set(m *machine, path, value string) {
	m.t.Helper()
	require.NoError(m.t, os.WriteFile("/proc/sys/net/"+path, []byte(value), 0o644))
}

// reserve keeps ports from being lent to connections, and to whoever asks for any
// free one; "" for none.
func (n *network) reserve(m *machine, ports string) {
	m.t.Helper()
	n.set(m, "ipv4/ip_local_reserved_ports", ports+"\n")
}

// listen takes a port of the network, on the machine's goroutine.
func (m *machine) listen(address string) net.Listener {
	m.t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = listener.Close() })
	return listener
}
