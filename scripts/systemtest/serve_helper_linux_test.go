package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/cli/schema/schematest"
)

// front is a running `devcert serve`.
type front struct {
	*machine
	*network
	cmd   *exec.Cmd
	began listening
	said  *transcript
	// printed is its standard output; with --json the one document, even when it ends.
	printed *transcript
	exit    *int // what the document says; nil without one
	ended   chan struct{}
}

// listening is what serve says it serves.
type listening struct {
	Ports     []int
	Addresses []string
	Failed    []struct {
		Port   int
		Holder *string
		Error  string
	}
}

// transcript is what a process has said by now.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// serveMachine is a machine that root has set up, in a network of its own.
func serveMachine(t *testing.T) (*machine, *network) {
	t.Helper()
	m := healthyMachine(t)
	return m, m.ownNetwork()
}

// serve starts `devcert serve` and waits until it says that it listens.
func (m *machine) serve(n *network, args ...string) *front {
	m.t.Helper()
	return m.serveBy(n, nil, args...)
}

// serveBy has another program start it, as prlimit does.
func (m *machine) serveBy(n *network, by []string, args ...string) *front {
	m.t.Helper()
	f := &front{machine: m, network: n}
	out := f.start(append(append(by, m.bin, "serve", "--json", "--log", "json"), args...))
	var doc struct {
		Listening *listening
		Error     string
		Exit      int
	}
	f.await(out, func() error { return json.NewDecoder(out).Decode(&doc) })
	require.NotNil(m.t, doc.Listening, "serve does not listen: %s", doc.Error)
	f.exit = &doc.Exit
	f.began = *doc.Listening
	return f
}

// serveAloud starts one that tells a person what happens: with --json it does not.
func (m *machine) serveAloud(n *network, args ...string) *front {
	m.t.Helper()
	f := &front{machine: m, network: n}
	out := f.start(append([]string{m.bin, "serve", "--log", "json"}, args...))
	f.await(out, func() error {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "listening ") {
			err = fmt.Errorf("it says %q", line)
		}
		return err
	})
	return f
}

// start starts it, and returns its standard output.
func (f *front) start(line []string) io.Reader {
	f.t.Helper()
	f.said, f.printed, f.ended = &transcript{}, &transcript{}, make(chan struct{})
	f.cmd = f.command(context.Background(), line[0], line[1:]...)
	f.cmd.Stderr = f.said
	out, err := f.cmd.StdoutPipe()
	require.NoError(f.t, err)
	require.NoError(f.t, f.cmd.Start())
	f.t.Cleanup(func() {
		_ = syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL)
		<-f.ended
		if f.exit != nil {
			assert.NoError(f.t, schematest.Judge([]byte(f.printed.String()), *f.exit))
		}
	})
	return io.TeeReader(out, f.printed)
}

// await waits for the beginning of what it says.
func (f *front) await(out io.Reader, begins func() error) {
	f.t.Helper()
	first := make(chan error, 1)
	go func() {
		first <- begins()
		_, _ = io.Copy(io.Discard, out)
		_ = f.cmd.Wait()
		close(f.ended)
	}()
	select {
	case err := <-first:
		require.NoError(f.t, err, f.said)
	case <-time.After(20 * time.Second):
		require.Fail(f.t, "serve does not begin", f.said)
	}
}

// stop sends a signal, and returns the exit code and how long it took to end.
func (f *front) stop(signal syscall.Signal) (code int, took time.Duration) {
	f.t.Helper()
	began := time.Now()
	require.NoError(f.t, f.cmd.Process.Signal(signal))
	select {
	case <-f.ended:
	case <-time.After(20 * time.Second):
		require.Fail(f.t, "serve does not end", f.said)
	}
	return f.cmd.ProcessState.ExitCode(), time.Since(began)
}

// running says that it has not ended.
func (f *front) running() bool {
	select {
	case <-f.ended:
		return false
	default:
		return true
	}
}

// curl asks with nothing said about certificates, and requires an answer.
func (m *machine) curl(args ...string) string {
	m.t.Helper()
	return m.must("curl", append([]string{"-sS", "--max-time", "30"}, args...)...)
}

// client is a Go program of the user's: it trusts the root in the state folder and
// nothing else. Each speaks one protocol, "h2" or "http/1.1", and has connections
// of its own.
func (f *front) client(protocol string) *http.Client {
	f.t.Helper()
	transport := &http.Transport{DialContext: f.dial, TLSClientConfig: f.trusting(protocol), DisableCompression: true}
	transport.Protocols = &http.Protocols{}
	transport.Protocols.SetHTTP1(protocol == "http/1.1")
	transport.Protocols.SetHTTP2(protocol == "h2")
	f.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (f *front) trusting(protocols ...string) *tls.Config {
	f.t.Helper()
	roots := x509.NewCertPool()
	require.True(f.t, roots.AppendCertsFromPEM([]byte(f.read(f.state("root.pem")))))
	return &tls.Config{RootCAs: roots, ServerName: ours, NextProtos: protocols}
}

// handshake connects to a port; the certificate must be good.
func (f *front) handshake(port int, config *tls.Config) (*tls.Conn, error) {
	raw, err := f.dial(f.t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if err := conn.Handshake(); err != nil {
		_ = raw.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, nil
}

// page gets a page, whole.
func page(t *testing.T, client *http.Client, url string) (status int, body string) {
	t.Helper()
	answer, err := client.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(data)
}

// memory is a figure of the process in KiB: VmRSS now, VmHWM the most so far.
func (f *front) memory(figure string) int {
	f.t.Helper()
	found := regexp.MustCompile(figure + `:\s+(\d+) kB`).FindStringSubmatch(f.read(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid)))
	require.NotNil(f.t, found)
	n, err := strconv.Atoi(found[1])
	require.NoError(f.t, err)
	return n
}

// forgetPeak makes VmHWM what is used now (proc_pid_clear_refs(5)).
func (f *front) forgetPeak() {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", f.cmd.Process.Pid), []byte("5"), 0))
}

// descriptors is how many files the process has open.
func (f *front) descriptors() int {
	f.t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", f.cmd.Process.Pid))
	require.NoError(f.t, err)
	return len(all)
}

// eventually waits for what comes within moments.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}

// says waits for a text on standard error, which is read beside standard output: what
// was said first may come second.
func (f *front) says(text string) {
	f.t.Helper()
	has := func() bool { return strings.Contains(f.said.String(), text) }
	for end := time.Now().Add(time.Minute); !has() && f.running() && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	require.Contains(f.t, f.said.String(), text)
}

// requests are the lines of the access log, by path.
func (f *front) requests(path string) (found []logged) {
	f.t.Helper()
	for line := range strings.Lines(f.said.String()) {
		var l logged
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &l) == nil && l.Path == path {
			found = append(found, l)
		}
	}
	return found
}

type logged struct {
	Port       int
	Path       string
	Status     int
	Bytes      int64
	To, Error  string
	ClientCert string
}
