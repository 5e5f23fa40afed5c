package clientauth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The predictors against the servers that they foresee: everything of the world to
// each setting. The table is in the output of -v.

// files are what a server of the test is configured with.
type files struct{ cert, key, roots, crls, rootsAndCRLs, between string }

func writeFiles(t *testing.T, w world) (dir string, f files) {
	dir = t.TempDir()
	m := maker{t, time.Now()}
	server := m.leaf(nil, "localhost", dns("localhost"))
	key, err := x509.MarshalPKCS8PrivateKey(server.key)
	require.NoError(t, err)
	var roots, crls []byte
	for _, c := range w.roots {
		roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	for _, l := range w.crls {
		crls = append(crls, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: l.Raw})...)
	}
	var between []byte // an intermediate without its root
	for _, c := range w.candidates[0].sent {
		between = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	return dir, files{
		cert:  write("server.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Raw})),
		key:   write("server-key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		roots: write("roots.pem", roots), crls: write("crls.pem", crls),
		rootsAndCRLs: write("both.pem", append(roots, crls...)),
		between:      write("between.pem", between),
	}
}

func toolOrSkip(t *testing.T, name string) string {
	for _, dir := range []string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	t.Skip(name + " is not installed")
	return ""
}

// start runs a server until the test ends, and waits until it listens.
func start(t *testing.T, port string, log io.Writer, path string, args ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { stop(); cmd.Wait() }) // killed: no status to look at
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond, "%s does not listen", path)
}

func freePort(t *testing.T) string { return freePorts(t, 1)[0] }

// freePorts are n of them. All are held before one is let go: of ports that are asked
// for one after the other, two can be the same.
func freePorts(t *testing.T, n int) (ports []string) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		require.NoError(t, err)
		ports = append(ports, port)
	}
	return ports
}

// answer is what a client gets that shows c: a status and a body, or an error. It
// only writes when it counts on being let in, so that a refusal in TLS 1.3, which
// comes after the handshake, is not overtaken by a reset.
func answer(t *testing.T, port string, c candidate, write bool) (int, string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	client := tls.Client(conn, &tls.Config{
		InsecureSkipVerify: true, ServerName: "localhost",
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.tls(), nil },
	})
	if err := client.Handshake(); err != nil {
		return 0, "", err
	}
	if write {
		if _, err := io.WriteString(client, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"); err != nil {
			return 0, "", err
		}
	}
	r, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return r.StatusCode, string(body), err
}

func (c candidate) tls() *tls.Certificate {
	if c.party == nil {
		return &tls.Certificate{}
	}
	pair := &tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: c.key}
	for _, s := range c.sent {
		pair.Certificate = append(pair.Certificate, s.Raw)
	}
	return pair
}

func TestOpenSSLAgrees(t *testing.T) {
	openssl := toolOrSkip(t, "openssl")
	if version, _ := exec.Command(openssl, "version").Output(); !bytes.HasPrefix(version, []byte("OpenSSL 3.")) {
		t.Skipf("%s is not the OpenSSL that is foreseen", version)
	}
	w := newWorld(t, time.Now())
	dir, f := writeFiles(t, w)
	with := func(change func(*OpenSSL)) OpenSSL {
		s := NewOpenSSL()
		s.CAFile, s.CRLs, s.ReturnError = w.roots, w.crls, true
		change(&s)
		return s
	}
	between := w.find(t, "good").Sent
	settings := []struct {
		args string
		s    OpenSSL
	}{
		// The last -CAfile counts.
		{"-Verify 1 -verify_return_error -CAfile " + f.between, with(func(s *OpenSSL) { s.CAFile = between })},
		{"-Verify 1 -verify_return_error -partial_chain -CAfile " + f.between, with(func(s *OpenSSL) { s.CAFile, s.Partial = between, true })},
		{"-Verify 1", with(func(s *OpenSSL) { s.ReturnError = false })},
		{"-Verify 0", with(func(s *OpenSSL) { s.ReturnError, s.Tolerance = false, 0 })},
		{"-Verify 1 -verify_return_error", with(func(*OpenSSL) {})},
		{"-verify 1 -verify_return_error", with(func(s *OpenSSL) { s.Required = false })},
		{"-Verify 1 -verify_return_error -verify_depth 0", with(func(s *OpenSSL) { s.Depth = 0 })},
		{"-Verify 1 -verify_return_error -x509_strict", with(func(s *OpenSSL) { s.Strict = true })},
		{"-Verify 1 -verify_return_error -purpose sslserver", with(func(s *OpenSSL) { s.Purpose = PurposeServer })},
		{"-Verify 1 -verify_return_error -purpose any", with(func(s *OpenSSL) { s.Purpose = PurposeAny })},
		{"-Verify 1 -verify_return_error -cipher DEFAULT@SECLEVEL=0", with(func(s *OpenSSL) { s.Level = 0 })},
		{"-Verify 1 -verify_return_error -crl_check", with(func(s *OpenSSL) { s.CRLCheck = CRLLeaf })},
		{"-Verify 1 -verify_return_error -crl_check_all", with(func(s *OpenSSL) { s.CRLCheck = CRLAll })},
	}
	var table tally
	for _, setting := range settings {
		name := strings.ReplaceAll(setting.args, dir+"/", "")
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			// Distributions have security levels of their own.
			args := []string{"s_server", "-cipher", "DEFAULT@SECLEVEL=2", "-accept", "127.0.0.1:" + port, "-cert", f.cert, "-key", f.key, "-CAfile", f.rootsAndCRLs, "-www", "-quiet"}
			start(t, port, io.Discard, openssl, append(args, strings.Fields(setting.args)...)...)
			for _, c := range w.candidates {
				v := setting.s.Predict(c.presented(), Machine{}, time.Now())
				_, _, err := answer(t, port, c, !v.Refused())
				if v.Refused() {
					number, _ := strconv.Atoi(strings.Fields(string(v.Status))[2])
					assert.ErrorContains(t, err, tls.AlertError(number).Error(), "%s: %+v", c.name, v)
				} else {
					assert.NoError(t, err, "%s: %+v", c.name, v)
				}
				table.row(name, c.name, v)
			}
		})
	}
	table.show(t)
}

