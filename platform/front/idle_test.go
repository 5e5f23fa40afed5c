package front

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"devcert/devcert"
)

// Not parallel: what the others use would count.
func TestMemoryOfIdleConnectionsReturns(t *testing.T) {
	port := free(t, 1)[0]
	s := setUp(t, port)
	f := s.front(devcert.Serving{})
	f.idle = 2 * time.Second
	begin(t, f, hello)
	s.visit(t, port, 50) // what is made once
	eventually(t, "the first are gone", func() bool { return open(f) == 0 })
	goroutines, heap := runtime.NumGoroutine(), heapInUse()

	s.visit(t, port, 1000)
	eventually(t, "a thousand that wait are closed", func() bool { return open(f) == 0 })
	eventually(t, "their goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	eventually(t, "their memory is free", func() bool { return heapInUse() < heap+4<<20 })
}

// visit makes n connections that ask once, are all there at the same time, and
// wait until the front closes them.
func (s *stage) visit(t *testing.T, port, n int) {
	t.Helper()
	var wait sync.WaitGroup
	most := make(chan struct{}, 32) // in a handshake at the same time
	for range n {
		wait.Go(func() {
			most <- struct{}{}
			c, in, err := s.dial(port) // no cleanup: it would keep the connection
			if !assert.NoError(t, err) {
				<-most
				return
			}
			defer c.Close()
			request(t, c, "")
			response, err := http.ReadResponse(in, nil)
			<-most
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusOK, response.StatusCode)
				_, err = in.Discard(len("hello over HTTP/1.1"))
				assert.NoError(t, err)
				_, err = in.ReadByte()
				assert.ErrorIs(t, err, io.EOF, "nothing follows but the end")
			}
		})
	}
	wait.Wait()
}

func open(f *front) int {
	f.conns.mu.Lock()
	defer f.conns.mu.Unlock()
	return len(f.conns.all)
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
