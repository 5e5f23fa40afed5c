package systemtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// password is one that a person gives devcert.
const password = "correct-horse-battery"

// traces are command lines, one after another on a machine with every kind of
// store, and how they may end. Those that become root are run by a user with sudo too.
var traces = []struct {
	line string
	code []int
	sudo bool
}{
	{"setup --stores all --client-certs", []int{0, 3}, true},
	{"status --probe --json", []int{0, 3}, false},
	{"doctor --json --limit 20s", []int{0, 3}, false},
	{"issue alice --client --email alice@localhost --json --install", []int{0, 3}, true},
	{"issue bob --client --key ecdsa --pfx legacy --password-file HOME/password", []int{0}, false},
	{"issue api.test --out HOME/out --verbose", []int{0}, false},
	{"issue api.test --out HOME/out --key ecdsa --force", []int{0}, false},
	{"list --json", []int{0}, false},
	{"check-client alice --server iis --json", []int{0, 3}, false},
	{"export root", []int{0}, false},
	{"export chain", []int{0}, false},
	{"export bundle --out HOME/bundle.pem", []int{0}, false},
	{"export pfx --out HOME/leaf.pfx --password-file HOME/password", []int{0}, false},
	{"export pfx-legacy --out HOME/old.pfx --json", []int{0}, false},
	{"export truststore --out HOME/trust.p12", []int{0}, false},
	{"env --shell bash", []int{0}, false},
	{"ports unbind 44399", []int{0}, false},
	{"renew --force --json", []int{0, 3}, false},
	{"revoke alice --yes", []int{0, 3}, false},
	{"setup --permit app.example.org --name app.example.org --key ecdsa --yes --json", []int{0, 3}, false},
	{"renew --root --yes", []int{0, 3}, false},
	{"repair --verbose", []int{0, 3}, false},
	{"uninstall --yes --json", []int{0}, true},
}

// unwanted are variables of the user's with which a shell, Perl or OpenSSL would do
// something else than devcert asks for.
var unwanted = []string{"BASH_ENV=/nowhere", "ENV=/nowhere", "PERL5LIB=/nowhere", "OPENSSL_CONF=/nowhere", "RUBYOPT=-W0"}

// TestKeysStayInTheirFiles runs every command under strace, by root and by a user
// with sudo: no part of a private key, and no password, is in a write outside the
// key's own file, in an argument, a variable, or what is printed; a key's file was
// never open to others, and children are started by absolute paths.
func TestKeysStayInTheirFiles(t *testing.T) {
	for _, u := range []user{root, anna} {
		t.Run(u.name, func(t *testing.T) {
			m := newMachine(t).withDotNet()
			m.sudoers(withoutAsking)
			m = m.as(u).with(unwanted...)
			m.makeStores()
			m.must("sh", "-c", "umask 077; echo "+password+" >password")
			known := map[string]secret{} // by path and number: keys are replaced
			roots := map[string]bool{}   // public keys
			var all []call
			commands := 0
			for _, row := range traces {
				if u != root && !row.sudo {
					continue
				}
				commands++
				line := strings.Fields(strings.ReplaceAll(row.line, "HOME", m.home()))
				r, calls := m.traced(append([]string{m.bin}, line...)...)
				require.Contains(t, row.code, r.code, "%s", r)
				for _, c := range calls {
					m.requireChild(c, line[0] == "doctor")
				}
				printed := call{name: "write", paths: []string{"what is printed"}, strings: []string{r.stdout, r.stderr}}
				all = append(append(all, calls...), printed)
				for _, s := range secrets(t, m.home()) {
					known[s.path+s.forms[0]] = s
				}
				for _, root := range m.roots() {
					roots[root] = true
				}
			}
			require.GreaterOrEqual(t, len(known), 5)
			require.NotEmpty(t, roots)
			texts, children, holds := 0, 0, map[string]bool{}
			for _, c := range all {
				if c.name == "execve" {
					children++
				}
				texts += len(c.strings)
				requireNarrow(t, c, holds)
				for _, text := range c.strings {
					require.NotContains(t, text, password, c.flags)
					require.NotContains(t, roots, publicIn(t, text), "the root's private key: %s", c.flags)
				}
				if path, leaks := leak(c, slices.Collect(maps.Values(known))); leaks {
					require.Fail(t, "some of a key is where it should not be", "of %s in %s", path, c.flags)
				}
			}
			t.Logf("counted: traced as %s: %d commands, %d keys, %d texts in %d calls, %d children; leaks: 0", u.name, commands, len(known), texts, len(all), children)
		})
	}
}

