package systemtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// clientMachine is one that root has set up with an authority for clients, in a
// network of its own.
func clientMachine(t *testing.T) (*machine, *network) {
	t.Helper()
	m, n := serveMachine(t)
	m = m.with("DEVCERT_PASSWORD=open-sesame")
	m.devcert(0, "setup", "--client-certs", "--yes")
	return m, n
}

// issued is where a file of a certificate is.
func (m *machine) issued(name, ending string) string {
	return m.state("issued", name, name+ending)
}

// showing asks the front with a client's certificate, and returns the status and
// the body.
func (m *machine) showing(args ...string) (status, body string) {
	m.t.Helper()
	out := m.curl(append(args, "-w", "\n%{http_code}", "https://localhost:44300/")...)
	at := strings.LastIndex(out, "\n")
	return out[at+1:], out[:at]
}

// TestIssuedClientsGetIn asks devcert's own front, with curl, what it makes of what
// devcert issued: sound ones with both of their forms, each flaw, and what was
// revoked a moment ago. What check-client foresees is what happens.
func TestIssuedClientsGetIn(t *testing.T) {
	m, n := clientMachine(t)
	folder := filepath.Join(m.home(), "site")
	m.must("mkdir", folder)
	m.write(filepath.Join(folder, "index.html"), "come in\n")
	m.serve(n, "--client-cert", "require", "--static", folder)
	foresees := func(name, status string) {
		t.Helper()
		code := 0
		if status != "" {
			code = 3
		}
		var doc struct{ Verdict, Status string }
		r := m.devcert(code, "check-client", name, "--server", "serve", "--json")
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &doc))
		require.Equal(t, status, doc.Status, "%s: %s", name, r)
	}
	status, body := m.showing()
	require.Equal(t, "403", status)
	require.Contains(t, body, "403.7 ")

	m.devcert(0, "issue", "alice", "--client")
	m.devcert(0, "issue", "bob", "--client", "--key", "ecdsa", "--pfx", "legacy")
	for _, name := range []string{"alice", "bob"} {
		status, body = m.showing("--cert", m.issued(name, ".pem"), "--key", m.issued(name, "-key.pem"))
		require.Equal(t, "200", status, body)
		require.Equal(t, "come in\n", body)
		foresees(name, "")
	}
	status, body = m.showing("--cert-type", "P12", "--cert", m.issued("alice", ".pfx")+":open-sesame")
	require.Equal(t, "200", status, body)

	// OpenSSL's own level keeps curl from sending a key of 1024 bits.
	level := filepath.Join(m.home(), "openssl.cnf")
	m.write(level, "openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = low\n[low]\nCipherString = DEFAULT@SECLEVEL=0\n")
	careless := m.with("OPENSSL_CONF=" + level)
	for flaw, code := range map[string]string{
		"expired": "403.17", "not-yet-valid": "403.17", "wrong-use": "403.16", "wrong-name": "403.16", "revoked": "403.13",
		"self-signed": "403.16", "unknown-root": "403.16", "weak-key": "403.16", "broken-signature": "403.16",
		// The front knows its own intermediate, as browsers send the leaf alone.
		"missing-intermediate": "",
	} {
		name := "flawed-" + flaw
		m.devcert(0, "issue", name, "--client", "--flaw", flaw)
		status, body = careless.showing("--cert", m.issued(name, ".pem"), "--key", m.issued(name, "-key.pem"))
		foresees(name, code)
		if code == "" {
			require.Equal(t, "200", status, flaw)
			continue
		}
		require.Equal(t, "403", status, flaw)
		require.Contains(t, body, code+" ", flaw)
		require.Contains(t, body, name, flaw)
		t.Logf("%-20s  %s", flaw, strings.Join(strings.Fields(body), " "))
	}

	m.devcert(0, "revoke", "alice")
	status, body = m.showing("--cert", m.issued("alice", ".pem"), "--key", m.issued("alice", "-key.pem"))
	require.Equal(t, "403", status)
	require.Contains(t, body, "403.13 ")
	foresees("alice", "403.13")
	foresees("bob", "")
}

// TestRevocationRoundInDotNet is ASP.NET Core's certificate authentication as it is
// by default, with .NET's own chain engine: it asks devcert's front for the lists,
// accepts what was issued, and refuses it once it is revoked. A program that has
// the list already keeps it for its ten minutes.
func TestRevocationRoundInDotNet(t *testing.T) {
	dir := os.Getenv("DEVCERT_TEST_KESTREL")
	if dir == "" {
		t.Skip("DEVCERT_TEST_KESTREL names no folder with a Kestrel")
	}
	m, n := clientMachine(t)
	m.serve(n)
	m.devcert(0, "issue", "alice", "--client")
	m.devcert(0, "issue", "bob", "--client")
	judged := func(name, home string) string {
		t.Helper()
		m.must("mkdir", "-p", home)
		r := m.with("HOME="+home).run(filepath.Join(dir, "chain"), m.issued(name, ".crt"), "use=1.3.6.1.5.5.7.3.2", "revocation=Online",
			"flag=ExcludeRoot", "extra="+m.state("client-intermediate.pem"), "root="+m.state("root.pem"))
		verdict, _, _ := strings.Cut(r.stdout, "\n")
		if strings.Contains(r.stdout, "status Revoked") {
			verdict += ": Revoked"
		}
		return verdict
	}
	first := filepath.Join(m.home(), "first")
	require.Equal(t, "accepted", judged("alice", first))
	require.Equal(t, "accepted", judged("bob", first))
	m.devcert(0, "revoke", "alice")
	require.Equal(t, "rejected: Revoked", judged("alice", filepath.Join(m.home(), "fresh")))
	require.Equal(t, "accepted", judged("bob", filepath.Join(m.home(), "fresh")))
	require.Equal(t, "accepted", judged("alice", first), "it keeps the list that it has")
}

