package systemtest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"
)

// TestServeCurl is what a developer does first, with a client that takes its roots
// from the system.
func TestServeCurl(t *testing.T) {
	m, n := serveMachine(t)
	a := m.newApplication()
	f := m.serve(n, "--to", a.url())
	for _, row := range []struct{ name, version, options, host, address string }{
		{"HTTP/1.1, IPv4", "1.1", "--http1.1 -4", "localhost", "127.0.0.1"},
		{"HTTP/1.1, IPv6", "1.1", "--http1.1 -6", "localhost", "::1"},
		{"HTTP/2, IPv4", "2", "--http2 -4", "localhost", "127.0.0.1"},
		{"HTTP/2, IPv6", "2", "--http2 -6", "localhost", "::1"},
		{"address of IPv4", "2", "--http2", "127.0.0.1", "127.0.0.1"},
		{"address of IPv6", "2", "--http2", "[::1]", "::1"},
	} {
		for _, port := range []string{"44300", "44399"} {
			url := "https://" + row.host + ":" + port + "/"
			args := append(strings.Fields(row.options), "-w", "%{http_version} %{remote_ip}", url)
			require.Equal(t, "hello from the application\n"+row.version+" "+row.address, m.curl(args...), row.name)
		}
	}
	r := m.run("curl", "-sS", "https://example.com:44300/")
	require.Equal(t, 60, r.code, "a name that no certificate has: %s", r)
	require.Len(t, f.requests("/"), 12)

	code, took := f.stop(15)
	require.Zero(t, code, f.said)
	require.Less(t, took, time.Second, "nothing was to be waited for")
}

// TestServeHeaders is what the application learns of a request, and what a client
// cannot have it believe.
func TestServeHeaders(t *testing.T) {
	m, n := serveMachine(t)
	m.serve(n, "--to", m.newApplication().url(), "--client-cert", "request", "--cert-header", "X-My-Cert:hex")
	var forged []string
	for _, header := range []string{
		"X-SSL-CERT", "x-ssl-cert", "X_SSL_CERT", "X-ARR-ClientCert", "X_ARR-ClientCert", "X-Client-Cert", "X-My-Cert", "x_my_cert",
		"X-Forwarded-For", "X-Forwarded-Client-Cert", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Client-Cert",
	} {
		forged = append(forged, "-H", header+": forged")
	}
	for _, version := range []string{"--http1.1", "--http2"} {
		args := slices.Concat(forged, []string{version, "-H", "X-Mine: kept", "https://localhost:44321/seen?q=a%20b;c"})
		if version == "--http1.1" { // there is no such header in HTTP/2
			args = append(args, "-H", "Connection: x-hop", "-H", "X-Hop: forged")
		}
		text := m.curl(args...)
		require.NotContains(t, text, "forged", version)
		r := seenBy(t, text)
		require.Equal(t, []string{"127.0.0.1"}, r.Header["X-Forwarded-For"], version)
		require.Equal(t, []string{"https"}, r.Header["X-Forwarded-Proto"])
		require.Equal(t, []string{"localhost:44321"}, r.Header["X-Forwarded-Host"])
		require.Equal(t, "localhost:44321", r.Host)
		require.Equal(t, "q=a%20b;c", r.Query)
		require.Equal(t, []string{"kept"}, r.Header["X-Mine"])
		require.NotContains(t, r.Header, "X-Hop")
		for _, name := range []string{"X-Ssl-Cert", "X-My-Cert", "X-Client-Cert", "Forwarded"} {
			require.NotContains(t, r.Header, name)
		}
	}
}

