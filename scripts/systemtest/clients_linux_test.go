package systemtest

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client is a program that decides by the machine's roots whether to talk to a
// server. It is given neither an option nor a variable about certificates.
type client struct {
	name string
	// command asks for a page of a server; NAME and PORT stand for which.
	command []string
}

// clients are those that this machine has, and the names of those it has not.
func clients() (have []client, missing []string) {
	for _, c := range []client{
		{"curl", []string{"curl", "-sS", "-o", "/dev/null", "https://NAME:PORT/"}},
		{"wget", []string{"wget", "-nv", "--tries=1", "-O", "/dev/null", "https://NAME:PORT/"}},
		{"openssl", []string{"openssl", "s_client", "-connect", "NAME:PORT", "-servername", "NAME",
			"-verify_return_error", "-verify_hostname", "NAME"}},
		{"git", []string{"git", "ls-remote", "https://NAME:PORT/repository.git"}},
		{"python3", []string{"/usr/bin/python3", "-c", python}},
		{"python3 of PATH", []string{suite.python, "-c", python}},
		{"php", []string{"php", "-r", `exit(file_get_contents("https://NAME:PORT/") === false ? 1 : 0);`}},
		{"ruby", []string{"ruby", "-ropen-uri", "-e", `URI.open("https://NAME:PORT/").read`}},
		{"gnutls-cli", []string{"gnutls-cli", "--port=PORT", "NAME"}},
		{"go", []string{suite.goClient, "https://NAME:PORT/"}},
	} {
		path, err := exec.LookPath(c.command[0])
		if err != nil {
			missing = append(missing, c.name)
			continue
		}
		c.command = append([]string{path}, c.command[1:]...)
		have = append(have, c)
	}
	return have, missing
}

const python = `import urllib.request; urllib.request.urlopen("https://NAME:PORT/").read()`

// aboutCertificates is in what every client says when it refuses a certificate,
// in contrast to a server that it could not reach.
var aboutCertificates = regexp.MustCompile(`(?i)certificat|unable to get local issuer`)

// trusts asks name at port. A refusal that is not about the certificate fails the
// test: it would prove nothing.
func (m *machine) trusts(c client, name, port string) bool {
	m.t.Helper()
	var args []string
	for _, arg := range c.command {
		args = append(args, strings.NewReplacer("NAME", name, "PORT", port).Replace(arg))
	}
	r := m.run(args[0], args[1:]...)
	if r.code != 0 {
		require.Regexp(m.t, aboutCertificates, r.stdout+r.stderr, "%s refuses for another reason: %s", c.name, r)
	}
	return r.code == 0
}

// verdicts is which client trusts which name.
type verdicts struct {
	names   []string
	clients []string
	trusted map[string]bool // by client and name
}

// survey asks every client for every name.
func (m *machine) survey(port string, names ...string) verdicts {
	m.t.Helper()
	have, missing := clients()
	v := verdicts{names: names, trusted: map[string]bool{}}
	for _, c := range have {
		v.clients = append(v.clients, c.name)
		for _, name := range names {
			v.trusted[c.name+" "+name] = m.trusts(c, name, port)
		}
	}
	if len(missing) > 0 {
		m.t.Logf("not on this machine, so not asked: %s", strings.Join(missing, ", "))
	}
	return v
}

// String is a table for the log.
func (v verdicts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-18s", "client")
	for _, name := range v.names {
		fmt.Fprintf(&b, "%-14s", name)
	}
	for _, c := range v.clients {
		fmt.Fprintf(&b, "\n%-18s", c)
		for _, name := range v.names {
			word := "refused"
			if v.trusted[c+" "+name] {
				word = "trusted"
			}
			fmt.Fprintf(&b, "%-14s", word)
		}
	}
	return b.String()
}

// require requires that every client trusts just the names of trusted.
func (v verdicts) require(t *testing.T, trusted ...string) {
	t.Helper()
	t.Log(v)
	require.Subset(t, v.clients, []string{"curl", "wget", "openssl", "git", "python3", "go"})
	for _, c := range v.clients {
		for _, name := range v.names {
			require.Equal(t, slices.Contains(trusted, name), v.trusted[c+" "+name], "%s and %s", c, name)
		}
	}
}
