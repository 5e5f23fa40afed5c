package front

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// refusing is an address at which nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return "http://" + l.Addr().String()
}

// says answers every request with text, and closes.
func says(t *testing.T, text string) string {
	return startRawApp(t, func(c *net.TCPConn, r *bufio.Reader) {
		readHeader(r)
		_, _ = io.WriteString(c, text)
	})
}

// An application that does not answer as it should.
func TestUpstreamFaults(t *testing.T) {
	endless := func(line string) string {
		return startRawApp(t, func(c *net.TCPConn, r *bufio.Reader) {
			readHeader(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			chunk := strings.Repeat(line, 1<<20/len(line))
			for range 100 { // MiB
				if _, err := io.WriteString(c, chunk); err != nil {
					return
				}
			}
		})
	}
	tests := []struct {
		name     string
		upstream string
		status   int
		reason   string
		note     string
	}{
		{"nobody listens", refusing(t), 502, "nothing listens there (connection refused); start the application", "connection refused"},
		{"no such name", "http://nobody.invalid:1", 502, "no address is known for the name nobody.invalid", "name not found"},
		{"resets", startRawApp(t, func(c *net.TCPConn, r *bufio.Reader) { readHeader(r); _ = c.SetLinger(0) }), 502, "it reset the connection before it answered", "connection reset"},
		{"closes", says(t, ""), 502, "it closed the connection before it answered", "connection closed"},
		{"another protocol", says(t, "SSH-2.0-OpenSSH_9.2\r\n"), 502, "what it answers is not HTTP", "not HTTP"},
		{"binary", says(t, "\x00\xff\x1b[2J\x00\r\n\r\n"), 502, "what it answers is not HTTP", "not HTTP"},
		{"a TLS alert", says(t, "\x15\x03\x01\x00\x02\x02\x46"), 502, "it expects https there; name it with https:// instead", "TLS"},
		{"no status", says(t, "HTTP/1.1 OK\r\n\r\n"), 502, "what it answers is not HTTP", "not HTTP"},
		{"a broken header", says(t, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"), 502, "what it answers is not HTTP", "not HTTP"},
		{"half a header", says(t, "HTTP/1.1 200 OK\r\nContent-Type: x\r\n"), 502, "its answer broke off before the headers were complete", "answer broke off"},
		{"two lengths", says(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), 502, "", "not HTTP"},
		{"100 MB of headers", endless("X-Many: " + strings.Repeat("x", 100) + "\r\n"), 502, "the headers of its answer are larger than 1 MiB", "headers too large"},
		{"one header of 100 MB", endless(strings.Repeat("x", 1000)), 502, "the headers of its answer are larger than 1 MiB", "headers too large"},
		{"an upgrade nobody asked for", says(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"), 502, "the answer switches to a protocol that was not asked for", "unasked upgrade"},
	}
	for _, test := range tests {
		for _, protocol := range spoken {
			t.Run(test.name+" over "+protocol, func(t *testing.T) {
				f := handled(t, forwarding(t, test.upstream), nil)
				answer, body := fetchAll(t, f.client(protocol), newRequest(t, "GET", f.URL+"/a/b?secret=1", nil))
				assert.Equal(t, test.status, answer.StatusCode, body)
				assert.Contains(t, body, test.upstream+"/a/b: ")
				assert.Contains(t, body, test.reason)
				assert.Equal(t, 1, strings.Count(body, "\n"), "one line")
				assert.NotContains(t, body, "secret")
				assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
				assert.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
				assert.Regexp(t, fmt.Sprintf(` GET /a/b %d \d+ \d+\.\dms %s - %s\n$`, test.status, test.upstream, regexpQuote(test.note)), f.logged())
			})
		}
	}
}

// The remedy names the option that says where this port leads.
func TestTheRemedyNamesTheOption(t *testing.T) {
	u, err := url.Parse(refusing(t))
	require.NoError(t, err)
	f := handled(t, devcert.Serving{To: u, Map: map[int]*url.URL{44321: u}}, nil)
	h := f.Config.Handler.(*frontHandler)
	for _, mapped := range []bool{false, true} {
		option := "devcert serve --to URL\n"
		if mapped {
			option, h.mapped[f.port()] = "devcert serve --map 44321=URL\n", h.mapped[44321]
		}
		answer, body := fetchAll(t, f.client("HTTP/1.1"), newRequest(t, "GET", f.URL, nil))
		assert.Equal(t, 502, answer.StatusCode)
		assert.True(t, strings.HasSuffix(body, ": "+option), body)
	}
}

// An application that takes the connection and never answers the ClientHello.
func TestAHandshakeThatDoesNotEnd(t *testing.T) {
	assert.Equal(t, 10*time.Second, newUpstreams(nil).dialer.Timeout)
	silent := strings.Replace(startRawApp(t, func(_ *net.TCPConn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }), "http:", "https:", 1)
	f := handled(t, forwarding(t, silent), nil)
	f.forwarder(t).upstreams.dialer.Timeout = 200 * time.Millisecond
	answer, body := fetchAll(t, f.client("HTTP/2.0"), newRequest(t, "GET", f.URL, nil))
	assert.Equal(t, 504, answer.StatusCode, body)
	assert.Contains(t, body, silent+"/: it accepted the connection, and did not end the TLS handshake within 10s; ")
	assert.Regexp(t, ` 504 .* handshake timed out\n$`, f.logged())
}

func (f *served) forwarder(t *testing.T) *forwarder {
	t.Helper()
	to, ok := f.Config.Handler.(*frontHandler).fallback.Handler.(*forwarder)
	require.True(t, ok)
	return to
}

func regexpQuote(s string) string { return strings.ReplaceAll(s, ".", `\.`) }

// The answer of an application that fails in the middle must not look complete.
func TestHalfAnAnswer(t *testing.T) {
	for name, text := range map[string]string{
		"of a known length": "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50000),
		"in chunks":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n" + strings.Repeat("x", 50000) + "\r\n",
		"in half a chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n" + strings.Repeat("x", 40000),
		"bad chunk":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc350\r\n" + strings.Repeat("x", 50000) + "\r\nzzz\r\n",
		"short":             "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
	} {
		for _, protocol := range spoken {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				f := handled(t, forwarding(t, says(t, text)), nil)
				answer, err := f.client(protocol).Do(newRequest(t, "GET", f.URL, nil))
				if err == nil { // over HTTP/1.1 a short one may not even have begun
					_, err = io.ReadAll(answer.Body)
					_ = answer.Body.Close()
				}
				require.Error(t, err)
				assert.Regexp(t, ` 200 \d+ .* cut off\n$`, f.logged())
			})
		}
	}
}

// While one request stands at a breakpoint, others are answered; nothing ends the
// one.
func TestABreakpointHoldsUpNobodyElse(t *testing.T) {
	resume := make(chan bool)
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stop" {
			<-resume
		}
		_, _ = io.WriteString(w, "done")
	})), nil)
	for _, protocol := range spoken {
		c := f.client(protocol)
		stopped := make(chan string, 1)
		go func() {
			r, err := c.Get(f.URL + "/stop")
			if err != nil {
				stopped <- err.Error()
				return
			}
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			stopped <- string(body)
		}()
		for range 20 {
			_, body := fetchAll(t, c, newRequest(t, "GET", f.URL+"/go", nil))
			assert.Equal(t, "done", body)
		}
		select {
		case body := <-stopped:
			t.Fatal("it did not wait: ", body)
		case <-time.After(300 * time.Millisecond):
		}
		resume <- true
		assert.Equal(t, "done", <-stopped)
	}
}