// TestServeStreams is what a front that buffers breaks. An event is written only
// when the client has the one before: it would wait for ever.
func TestServeStreams(t *testing.T) {
	m, n := serveMachine(t)
	a := m.newApplication()
	f := m.serve(n, "--to", a.url())
	for _, protocol := range []string{"http/1.1", "h2"} {
		go func() { a.event(protocol) <- "0" }() // the answer begins with the first
		began := time.Now()
		answer, err := f.client(protocol).Get("https://localhost:44300/events?" + protocol)
		require.NoError(t, err)
		lines := bufio.NewScanner(answer.Body)
		var took []time.Duration
		for i := range 40 {
			if i > 0 {
				began = time.Now()
				a.event(protocol) <- strconv.Itoa(i)
			}
			require.True(t, lines.Scan(), "%s: the stream has ended at event %d", protocol, i)
			took = append(took, time.Since(began))
			require.Equal(t, "data: "+strconv.Itoa(i), lines.Text())
			require.True(t, lines.Scan())
		}
		require.NoError(t, answer.Body.Close())
		first := took[0]
		slices.Sort(took)
		t.Logf("%s: the first of 40 events after %v, the median after %v, the last after %v", protocol, first, took[20], took[39])
		require.Less(t, took[20], 50*time.Millisecond)
	}
}

func TestServeUpgradesAndTrailers(t *testing.T) {
	m, n := serveMachine(t)
	f := m.serve(n, "--to", m.newApplication().url())

	raw, err := f.handshake(44300, f.trusting("http/1.1"))
	require.NoError(t, err)
	config, err := websocket.NewConfig("wss://localhost:44300/socket", "https://localhost:44300")
	require.NoError(t, err)
	socket, err := websocket.NewClient(config, raw)
	require.NoError(t, err)
	for _, text := range []string{"hello", strings.Repeat("long ", 100_000)} {
		require.NoError(t, websocket.Message.Send(socket, text))
		var echo string
		require.NoError(t, websocket.Message.Receive(socket, &echo))
		require.True(t, text == echo, "%d bytes came back of %d", len(echo), len(text))
	}
	require.NoError(t, socket.Close())

	for _, protocol := range []string{"http/1.1", "h2"} {
		r, err := http.NewRequest(http.MethodPost, "https://localhost:44300/trailers", io.MultiReader(strings.NewReader("body")))
		require.NoError(t, err)
		r.Trailer = http.Header{"X-Count": {"one"}, "X-Ssl-Cert": {"forged"}}
		answer, err := f.client(protocol).Do(r)
		require.NoError(t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, "one ", string(text), protocol)
		require.Equal(t, http.Header{"X-Sum": {"4"}}, answer.Trailer, protocol)
	}
}

// TestServeLargeBodies has curl send and get two gigabytes at the same time, which
// is more than the front may ever hold.
func TestServeLargeBodies(t *testing.T) {
	const size, growth = 2 << 30, 32 << 10 // bytes; KiB
	m, n := serveMachine(t)
	f := m.serve(n, "--to", m.newApplication().url())
	require.Equal(t, "hello from the application\n", m.curl("https://localhost:44300/"))
	f.forgetPeak()
	before, began := f.memory("VmRSS"), time.Now()

	up := m.command(t.Context(), "curl", "-sS", "--http1.1", "-T", "-", "https://localhost:44300/up")
	up.Stdin = io.LimitReader(newNoise(), size)
	var said transcript
	up.Stdout, up.Stderr = &said, &said
	down := m.command(t.Context(), "curl", "-sS", "--http2", "https://localhost:44301/down?bytes="+strconv.Itoa(size))
	got := sha256.New()
	down.Stdout = struct{ io.Writer }{got}
	require.NoError(t, up.Start())
	require.NoError(t, down.Start())
	require.NoError(t, down.Wait())
	require.NoError(t, up.Wait(), &said)

	const want = "4307f3021c3663d132ea979a1cbe701feadb62c92a83d573c311954fa5a01daa" // of that much noise
	require.Equal(t, want, hex.EncodeToString(got.Sum(nil)), "what was downloaded")
	require.Equal(t, strconv.Itoa(size)+" "+want+" <nil>", said.String(), "what was uploaded")
	peak := f.memory("VmHWM")
	t.Logf("2 GiB up and 2 GiB down in %v: %d MiB before, %d MiB at most", time.Since(began).Round(time.Millisecond), before>>10, peak>>10)
	require.Less(t, peak, before+growth, "KiB")
}
