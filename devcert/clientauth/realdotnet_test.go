package clientauth

import (
	"bytes"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kestrelFolder holds a Kestrel, and a program that builds chains as the handler
// does.
func kestrelFolder(t *testing.T) string {
	dir := os.Getenv("DEVCERT_TEST_KESTREL")
	if dir == "" {
		t.Skip("DEVCERT_TEST_KESTREL names no folder with a Kestrel")
	}
	return dir
}

// chainProgram asks .NET's chain engine with a handler's options.
type chainProgram struct {
	t       *testing.T
	program string
	home    string
}

func (c chainProgram) file(cert *x509.Certificate) string {
	path := filepath.Join(c.home, cert.SerialNumber.Text(16)+".cer")
	require.NoError(c.t, os.WriteFile(path, cert.Raw, 0o600))
	return path
}

// ask answers with the statuses in .NET's words; "" is accepted.
func (c chainProgram) ask(h CertificateHandler, leaf *x509.Certificate, more ...string) string {
	args := append([]string{c.file(leaf), "revocation=" + string(h.RevocationMode), "flag=" + string(h.RevocationFlag)}, more...)
	var flags []string
	if selfIssued(leaf) { // as BuildChainPolicy does
		flags = append(flags, "AllowUnknownCertificateAuthority", "IgnoreEndRevocationUnknown")
		args[1], args[2] = "revocation=NoCheck", "flag=EntireChain"
		h.CustomTrustStore, h.AdditionalChainCertificates = nil, append([]*x509.Certificate{leaf}, h.AdditionalChainCertificates...)
	}
	for _, extra := range h.AdditionalChainCertificates {
		args = append(args, "extra="+c.file(extra))
	}
	for _, root := range h.CustomTrustStore {
		args = append(args, "root="+c.file(root))
	}
	if h.ValidateCertificateUse {
		args = append(args, "use=1.3.6.1.5.5.7.3.2")
	}
	if !h.ValidateValidityPeriod {
		flags = append(flags, "IgnoreNotTimeValid")
	}
	if flags != nil {
		args = append(args, "flags="+strings.Join(flags, ","))
	}
	cmd := exec.Command(c.program, args...)
	cmd.Env = []string{"HOME=" + c.home, "PATH=/usr/bin:/bin"}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(c.t, err, &exit)
	}
	verdict, rest, _ := strings.Cut(string(out), "\n")
	if verdict == "accepted" {
		return ""
	}
	require.Equal(c.t, "rejected", verdict, "%s", out)
	var statuses []string
	for line := range strings.Lines(rest) {
		if name, ok := strings.CutPrefix(line, "status "); ok {
			statuses = append(statuses, strings.TrimSpace(name))
		}
	}
	return strings.Join(statuses, " ")
}

// sameStatuses compares without order: .NET's is that of its elements.
func sameStatuses(t *testing.T, real string, v Verdict, name string) {
	t.Helper()
	foreseen := strings.TrimPrefix(string(v.Status), "403 ")
	assert.ElementsMatch(t, strings.Fields(real), strings.Fields(foreseen), "%s: %+v", name, v)
}

func TestDotNetAgrees(t *testing.T) {
	dir := kestrelFolder(t)
	w := newWorld(t, time.Now())
	c := chainProgram{t, filepath.Join(dir, "chain"), t.TempDir()}
	var table tally
	for _, candidate := range w.candidates {
		p := candidate.presented()
		if p.Leaf == nil {
			continue
		}
		h := NewCertificateHandler()
		h.AllowedCertificateTypes = TypesAll
		h.RevocationMode, h.ChainTrustValidationMode, h.CustomTrustStore = RevocationNoCheck, CustomRootTrust, w.roots
		h.AdditionalChainCertificates = p.Sent
		var k walk
		h.judge(&k, p, Machine{}, time.Now())
		sameStatuses(t, c.ask(h, p.Leaf), k.v, candidate.name)
		table.row("CustomRootTrust, NoCheck", candidate.name, k.v)
	}
	table.show(t)
}

