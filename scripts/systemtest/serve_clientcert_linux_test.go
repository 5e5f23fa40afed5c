package systemtest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// issueClient writes a client's certificate and key, and returns curl's options
// for them.
func (a authority) issueClient(m *machine, name string, edit func(*x509.Certificate)) (options []string, der []byte) {
	m.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(m.t, err)
	template := certificateFor(name)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if edit != nil {
		edit(template)
	}
	der, err = x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(m.t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(m.t, err)
	path := filepath.Join(m.home(), name+".pem")
	m.write(path, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return []string{"--cert", path}, der
}

// clientCA is a new authority, and the file for --client-ca.
func (m *machine) clientCA(name string) (a authority, file string) {
	m.t.Helper()
	a, file = newAuthority(m.t, name), filepath.Join(m.home(), name+"-ca.pem")
	m.write(file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})))
	return a, file
}

// TestServeClientCertificates is what IIS would answer, asked with curl.
func TestServeClientCertificates(t *testing.T) {
	m, n := serveMachine(t)
	ca, file := m.clientCA("company")
	other, _ := m.clientCA("stranger")
	app := m.newApplication()
	m.serve(n, "--to", app.url(), "--client-cert", "require", "--client-ca", file,
		"--cert-header", "X-SSL-CERT:hex", "--cert-header", "X-ARR-ClientCert:base64", "--port", "44300")
	m.serve(n, "--to", app.url(), "--client-cert", "request", "--client-ca", file, "--cert-header", "X-SSL-CERT:hex", "--port", "44301")

	good, der := ca.issueClient(m, "good", nil)
	anyUse, anyUseDER := ca.issueClient(m, "any", func(c *x509.Certificate) { c.ExtKeyUsage = nil })
	old, _ := ca.issueClient(m, "old", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(-2, 0, 0), time.Now().Add(-time.Hour)
	})
	early, _ := ca.issueClient(m, "early", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
	server, _ := ca.issueClient(m, "server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	stranger, _ := other.issueClient(m, "strange", nil)
	both, _ := other.issueClient(m, "strange-old", func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(-2, 0, 0), time.Now().Add(-time.Hour)
	})
	for _, row := range []struct {
		name        string
		cert        []string
		code, about string // of the refusal; "" for none
		der         []byte // that is forwarded
		requested   bool   // to ask where one is only requested
	}{
		{name: "none", code: "403.7", about: "none was sent"},
		{name: "none, requested", requested: true},
		{name: "good", cert: good, der: der},
		{name: "good, requested", cert: good, der: der, requested: true},
		{name: "for any use", cert: anyUse, der: anyUseDER},
		{name: "of another authority", cert: stranger, code: "403.16", about: "strange"},
		{name: "of another authority, requested", cert: stranger, code: "403.16", about: "strange", requested: true},
		{name: "for servers", cert: server, code: "403.16", about: "not for client authentication"},
		{name: "expired", cert: old, code: "403.17", about: "expired"},
		{name: "not yet valid", cert: early, code: "403.17", about: "not valid before"},
		{name: "expired, of another authority", cert: both, code: "403.16", about: "strange"},
	} {
		port := "44300"
		if row.requested {
			port = "44301"
		}
		for _, version := range []string{"--http1.1", "--http2"} {
			args := append([]string{version, "-w", "\n%{http_code}", "-H", "X-SSL-CERT: forged", "-H", "x-arr-clientcert: forged"}, row.cert...)
			out := m.curl(append(args, "https://localhost:"+port+"/seen")...)
			i := strings.LastIndex(out, "\n")
			body, status := out[:i], out[i+1:]
			require.NotContains(t, body, "forged")
			if row.code != "" {
				require.Equal(t, "403", status, "%s: %s", row.name, body)
				require.Contains(t, body, row.code+" ", row.name)
				require.Contains(t, body, row.about, row.name)
				continue
			}
			require.Equal(t, "200", status, "%s: %s", row.name, body)
			var want []string
			if row.der != nil {
				want = []string{strings.ToUpper(hex.EncodeToString(row.der))}
			}
			require.Equal(t, want, seenBy(t, body).Header["X-Ssl-Cert"], row.name)
		}
	}
}

