package systemtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runtimeBreak is a way in which a runtime's store stops being right.
type runtimeBreak struct {
	name string
	how  func(m *machine) *machine // the machine as its user then sees it
	// finds are the kinds that status then reports, says the words in one of them
	// by which a person knows what it is about.
	finds []string
	says  string
	// remedy is in what status tells the person to do; "" for devcert repair.
	remedy string
	// touches are paths that repair may write besides its own; a pattern of beyond.
	touches []string
	// stands are the kinds that repair leaves, since only a person can decide.
	stands []string
	// mend does what the remedy of such a finding says.
	mend func(m *machine)
}

// breakAndRepair does what the row says, has ask speak to the real thing before
// and after repair, and requires that only the row's paths were written to.
func (b runtimeBreak) breakAndRepair(m *machine, ask func(m *machine, repaired bool)) {
	t := m.t
	m = b.how(m)
	broken := m.snapshot()
	doc := m.status()
	require.Equal(t, b.finds, doc.kinds(), "%+v", doc.Findings)
	require.Equal(t, exitFor(b.finds), doc.Exit)
	if len(b.finds) > 0 {
		f := named(doc.Findings, b.says)
		require.NotNil(t, f, "%q is in none of %+v", b.says, doc.Findings)
		require.Equal(t, b.remedy == "", f.Repairable, "%+v", f)
		require.Contains(t, f.Remedy, b.remedy)
	}
	ask(m, false)
	require.Empty(t, broken.changed(m.snapshot()), "a look changed something")

	r := m.devcert(exitFor(b.stands), "repair")
	allowed := append([]string{m.state("lock"), m.state("ledger.json")}, b.touches...)
	for i, path := range allowed {
		allowed[i] = strings.ReplaceAll(path, "HOME", m.home())
	}
	require.Empty(t, beyond(broken.rewritten(m.snapshot()), allowed), "repair wrote more than the break asks for: %s", r)
	doc = m.status()
	require.Equal(t, b.stands, doc.kinds(), "%+v", doc.Findings)
	ask(m, true)
	m.requireUnchanged(func() { m.devcert(exitFor(b.stands), "repair") })
	if b.mend != nil {
		b.mend(m)
		m.devcert(0, "repair")
		m.requireHealthy()
	}
}

// named is the finding that has words in what it says or in where it is.
func named(all []finding, words string) *finding {
	for i, f := range all {
		if strings.Contains(f.Message+" "+f.Where, words) {
			return &all[i]
		}
	}
	return nil
}

// authority is a CA of a test's own, which is none of devcert's.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificateFor(name)
	template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{cert, key}
}

func certificateFor(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
	}
}

// issue gives a leaf for a name.
func (a authority) issue(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := certificateFor(name)
	template.DNSNames, template.KeyUsage = []string{name}, x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// trustAuthority adds a CA to the system's store as its administrator would.
func (m *machine) trustAuthority(a authority, name string) {
	m.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	m.write("/usr/local/share/ca-certificates/"+name+".crt", string(text))
	m.must("update-ca-certificates")
}

// needs skips where a program is not installed.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no " + program + " on this machine")
		}
	}
}

// daemon is a program that runs until it is stopped.
type daemon struct {
	cmd   *exec.Cmd
	said  *bytes.Buffer // to be read once it has ended
	ended chan struct{}
}

func (m *machine) start(name string, args ...string) *daemon {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	d := &daemon{cmd: m.command(ctx, name, args...), said: &bytes.Buffer{}, ended: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	if err := d.cmd.Start(); err != nil {
		cancel()
		require.NoError(m.t, err)
	}
	go func() { _ = d.cmd.Wait(); cancel(); close(d.ended) }()
	return d
}

// stop asks it to end, and returns what it said.
func (d *daemon) stop() string {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	<-d.ended
	return d.said.String()
}

// listens waits until somebody takes connections at the port; false when the
// program has ended before.
func (d *daemon) listens(t *testing.T, port string) bool {
	t.Helper()
	for {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			_ = conn.Close()
			return true
		}
		select {
		case <-d.ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// javaHomes are the Javas of this machine, each once.
func javaHomes(t *testing.T) []string {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_JAVA") == "" {
		t.Skip("DEVCERT_TEST_JAVA is not set: every Java of this machine is run many times")
	}
	programs, err := filepath.Glob(javas + "/*/bin/java")
	require.NoError(t, err)
	var homes []string
	for _, program := range programs {
		real, err := filepath.EvalSymlinks(program)
		require.NoError(t, err)
		if home := filepath.Dir(filepath.Dir(real)); !slices.Contains(homes, home) {
			homes = append(homes, home)
		}
	}
	if len(homes) == 0 {
		t.Skip("no Java on this machine")
	}
	return homes
}

// javaTrusts runs a program in Java, an HttpsURLConnection with neither an option
// nor a variable about certificates. It is compiled already: a machine need not
// have a compiler.
func (m *machine) javaTrusts(home, name, port string, options ...string) bool {
	m.t.Helper()
	args := append([]string{"-XX:-UsePerfData", "-XX:TieredStopAtLevel=1"}, options...)
	args = append(args, "-cp", filepath.Join(suite.checkout, "platform/clients/scripts"), "Ask", "https://"+name+":"+port+"/", "0")
	r := m.run(filepath.Join(home, "bin/java"), args...)
	if r.code != 0 {
		require.Contains(m.t, r.stderr, "SSLHandshakeException", "refused for another reason: %s", r)
	}
	return r.code == 0
}
