package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A body that breaks off is the client's fault, and does not look complete to the
// application.
func TestHalfARequest(t *testing.T) {
	for name, text := range map[string]string{
		"bad chunk":   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
		"ends early":  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
		"half chunks": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan bool, 1)
			f := handled(t, forwarding(t, startApp(t, func(_ http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				whole <- err == nil
			})), nil)
			c := f.raw()
			_, err := io.WriteString(c, text)
			require.NoError(t, err)
			require.NoError(t, c.CloseWrite())
			_, _ = io.Copy(io.Discard, c)
			assert.False(t, <-whole)
			assert.Regexp(t, ` POST / (400|499) .* (body broke off|client left)\n$`, f.logged())
		})
	}
}

// A body is not sent before somebody wants it.
func TestContinue(t *testing.T) {
	tests := []struct {
		name, answer string
		wants        string
	}{
		{"wanted", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue"},
		{"refused", "HTTP/1.1 417 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 417 "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var asked string
			f := handled(t, forwarding(t, startRawApp(t, func(c *net.TCPConn, r *bufio.Reader) {
				asked = readHeader(r)
				_, _ = io.WriteString(c, test.answer)
				if test.name == "wanted" {
					body := make([]byte, 5)
					_, _ = io.ReadFull(r, body)
					_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s", body)
				}
			})), nil)
			c := f.raw()
			_, err := io.WriteString(c, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
			require.NoError(t, err)
			r := bufio.NewReader(c)
			assert.Contains(t, readHeader(r), test.wants)
			assert.Contains(t, asked, "Expect: 100-continue\r\n")
			if test.name == "wanted" {
				_, err = io.WriteString(c, "12345")
				require.NoError(t, err)
				header := readHeader(r)
				if strings.HasPrefix(header, "HTTP/1.1 100 ") {
					header = readHeader(r) // net/http's own may come beside the application's (RFC 9110, section 15.2)
				}
				assert.True(t, strings.HasPrefix(header, "HTTP/1.1 200 "), header)
				assert.Equal(t, "12345", readN(t, r, 5))
			}
		})
	}
}

// An application may refuse an upload without reading it.
func TestAnEarlyAnswer(t *testing.T) {
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(413)
		_, _ = io.WriteString(w, "too large")
	})), nil)
	for _, protocol := range spoken {
		for range 5 {
			body := io.LimitReader(neverEnding('x'), 8<<20)
			answer, err := f.client(protocol).Do(newRequest(t, "POST", f.URL, body))
			require.NoError(t, err)
			text, err := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			require.NoError(t, err)
			assert.Equal(t, 413, answer.StatusCode, string(text))
		}
	}
}

// A client that looks for an answer only when it has sent everything gets it all
// the same, and may go on with the connection.
func TestAnEarlyAnswerIsNotLost(t *testing.T) {
	for name, answer := range map[string]string{"empty": "Content-Length: 0\r\n\r\n", "with a body": "Content-Length: 5\r\n\r\nlarge"} {
		t.Run(name, func(t *testing.T) {
			f := handled(t, forwarding(t, startRawApp(t, func(c *net.TCPConn, r *bufio.Reader) {
				readHeader(r)
				_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\n"+answer)
				_, _ = io.Copy(io.Discard, r)
			})), nil)
			c := f.raw()
			r := bufio.NewReader(c)
			for range 2 {
				const size = 4 << 20
				_, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
				require.NoError(t, err)
				for range 4 {
					_, err = c.Write(make([]byte, size/4))
					require.NoError(t, err)
					time.Sleep(200 * time.Millisecond) // longer than net/http would wait, together
				}
				got, err := http.ReadResponse(r, nil)
				require.NoError(t, err)
				assert.Equal(t, 413, got.StatusCode)
				_, err = io.Copy(io.Discard, got.Body)
				require.NoError(t, err)
				_ = got.Body.Close()
			}
		})
	}
}

// An application may answer while it reads.
func TestBothWaysAtOnce(t *testing.T) {
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.EnableFullDuplex()
		for b := make([]byte, 1024); ; {
			n, err := r.Body.Read(b)
			_, _ = w.Write(b[:n])
			_ = c.Flush()
			if err != nil {
				return
			}
		}
	})), nil)
	for _, protocol := range spoken {
		t.Run(protocol, func(t *testing.T) {
			body, sent := io.Pipe()
			go func() { _, _ = io.WriteString(sent, "begin") }()
			answer, err := f.client(protocol).Do(newRequest(t, "POST", f.URL, body))
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			assert.Equal(t, "begin", readN(t, answer.Body, 5))
			for i := range 100 {
				word := fmt.Sprintf("%05d", i)
				go func() { _, _ = io.WriteString(sent, word) }()
				require.Equal(t, word, readN(t, answer.Body, 5))
			}
			_ = sent.Close()
			rest, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			assert.Empty(t, rest)
		})
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// Large bodies pass through in pieces: the memory stays flat. Two gigabytes are the
// system test's.
func TestLargeBodiesAreNotKept(t *testing.T) {
	const size = 64 << 20
	block := make([]byte, 1<<20)
	_, _ = rand.Read(block)
	want := sha256.New()
	for range size / len(block) {
		want.Write(block)
	}
	f := handled(t, forwarding(t, startApp(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			for range size / len(block) {
				_, _ = w.Write(block)
			}
			return
		}
		got := sha256.New()
		_, _ = io.Copy(got, r.Body)
		_, _ = fmt.Fprintf(w, "%x", got.Sum(nil))
	})), nil)
	for _, protocol := range spoken {
		t.Run(protocol, func(t *testing.T) {
			c := f.client(protocol)
			stop := watchMemory(t, 32<<20)
			answer, err := c.Do(newRequest(t, "GET", f.URL, nil))
			require.NoError(t, err)
			got := sha256.New()
			n, err := io.Copy(got, answer.Body)
			_ = answer.Body.Close()
			require.NoError(t, err)
			assert.EqualValues(t, size, n)
			assert.Equal(t, want.Sum(nil), got.Sum(nil))

			body := io.MultiReader() // of unknown length
			for range size / len(block) {
				body = io.MultiReader(body, bytes.NewReader(block))
			}
			_, text := fetchAll(t, c, newRequest(t, "POST", f.URL, body))
			assert.Equal(t, fmt.Sprintf("%x", want.Sum(nil)), text)
			stop()
		})
	}
}

// watchMemory fails the test if what is alive grows by more than limit until the
// func that it returns is called.
func watchMemory(t *testing.T, limit uint64) (stop func()) {
	alive := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := alive()
	var most atomic.Uint64
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan bool)
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			most.Store(max(most.Load(), alive()))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-done
		if now := most.Load(); now > before+limit {
			t.Errorf("%d MiB more are alive than the %d before", (now-before)>>20, before>>20)
		}
	}
}
