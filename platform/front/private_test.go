package front

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
)

// aKey is a block that has nothing in it.
func aKey(kind string) string {
	return "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n"
}

// Whoever serves a folder above devcert's own, as a home, serves not that.
func TestStaticHidesTheStateFolder(t *testing.T) {
	site := folder(t)
	state := filepath.Join(site, "sub", "devcert")
	write(t, filepath.Join(state, "localhost.pem"), "kept")
	write(t, filepath.Join(state, "index.html"), "kept")
	write(t, filepath.Join(state, "generations", "1", "leaf.pem"), "kept")
	write(t, filepath.Join(site, "devcert", "index.html"), "shown")
	write(t, filepath.Join(site, "sub", "index.html"), "shown")
	paths := []string{"/sub/devcert", "/sub/devcert/", "/sub/devcert/index.html", "/sub/devcert/localhost.pem", "/sub/devcert/generations/1/leaf.pem", "/sub/devcert/generations"}
	if runtime.GOOS != "windows" {
		link(t, "sub/devcert", filepath.Join(site, "state"))
		link(t, "sub/devcert/localhost.pem", filepath.Join(site, "file"))
		link(t, "../sub/devcert/localhost.pem", filepath.Join(site, "a b", "below"))
		require.NoError(t, os.Mkdir(filepath.Join(site, "linked"), 0o700))
		link(t, "../sub/devcert/index.html", filepath.Join(site, "linked", "index.html"))
		paths = append(paths, "/state", "/state/localhost.pem", "/file", "/a%20b/below", "/linked/")
	}
	f := handledBeside(t, devcert.Serving{Static: site}, state, nil)
	c := f.client("HTTP/1.1")
	for _, path := range paths {
		answer, body := fetchAll(t, c, newRequest(t, "GET", f.URL+path, nil))
		assert.Equal(t, 404, answer.StatusCode, path)
		assert.NotContains(t, body, "kept")
	}
	for _, path := range []string{"/", "/devcert/", "/sub/", "/app.js"} {
		answer, _ := fetchAll(t, c, newRequest(t, "GET", f.URL+path, nil))
		assert.Equal(t, 200, answer.StatusCode, path)
	}
	require.NoError(t, os.RemoveAll(state))
	answer, _ := fetchAll(t, c, newRequest(t, "GET", f.URL+"/app.js", nil))
	assert.Equal(t, 200, answer.StatusCode, "without such a folder there is nothing to hide")
}

func TestStaticHidesPrivateKeys(t *testing.T) {
	site := folder(t)
	files := []struct {
		name, text string
		status     int
	}{
		{"localhost-key.pem", aKey("PRIVATE KEY"), 404},
		{"both.pem", aKey("CERTIFICATE") + "comment\n" + aKey("EC PRIVATE KEY"), 404},
		{"renamed.txt", "Bag Attributes\r\n" + aKey("RSA PRIVATE KEY"), 404},
		{"encrypted", aKey("ENCRYPTED PRIVATE KEY"), 404},
		{"id_ed25519", aKey("OPENSSH PRIVATE KEY"), 404},
		{"localhost.pfx", "x", 404},
		{"CLIENT.P12", "x", 404},
		{"root.pem", aKey("CERTIFICATE"), 200},
		{"public.pem", aKey("PUBLIC KEY"), 200},
		{"told.js", aKey("PRIVATE KEY"), 200},
		{"mentioned.txt", "-----BEGIN PRIVATE KEY-----", 200},
		{"large.bin", strings.Repeat("x", maxKeyFile+1), 200},
		{"no-bytes", "", 200},
	}
	f := handled(t, devcert.Serving{Static: site}, nil)
	for _, file := range files {
		write(t, filepath.Join(site, file.name), file.text)
		for _, protocol := range spoken {
			answer, body := fetchAll(t, f.client(protocol), newRequest(t, "GET", f.URL+"/"+file.name, nil))
			assert.Equal(t, file.status, answer.StatusCode, file.name)
			if file.status == 200 {
				assert.Equal(t, file.text, body, file.name)
			}
		}
	}
}

func TestRefuseStateFolder(t *testing.T) {
	top := t.TempDir()
	state := filepath.Join(top, "devcert")
	write(t, filepath.Join(state, "in", "x"), "")
	write(t, filepath.Join(top, "devcert2", "x"), "")
	link(t, "devcert", filepath.Join(top, "linked"))
	tests := []struct {
		name, static, state string
		refused             bool
	}{
		{"itself", state, state, true},
		{"within", filepath.Join(state, "in"), state, true},
		{"by another name", filepath.Join(top, "devcert2") + "/../devcert", state, true},
		{"by a link", filepath.Join(top, "linked"), state, runtime.GOOS != "windows"},
		{"within, by a link", filepath.Join(top, "linked", "in"), state, runtime.GOOS != "windows"},
		{"above: what is in it is hidden", top, state, false},
		{"beside", filepath.Join(top, "devcert2"), state, false},
		{"nothing there", filepath.Join(top, "nothing"), state, false},
		{"no state folder yet", state, filepath.Join(top, "nothing"), false},
		{"no static folder", "", state, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := refuseStateFolder(test.static, test.state)
			if !test.refused {
				assert.NoError(t, err)
				return
			}
			var usage *devcert.UsageError
			require.ErrorAs(t, err, &usage)
			assert.EqualError(t, (&Server{StateDir: test.state}).Serve(t.Context(), devcert.Serving{Static: test.static}), err.Error())
		})
	}
}