// TestServeForgesNothing is what clients try so that the application gets another
// certificate than theirs, or none.
func TestServeForgesNothing(t *testing.T) {
	m, n := serveMachine(t)
	ca, file := m.clientCA("company")
	cert, der := ca.issueClient(m, "good", nil)
	app := m.newApplication()
	f := m.serve(n, "--to", app.url(), "--client-cert", "request", "--client-ca", file, "--cert-header", "X-SSL-CERT:hex")
	want := []string{strings.ToUpper(hex.EncodeToString(der))}
	for _, hop := range []string{"X-SSL-CERT", "X-SSL-CERT, X-Forwarded-For, X-Forwarded-Proto", "close, X-Forwarded-Host"} {
		args := append(append([]string{"--http1.1", "-H", "Connection: " + hop}, cert...), "https://localhost:44300/seen")
		r := seenBy(t, m.curl(args...))
		require.Equal(t, want, r.Header["X-Ssl-Cert"], hop)
		require.Equal(t, []string{"127.0.0.1"}, r.Header["X-Forwarded-For"], hop)
		require.Equal(t, []string{"https"}, r.Header["X-Forwarded-Proto"], hop)
		require.Equal(t, []string{"localhost:44300"}, r.Header["X-Forwarded-Host"], hop)
	}
	// An application that speaks HTTP/2 after such an upgrade would read what the
	// front never saw (RFC 7540, section 3.2).
	r := seenBy(t, m.curl("--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: h2c", "-H", "HTTP2-Settings: AAMAAABkAAQAAP__", "https://localhost:44300/seen"))
	require.NotContains(t, r.Header, "Upgrade")
	require.NotContains(t, r.Header, "Http2-Settings")

	for name, text := range map[string]string{
		"two lengths":         "POST /seen HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
		"length and chunks":   "POST /seen HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\nX-SSL-CERT: forged\r\n\r\n",
		"a folded header":     "GET /seen HTTP/1.1\r\nHost: localhost\r\nX-Mine: a\r\n X-SSL-CERT: forged\r\n\r\n",
		"a space in the name": "GET /seen HTTP/1.1\r\nHost: localhost\r\nX-SSL-CERT : forged\r\n\r\n",
		"bare line feeds":     "GET /seen HTTP/1.1\nHost: localhost\nX-SSL-CERT: forged\n\n",
		"a trailer":           "POST /seen HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-SSL-CERT: forged\r\n\r\n",
		"an absolute address": "GET http://localhost:44300/seen HTTP/1.1\r\nHost: localhost\r\nX-SSL-CERT: forged\r\n\r\n",
	} {
		conn, err := f.handshake(44300, f.trusting("http/1.1"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, text)
		require.NoError(t, err)
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, name)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err, name)
		_ = conn.Close()
		require.Contains(t, []int{200, 400}, answer.StatusCode, name)
		if answer.StatusCode == 200 {
			r := seenBy(t, string(body))
			require.NotContains(t, r.Header, "X-Ssl-Cert", name)
			require.NotContains(t, r.Trailer, "X-Ssl-Cert", name)
		}
	}
}

// TestServeKestrel is an ASP.NET Core application behind the front, which reads
// the certificate as its documentation has it.
func TestServeKestrel(t *testing.T) {
	m := kestrelMachine(t, healthyImage)
	n := m.ownNetwork()
	const port = "5000"
	d := m.with("ASPNETCORE_URLS=http://127.0.0.1:" + port).start(filepath.Join(os.Getenv("DEVCERT_TEST_KESTREL"), "kestrel"))
	t.Cleanup(func() { d.stop() })
	require.True(t, d.listensIn(m, port), d.said)
	ca, file := m.clientCA("company")
	cert, der := ca.issueClient(m, "client", nil)
	m.serve(n, "--to", "http://127.0.0.1:"+port, "--client-cert", "require", "--client-ca", file, "--cert-header", "X-SSL-CERT:hex", "--port", "44300")
	m.serve(n, "--to", "http://127.0.0.1:"+port, "--port", "44301")

	forged := []string{"-H", "X-SSL-CERT: " + strings.Repeat("AB", 50)}
	for _, version := range []string{"--http1.1", "--http2"} {
		ask := append(forged, version)
		require.Regexp(t, `^kestrel \d\S* HTTP/1\.1 client=none forwarded=0\n$`, m.curl(append(ask, "https://localhost:44301/")...))
		require.Regexp(t, `^kestrel .* forwarded=`+strconv.Itoa(2*len(der))+`\n$`, m.curl(append(append(ask, cert...), "https://localhost:44300/")...))
		require.Contains(t, m.curl(append(ask, "https://localhost:44300/")...), "403.7")
	}
	require.Regexp(t, `forwarded=100\n$`, m.curl(append(forged, "http://127.0.0.1:"+port+"/")...), "without the front Kestrel believes it")
}

// listensIn is listens, asked in the machine's network.
func (d *daemon) listensIn(m *machine, port string) bool {
	m.t.Helper()
	listening := false
	eventually(m.t, "nobody listens at "+port, func() bool {
		select {
		case <-d.ended:
			return true
		default:
		}
		listening = m.run("curl", "-sS", "-o", "/dev/null", "http://127.0.0.1:"+port+"/").code == 0
		return listening
	})
	return listening
}
