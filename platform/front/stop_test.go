package front

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// request sends a request for / and leaves the answer to be read.
func request(t *testing.T, c net.Conn, headers string) {
	t.Helper()
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n"+headers+"\r\n")
	require.NoError(t, err)
}

func TestRequestsMayEnd(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	begun := make(chan bool)
	r := begin(t, s.front(devcert.Serving{}), func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		time.Sleep(time.Second)
		assert.NoError(t, r.Context().Err())
		_, _ = io.WriteString(w, "whole")
	})
	c, in := s.dialTLS(t, port)
	request(t, c, "")
	<-begun
	r.cancel()
	eventually(t, "no connection is taken", func() bool { return !answersAt(target4(port)) })
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "whole", string(body))
	started := time.Now()
	require.NoError(t, r.end())
	assert.Less(t, time.Since(started), devcert.ServeGrace/2, "nothing is left to wait for")
}

func TestAStreamIsCutInTheEnd(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	left := make(chan bool)
	r := begin(t, s.front(devcert.Serving{}), func(w http.ResponseWriter, r *http.Request) {
		ticking(w, r)
		close(left)
	})
	next := s.stream(t, port, false)
	require.NoError(t, next())
	started := time.Now()
	require.NoError(t, r.end())
	assert.Greater(t, time.Since(started), devcert.ServeGrace-time.Second)
	assert.LessOrEqual(t, time.Since(started), devcert.ServeGrace)
	<-left
	for next() == nil { //nolint:revive // what had arrived before
	}
}

// The log says who ended a request: the front, when it had waited long enough, or
// a client that had not.
func TestTheLogTellsStoppingFromLeaving(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	asked := make(chan string, 1)
	serving := forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			_, _ = io.WriteString(w, "begun")
			_ = http.NewResponseController(w).Flush()
		}
		asked <- r.URL.Path
		<-r.Context().Done()
	}))
	lines := &logLines{}
	serving.Log = lines
	h := newHandler(serving, "", nil, nil)
	r := begin(t, s.front(devcert.Serving{}), h.ServeHTTP)
	ask := func(path string) net.Conn {
		c, _ := s.dialTLS(t, port)
		_, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		assert.Equal(t, path, <-asked)
		return c
	}
	waits, _, left := ask("/waits"), ask("/begun"), ask("/left")
	require.NoError(t, left.Close())
	eventually(t, "the leaving is logged", func() bool { return strings.Contains(lines.String(), "client left\n") })
	require.NoError(t, r.end())
	eventually(t, "all is logged", func() bool { return strings.Count(lines.String(), "\n") == 3 })
	assert.Regexp(t, `GET /left 499 .* client left\n`, lines.String())
	assert.Regexp(t, `GET /waits 503 .* stopped\n`, lines.String())
	assert.Regexp(t, `GET /begun 200 .* stopped\n`, lines.String())
	text, _ := io.ReadAll(waits)
	assert.NotContains(t, string(text), " 200 ", "no answer is made up")
}

// upgrade hands the connection to a handler that never ends it.
func upgrade(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_, _ = io.Copy(c, c)
		}
	}
}

func TestUpgradedAndSilentConnectionsEndAtOnce(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	r := begin(t, s.front(devcert.Serving{}), upgrade(t))
	upgraded, in := s.dialTLS(t, port)
	request(t, upgraded, "Connection: Upgrade\r\nUpgrade: echo\r\n")
	_, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	_, err = io.WriteString(upgraded, "ping\n")
	require.NoError(t, err)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "ping\n", line)
	handshaken, _ := s.dialTLS(t, port)
	silent, err := net.Dial("tcp", target4(port))
	require.NoError(t, err)
	require.NoError(t, silent.SetDeadline(time.Now().Add(10*time.Second)))

	started := time.Now()
	require.NoError(t, r.end())
	assert.Less(t, time.Since(started), devcert.ServeGrace/2)
	for _, c := range []io.Reader{in, bufio.NewReader(handshaken), silent} {
		_, err := io.Copy(io.Discard, c)
		var late net.Error
		assert.False(t, errors.As(err, &late) && late.Timeout(), "the connection is closed")
	}
	r.conns.mu.Lock()
	defer r.conns.mu.Unlock()
	assert.Empty(t, r.conns.all)
}

func TestAPortIsFreeAfterwards(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	for range 3 {
		r := begin(t, s.front(devcert.Serving{}), hello)
		response, err := s.client(target4(port), true).Get("https://localhost:" + strconv.Itoa(port))
		require.NoError(t, err)
		_ = response.Body.Close()
		require.NoError(t, r.end())
	}
}