// TestGroupsOfClients has devcert's own front and .NET's chain engine refuse who is
// in a group that is disabled, at once, and take them when it is enabled again.
func TestGroupsOfClients(t *testing.T) {
	m, n := clientMachine(t)
	m.devcert(0, "setup", "--keep-root-key", "--yes")
	m.serve(n, "--client-cert", "require")
	m.devcert(0, "group", "create", "ops")
	for name, group := range map[string][]string{"olga": {"--group", "ops"}, "paul": nil} {
		m.devcert(0, append([]string{"issue", name, "--client"}, group...)...)
	}
	engine := os.Getenv("DEVCERT_TEST_KESTREL")
	homes := 0
	require403 := func(name, code, dotnet string) {
		t.Helper()
		status, body := m.showing("--cert", m.issued(name, ".pem"), "--key", m.issued(name, "-key.pem"))
		require.Equal(t, code != "", status == "403", body)
		require.Contains(t, body, code)
		exit := map[bool]int{true: 3}[code != ""]
		require.Contains(t, m.devcert(exit, "check-client", name, "--server", "serve").stdout, code)
		if engine == "" {
			return
		}
		homes++ // .NET keeps lists, each as long as it is good
		home := filepath.Join(m.home(), fmt.Sprint("dotnet", homes))
		m.must("mkdir", home)
		r := m.with("HOME="+home).run(filepath.Join(engine, "chain"), m.issued(name, ".crt"), "use=1.3.6.1.5.5.7.3.2", "revocation=Online",
			"flag=ExcludeRoot", "extra="+m.state("client-intermediate.pem"), "extra="+m.state("groups", "ops", "ops.pem"), "root="+m.state("root.pem"))
		require.Contains(t, r.stdout, dotnet, name)
		require.Equal(t, code != "", strings.Contains(r.stdout, "status Revoked"), r.stdout)
	}
	require403("olga", "", "accepted")
	m.devcert(0, "group", "disable", "ops")
	require403("olga", "403.13", "rejected")
	require403("paul", "", "accepted")
	m.devcert(0, "group", "enable", "ops")
	require403("olga", "", "accepted")
}

// TestIssuedPFXIsReadByAll has every program open both forms that reads them.
func TestIssuedPFXIsReadByAll(t *testing.T) {
	m, _ := clientMachine(t)
	password := filepath.Join(m.home(), "password")
	m.write(password, "open-sesame")
	for _, form := range []string{"modern", "legacy"} {
		r := m.devcert(0, "issue", form, "--client", "--pfx", form)
		require.NotContains(t, r.stdout+r.stderr, "open-sesame")
		pfx := m.issued(form, ".pfx")
		for _, ending := range []string{".pfx", "-key.pem"} {
			info, err := os.Stat(m.issued(form, ending))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
		}
		openssl := []string{"pkcs12", "-in", pfx, "-passin", "file:" + password, "-nodes"}
		for _, how := range [][]string{openssl, append(openssl, "-legacy")} { // triple DES needs no provider of its own
			said := m.must("openssl", how...)
			require.Contains(t, said, "PRIVATE KEY")
			require.Equal(t, 2, strings.Count(said, "BEGIN CERTIFICATE"), "the intermediate is in it")
		}
		needs(t, "pk12util")
		require.Contains(t, m.must("pk12util", "-l", pfx, "-w", password), "CN=")
		if dir := os.Getenv("DEVCERT_TEST_KESTREL"); dir != "" {
			out := m.must(filepath.Join(dir, "chain"), pfx, "password=open-sesame", "use=1.3.6.1.5.5.7.3.2",
				"extra="+m.state("client-intermediate.pem"), "root="+m.state("root.pem"))
			require.True(t, strings.HasPrefix(out, "accepted"), out)
		}
		if os.Getenv("DEVCERT_TEST_JAVA") == "" {
			continue
		}
		for _, home := range javaHomes(t) {
			out := m.must(filepath.Join(home, "bin", "keytool"), "-list", "-keystore", pfx, "-storetype", "PKCS12", "-storepass", "open-sesame")
			require.Contains(t, out, "PrivateKeyEntry", home)
		}
	}
}