// The handler's options, and CRLs that a server on loopback hands out.
func TestDotNetOptionsAgree(t *testing.T) {
	dir := kestrelFolder(t)
	lists := map[string][]byte{}
	crls := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(lists[r.URL.Path]) }))
	defer crls.Close()
	at := func(path string) change {
		return func(c *x509.Certificate) { c.CRLDistributionPoints = []string{crls.URL + path} }
	}
	m := maker{t, time.Now()}
	client := use(x509.ExtKeyUsageClientAuth)
	root := m.authority(nil, "root")
	between := m.authority(root, "between", at("/root.crl"))
	stale := m.authority(root, "stale", at("/root.crl"))
	good := m.leaf(between, "good", client, at("/between.crl"))
	gone := m.leaf(between, "gone", client, at("/between.crl"))
	silent := m.leaf(between, "silent", client)
	late := m.leaf(stale, "late", client, at("/stale.crl"))
	old := m.leaf(between, "old", client, at("/between.crl"), m.days(-9, -1))
	closed := m.authority(root, "closed", at("/root.crl"))
	below := m.leaf(closed, "below closed", client, at("/closed.crl"))
	odd := m.leaf(between, "odd", client, at("/between.crl"), critical)
	oddAndOld := m.leaf(between, "odd and old", client, at("/between.crl"), critical, m.days(-9, -1))
	all := []*x509.RevocationList{m.crl(root, -1, 9, closed), m.crl(closed, -1, 9, below), m.crl(between, -1, 9, gone), m.crl(stale, -9, -1)}
	lists["/root.crl"], lists["/between.crl"], lists["/stale.crl"], lists["/closed.crl"] = all[0].Raw, all[2].Raw, all[3].Raw, all[1].Raw
	noCheck := func(h *CertificateHandler) { h.RevocationMode = RevocationNoCheck }
	both := func(h *CertificateHandler) { h.AllowedCertificateTypes = TypesAll }
	self, selfOld := m.leaf(nil, "self", client), m.leaf(nil, "self old", client, m.days(-9, -1))
	server := use(x509.ExtKeyUsageServerAuth)
	selfServer, oldServer := m.leaf(nil, "self server", server), m.leaf(between, "old server", server, m.days(-9, -1))
	tests := []struct {
		name   string
		leaf   *party
		change func(*CertificateHandler)
	}{
		{"default", good, func(*CertificateHandler) {}},
		{"default", gone, func(*CertificateHandler) {}},
		{"default", silent, func(*CertificateHandler) {}},
		{"default", late, func(*CertificateHandler) {}},
		{"default", old, func(*CertificateHandler) {}},
		{"default", below, func(*CertificateHandler) {}},
		{"default", odd, func(*CertificateHandler) {}},
		{"default", oddAndOld, func(*CertificateHandler) {}},
		{"EntireChain", below, func(h *CertificateHandler) { h.RevocationFlag = RevocationEntireChain }},
		{"EndCertificateOnly", below, func(h *CertificateHandler) { h.RevocationFlag = RevocationEndOnly }},
		{"EndCertificateOnly", late, func(h *CertificateHandler) { h.RevocationFlag = RevocationEndOnly }},
		{"Offline", good, func(h *CertificateHandler) { h.RevocationMode = RevocationOffline }},
		{"no intermediate, Online", good, func(h *CertificateHandler) { h.AdditionalChainCertificates = nil }},
		{"EndCertificateOnly", good, func(h *CertificateHandler) { h.RevocationFlag = RevocationEndOnly }},
		{"EndCertificateOnly", gone, func(h *CertificateHandler) { h.RevocationFlag = RevocationEndOnly }},
		{"EntireChain", good, func(h *CertificateHandler) { h.RevocationFlag = RevocationEntireChain }},
		{"NoCheck", gone, noCheck},
		{"NoCheck", old, noCheck},
		{"NoCheck, ValidateValidityPeriod=false", old, func(h *CertificateHandler) { noCheck(h); h.ValidateValidityPeriod = false }},
		{"the intermediate as the root", good, func(h *CertificateHandler) { noCheck(h); h.CustomTrustStore = []*x509.Certificate{between.Certificate} }},
		{"self-signed", self, both},
		{"self-signed", selfOld, both},
		{"self-signed, ValidateValidityPeriod=false", selfOld, func(h *CertificateHandler) { both(h); h.ValidateValidityPeriod = false }},
		{"self-signed, any use", selfServer, func(h *CertificateHandler) { both(h); h.ValidateCertificateUse = false }},
		{"any time, wrong use", oldServer, func(h *CertificateHandler) { noCheck(h); h.ValidateValidityPeriod = false }},
		{"no intermediate", good, func(h *CertificateHandler) { noCheck(h); h.AdditionalChainCertificates = nil }},
		{"the system's roots", good, func(h *CertificateHandler) {
			noCheck(h)
			h.CustomTrustStore, h.ChainTrustValidationMode = nil, SystemTrust
		}},
	}
	var table tally
	for _, test := range tests {
		h := NewCertificateHandler()
		h.ChainTrustValidationMode, h.CustomTrustStore = CustomRootTrust, []*x509.Certificate{root.Certificate}
		h.AdditionalChainCertificates = []*x509.Certificate{between.Certificate, stale.Certificate, closed.Certificate}
		test.change(&h)
		var k walk
		h.judge(&k, Presented{Leaf: test.leaf.Certificate, HasKey: true}, Machine{CRLs: all}, time.Now())
		c := chainProgram{t, filepath.Join(dir, "chain"), t.TempDir()}
		name := test.name + ", " + test.leaf.Subject.CommonName
		sameStatuses(t, c.ask(h, test.leaf.Certificate), k.v, name)
		table.row(test.name, test.leaf.Subject.CommonName, k.v)
	}
	t.Log("\n" + table.text.String())
}