// tally is the table, and counts it.
type tally struct {
	text     bytes.Buffer
	accepted int
	gates    map[string]bool
}

func (a *tally) row(setting, name string, v Verdict) {
	if a.gates == nil {
		a.gates = map[string]bool{}
	}
	verdict := "accepted"
	if v.Refused() {
		verdict = v.Gate + ": " + string(v.Status)
		a.gates[v.Gate] = true
	} else {
		a.accepted++
	}
	fmt.Fprintf(&a.text, "%-58s %-40s %s\n", setting, name, verdict)
}

func (a *tally) show(t *testing.T) {
	t.Logf("%d accepted, decisive: %d gates\n%s", a.accepted, len(a.gates), a.text.String())
	assert.GreaterOrEqual(t, a.accepted, 10)
}

var logged = regexp.MustCompile(`client SSL certificate verify error: \((\d+):`)

func TestNginxAgrees(t *testing.T) {
	nginx := toolOrSkip(t, "nginx")
	w := newWorld(t, time.Now())
	dir, f := writeFiles(t, w)
	with := func(verify NginxVerify, change func(*Nginx)) Nginx {
		n := NewNginx()
		n.VerifyClient, n.ClientCertificate = verify, w.roots
		if change != nil {
			change(&n)
		}
		return n
	}
	settings := []struct {
		directives string // beside ssl_verify_client and the security level
		n          Nginx
	}{
		{"", with(NginxOff, nil)},
		{"", with(NginxOn, nil)},
		{"", with(NginxOptional, nil)},
		{"", with(NginxOptionalNoCA, nil)},
		{"ssl_verify_depth 0;", with(NginxOn, func(n *Nginx) { n.Depth = 0 })},
		{"ssl_verify_depth 3;", with(NginxOn, func(n *Nginx) { n.Depth = 3 })},
		{"ssl_verify_depth 3; ssl_crl " + f.crls + ";", with(NginxOn, func(n *Nginx) { n.Depth, n.CRLs = 3, w.crls })},
		{"ssl_ciphers DEFAULT@SECLEVEL=0;", with(NginxOn, func(n *Nginx) { n.Level = 0 })},
	}
	var servers strings.Builder
	ports := freePorts(t, len(settings))
	for i, s := range settings {
		if !strings.Contains(s.directives, "ssl_ciphers") {
			s.directives += " ssl_ciphers DEFAULT@SECLEVEL=2;"
		}
		fmt.Fprintf(&servers, "server { listen 127.0.0.1:%s ssl; ssl_certificate %s; ssl_certificate_key %s; ssl_session_cache off; "+
			"ssl_client_certificate %s; ssl_verify_client %s; %s location / { return 200 in; } }\n",
			ports[i], f.cert, f.key, f.roots, s.n.VerifyClient, s.directives)
	}
	log := filepath.Join(dir, "error.log")
	conf := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, "daemon off; master_process off; pid %[1]s/pid; error_log %[2]s info; events {}\n"+
		"http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;\n%[3]s}\n",
		dir, log, servers.String()), 0o600))
	start(t, ports[0], io.Discard, nginx, "-p", dir, "-c", conf, "-e", log)
	var table tally
	for i, s := range settings {
		name := "ssl_verify_client " + string(s.n.VerifyClient) + "; " + strings.ReplaceAll(s.directives, dir, "")
		t.Run(name, func(t *testing.T) {
			for _, c := range w.candidates {
				v := s.n.Predict(c.presented(), Machine{}, time.Now())
				before := readLog(t, log)
				status, body, err := answer(t, ports[i], c, true)
				require.NoError(t, err, "%s: %+v", c.name, v)
				nginxAnswered(t, c.name, v, status, body, strings.TrimPrefix(readLog(t, log), before))
				table.row(name, c.name, v)
			}
		})
	}
	table.show(t)
}

func readLog(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// nginxAnswered compares the page, and the number in the log with that in the
// reason.
func nginxAnswered(t *testing.T, name string, v Verdict, status int, body, log string) {
	t.Helper()
	if !v.Refused() {
		assert.Equal(t, 200, status, "%s: %+v\n%s", name, v, log)
		return
	}
	assert.Equal(t, 400, status, "%s: %+v", name, v)
	assert.Contains(t, body, strings.TrimPrefix(string(v.Status), "400 "), name)
	if found := logged.FindStringSubmatch(log); found != nil {
		assert.Contains(t, v.Reason, "(OpenSSL error "+found[1]+")", "%s: %s", name, log)
	} else {
		assert.Equal(t, nginxNone, v.Status, "%s: %s", name, log)
	}
}
