package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve has h answer https://localhost:PORT, and returns that and the file with
// the certificate. Each new connection counts.
func serve(t *testing.T, h http.Handler, connections *atomic.Int64) (url, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	made := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, made, made, key.Public(), key)
	require.NoError(t, err)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))

	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of clients that leave at the end of a run
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return "https://localhost:" + strconv.Itoa(s.Listener.Addr().(*net.TCPAddr).Port), ca
}

func TestRunCountsWhatTheServerAnswered(t *testing.T) {
	for _, row := range []struct {
		name, path string
		args       []string
		protocol   int
		conns      int64 // at most, beside the one that verifies; 0: one for each request
	}{
		{"one request after the other", "/", []string{"--mode=requests"}, 1, 4},
		{"large answers", "/100k", []string{"--mode=requests", "--size=102400"}, 1, 4},
		{"many requests on few connections", "/", []string{"--mode=h2", "--streams=2"}, 2, 2},
		{"more than the first window of HTTP/2", "/100k", []string{"--mode=h2", "--streams=4", "--size=102400"}, 2, 1},
		{"a connection each", "/", []string{"--mode=handshakes"}, 1, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			var connections, requests, other atomic.Int64
			answers := application()
			url, ca := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.ProtoMajor != row.protocol {
					other.Add(1)
				}
				answers.ServeHTTP(w, r)
			}), &connections)
			args := append([]string{"run", "--url=" + url + row.path, "--ca=" + ca, "--conns=4", "--for=150ms", "--warm=50ms"}, row.args...)
			var out bytes.Buffer
			require.NoError(t, command(t.Context(), args, &out))
			var f figures
			require.NoError(t, json.Unmarshal(out.Bytes(), &f))

			assert.Zero(t, other.Load(), "requests over another protocol")
			assert.Positive(t, f.RequestsPerSecond)
			assert.Less(t, f.RequestsPerSecond*0.15, float64(f.All), "the warm-up counts")
			assert.GreaterOrEqual(t, requests.Load(), int64(f.All))
			assert.LessOrEqual(t, requests.Load(), int64(f.All)+4, "those under way at the end are all that is not counted")
			assert.Positive(t, f.P50)
			assert.GreaterOrEqual(t, f.P99, f.P50)
			if row.conns == 0 {
				assert.Equal(t, requests.Load()+1, connections.Load())
				assert.InDelta(t, f.RequestsPerSecond, f.HandshakesPerSecond, 0)
			} else {
				assert.Equal(t, row.conns+1, connections.Load())
				assert.Zero(t, f.HandshakesPerSecond)
			}
		})
	}
}

func TestRunRefusesOtherAnswers(t *testing.T) {
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, row := range []struct {
		name    string
		answers http.Handler
		want    string
	}{
		{"an error", text(http.StatusBadGateway, strings.Repeat("x", smallAnswer)), "502"},
		{"another length", text(http.StatusOK, "x"), "1 bytes"},
	} {
		for _, mode := range []string{modeRequests, modeHandshakes, modeH2} {
			t.Run(row.name+", "+mode, func(t *testing.T) {
				var connections atomic.Int64
				url, ca := serve(t, row.answers, &connections)
				err := command(t.Context(), []string{"run", "--url=" + url, "--ca=" + ca, "--mode=" + mode, "--for=10s"}, io.Discard)
				assert.ErrorContains(t, err, row.want)
			})
		}
	}
}

func TestRunVerifiesTheServer(t *testing.T) {
	var connections atomic.Int64
	url, _ := serve(t, application(), &connections)
	_, another := serve(t, application(), &connections)
	err := command(t.Context(), []string{"run", "--url=" + url, "--ca=" + another}, io.Discard)
	var unknown x509.UnknownAuthorityError
	assert.ErrorAs(t, err, &unknown)
}

func TestPortsWaitsForTheLast(t *testing.T) {
	var open []net.Listener
	first := 0
	for port := 20000; first == 0; port += 2 { // two neighbours that nobody has
		open = open[:0]
		for _, place := range []string{"127.0.0.1:" + strconv.Itoa(port), "[::1]:" + strconv.Itoa(port), "127.0.0.1:" + strconv.Itoa(port+1)} {
			if l, err := net.Listen("tcp", place); err == nil {
				defer l.Close()
				open = append(open, l)
			}
		}
		if len(open) == 3 {
			first = port
		}
		require.Less(t, port, 30000, "no free ports, or no IPv6")
	}
	last := strconv.Itoa(first + 1)
	args := []string{"ports", "--ports=" + strconv.Itoa(first) + "-" + last}
	assert.ErrorContains(t, command(t.Context(), append(args, "--within=50ms"), io.Discard), "[::1]:"+last)

	began := time.Now()
	done := make(chan error)
	var out bytes.Buffer
	go func() { done <- command(context.WithoutCancel(t.Context()), args, &out) }()
	time.Sleep(20 * time.Millisecond)
	listens := time.Now()
	l, err := net.Listen("tcp", "[::1]:"+last)
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, <-done)
	at, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, at, listens.UnixMicro())
	assert.Greater(t, at, began.UnixMicro())
}

func TestUpstreamEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	said, listens := io.Pipe()
	done := make(chan error)
	go func() { done <- command(ctx, []string{"upstream"}, listens) }()
	line := make([]byte, 64)
	n, err := said.Read(line)
	require.NoError(t, err)
	response, err := http.Get("http://" + strings.TrimSpace(string(line[:n])) + "/100k")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Len(t, body, largeAnswer)
	cancel()
	assert.NoError(t, <-done)
}

func TestPercentile(t *testing.T) {
	var took []time.Duration
	for i := range 200 {
		took = append(took, time.Duration(i+1)*time.Millisecond)
	}
	for _, row := range []struct {
		n, p int
		want float64
	}{{200, 50, 100}, {200, 99, 198}, {1, 99, 1}, {2, 50, 1}, {100, 99, 99}, {101, 99, 100}} {
		assert.InDelta(t, row.want, percentile(took[:row.n], row.p), 0, "p%d of %d", row.p, row.n)
	}
}

func TestMistakesOfUse(t *testing.T) {
	for _, row := range []struct {
		args []string
		want string
	}{
		{nil, "usage"},
		{[]string{"walk"}, "usage"},
		{[]string{"run", "--url=http://localhost:1/"}, "--url"},
		{[]string{"run", "--url=https://example.com:1/"}, "--url"},
		{[]string{"run", "--url=https://localhost:1/", "--mode=h2", "--conns=5", "--streams=2"}, "spread"},
		{[]string{"ports", "--ports=9-8"}, "range"},
		{[]string{"ports", "--ports=x"}, "range"},
	} {
		assert.ErrorContains(t, command(t.Context(), row.args, io.Discard), row.want, "%q", row.args)
	}
}
