package dotnet

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kestrelVar names the folder of a real Kestrel: a program "kestrel" in it that
// listens where ASPNETCORE_URLS says.
const kestrelVar = "DEVCERT_TEST_KESTREL"

// kestrel is that program with a home folder of its own.
type kestrel struct {
	t       *testing.T
	program string
	home    string
	env     []string // besides
}

func newKestrel(t *testing.T) *kestrel {
	t.Helper()
	dir := os.Getenv(kestrelVar)
	if dir == "" {
		t.Skip(kestrelVar + " names no folder with a Kestrel")
	}
	home := t.TempDir()
	require.NoError(t, os.Chmod(home, 0o755))
	return &kestrel{t: t, program: filepath.Join(dir, "kestrel"), home: home}
}

// attempt starts Kestrel and returns what it presents as localhost, and what it
// said; nothing where it ended without listening.
func (k *kestrel) attempt() (certs []*x509.Certificate, said string) {
	k.t.Helper()
	port := freePort(k.t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out buffer
	cmd := exec.CommandContext(ctx, k.program)
	cmd.Env = append([]string{
		"HOME=" + k.home, "PATH=/usr/bin:/bin", "TMPDIR=" + k.t.TempDir(), fmt.Sprintf("ASPNETCORE_URLS=https://localhost:%d", port),
	}, k.env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = k.home, &out, &out
	require.NoError(k.t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	}()
	for {
		certs, err := handshake(port)
		if certs != nil {
			return certs, out.String()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, out.String() + "\n" + err.Error() // it listens, and cannot serve
		}
		select {
		case <-ended:
			require.NoError(k.t, ctx.Err(), "it neither listened nor ended: %s", &out)
			return nil, out.String()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// handshake is what listens on port presents.
func handshake(port int) ([]*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{
		ServerName: "localhost", InsecureSkipVerify: true, // the test verifies what it gets
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates, nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// buffer is what two pipes write and a test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