// An application is asked again as soon as it is up, and when it was restarted.
func TestUpAndDownAndUp(t *testing.T) {
	address := strings.TrimPrefix(refusing(t), "http://")
	f := handled(t, forwarding(t, "http://"+address), nil)
	c := f.client("HTTP/2.0")
	for range 2 {
		answer, _ := fetchAll(t, c, newRequest(t, "GET", f.URL, nil))
		assert.Equal(t, 502, answer.StatusCode)
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		app := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.NotFoundHandler()}}
		app.Start()
		for range 3 {
			answer, _ = fetchAll(t, c, newRequest(t, "POST", f.URL, strings.NewReader("x")))
			assert.Equal(t, 404, answer.StatusCode)
		}
		app.Close()
	}
}

// The first event must be there within 50 ms, though nothing ends.
func TestEventsAreNotHeldBack(t *testing.T) {
	next := make(chan bool)
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		for range 3 {
			_, _ = io.WriteString(w, "data: x\n\n")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})), nil)
	for _, kind := range []string{"text/event-stream", "application/x-ndjson"} {
		for _, protocol := range spoken {
			t.Run(kind+" over "+protocol, func(t *testing.T) {
				started := time.Now()
				answer, err := f.client(protocol).Do(newRequest(t, "GET", f.URL+"?type="+kind, nil))
				require.NoError(t, err)
				defer func() { _ = answer.Body.Close() }()
				for range 3 {
					assert.Equal(t, "data: x\n\n", readN(t, answer.Body, 9))
					assert.Less(t, time.Since(started), 500*time.Millisecond) // the machine may be busy; the system test asks for 50 ms
					started = time.Now()
					next <- true
				}
			})
		}
	}
}

// A client that sends a byte now and then reaches the application byte by byte, and
// holds up nobody.
func TestASlowClient(t *testing.T) {
	arrived := make(chan byte, 100)
	f := handled(t, forwarding(t, startApp(t, func(_ http.ResponseWriter, r *http.Request) {
		for b := make([]byte, 1); ; {
			n, err := r.Body.Read(b)
			if n > 0 {
				arrived <- b[0]
			}
			if err != nil {
				return
			}
		}
	})), nil)
	c := f.raw()
	_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
	require.NoError(t, err)
	for _, b := range []byte("slow.") {
		time.Sleep(50 * time.Millisecond)
		_, err := c.Write([]byte{b})
		require.NoError(t, err)
		assert.Equal(t, b, <-arrived)
		answer, _ := fetchAll(t, f.client("HTTP/1.1"), newRequest(t, "GET", f.URL, nil))
		assert.Equal(t, 200, answer.StatusCode)
	}
	assert.True(t, strings.HasPrefix(readHeader(bufio.NewReader(c)), "HTTP/1.1 200 "))
}
