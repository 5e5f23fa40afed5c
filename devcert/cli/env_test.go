package cli

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert/chain"
)

// What a user's folder may be called must not be run by the shell that reads it.
const nasty = `/home/a b/$(touch x)/'"\ü;%PATH%` + "`"

func TestVariablesAreQuoted(t *testing.T) {
	for _, row := range []struct{ shell, want string }{
		{"bash", `export V='/home/a b/$(touch x)/'\''"\ü;%PATH%` + "`'"},
		{"zsh", `export V='/home/a b/$(touch x)/'\''"\ü;%PATH%` + "`'"},
		{"fish", `set -gx V '/home/a b/$(touch x)/\'"\\ü;%PATH%` + "`'"},
		{"powershell", `$env:V = '/home/a b/$(touch x)/''"\ü;%PATH%` + "`'"},
		{"cmd", `set "V=/home/a b/$(touch x)/'"\ü;%%PATH%%` + "`\""},
		{"github", `V=/home/a b/$(touch x)/'"\ü;%PATH%` + "`"},
	} {
		t.Run(row.shell, func(t *testing.T) {
			for _, sh := range shells {
				if sh.name == row.shell {
					assert.Equal(t, row.want, sh.set("V", nasty))
				}
			}
		})
	}
}

func TestShellsReadThemBack(t *testing.T) {
	for _, name := range []string{"bash", "zsh", "sh"} {
		t.Run(name, func(t *testing.T) {
			path, err := exec.LookPath(name)
			if err != nil {
				t.Skip(err)
			}
			cmd := exec.CommandContext(t.Context(), path, "-c", exportPOSIX("V", nasty)+"\nprintf %s \"$V\"")
			cmd.Dir = t.TempDir()
			out, err := cmd.Output()
			require.NoError(t, err)
			assert.Equal(t, nasty, string(out))
		})
	}
}

func TestLost(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	file := func(name string, certs ...*x509.Certificate) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, append([]byte("# roots\n"), chain.EncodeCertificates(certs...)...), 0o600))
		return path
	}
	corp, other := &x509.Certificate{Raw: []byte("corp")}, &x509.Certificate{Raw: []byte("other")}
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: now})
	require.NoError(t, err)
	bundle := file("bundle.pem", other)
	trusted := filepath.Join(dir, "trusted.pem")
	more := pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(h.Root.Raw[:len(h.Root.Raw):len(h.Root.Raw)], 0x30, 0)})
	require.NoError(t, os.WriteFile(trusted, more, 0o600))
	for _, row := range []struct {
		name, from string
		want       int
	}{
		{"a company's root", file("corp.pem", corp, corp, other), 1},
		{"what the bundle has", file("same.pem", other), 0},
		{"the bundle itself", bundle, 0},
		{"a root of devcert's", file("former.pem", h.Root), 0},
		{"the same with OpenSSL's trust", trusted, 0},
		{"nothing there", filepath.Join(dir, "none"), 0},
		{"a folder", dir, 0},
	} {
		t.Run(row.name, func(t *testing.T) { assert.Equal(t, row.want, lost(row.from, bundle)) })
	}
}
