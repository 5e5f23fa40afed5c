package systemtest

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
)

// opinion is what a verifier says of one certificate.
type opinion struct {
	accepted bool
	reason   string
}

// verifier is something that judges certificates.
type verifier struct {
	name string
	// as are the purposes that it can be asked about.
	as []string
	// missing says why it is not asked on this machine; "" where it is.
	missing string
	// ask judges all at once: many of these take their time to start.
	ask func(m *machine, all []*deceit) map[*deceit]opinion
}

var everyUse = []string{asServer, asClient, asCode, asMail}

// verifiers are all that are asked in the short form.
func verifiers(root *x509.Certificate) []verifier {
	return []verifier{
		{name: "go", as: everyUse, ask: func(_ *machine, all []*deceit) map[*deceit]opinion { return goVerifies(root, all) }},
		{name: "openssl", as: []string{asServer, asClient, asMail}, missing: absent("openssl"), ask: opensslVerifies},
		{name: "s_client", as: []string{asServer}, missing: absent("openssl"), ask: sClientConnects},
		{name: "gnutls", as: everyUse, missing: absent("certtool"), ask: gnutlsVerifies},
		{name: "nss", as: everyUse, missing: noNSS(), ask: nssVerifies},
		{name: "java", as: []string{asServer, asClient, asCode}, missing: absent("java"), ask: javaVerifies},
		{name: "dotnet", as: everyUse, missing: noDotNET(), ask: dotnetVerifies},
		{name: "node", as: []string{asServer}, missing: absent("node"), ask: nodeConnects},
		{name: "python", as: []string{asServer}, missing: absent("python3"), ask: pythonConnects},
		{name: "curl", as: []string{asServer}, missing: absent("curl"), ask: curlConnects},
	}
}

func absent(program string) string {
	if _, err := exec.LookPath(program); err != nil {
		return "no " + program
	}
	return ""
}

// noNSS: it is asked through its library, since certutil takes no host's name.
func noNSS() string {
	if missing := absent("python3"); missing != "" {
		return missing
	}
	if exec.Command("/usr/bin/python3", "-c", `import ctypes; ctypes.CDLL("libnss3.so")`).Run() != nil {
		return "no libnss3.so"
	}
	return ""
}

func noDotNET() string {
	if os.Getenv("DEVCERT_TEST_KESTREL") == "" {
		return "DEVCERT_TEST_KESTREL names no folder with a .NET"
	}
	return absent("mcs")
}

// goVerifies is what crypto/tls does; the system's roots are another test's matter.
func goVerifies(root *x509.Certificate, all []*deceit) map[*deceit]opinion {
	uses := map[string]x509.ExtKeyUsage{asServer: forServers, asClient: forClients, asCode: forCode, asMail: forMail}
	answers := map[*deceit]opinion{}
	for _, d := range all {
		leaf, err := x509.ParseCertificate(d.chain[0].Raw)
		if err == nil {
			o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: d.host, KeyUsages: []x509.ExtKeyUsage{uses[d.as]}}
			o.Roots.AddCert(root)
			for _, c := range d.chain[1:] {
				o.Intermediates.AddCert(c)
			}
			_, err = leaf.Verify(o)
		}
		answers[d] = opinion{err == nil, fmt.Sprint(err)}
	}
	return answers
}

// each asks a program that judges one certificate and says by its exit code.
// Whatever else it is that refuses, it must have said one of the words.
func each(m *machine, all []*deceit, words string, command func(d *deceit) []string) map[*deceit]opinion {
	m.t.Helper()
	reasons := regexp.MustCompile(".*(" + words + ").*")
	answers := map[*deceit]opinion{}
	for _, d := range all {
		args := command(d)
		r := m.run(args[0], args[1:]...)
		reason := reasons.FindString(r.stdout + r.stderr)
		if r.code != 0 {
			require.NotEmpty(m.t, reason, "%s: refused for another reason: %s", d.name, r)
		}
		answers[d] = opinion{r.code == 0, reason}
	}
	return answers
}

func (m *machine) rootFile() string { return m.state("root.pem") }

func opensslVerifies(m *machine, all []*deceit) map[*deceit]opinion {
	purposes := map[string]string{asServer: "sslserver", asClient: "sslclient", asMail: "smimesign"}
	return each(m, all, `error \d+ at|error:[0-9A-F]+:`, func(d *deceit) []string {
		args := []string{"openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", m.rootFile(),
			"-untrusted", d.file, "-purpose", purposes[d.as]}
		if d.as == asServer {
			args = append(args, opensslName(d.host)...)
		}
		return append(args, d.file)
	})
}

func opensslName(host string) []string {
	if net.ParseIP(host) != nil {
		return []string{"-verify_ip", host}
	}
	return []string{"-verify_hostname", host}
}

// sClientConnects has no strictness, which is what most programs that use OpenSSL
// have not either; the roots are the machine's.
func sClientConnects(m *machine, all []*deceit) map[*deceit]opinion {
	return each(m, all, `verify error|error:[0-9A-F]+:`, func(d *deceit) []string {
		args := append([]string{"openssl", "s_client", "-connect", "127.0.0.1:" + d.port, "-verify_return_error"}, opensslName(d.host)...)
		if net.ParseIP(d.host) == nil {
			args = append(args, "-servername", d.host)
		}
		return args
	})
}

