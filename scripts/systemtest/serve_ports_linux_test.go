package systemtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const reserve = "sudo sysctl -w net.ipv4.ip_local_reserved_ports=44300-44399"

// TestServeAllPorts has every port live, as status finds by asking each.
func TestServeAllPorts(t *testing.T) {
	m, n := serveMachine(t)
	r := m.run(m.bin, "status", "--probe")
	require.NotContains(t, r.stdout, "live 44300-44399")
	began := time.Now()
	f := m.serve(n)
	took := time.Since(began)
	require.Len(t, f.began.Ports, 100)
	require.Equal(t, []string{"127.0.0.1", "::1"}, f.began.Addresses)
	require.Empty(t, f.began.Failed)

	began = time.Now()
	r = m.run(m.bin, "status", "--probe")
	t.Logf("100 ports listen after %v in %d MiB; status --probe took %v, after it %d MiB",
		took, f.memory("VmHWM")>>10, time.Since(began), f.memory("VmRSS")>>10)
	require.Zero(t, r.code, "%s", r)
	require.Regexp(t, `(?m)^ports +live 44300-44399$`, r.stdout, "%s", r)
	require.Less(t, f.memory("VmHWM"), 60<<10, "KiB")
	for _, b := range m.look(m.run(m.bin, "status", "--probe", "--json")).Bindings {
		require.Equal(t, "live", b.State, "%d", b.Port)
	}
	code, _ := f.stop(syscall.SIGINT)
	require.Zero(t, code, f.said)
	require.NotContains(t, m.run(m.bin, "status", "--probe").stdout, "live 44300-44399")
}

// TestServeEphemeralPorts is the setting that lends the ports to connections, which
// status names once.
func TestServeEphemeralPorts(t *testing.T) {
	m, n := serveMachine(t)
	n.reserve(m, "")
	for _, args := range [][]string{{"status"}, {"status", "--probe"}} {
		r := m.devcert(0, args...)
		require.Equal(t, 1, strings.Count(r.stdout, reserve), "%s", r)
	}
	n.reserve(m, "44300-44398")
	require.Contains(t, m.devcert(0, "status").stdout, "ip_local_reserved_ports=", "one of them is lent still")
	n.reserve(m, "44300-44399")
	require.NotContains(t, m.devcert(0, "status").stdout, "ip_local_reserved_ports")
	n.reserve(m, "")
	n.set(m, "ipv4/ip_local_port_range", "50000\t60999")
	require.NotContains(t, m.devcert(0, "status").stdout, "ip_local_reserved_ports")
}

// TestServeTakenPorts is a port that another program has: this test.
func TestServeTakenPorts(t *testing.T) {
	m, n := serveMachine(t)
	a := m.newApplication()
	own, err := os.Executable()
	require.NoError(t, err)
	holder := fmt.Sprintf("%.15s (pid %d)", filepath.Base(own), os.Getpid()) // proc_pid_comm(5)
	v4, v6 := m.listen("127.0.0.1:44305"), m.listen("[::1]:44305")
	m.listen("127.0.0.1:44307")

	f := m.serve(n, "--to", a.url())
	require.Len(t, f.began.Ports, 98)
	require.Len(t, f.began.Failed, 2)
	require.Equal(t, 44305, f.began.Failed[0].Port)
	require.NotNil(t, f.began.Failed[0].Holder)
	require.Equal(t, holder, *f.began.Failed[0].Holder)
	f.stop(syscall.SIGTERM)

	f = m.serveAloud(n, "--to", a.url())
	f.says("port 44305 is taken by " + holder)
	f.says("port 44307 on 127.0.0.1 is taken by " + holder)
	require.True(t, f.answers(44300))
	require.Equal(t, "hello from the application\n", m.curl("-6", "https://localhost:44307/"), "its other address")
	code, _ := f.stop(syscall.SIGTERM)
	require.Zero(t, code, "it was not asked for by number: %s", f.said)

	f = m.serve(n, "--to", a.url(), "--port", "44304-44306")
	require.Equal(t, []int{44304, 44306}, f.began.Ports)
	require.True(t, f.answers(44304))
	code, _ = f.stop(syscall.SIGTERM)
	require.Equal(t, 6, code, f.said)

	r := m.run(m.bin, "serve", "--port", "44305")
	require.NotZero(t, r.code, "%s", r)
	require.Contains(t, r.stderr, holder)

	f = m.serve(n, "--to", a.url(), "--port", "44304-44306")
	require.NoError(t, v4.Close())
	require.NoError(t, v6.Close())
	eventually(t, "44305 is free, and not served", func() bool { return f.answers(44305) })
	code, _ = f.stop(syscall.SIGTERM)
	require.Zero(t, code, f.said)
}

// TestServeWithoutIPv6 is a machine that has no ::1.
func TestServeWithoutIPv6(t *testing.T) {
	m, n := serveMachine(t)
	n.set(m, "ipv6/conf/lo/disable_ipv6", "1")
	f := m.serve(n, "--to", m.newApplication().url())
	require.Len(t, f.began.Ports, 100)
	require.Equal(t, []string{"127.0.0.1"}, f.began.Addresses)
	require.True(t, f.answers(44300))
	r := m.devcert(0, "status", "--probe")
	require.Contains(t, r.stdout, "live 44300-44399", "%s", r)
	f.stop(syscall.SIGTERM)
	f = m.serveAloud(n)
	f.says("this machine has no ::1")
}

// TestServeStops ends a front that has everything open that can be.
func TestServeStops(t *testing.T) {
	m, n := serveMachine(t)
	a := m.newApplication()
	f := m.serve(n, "--to", a.url())
	f.stream(a, 2)
	silent, err := f.dial(t.Context(), "tcp", "127.0.0.1:44300")
	require.NoError(t, err)
	defer silent.Close()
	idle, err := f.handshake(44300, f.trusting("h2"))
	require.NoError(t, err)
	defer idle.Close()
	socket, err := f.handshake(44300, f.trusting("http/1.1"))
	require.NoError(t, err)
	defer socket.Close()
	_, err = fmt.Fprintf(socket, "GET /socket HTTP/1.1\r\nHost: localhost:44300\r\nOrigin: https://localhost:44300\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	require.NoError(t, err)
	line := make([]byte, 12)
	_, err = socket.Read(line)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 101", string(line))
	get := func() <-chan string {
		out, client := make(chan string, 1), f.client("h2")
		go func() {
			_, body := page(t, client, "https://localhost:44300/held")
			out <- body
		}()
		<-a.held
		return out
	}
	first := get()

	// The signal, and a request that ends afterwards.
	time.AfterFunc(time.Second, func() { close(a.hold) })
	code, took := f.stop(syscall.SIGTERM)
	require.Zero(t, code, f.said)
	t.Logf("it ended after %v", took)
	require.Less(t, took, 6*time.Second)
	require.Equal(t, "released", <-first, "what was asked before the signal is answered")
	require.False(t, f.answers(44300))
}
