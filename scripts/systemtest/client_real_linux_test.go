package systemtest

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
)

// servers are the real ones, and what they are configured with: files.
type servers struct {
	*machine
	*network
	all []shown

	cert, key    string            // their own, good at every security level
	site         string            // a folder to serve
	root, above  string            // devcert's root, and its intermediate for clients
	roots, lists string            // several roots; devcert's CRLs, together with those roots
	thrownAway   []string          // the roots that are not devcert's, one by one
	engine       map[string]ruling // what .NET's said of whom Kestrel refused, by client and revocation mode
	letIn        map[string]ruling // by a Kestrel that takes any certificate, by client
}

// prepare makes the certificates, and starts the front that hands out the lists.
func (w *servers) prepare() {
	w.t.Helper()
	w.engine, w.letIn, w.all = map[string]ruling{}, map[string]ruling{}, w.allShown()
	w.root, w.above = w.state("root.pem"), w.state("client-intermediate.pem")
	w.site = w.newFolder("site")
	w.write(filepath.Join(w.site, "index.html"), "come in\n")
	w.cert, w.key = filepath.Join(w.home(), "server.pem"), filepath.Join(w.home(), "server-key.pem")
	w.must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-sha384", "-nodes",
		"-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", w.key, "-out", w.cert)
	text := w.read(w.root)
	for i, c := range throwAways(w.t, w.all, chain.FlawWeakKey, chain.FlawBrokenSignature) {
		w.thrownAway = append(w.thrownAway, filepath.Join(w.home(), fmt.Sprintf("thrown-away-%d.pem", i)))
		w.write(w.thrownAway[i], pemOf(c))
		text += pemOf(c)
	}
	w.roots, w.lists = filepath.Join(w.home(), "roots.pem"), filepath.Join(w.home(), "lists.pem")
	w.write(w.roots, text)

	w.serve(w.network, "--client-cert", "require", "--static", w.site, "--port", "44300")
	for _, file := range []string{w.above, w.issued("alice", ".pem")} {
		list := w.curl("--fail", w.certificates(file)[0].CRLDistributionPoints[0])
		text += string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte(list)}))
	}
	w.write(w.lists, text)
}

func (w *servers) newFolder(name string) string {
	w.t.Helper()
	dir, err := os.MkdirTemp(w.home(), name+"-")
	require.NoError(w.t, err)
	return dir
}

// asks connects as the client and gets a page. That it is refused it may learn only
// from the answer: TLS 1.3 ends the handshake before the server has looked.
func (w *servers) asks(port string, s shown) (status int, body string, err error) {
	w.t.Helper()
	raw, err := w.dial(w.t.Context(), "tcp", "127.0.0.1:"+port)
	require.NoError(w.t, err)
	defer raw.Close()
	require.NoError(w.t, raw.SetDeadline(time.Now().Add(20*time.Second)))
	pair := s.pair
	if pair == nil {
		pair = &tls.Certificate{}
	}
	conn := tls.Client(raw, &tls.Config{
		InsecureSkipVerify: true, ServerName: ours, // the server's certificate is not what is asked about
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil },
	})
	if err := conn.Handshake(); err != nil {
		return 0, "", err
	}
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\nHost: localhost:"+port+"\r\n\r\n") // why it fails is read below
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// page is the verdict of a server that says no in HTTP.
func (w *servers) page(port string, s shown) ruling {
	w.t.Helper()
	status, body, err := w.asks(port, s)
	require.NoError(w.t, err, s.name)
	return ruling{status == http.StatusOK, fmt.Sprint(status, " ", strings.Join(strings.Fields(body), " "))}
}

// fronts are devcert's own.
func (w *servers) fronts() (all []setting) {
	w.t.Helper()
	w.serve(w.network, "--client-cert", "request", "--static", w.site, "--port", "44301")
	w.serve(w.network, "--client-cert", "require", "--client-ca", w.roots, "--static", w.site, "--port", "44302")
	says := func(f foreseen, a ruling) bool {
		return strings.HasPrefix(a.said, "403 ") && strings.Contains(a.said, f.Status+" ")
	}
	for i, options := range [][]option{
		{{"client-cert", "require"}}, {{"client-cert", "request"}}, {{"client-cert", "require"}, {"client-ca", w.roots}},
	} {
		all = append(all, setting{
			server: "serve", options: options, same: says, none: clientauth.Serve{Required: options[0].value == "require"},
			ask: func(s shown) ruling { return w.page(strconv.Itoa(44300+i), s) },
		})
	}
	return all
}

