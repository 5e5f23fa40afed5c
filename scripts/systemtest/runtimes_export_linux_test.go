package systemtest

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exported is what export writes, and programs of others that read it: FILE stands
// for it, PORT for a server that presents the chain.
type exported struct {
	what, file string
	mode       os.FileMode
	readers    [][]string
}

const keyed = "--password-file"

var exports = []exported{
	{"root", "root.pem", 0o644, [][]string{
		{"openssl", "x509", "-in", "FILE", "-noout", "-checkend", "0"},
		{"curl", "-sS", "--cacert", "FILE", "https://localhost:PORT/"},
		{"node", "-e", `new (require("crypto").X509Certificate)(require("fs").readFileSync(process.argv[1]))`, "FILE"},
	}},
	{"root-der", "root.crt", 0o644, [][]string{
		{"openssl", "x509", "-inform", "DER", "-in", "FILE", "-noout", "-checkend", "0"},
		{"keytool", "-printcert", "-file", "FILE"},
	}},
	{"chain", "chain.pem", 0o644, [][]string{
		{"openssl", "verify", "-x509_strict", "-CAfile", "ROOT", "-untrusted", "FILE", "-verify_hostname", "localhost", "FILE"},
		{"node", "-e", `require("tls").createSecureContext({cert: require("fs").readFileSync(process.argv[1])})`, "FILE"},
	}},
	{"pfx", "modern.pfx", 0o600, [][]string{
		{"openssl", "pkcs12", "-in", "FILE", "-passin", "pass:geheim", "-nodes", "-noout"},
		{"keytool", "-list", "-storetype", "PKCS12", "-keystore", "FILE", "-storepass", "geheim"},
		{"node", "-e", `require("tls").createSecureContext({pfx: require("fs").readFileSync(process.argv[1]), passphrase: "geheim"})`, "FILE"},
	}},
	{"pfx-legacy", "legacy.pfx", 0o600, [][]string{
		{"openssl", "pkcs12", "-in", "FILE", "-passin", "pass:geheim", "-nodes", "-noout"},
		{"keytool", "-list", "-storetype", "PKCS12", "-keystore", "FILE", "-storepass", "geheim"},
	}},
	{"bundle", "bundle.pem", 0o644, [][]string{
		{"curl", "-sS", "--cacert", "FILE", "https://localhost:PORT/"},
		{"curl", "-sS", "--cacert", "FILE", "https://app.example.org:PORT/"},
		{"/usr/bin/python3", "-c", `import ssl, sys; sys.exit(len(ssl.create_default_context(cafile=sys.argv[1]).get_ca_certs()) < ` + strconv.Itoa(debianRoots+2) + `)`, "FILE"},
	}},
	{"truststore", "trust.p12", 0o644, [][]string{
		{"keytool", "-list", "-keystore", "FILE", "-storepass", "geheim"},
	}},
}

// TestExportsAreRead exports on a machine that trusts nothing of devcert's: what
// trusts then does so by the export alone.
func TestExportsAreRead(t *testing.T) {
	needs(t, "curl", "openssl")
	m := newMachine(t)
	company := newAuthority(t, "a company's CA")
	m.trustAuthority(company, "company")
	m.devcert(0, "setup", "--stores", "none")
	port := serve(t, byName(m.copies(), map[string]*tls.Certificate{vouched: company.issue(t, vouched)}))
	m.write(filepath.Join(m.home(), "password"), "geheim\n")
	require.False(t, m.trusts(client{"curl", []string{"/usr/bin/curl", "-sS", "https://NAME:PORT/"}}, ours, port))
	out := filepath.Join(m.home(), "out")
	require.NoError(t, os.Mkdir(out, 0o755))
	for _, x := range exports {
		path := filepath.Join(out, x.file)
		args := []string{"export", x.what, "--out", path}
		if strings.Contains(x.file, ".p") && !strings.HasSuffix(x.file, ".pem") {
			args = append(args, keyed, filepath.Join(m.home(), "password"))
		}
		m.requireUnchanged(func() { m.devcert(0, args...) }, m.state())
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, x.mode, info.Mode().Perm(), x.what)
		for _, reader := range x.readers {
			if reader = m.filled(reader, path, port); reader == nil {
				continue
			}
			m.must(reader[0], reader[1:]...)
		}
		m.requireKept(path, args)
	}
	require.Equal(t, 2, strings.Count(m.read(filepath.Join(out, "chain.pem")), "BEGIN CERTIFICATE"))
	m.requireExportTrustedByJava(filepath.Join(out, "trust.p12"), port)
	requireExportReadByKestrel(m, out)
}

