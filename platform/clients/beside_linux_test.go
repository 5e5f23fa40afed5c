package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// link puts the root into the system's hashed folder.
func (m *machine) link() {
	m.t.Helper()
	hash, err := exec.Command("openssl", "x509", "-noout", "-subject_hash", "-in", m.root).Output()
	if err != nil {
		m.t.Skip("openssl says no hash: ", err)
	}
	require.NoError(m.t, os.Symlink(m.root, filepath.Join(m.hashed, strings.TrimSpace(string(hash))+".0")))
}

// The system's hashed folder stays in force beside a file, but not where a client
// does not begin with that file.
func TestUnusableFiles(t *testing.T) {
	const missing = devcert.Missing
	for _, row := range []struct {
		name     string
		client   string
		env      []string
		files    map[string]string
		state    devcert.PlaceState
		override string
	}{
		{"no such file", "curl", []string{"CURL_CA_BUNDLE=/nonexistent"}, nil, missing, "CURL_CA_BUNDLE"},
		{"no certificates", "curl", []string{"SSL_CERT_FILE=/etc/hosts"}, nil, missing, "SSL_CERT_FILE"},
		{"a folder", "curl", []string{"SSL_CERT_FILE=HOME"}, nil, missing, "SSL_CERT_FILE"},
		{"another bundle", "curl", []string{"CURL_CA_BUNDLE=OTHER"}, nil, "", ""},
		{"settings name no file", "curl", nil, map[string]string{".curlrc": "cacert=/nonexistent"}, missing, "HOME/.curlrc"},
		{"settings name another bundle", "curl", nil, map[string]string{".curlrc": "cacert=OTHER"}, "", ""},
		{"no settings", "wget", []string{"WGETRC=/nonexistent"}, nil, missing, "WGETRC"},
		{"no such file", "git", []string{"GIT_SSL_CAINFO=/nonexistent"}, nil, missing, "GIT_SSL_CAINFO"},
		{"another bundle", "git", []string{"GIT_SSL_CAINFO=OTHER"}, nil, "", ""},
		{"folders alone", "git", []string{"GIT_SSL_CAPATH=HOME"}, nil, missing, "GIT_SSL_CAPATH"},
		{"settings name no folder", "git", nil, map[string]string{".gitconfig": "[http]\nsslCAPath=/nonexistent"}, missing, "http.sslCAPath"},
		{"settings name no file", "git", nil, map[string]string{".gitconfig": "[http]\nsslCAInfo=/nonexistent"}, missing, "http.sslCAInfo"},
		{"no such file", "perl", []string{"SSL_CERT_FILE=/nonexistent"}, nil, missing, "SSL_CERT_FILE"},
		{"perl knows no folders", "perl", []string{"SSL_CERT_DIR=/nonexistent"}, nil, "", ""},
		{"OpenSSL begins with any", "openssl", []string{"SSL_CERT_FILE=/nonexistent"}, nil, "", ""},
	} {
		t.Run(row.client+": "+row.name, func(t *testing.T) {
			m := newMachine(t)
			m.link()
			m.program("curl", "wget", "git", "perl", "openssl")
			fill := m.filler()
			for name, text := range row.files {
				m.put(filepath.Join(m.home, name), fill(text))
			}
			m.put(filepath.Join(m.home, "perl5", "IO", "Socket", "SSL.pm"), "")
			env := []string{"PERL5LIB=" + filepath.Join(m.home, "perl5")}
			for _, pair := range row.env {
				env = append(env, fill(pair))
			}
			got := m.find(env...)[row.client]
			require.Equal(t, row.state, got.State, got.Evidence)
			require.Equal(t, fill(row.override), got.Override)
			require.Equal(t, row.state == missing, got.Remedy != "")
		})
	}
}

// What is built with GnuTLS begins with a file that has no certificates.
func TestReadableIsEnoughForGnuTLS(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, path := range []string{"/nonexistent", t.TempDir()} {
		require.NotEmpty(t, readable(path))
		require.NotEmpty(t, holding(path))
	}
	require.Empty(t, readable(empty))
	require.NotEmpty(t, holding(empty))
	require.False(t, links(empty, "lib"), "no program")
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no program to look into")
	}
	require.True(t, links(shell, "libc."))
	require.False(t, links(shell, "libcurl"))
}