// instead is options, with others in the place of those of the same name.
func instead(options []option, others ...option) []option {
	all := slices.DeleteFunc(slices.Clone(options), func(o option) bool {
		return slices.ContainsFunc(others, func(other option) bool { return other.name == o.name })
	})
	return append(all, others...)
}

// few are enough where a setting is much like another.
var few = []string{
	"none", "alice", "alice, no key", "oneself", "both.test", "flawed-expired", "flawed-wrong-use", "flawed-missing-intermediate",
	"flawed-revoked", "flawed-weak-key",
}

// opensslSettings are of s_server. What is not about it is as usual: some roots in
// a file, and the security level that Debian's builds have.
func (w *servers) opensslSettings() []setting {
	strict := []option{{"Verify", "1"}, {"verify_return_error", "on"}, {"CAfile", w.roots}, {"SECLEVEL", "2"}}
	optional := append([]option{{"verify", "1"}}, strict[1:]...)
	asked := clientauth.NewOpenSSL()
	asked.Required = false
	return []setting{
		{options: strict, none: clientauth.NewOpenSSL()},
		{options: optional, none: asked, only: few},
		{options: instead(strict, option{"verify_return_error", "off"})},
		{options: []option{{"Verify", "1"}, {"verify_return_error", "on"}, {"SECLEVEL", "2"}}, only: few}, // the machine's roots
		{options: instead(strict, option{"verify_depth", "0"}), only: few},
		{options: instead(strict, option{"x509_strict", "on"})},
		{options: instead(strict, option{"purpose", "sslserver"}), only: few},
		{options: instead(strict, option{"SECLEVEL", "0"}), only: few},
		{options: instead(strict, option{"SECLEVEL", "4"}), only: []string{"carol"}}, // others cannot even sign there
		{options: instead(strict, option{"partial_chain", "on"}, option{"CAfile", w.above}), only: few},
		{options: instead(strict, option{"crl_check", "on"}, option{"CAfile", w.lists}, option{"CRL", w.lists})},
		{options: instead(strict, option{"crl_check_all", "on"}, option{"CAfile", w.lists}, option{"CRL", w.lists})},
	}
}

// openssl runs s_server with a setting's options.
func (w *servers) openssl(s *setting) *daemon {
	w.t.Helper()
	port := freePort(w.t)
	args := []string{"s_server", "-accept", "127.0.0.1:" + port, "-cert", w.cert, "-key", w.key, "-www", "-quiet"}
	for _, o := range s.options {
		switch {
		case o.name == "SECLEVEL":
			args = append(args, "-cipher", "DEFAULT@SECLEVEL="+o.value)
		case o.value == "off":
		case o.value == "on":
			args = append(args, "-"+o.name)
		default:
			args = append(args, "-"+o.name, o.value)
		}
	}
	d := w.start("openssl", args...)
	w.up(d, port)
	s.server = "openssl"
	s.ask = func(c shown) ruling {
		_, _, err := w.asks(port, c)
		return ruling{err == nil, fmt.Sprint(err)}
	}
	s.same = func(f foreseen, a ruling) bool {
		words := strings.Fields(f.Status) // TLS alert 48 unknown_ca
		number, err := strconv.ParseUint(words[2], 10, 8)
		return err == nil && strings.Contains(a.said, tls.AlertError(number).Error())
	}
	return d
}

// up waits until a server listens.
func (w *servers) up(d *daemon, port string) {
	w.t.Helper()
	eventually(w.t, "nobody listens at "+port, func() bool {
		conn, err := w.dial(w.t.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		select {
		case <-d.ended:
			require.Fail(w.t, "it has ended", "%s", d.said)
		default:
		}
		return err == nil
	})
}