// TestLeaksAreSeen is the control of the test above.
func TestLeaksAreSeen(t *testing.T) {
	m := healthyMachine(t)
	key := m.state("localhost-key.pem")
	known := secrets(t, m.state())
	require.GreaterOrEqual(t, len(known), 3)
	for _, line := range []string{
		"cat KEY >leak", "echo $(cat KEY)", "true $(cat KEY)", "X=$(cat KEY) /bin/true", "openssl pkey -in KEY -outform DER | base64 >leak",
		"openssl pkey -in KEY -outform DER -out leak", "openssl pkey -in KEY -text -noout | tr -d ' :\\n' >leak",
	} {
		_, calls := m.traced("/bin/sh", "-c", strings.ReplaceAll(line, "KEY", key))
		found := slices.ContainsFunc(calls, func(c call) bool {
			_, leaks := leak(c, known)
			return leaks
		})
		require.True(t, found, line)
	}
	require.NoError(t, os.Remove(m.home()+"/leak"))
}

// makeStores gives the home every kind of store.
func (m *machine) makeStores() {
	m.t.Helper()
	require.NoError(m.t, show(browsers...))
	m.addProfile("default", firefoxDefault)
	m.must("mkdir", "-p", m.home()+"/.dotnet", m.home()+"/.local/share/pki/nssdb", m.home()+"/out")
	m.must("certutil", "-N", "-d", "sql:"+m.home()+"/.local/share/pki/nssdb", "--empty-password")
	m.as(root).must("chown", "-R", m.user.name, m.home())
}

// keysFile is a path that is for a private key, or the name under which it is
// written first.
func keysFile(path string) bool {
	return strings.HasSuffix(strings.TrimSuffix(path, ".new"), "-key.pem")
}

// forElsewhere is the name under which a file is first that somebody wants elsewhere.
func forElsewhere(path string) bool {
	return strings.HasPrefix(filepath.Base(path), ".devcert-export-")
}

// leak says whether a call has some of a key that does not go to a key's own file,
// and whose.
func leak(c call, known []secret) (path string, leaks bool) {
	own := keysFile(c.file()) || forElsewhere(c.file())
	written := slices.Contains([]string{"write", "pwrite64"}, c.name) && own
	if len(c.paths) == 2 && keysFile(c.paths[0]) && !keysFile(c.paths[1]) {
		return c.paths[0], true // the kernel copies it
	}
	for _, text := range c.strings {
		for _, s := range known {
			if !written && s.in(text) {
				return s.path, true
			}
		}
	}
	return "", false
}

// requireNarrow requires that a file for a secret is made for its owner alone, and
// that no mode is given to it later which is wider.
func requireNarrow(t *testing.T, c call, holds map[string]bool) {
	t.Helper()
	path := c.file()
	if len(c.strings) > 0 {
		path = c.strings[len(c.strings)-1]
	}
	if c.name == "write" || c.name == "pwrite64" {
		holds[c.file()] = holds[c.file()] || strings.Contains(path, "PRIVATE KEY")
		return
	}
	makes := strings.HasPrefix(c.name, "open") && strings.Contains(c.flags, "O_CREAT") || c.name == "creat"
	private := holds[path] || keysFile(path) || strings.HasSuffix(strings.TrimSuffix(path, ".new"), ".pfx") || makes && forElsewhere(path)
	if private && (makes || strings.Contains(c.name, "chmod")) {
		mode, ok := c.mode()
		require.True(t, ok, "%s", c.flags)
		require.Zero(t, mode&0o077, "%s: %s", path, c.flags)
	}
}

// requireChild requires that a child of devcert's is named by an absolute path, and
// has none of the unwanted variables. doctor asks clients as the user starts them.
func (m *machine) requireChild(c call, asUser bool) {
	m.t.Helper()
	if c.name != "execve" || c.strings[0] == m.bin { // started by the user
		return
	}
	require.True(m.t, filepath.IsAbs(c.strings[0]), "%q", c.strings)
	for _, variable := range unwanted {
		if !asUser {
			require.NotContains(m.t, c.strings, variable, "%q", c.strings)
		}
	}
}