// filled puts file and port into a command; nil where the machine has no such
// program.
func (m *machine) filled(command []string, file, port string) []string {
	m.t.Helper()
	if m.run("sh", "-c", `command -v "$1"`, "sh", command[0]).code != 0 {
		m.t.Logf("not on this machine, so not asked: %s", command[0])
		return nil
	}
	var all []string
	for _, arg := range command {
		all = append(all, strings.NewReplacer("FILE", file, "PORT", port, "ROOT", m.state("root.pem")).Replace(arg))
	}
	return all
}

// requireKept requires that a file that is there is replaced only with --force,
// and what a link leads to not even then.
func (m *machine) requireKept(path string, args []string) {
	m.t.Helper()
	mine := filepath.Join(m.home(), "mine")
	m.write(mine, "precious")
	require.NoError(m.t, os.Rename(path, path+".first"))
	require.NoError(m.t, os.Symlink(mine, path))
	m.requireUnchanged(func() {
		r := m.devcert(1, args...)
		require.Contains(m.t, r.stderr, "it is there already")
		require.Empty(m.t, r.stdout)
	}, m.home())
	m.devcert(0, append(args, "--force")...)
	info, err := os.Lstat(path)
	require.NoError(m.t, err)
	require.True(m.t, info.Mode().IsRegular())
	require.Equal(m.t, "precious", m.read(mine))
}

func (m *machine) requireExportTrustedByJava(truststore, port string) {
	m.t.Helper()
	if os.Getenv("DEVCERT_TEST_JAVA") == "" {
		return
	}
	for _, home := range javaHomes(m.t) {
		require.False(m.t, m.javaTrusts(home, ours, port))
		require.True(m.t, m.javaTrusts(home, ours, port, "-Djavax.net.ssl.trustStore="+truststore, "-Djavax.net.ssl.trustStorePassword=geheim"))
	}
}

// requireExportReadByKestrel has .NET's chain engine read both kinds of PFX.
func requireExportReadByKestrel(m *machine, out string) {
	m.t.Helper()
	dir := os.Getenv("DEVCERT_TEST_KESTREL")
	if dir == "" {
		return
	}
	for _, name := range []string{"modern.pfx", "legacy.pfx"} {
		said := m.must(filepath.Join(dir, "chain"), filepath.Join(out, name), "password=geheim",
			"root="+filepath.Join(out, "root.crt"), "extra="+m.state("intermediate.pem"))
		require.Contains(m.t, said, "accepted")
	}
}

// TestExportRefuses has wrong lines and places where nothing can be written.
func TestExportRefuses(t *testing.T) {
	m := newMachine(t).as(anna)
	m.devcert(0, "setup", "--stores", "none")
	m.must("mkdir", "folder")
	m.must("ln", "-s", "folder", "link")
	for _, row := range []struct {
		code int
		line string
		says string
	}{
		{2, "export", "export needs to be told what"},
		{2, "export jks", `"jks" is nothing that devcert exports`},
		{2, "export root extra", "export writes one thing at a time, not root and extra"},
		{2, "export root --password-file folder", "root has no password"},
		{2, "export pfx --out x.pfx --password-file folder", "folder"},
		{2, "export pfx --out x.pfx --password-file gone", "gone"},
		{1, "export root --out /etc/root.pem", "/etc/root.pem: permission denied"},
		{1, "export root --out /etc/root.pem --force", "/etc/root.pem: permission denied"},
		{1, "export root --out gone/root.pem", "gone/root.pem: no such file or directory"},
		{1, "export root --out gone/root.pem --force", "gone/root.pem: no such file or directory"},
		{1, "export root --out folder", "it is there already"},
		{1, "export pfx --out folder --force", "folder: it is there already and is no file"},
		{1, "export pfx --out link --force", "link: it is there already and is no file"},
		{1, "export root --out /dev/stdout --force", "/dev/stdout: it is there already and is no file"},
	} {
		m.requireUnchanged(func() {
			r := m.devcert(row.code, strings.Fields(row.line)...)
			require.Contains(t, r.stderr, row.says, "%s", r)
			require.Empty(t, r.stdout)
			require.LessOrEqual(t, strings.Count(r.stderr, "\n"), 2, "an error and a remedy: %s", r)
			require.NotContains(t, r.stderr, "password: ", "%s", r)
		})
	}
}