func gnutlsVerifies(m *machine, all []*deceit) map[*deceit]opinion {
	purposes := map[string]string{asServer: "1.3.6.1.5.5.7.3.1", asClient: "1.3.6.1.5.5.7.3.2", asCode: "1.3.6.1.5.5.7.3.3", asMail: "1.3.6.1.5.5.7.3.4"}
	return each(m, all, `NOT trusted|not match|[Ee]rror`, func(d *deceit) []string {
		args := []string{"certtool", "--verify", "--infile", d.file, "--load-ca-certificate", m.rootFile(), "--verify-purpose", purposes[d.as]}
		if d.as == asServer {
			args = append(args, "--verify-hostname", d.host)
		}
		return args
	})
}

func curlConnects(m *machine, all []*deceit) map[*deceit]opinion {
	return each(m, all, `curl: \((?:60|35)\)`, func(d *deceit) []string {
		host := d.host
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return []string{"curl", "-sS", "--noproxy", "*", "-o", "/dev/null", "--connect-to", "::127.0.0.1:" + d.port, "https://" + host + "/"}
	})
}

// thief is a path among the programs that ask.
func thief(name string) string {
	return filepath.Join(suite.checkout, "scripts/systemtest/testdata/thief", name)
}

// together asks a program that judges a line each, and answers with one each.
func together(m *machine, all []*deceit, line func(d *deceit) []string, name string, args ...string) map[*deceit]opinion {
	m.t.Helper()
	var in strings.Builder
	for i, d := range all {
		fmt.Fprintln(&in, strings.Join(append([]string{strconv.Itoa(i)}, line(d)...), "\t"))
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*limit)
	defer cancel()
	cmd := m.command(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in.String()), &stdout, &stderr
	require.NoError(m.t, cmd.Run(), "%s\n%s%s", name, &stdout, &stderr)
	answers := map[*deceit]opinion{}
	for text := range strings.Lines(stdout.String()) {
		fields := strings.SplitN(strings.TrimRight(text, "\n"), "\t", 3)
		require.Len(m.t, fields, 3, "%s said %q", name, text)
		i, err := strconv.Atoi(fields[0])
		require.NoError(m.t, err, "%s said %q", name, text)
		require.Contains(m.t, []string{"accepted", "refused"}, fields[1], "%s, %s: %s", name, all[i].name, text)
		answers[all[i]] = opinion{fields[1] == "accepted", fields[2]}
	}
	require.Len(m.t, answers, len(all), "%s\n%s%s", name, &stdout, &stderr)
	return answers
}

func hostAndPort(d *deceit) []string { return []string{d.host, d.port} }

func nodeConnects(m *machine, all []*deceit) map[*deceit]opinion {
	return together(m.with("NODE_EXTRA_CA_CERTS="+m.rootFile()), all, hostAndPort, "node", thief("ask.js"))
}

func pythonConnects(m *machine, all []*deceit) map[*deceit]opinion {
	return together(m, all, hostAndPort, "python3", thief("ask.py"), m.rootFile())
}

func nssVerifies(m *machine, all []*deceit) map[*deceit]opinion {
	line := func(d *deceit) []string { return []string{d.as, d.host, d.file} }
	return together(m, all, line, "/usr/bin/python3", thief("nss.py"), m.rootFile())
}

// javaVerifies runs what is compiled already: a machine need not have a compiler.
func javaVerifies(m *machine, all []*deceit) map[*deceit]opinion {
	line := func(d *deceit) []string { return []string{d.as, d.host, d.port, d.file} }
	return together(m, all, line, "java", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1",
		"--add-exports", "java.base/sun.security.validator=ALL-UNNAMED", "-cp", thief(""), "Thief", m.rootFile())
}

// dotnetVerifies has a runtime load the program as a startup hook.
func dotnetVerifies(m *machine, all []*deceit) map[*deceit]opinion {
	m.t.Helper()
	net := os.Getenv("DEVCERT_TEST_KESTREL")
	dll := filepath.Join(m.newThiefFolder(), "ask.dll")
	m.must("mcs", "-nologo", "-target:library", "-out:"+dll, thief("ask.cs"))
	line := func(d *deceit) []string {
		var files []string
		for i, c := range d.chain {
			file := fmt.Sprintf("%s.%d.cer", d.file, i)
			m.write(file, string(c.Raw))
			files = append(files, file)
		}
		return []string{d.as, d.host, d.port, strings.Join(files, " ")}
	}
	there := m.with("DOTNET_STARTUP_HOOKS="+dll, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1")
	return together(there, all, line, filepath.Join(net, "azmcp"), "ask")
}

// asked are those that a verifier can judge.
func (v verifier) asked(all []*deceit) []*deceit {
	return slices.DeleteFunc(slices.Clone(all), func(d *deceit) bool { return !slices.Contains(v.as, d.as) })
}
