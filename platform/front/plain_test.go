package front

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

func TestPlainTarget(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, request, want string }{
		{"path and query", "GET /a/b?c=d HTTP/1.1\r\nHost: localhost:44300\r\n\r\n", "https://localhost:44300/a/b?c=d"},
		{"root", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:44300/"},
		{"another method", "POST /x HTTP/1.1\r\nHost: api.dev.internal:44300\r\nContent-Length: 3\r\n\r\nabc", "https://api.dev.internal:44300/x"},
		{"IPv6", "GET / HTTP/1.1\r\nHost: [::1]:44300\r\n\r\n", "https://[::1]:44300/"},
		{"HTTP/1.0", "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", "https://localhost:44300/"},
		{"escapes stay", "GET /%2f%20?q=%0d%0a HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:44300/%2f%20?q=%0d%0a"},
		{"two slashes lead nowhere else", "GET //evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:44300//evil.example/"},
		{"a whole URL", "GET http://localhost:44300/a HTTP/1.1\r\nHost: other\r\n\r\n", "https://localhost:44300/a"},
		{"of the server itself", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:44300/"},
		{"bytes that no header can carry", "GET /?\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:44300/?%C3%A4"},
		{"another port", "GET /a HTTP/1.1\r\nHost: localhost:80\r\n\r\n", "https://localhost:44300/a"},
		{"no digits after the colon", "GET /a HTTP/1.1\r\nHost: localhost:\r\n\r\n", "https://localhost:44300/a"},
		{"IPv6 without a port", "GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "https://[::1]:44300/"},
		{"an unrelated host", "GET / HTTP/1.1\r\nHost: evil.example:1\r\n\r\n", "https://evil.example:44300/"},
		{"empty query", "GET /? HTTP/1.1\r\nHost: localhost\r\n\r\n", "https://localhost:44300/?"},

		{"no host", "GET / HTTP/1.0\r\n\r\n", ""},
		{"host with a path", "GET / HTTP/1.1\r\nHost: evil.example/x\r\n\r\n", ""},
		{"host with a user", "GET / HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", ""},
		{"host with a bad port", "GET / HTTP/1.1\r\nHost: localhost:x\r\n\r\n", ""},
		{"host without a name", "GET / HTTP/1.1\r\nHost: :44300\r\n\r\n", ""},
		{"long host", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", 300) + "\r\n\r\n", ""},
		{"proxy", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", ""},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
		{"no HTTP", "EHLO localhost\r\n", ""},
		{"unfinished", "GET / HTTP/1.1\r\nHost: localhost\r\n", ""},
	} {
		got, _ := plainTarget(bufio.NewReader(strings.NewReader(row.request)), 44300)
		assert.Equal(t, row.want, got, row.name)
	}
}

func TestPlainTargetOnThePortOfHTTPS(t *testing.T) {
	for host, want := range map[string]string{"localhost:80": "https://localhost/", "[::1]:443": "https://[::1]/"} {
		got, _ := plainTarget(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")), 443)
		assert.Equal(t, want, got)
	}
}

func FuzzPlainTarget(f *testing.F) {
	f.Add("GET /a?b HTTP/1.1\r\nHost: localhost:44300\r\n\r\n")
	f.Add("OPTIONS * HTTP/1.0\r\nHost: [::1]\r\n\r\n")
	fuzzlimit.Fuzz(f, func(t *testing.T, sent string) {
		location, head := plainTarget(bufio.NewReader(strings.NewReader(sent)), 44300)
		answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(plainAnswer(location, head))), nil)
		if err != nil {
			t.Fatalf("the answer cannot be read: %v", err)
		}
		if location == "" {
			if answer.StatusCode != http.StatusBadRequest {
				t.Fatal("no target, and not refused")
			}
			return
		}
		if got := answer.Header.Get("Location"); got != location {
			t.Fatalf("leads to %q instead of %q", got, location)
		}
		to, err := url.Parse(location)
		if err != nil || to.Scheme != "https" || to.Hostname() == "" || to.User != nil || len(answer.Header) > 5 {
			t.Fatalf("leads to %q: %v, %v", location, err, answer.Header)
		}
		if !strings.Contains(strings.ToLower(sent), strings.ToLower(to.Hostname())) || to.Port() != "44300" {
			t.Fatalf("%q is no host that was asked for, on the port that was", to.Host)
		}
	})
}

func TestPlainHTTPIsRedirected(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	begin(t, s.front(devcert.Serving{}), hello)
	client := s.client(target4(port), true)
	response, err := client.Get("http://localhost/a")
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, fmt.Sprintf("https://localhost:%d/a", port), response.Header.Get("Location"), "a port that was not named")
	plain := fmt.Sprintf("http://localhost:%d/a?b", port)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		request, err := http.NewRequestWithContext(t.Context(), method, plain, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, http.StatusPermanentRedirect, response.StatusCode)
		assert.Equal(t, fmt.Sprintf("https://localhost:%d/a?b", port), response.Header.Get("Location"))
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"), "the port may speak plain HTTP tomorrow")
	}
	response, err = client.Post(plain, "text/plain", strings.NewReader(strings.Repeat("x", 200<<10)))
	require.NoError(t, err, "a body that nobody wants does not cost the answer")
	_ = response.Body.Close()
	assert.Equal(t, http.StatusPermanentRedirect, response.StatusCode)
	client.CheckRedirect = nil
	response, err = client.Get(plain)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	_ = response.Body.Close()
	assert.Equal(t, "hello over HTTP/2.0", string(body), "followed to where it leads")
}

// A connection that is closed while there is more to read is reset, and what was
// answered is lost to a client that had not read it yet.
func TestARedirectReachesAClientThatStillSends(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	begin(t, s.front(devcert.Serving{}), hello)
	c, err := net.Dial("tcp", target4(port))
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 50000))
	require.NoError(t, err)
	time.Sleep(100 * time.Millisecond)
	_, err = io.WriteString(c, strings.Repeat("x", 50000))
	require.NoError(t, err)
	time.Sleep(100 * time.Millisecond)
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusPermanentRedirect, response.StatusCode)
}

