package systemtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acceptance is something that a thief gains, and that no profile keeps from him.
type acceptance struct {
	certificate string   // a deceit's name
	by          []string // verifiers
	gains       string   // what, and why
}

const (
	anyClient = "a client of whatever name, of a server that trusts this root for clients: the intermediate's purpose is not looked at"
	anyUse    = "whatever is signed, for who takes the system's roots for it: the root has no purpose, and constrains hosts and addresses"
	anyCode   = "the signature of a jar, likewise"
)

// accepting are all of them. A constraint of directory names would be no cure: it
// fixes how a subject begins and not how it ends, where it is critical Go refuses
// the CA, and to permit no subject at all would refuse CN=localhost, by which
// Kestrel knows its certificate.
var accepting = []acceptance{
	{"example.com. in the CN, no SAN", []string{"curl", "node"}, "**any host**: to OpenSSL a CN that ends with a dot is no host's name, and these two then leave the dot out"},
	{"example.com. in the CN, SAN an e-mail address", []string{"curl", "node"}, "likewise"},
	{"*.example.com. in the CN, no SAN", []string{"curl", "node"}, "likewise"},
	{"8.8.8.8. in the CN, no SAN", []string{"curl"}, "any IPv4 address, likewise"},
	{"2001:db8::1 in the CN, no SAN", []string{"curl", "dotnet"}, "any IPv6 address, which in a CN is no host's name either"},
	{"8.8.8.8 in the CN, SAN app.test", []string{"dotnet", "nss"}, "any IPv4 address: the constraints apply to the SAN, and the address is taken from the CN"},
	{"2001:db8::1 in the CN, SAN app.test", []string{"dotnet", "nss"}, "any IPv6 address, likewise"},
	{"example.com in the CN, SAN 127.0.0.1", []string{"nss"}, "any host, likewise"},
	{"intranet in the CN, no SAN", []string{"curl", "dotnet", "node", "openssl", "python", "s_client"}, "any host without a dot in its name: to OpenSSL that is no host's name in a CN"},
	{"intranet in the CN, SAN 127.0.0.1", []string{"dotnet", "node", "nss", "openssl", "python", "s_client"}, "likewise"},
	{"www-.example.com in the CN, no SAN", []string{"curl", "dotnet", "node", "openssl", "python", "s_client"}, "a host with a hyphen at a label's end, likewise"},
	{"client, by the server intermediate", []string{"java", "nss"}, anyClient},
	{"client without a purpose, by the server intermediate", []string{"java", "nss"}, "likewise"},
	{"client for any purpose, by the server intermediate", []string{"java"}, "likewise"},
	{"server localhost, by the client intermediate", []string{"java", "nss"}, "the permitted names with the other key too, likewise"},
	{"code signing, by the server intermediate", []string{"java"}, anyCode},
	{"code signing, by the client intermediate", []string{"java"}, anyCode},
	{"code signing without a purpose", []string{"java"}, anyCode},
	{"example.com, by a kept root key", []string{"java"}, "**any host**: Java ignores the constraints of a root, and the thief's intermediate has none"},
	{"8.8.8.8, by a kept root key", []string{"java"}, "any address, likewise"},
	{"example.com, by a kept root key, permitted", []string{"java"}, "likewise, with constraints of the thief's choice"},
	{"code signing, by a kept root key", []string{"dotnet", "gnutls", "go", "java"}, anyUse},
	{"e-mail, by a kept root key", []string{"dotnet", "gnutls", "go", "openssl"}, anyUse},
}

func allowed(certificate, verifier string) bool {
	return slices.ContainsFunc(accepting, func(a acceptance) bool {
		return a.certificate == certificate && slices.Contains(a.by, verifier)
	})
}

// TestSecurityNamesWhatAThiefGains holds SECURITY.md against the list.
func TestSecurityNamesWhatAThiefGains(t *testing.T) {
	text, err := os.ReadFile("../../.github/SECURITY.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n### What verifiers let him do\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n#")
	var rows, want []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	for _, a := range accepting {
		assert.True(t, slices.IsSorted(a.by), "%s: %v", a.certificate, a.by)
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", a.certificate, strings.Join(a.by, ", "), a.gains))
	}
	assert.Equal(t, want, rows)
}

// TestThiefsClassIsItsSource: the class is committed, since a machine need not have
// a compiler. It was made with release 17, others write the same in another order.
func TestThiefsClassIsItsSource(t *testing.T) {
	needs(t, "javac")
	version, err := exec.Command("javac", "-version").CombinedOutput()
	require.NoError(t, err)
	if !bytes.HasPrefix(version, []byte("javac 17.")) {
		t.Skipf("%s is not 17", bytes.TrimSpace(version))
	}
	out := t.TempDir()
	said, err := exec.Command("javac", "--release", "8", "-g:none", "-Xlint:-options", "-d", out, "testdata/thief/Thief.java").CombinedOutput()
	require.NoError(t, err, "%s", said)
	want, err := os.ReadFile(filepath.Join(out, "Thief.class"))
	require.NoError(t, err)
	got, err := os.ReadFile("testdata/thief/Thief.class")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "Thief.class is not what Thief.java compiles to")
}
