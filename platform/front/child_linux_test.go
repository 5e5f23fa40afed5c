package front

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// The variables by which this program becomes a front in a process of its own.
const (
	childFolder = "FRONT_TEST_FOLDER"
	childFiles  = "FRONT_TEST_FILES" // how many files it may have open
)

// child is such a process.
type child struct {
	*exec.Cmd
	lines chan string // what it said
}

// TestChild is no test but what a child does.
func TestChild(t *testing.T) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		t.Skip("only for other tests to start")
	}
	defer runtime.KeepAlive(collectGarbage())
	if most, err := strconv.Atoi(os.Getenv(childFiles)); err == nil {
		limit := syscall.Rlimit{Cur: uint64(most), Max: uint64(most)}
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	server := &Server{StateDir: dir, Files: plainFiles{}, Binder: New(dir, plainFiles{})}
	f := server.newFront(devcert.Serving{
		Say:       func(line string) { fmt.Println(line) },
		Listening: func(l devcert.Listening) { fmt.Println("listening", len(l.Ports), l.Took.Microseconds()) },
	})
	f.sockets.listen = withoutLists
	require.NoError(t, f.run(ctx, http.HandlerFunc(hello)))
}

// child starts a front and waits until it listens, which it says in a line.
func (s *stage) child(t testing.TB, files int) (c *child, listens string) {
	t.Helper()
	c = &child{Cmd: exec.Command(os.Args[0], "-test.run=^TestChild$"), lines: make(chan string, 1000)}
	c.Env = append(os.Environ(), childFolder+"="+s.dir)
	if files > 0 {
		c.Env = append(c.Env, childFiles+"="+strconv.Itoa(files))
	}
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.lines <- lines.Text()
		}
	}()
	return c, c.says(t, "listening")
}

// says waits for a line with words in it.
func (c *child) says(t testing.TB, words string) string {
	t.Helper()
	for end := time.After(20 * time.Second); ; {
		select {
		case line, ok := <-c.lines:
			if strings.Contains(line, words) {
				return line
			}
			require.True(t, ok, "it ended without saying %q", words)
		case <-end:
			t.Fatalf("it did not say %q", words)
		}
	}
}

func (c *child) resident(t testing.TB) (mebibytes float64) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.Process.Pid), "status"))
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			require.NoError(t, err)
			return float64(kib) / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func TestOutOfFiles(t *testing.T) {
	t.Parallel()
	port := free(t, 1)[0]
	s := setUp(t, port)
	c, _ := s.child(t, 40)
	old, in := s.dialTLS(t, port)
	var idle []io.Closer
	for range 60 {
		conn, err := net.Dial("tcp", target4(port))
		require.NoError(t, err)
		idle = append(idle, conn)
	}
	c.says(t, "cannot take connections for the moment: accept tcp4 "+target4(port)+": accept4: too many open files")
	s.renew(t, port)
	for range 3 { // who is in is served
		request(t, old, "")
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		time.Sleep(followEvery)
	}
	for _, conn := range idle {
		_ = conn.Close()
	}
	eventually(t, "new clients are served again, with what was renewed meanwhile", func() bool {
		return s.presented(t, port, "localhost") == s.thumbprint()
	})
	for {
		select {
		case line := <-c.lines:
			assert.NotContains(t, line, "gone")
			assert.NotContains(t, line, "cannot take connections", "once a minute is enough")
			continue
		default:
		}
		return
	}
}

// BenchmarkHundredPorts is how long it takes from the start of serving until a
// hundred ports are open on two addresses, and what a process of its own then has
// in memory, before and after each port was asked once, as status --probe does.
func BenchmarkHundredPorts(b *testing.B) {
	ports := free(b, 100)
	s := setUp(b, ports...)
	leaf, err := chain.NewLeaf(s.made.Intermediate, chain.LeafOptions{Names: chain.DefaultNames(), Now: time.Now()})
	require.NoError(b, err)
	s.leaf = leaf
	s.install(b)
	s.bind(b, ports...)
	var micros, fresh, asked float64
	var probing time.Duration
	for b.Loop() {
		c, line := s.child(b, 0)
		var n, took int
		_, err := fmt.Sscanf(line, "listening %d %d", &n, &took)
		require.NoError(b, err)
		require.Equal(b, 100, n)
		micros += float64(took)
		fresh += c.resident(b)
		started := time.Now()
		answers := s.binder.Probe(context.Background(), ports)
		probing += time.Since(started)
		for _, answer := range answers {
			require.Equal(b, s.thumbprint(), answer.Listener)
		}
		asked += c.resident(b)
		require.NoError(b, c.Process.Kill())
		_ = c.Wait()
	}
	b.ReportMetric(micros/float64(b.N)/1000, "ms/start")
	b.ReportMetric(probing.Seconds()*1000/float64(b.N), "ms/probe")
	b.ReportMetric(fresh/float64(b.N), "MiB-started")
	b.ReportMetric(asked/float64(b.N), "MiB-asked")
}