// Whoever sends slowly, or garbage, is on their own: others are served meanwhile,
// however long that is, and in the end the connection is closed.
func TestBadClientsCostOnlyTheirOwnConnection(t *testing.T) {
	t.Parallel()
	for _, limit := range []time.Duration{time.Hour, 5 * time.Second} {
		port := free(t, 1)[0]
		s := setUp(t, port)
		f := s.front(devcert.Serving{})
		f.header = limit
		r := begin(t, f, hello)
		gone := make(chan bool, len(bad)+1)
		for _, sent := range bad {
			c, err := net.Dial("tcp", target4(port))
			require.NoError(t, err)
			go drip(c, sent, gone)
		}
		overTLS, _ := s.dialTLS(t, port)
		go drip(overTLS, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", gone)
		if limit == time.Hour {
			for range 10 {
				response, err := s.client(target4(port), true).Get("https://localhost:" + strconv.Itoa(port))
				require.NoError(t, err)
				_ = response.Body.Close()
			}
		} else {
			for range len(bad) + 1 {
				assert.True(t, <-gone, "a slow client is closed")
			}
		}
		require.NoError(t, r.end())
		assert.Empty(t, s.lines())
	}
}

// bad is what bad clients begin with.
var bad = []string{
	"",
	"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // a handshake
	"\x00\xff\x00\xff",
	"\x16\x03\x01\x00\x04\xff\xff\xff\xff",
	strings.Repeat("A", 200),
}

// drip sends what is given, then a byte at a time. It tells whether the other side
// has had enough of it.
func drip(c net.Conn, sent string, gone chan<- bool) {
	defer c.Close()
	_, _ = io.WriteString(c, sent)
	go func() {
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			if _, err := c.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, err := io.Copy(io.Discard, c)
	var late net.Error
	gone <- !errors.As(err, &late) || !late.Timeout()
}
