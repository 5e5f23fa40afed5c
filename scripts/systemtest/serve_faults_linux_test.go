package systemtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// behaves is an application that does as it likes with each connection, once it
// has read the header of a request.
func (m *machine) behaves(how func(net.Conn)) (url string) {
	m.t.Helper()
	listener := m.listen("127.0.0.1:0")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					how(conn)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// says is one that sends text and closes.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) { _, _ = io.WriteString(conn, text) }
}

// TestServeBrokenApplications has each kind of application behind a port, and one
// that is well.
func TestServeBrokenApplications(t *testing.T) {
	m, n := serveMachine(t)
	left := make(chan error, 8)
	down := m.listen("127.0.0.1:0")
	address := down.Addr().String()
	require.NoError(t, down.Close())
	// Nothing, a part, or a reset stream: what is not whole does not look whole.
	answered, brokenOff := []int{0}, []int{52, 18, 92}
	rows := []struct {
		name, to string
		codes    []int  // curl's, any of them
		status   string // "" where there is no whole answer
		says     string
	}{
		{"hangs", m.behaves(func(conn net.Conn) { _, err := conn.Read(make([]byte, 1)); left <- err }), []int{28}, "", ""},
		{"resets", m.behaves(func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }), answered, "502", "before it answered"},
		{"closes", m.behaves(says("")), answered, "502", "before it answered"},
		{"half a body", m.behaves(says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")), brokenOff, "", ""},
		{"half a chunk", m.behaves(says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf")), brokenOff, "", ""},
		{"half a header", m.behaves(says("HTTP/1.1 200 OK\r\nX-Ha")), answered, "502", "answer"},
		{"100 MB of headers", m.behaves(func(conn net.Conn) {
			line := "X-Long: " + strings.Repeat("a", 1<<20) + "\r\n"
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for i := 0; i < 100 && err == nil; i++ {
				_, err = io.WriteString(conn, line)
			}
		}), answered, "502", "larger than 1 MiB"},
		{"early hints without end", m.behaves(func(conn net.Conn) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
			}
		}), []int{56, 92, 28}, "", ""},
		{"garbage", m.behaves(says("\x00\x01\x02 nonsense\r\n\r\n")), answered, "502", "not HTTP"},
		{"an upgrade nobody asked for", m.behaves(says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")), answered, "502", "not asked for"},
		{"is down", "http://" + address, answered, "502", "connection refused"},
	}
	args := []string{"--to", m.newApplication().url()}
	for i, row := range rows {
		args = append(args, "--map", strconv.Itoa(44301+i)+"="+row.to)
	}
	f := m.serve(n, args...)
	require.True(t, f.answers(44300))
	f.forgetPeak()
	before, open := f.memory("VmRSS"), f.descriptors()
	for i, row := range rows {
		for _, version := range []string{"--http1.1", "--http2"} {
			r := m.run("curl", "-sS", version, "--max-time", "3", "-w", "\n%{http_code}", fmt.Sprintf("https://localhost:%d/path", 44301+i))
			require.Contains(t, row.codes, r.code, "%s, %s: %.300s", row.name, version, r)
			if row.status != "" {
				require.True(t, strings.HasSuffix(r.stdout, "\n"+row.status), "%s: %s", row.name, r)
				require.Contains(t, r.stdout, row.to+"/path", row.name)
				require.Contains(t, r.stdout, row.says, row.name)
			}
			require.True(t, f.answers(44300), row.name)
		}
	}
	for range 2 {
		select {
		case err := <-left:
			require.Error(t, err)
		case <-time.After(5 * time.Second):
			require.Fail(t, "the application is still asked when the client has left")
		}
	}
	m.listen(address) // it takes connections, and that is enough to ask it
	require.Equal(t, 28, m.run("curl", "-sS", "--max-time", "1", "https://localhost:"+strconv.Itoa(44300+len(rows))+"/").code, "it is up, and not asked")
	eventually(t, "descriptors are left open", func() bool { return f.descriptors() <= open+3 })
	t.Logf("%d MiB before, %d MiB at most", before>>10, f.memory("VmHWM")>>10)
	require.Less(t, f.memory("VmHWM"), before+32<<10, "KiB")
}

// TestServePlainHTTP is the address with the wrong scheme.
func TestServePlainHTTP(t *testing.T) {
	m, n := serveMachine(t)
	m.serve(n, "--to", m.newApplication().url())
	for _, version := range []string{"-4", "-6"} {
		require.Equal(t, "308 https://localhost:44300/a%20b?c=d", m.curl(version, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "http://localhost:44300/a%20b?c=d"))
		require.Equal(t, "hello from the application\n", m.curl(version, "-L", "http://localhost:44300/"))
	}
	r := seenBy(t, m.curl("-L", "-d", "body", "http://localhost:44300/seen"))
	require.Equal(t, "4", r.Header.Get("Content-Length"), "a POST stays one")
	require.Contains(t, m.curl("-i", "-H", "Host: evil\"><script>", "http://localhost:44300/"), "400 Bad Request")
}

// TestServeStrangeClients has clients that send what is no request, and one byte a
// second, while others are served. They are gone after a while.
func TestServeStrangeClients(t *testing.T) {
	m, n := serveMachine(t)
	f := m.serve(n, "--to", m.newApplication().url())
	require.True(t, f.answers(44300))
	open := f.descriptors()
	dial := func() net.Conn {
		conn, err := f.dial(t.Context(), "tcp", "127.0.0.1:44300")
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	secure := func(protocol string) net.Conn {
		conn, err := f.handshake(44300, f.trusting(protocol))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	began := time.Now()
	slow := map[string]chan time.Duration{}
	for name, row := range map[string]struct {
		conn  net.Conn
		bytes string
	}{
		"handshake":   {dial(), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 100)},
		"plain HTTP":  {dial(), "GET / HTTP/1.1\r\nHost: localhost:44300\r\nX: " + strings.Repeat("x", 100)},
		"HTTP/1.1":    {secure("http/1.1"), "GET / HTTP/1.1\r\nHost: localhost:44300\r\nX: " + strings.Repeat("x", 100)},
		"h2's begin":  {secure("h2"), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		"says nought": {dial(), ""},
	} {
		slow[name] = make(chan time.Duration, 1)
		go func() { slow[name] <- trickle(row.conn, row.bytes, began) }()
	}
	for name, bytes := range map[string]string{
		"zeros": strings.Repeat("\x00", 4096), "text": "hello\r\n\r\n", "SSH": "SSH-2.0-OpenSSH_9.2\r\n",
		"long text": strings.Repeat("GET ", 1<<20), "a record of 64 KiB": "\x16\x03\x01\xff\xff" + strings.Repeat("\x01", 1<<16),
		"TLS alert": "\x15\x03\x01\x00\x02\x02\x28", "SMB": "\x00\x00\x00\x85\xffSMBr",
	} {
		conn := dial()
		_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
		_, _ = io.WriteString(conn, bytes)
		_, err := io.Copy(io.Discard, conn)
		var timeout net.Error
		require.False(t, err != nil && asTimeout(err, &timeout), "%s: the connection is still open", name)
		require.True(t, f.answers(44300), name)
	}
	for range 5 {
		require.True(t, f.answers(44300))
		time.Sleep(time.Second)
	}
	for name, took := range slow {
		select {
		case d := <-took:
			t.Logf("%s: closed after %v", name, d.Round(100*time.Millisecond))
		case <-time.After(time.Until(began.Add(25 * time.Second))):
			require.Fail(t, "a slow client is still connected", name)
		}
	}
	eventually(t, "descriptors are left open", func() bool { return f.descriptors() <= open+3 })
	require.True(t, f.running(), f.said)
}

func asTimeout(err error, into *net.Error) bool {
	return errors.As(err, into) && (*into).Timeout()
}

// trickle sends a byte a second, and returns when the other side closed.
func trickle(conn net.Conn, bytes string, began time.Time) time.Duration {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, conn)
		close(ended)
	}()
	for {
		if len(bytes) > 0 {
			_, _ = io.WriteString(conn, bytes[:1])
			bytes = bytes[1:]
		}
		select {
		case <-ended:
			return time.Since(began)
		case <-time.After(time.Second):
		}
	}
}

// TestServeIdleConnections has a thousand clients that ask once and stay, twice:
// what they took the first time is there for the second.
func TestServeIdleConnections(t *testing.T) {
	const count = 1000
	m, n := serveMachine(t)
	f := m.serve(n, "--to", m.newApplication().url())
	require.True(t, f.answers(44300))
	open, before := f.descriptors(), f.memory("VmRSS")
	config := f.trusting("http/1.1")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // a handshake costs less
	var peaks [2]int
	for round := range peaks {
		f.forgetPeak()
		var idle []net.Conn
		for i := range count {
			conn, err := f.handshake(44300+i%100, config)
			require.NoError(t, err)
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
			require.NoError(t, err)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			require.Equal(t, 200, answer.StatusCode)
			idle = append(idle, conn)
		}
		require.GreaterOrEqual(t, f.descriptors(), 200+count, "beside the listeners")
		began := time.Now()
		require.True(t, f.answers(44300), "others are served")
		took := time.Since(began)
		for _, conn := range idle {
			_ = conn.Close()
		}
		eventually(t, "descriptors are left open", func() bool { return f.descriptors() <= open+3 })
		peaks[round] = f.memory("VmHWM")
		t.Logf("%d idle: %d MiB before, %d MiB at most, %d MiB after; curl took %v", count, before>>10, peaks[round]>>10, f.memory("VmRSS")>>10, took)
	}
	// A collection comes with further requests; the system gets the rest by and by.
	client, began := f.client("http/1.1"), time.Now()
	eventually(t, "the memory is not given back", func() bool {
		for range 200 {
			page(t, client, "https://localhost:44300/")
		}
		return f.memory("VmRSS") < before+24<<10
	})
	t.Logf("%d MiB again after %v", f.memory("VmRSS")>>10, time.Since(began))
	require.Less(t, peaks[0], before+100<<10, "KiB, for %d", count)
	require.Less(t, peaks[1], peaks[0]+20<<10, "KiB: it grows with every wave")
}

// TestServeOutOfDescriptors takes all files that the front may open.
func TestServeOutOfDescriptors(t *testing.T) {
	const limit = 64
	m, n := serveMachine(t)
	f := m.serveBy(n, []string{"prlimit", "--nofile=" + strconv.Itoa(limit)}, "--to", m.newApplication().url(), "--port", "44300,44301")
	client := f.client("h2")
	ask := func() {
		status, body := page(t, client, "https://localhost:44300/")
		require.Equal(t, 200, status, body)
	}
	ask()
	open, before := f.descriptors(), f.memory("VmRSS")
	var hogs []net.Conn
	for range 2 * limit {
		conn, err := f.dial(t.Context(), "tcp", "127.0.0.1:44301")
		require.NoError(t, err)
		hogs = append(hogs, conn)
		ask()
	}
	eventually(t, "descriptors are left", func() bool { return f.descriptors() >= limit })
	for range 10 {
		ask()
		time.Sleep(100 * time.Millisecond)
	}
	require.Equal(t, 28, m.run("curl", "-sS", "--max-time", "1", "https://localhost:44300/").code, "it is not exhausted")
	m.devcert(0, "renew", "--force")
	ask()
	t.Logf("%d of %d descriptors, %d MiB before, %d MiB now", f.descriptors(), limit, before>>10, f.memory("VmRSS")>>10)
	for _, conn := range hogs {
		_ = conn.Close()
	}
	eventually(t, "nobody is served afterwards", func() bool {
		return m.run("curl", "-sS", "--max-time", "2", "-o", "/dev/null", "https://localhost:44300/").code == 0
	})
	eventually(t, "descriptors are left open", func() bool { return f.descriptors() <= open+3 })
	renewed := m.status().Hierarchy.Leaf.Thumbprint
	eventually(t, "what was renewed meanwhile is not presented", func() bool { return f.presented(44301) == renewed })
	require.True(t, f.running(), f.said)
	require.False(t, bytes.Contains([]byte(f.said.String()), []byte("panic")))
	t.Logf("%d MiB afterwards", f.memory("VmRSS")>>10)
}
