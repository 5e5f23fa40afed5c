//go:build unix

package onboardtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

const hosted = "#!/bin/sh\necho hosted\n"

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// host is where a team hosts its devcert; a client that is told so trusts it.
type host struct {
	*httptest.Server
	asked atomic.Int32
}

func newHost(t *testing.T, p *place) (*host, *place) {
	t.Helper()
	h := &host{}
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(hosted)) }))
	t.Cleanup(plain.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/devcert", func(w http.ResponseWriter, _ *http.Request) {
		h.asked.Add(1)
		_, _ = w.Write([]byte(hosted))
	})
	mux.Handle("/plain", http.RedirectHandler(plain.URL, http.StatusFound))
	h.Server = httptest.NewTLSServer(mux)
	t.Cleanup(h.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	settings := filepath.Join(t.TempDir(), "wgetrc")
	require.NoError(t, os.WriteFile(file, ca, 0o644))
	require.NoError(t, os.WriteFile(settings, []byte("ca_certificate = "+file+"\n"), 0o644))
	return h, p.with("CURL_CA_BUNDLE="+file, "WGETRC="+settings, "no_proxy=*", "NO_PROXY=*")
}

// clients are PATHs with one client for https each, and what else is needed.
func clients(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, client := range []string{"curl", "wget"} {
		dir := t.TempDir()
		require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
		for _, name := range []string{client, "sh", "cat", "chmod", "dirname", "env", "id", "mkdir", "mktemp", "mv", "readlink", "rm", "sha256sum", "shasum", "tr"} {
			if path, err := exec.LookPath(name); err == nil {
				require.NoError(t, os.Symlink(path, filepath.Join(dir, name)))
			}
		}
		if _, err := os.Stat(filepath.Join(dir, client)); err == nil {
			all[client] = dir
		}
	}
	if len(all) == 0 {
		t.Skip("neither curl nor wget is here")
	}
	return all
}

func TestADownload(t *testing.T) {
	for name, path := range clients(t) {
		t.Run(name, func(t *testing.T) {
			h, p := newHost(t, newPlace(t).unprivileged().alone())
			p = p.with("PATH="+path, "DEVCERT_URL="+h.URL+"/devcert", "DEVCERT_SHA256="+strings.ToUpper(sumOf(hosted)))
			kept := filepath.Join(p.home, ".local/bin/devcert")
			for range 2 { // the second time it is there
				r := p.which()
				require.Zero(t, r.code, "%s", r)
				require.Equal(t, kept+"\n", r.stdout)
			}
			require.EqualValues(t, 1, h.asked.Load())
			p.requireOnly(kept, hosted)

			require.NoError(t, os.WriteFile(kept, []byte("an older one"), 0o755))
			r := p.run("/bin/sh", "-c", `umask 077; exec "$0" --which`, p.copied())
			require.Zero(t, r.code, "%s", r)
			p.requireOnly(kept, hosted)
		})
	}
}

// requireOnly requires that path is executable and alone in its folder.
func (p *place) requireOnly(path, text string) {
	p.t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(p.t, err)
	require.Equal(p.t, text, string(data))
	info, err := os.Stat(path)
	require.NoError(p.t, err)
	require.Equal(p.t, os.FileMode(0o755), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(p.t, err)
	require.Len(p.t, entries, 1)
}

// TestADownloadThatIsNotTaken leaves nothing, and what was there as it was.
func TestADownloadThatIsNotTaken(t *testing.T) {
	for _, row := range []struct{ name, url, sum, why string }{
		{"other bytes", "/devcert", sumOf("other"), "has the SHA-256 " + sumOf(hosted) + ": not kept"},
		{"not there", "/nothing", sumOf(hosted), "could not download"},
		{"leads away from https", "/plain", sumOf(hosted), "could not download"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, path := range clients(t) {
				h, p := newHost(t, newPlace(t).unprivileged().alone())
				p = p.with("PATH="+path, "DEVCERT_URL="+h.URL+row.url, "DEVCERT_SHA256="+row.sum)
				folder := filepath.Join(p.home, ".local/bin")
				r := p.which()
				require.Equal(t, 1, r.code, "%s: %s", name, r)
				require.Contains(t, r.stderr, row.why, name)
				require.Empty(t, r.stdout)
				entries, err := os.ReadDir(folder)
				require.NoError(t, err)
				require.Empty(t, entries, name)

				kept := p.program(filepath.Join(folder, "devcert"), "an older one")
				require.Equal(t, 1, p.which().code, name)
				p.requireOnly(kept, "an older one")
			}
		})
	}
}

// TestADownloadThatIsNotTried is what the variables may not say: nobody is asked.
func TestADownloadThatIsNotTried(t *testing.T) {
	for _, row := range []struct{ name, url, sum, why string }{
		{"no https", "http://127.0.0.1:1/devcert", sumOf(hosted), "DEVCERT_URL must be an https:// address"},
		{"a file", "file:///bin/sh", sumOf(hosted), "DEVCERT_URL must be an https:// address"},
		{"no address", "", sumOf(hosted), "DEVCERT_URL must be an https:// address"},
		{"an option", "--output=x", sumOf(hosted), "DEVCERT_URL must be an https:// address"},
		{"no sum", "https://127.0.0.1:1/devcert", "", "DEVCERT_SHA256 must be"},
		{"a short sum", "https://127.0.0.1:1/devcert", sumOf(hosted)[1:], "DEVCERT_SHA256 must be"},
		{"no hex", "https://127.0.0.1:1/devcert", strings.Repeat("g", 64), "DEVCERT_SHA256 must be"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newPlace(t).alone()
			p.program(filepath.Join(p.home, "go/bin/devcert"), "#!/bin/sh\n") // is no way out
			r := p.with("DEVCERT_URL="+row.url, "DEVCERT_SHA256="+row.sum).which()
			require.Equal(t, 1, r.code, "%s", r)
			require.Contains(t, r.stderr, row.why)
			require.Empty(t, r.stdout)
			require.NoDirExists(t, filepath.Join(p.home, ".local"))
		})
	}
}