// Kestrel's own gate: the system's roots are those of SSL_CERT_FILE.
func TestKestrelAgrees(t *testing.T) {
	dir := kestrelFolder(t)
	w := newWorld(t, time.Now())
	_, f := writeFiles(t, w)
	settings := []struct {
		mode      ClientCertificateMode
		protocols string
	}{
		{NoCertificate, "Http1"}, {AllowCertificate, "Http1"}, {RequireCertificate, "Http1AndHttp2"},
	}
	var table tally
	for _, s := range settings {
		t.Run(string(s.mode), func(t *testing.T) {
			port := freePort(t)
			var log bytes.Buffer
			cmd := exec.Command(filepath.Join(dir, "kestrel"))
			cmd.Stdout, cmd.Stderr = &log, &log
			cmd.Env = []string{
				"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin", "SSL_CERT_FILE=" + f.roots, "SSL_CERT_DIR=/nonexistent",
				"ASPNETCORE_URLS=https://127.0.0.1:" + port,
				"Kestrel__Certificates__Default__Path=" + f.cert, "Kestrel__Certificates__Default__KeyPath=" + f.key,
				"Kestrel__EndpointDefaults__ClientCertificateMode=" + string(s.mode), "Kestrel__EndpointDefaults__Protocols=" + s.protocols,
			}
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			require.Eventually(t, func() bool {
				conn, err := net.Dial("tcp", "127.0.0.1:"+port)
				if err == nil {
					conn.Close()
				}
				return err == nil
			}, 30*time.Second, 50*time.Millisecond, "Kestrel does not listen")
			for _, c := range w.candidates {
				v := AspNetCore{Kestrel: Kestrel{Mode: s.mode, HTTP2: true}}.Predict(c.presented(), Machine{Roots: w.roots}, time.Now())
				status, body, err := answer(t, port, c, true)
				if v.Refused() {
					assert.Error(t, err, "%s: %+v", c.name, v)
				} else if assert.NoError(t, err, "%s: %+v", c.name, v) {
					assert.Equal(t, 200, status)
					assert.Equal(t, s.mode == NoCertificate || c.party == nil, strings.Contains(body, "client=none"), c.name)
				}
				table.row(string(s.mode), c.name, v)
			}
		})
	}
	table.show(t)
}
