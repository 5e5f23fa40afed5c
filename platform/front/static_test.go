package front

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// link makes a symbolic link where this system lets everybody.
func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
}

// folder is a site, beside a file that nobody is to see.
func folder(t *testing.T) string {
	top := t.TempDir()
	site := filepath.Join(top, "site")
	write(t, filepath.Join(top, "secret.txt"), "secret")
	for name, text := range map[string]string{
		"index.html": "home", "a b/page.html": "spaced", "a b/index.html": "folder", "app.js": "js", "data.unknown-kind": "<script>",
		".env": "secret", ".git/config": "secret", ".well-known/x": "known", "sub/.well-known/x": "secret", "empty/file.txt": "text", "€.txt": "euro",
		"upper.HTML": "<p>",
	} {
		write(t, filepath.Join(site, filepath.FromSlash(name)), text)
	}
	link(t, "../secret.txt", filepath.Join(site, "out.txt"))
	link(t, filepath.Join(top, "secret.txt"), filepath.Join(site, "absolute.txt"))
	link(t, "..", filepath.Join(site, "up"))
	link(t, "index.html", filepath.Join(site, "in.html"))
	link(t, filepath.Join(site, "index.html"), filepath.Join(site, "absolute.html"))
	return site
}

func TestStatic(t *testing.T) {
	f := handled(t, devcert.Serving{Static: folder(t)}, nil)
	tests := []struct {
		name, method, target string
		status               int
		body                 string // or the Location
		kind                 string
	}{
		{"the folder itself", "GET", "/", 200, "home", "text/html; charset=utf-8"},
		{"a file", "GET", "/index.html", 200, "home", "text/html; charset=utf-8"},
		{"only its header", "HEAD", "/index.html", 200, "", "text/html; charset=utf-8"},
		{"a script", "GET", "/app.js?v=1", 200, "js", "text/javascript; charset=utf-8"},
		{"a name in capitals", "GET", "/upper.HTML", 200, "<p>", "text/html; charset=utf-8"},
		{"an unknown kind is not guessed at", "GET", "/data.unknown-kind", 200, "<script>", "application/octet-stream"},
		{"a space", "GET", "/a%20b/page.html", 200, "spaced", "text/html; charset=utf-8"},
		{"another script", "GET", "/%E2%82%AC.txt", 200, "euro", "text/plain; charset=utf-8"},
		{"a folder's page", "GET", "/a%20b/", 200, "folder", "text/html; charset=utf-8"},
		{"a folder without its slash", "GET", "/a%20b?x=1", 301, "./a%20b/?x=1", ""},
		{"a file with one", "GET", "/app.js/", 301, "../app.js", ""},
		{"well-known names", "GET", "/.well-known/x", 200, "known", "application/octet-stream"},
		{"dots within", "GET", "/a%20b/../app.js", 200, "js", "text/javascript; charset=utf-8"},
		{"no listing", "GET", "/empty/", 404, "", "text/plain; charset=utf-8"},
		{"nothing", "GET", "/nothing", 404, "", "text/plain; charset=utf-8"},
		{"a dot file", "GET", "/.env", 404, "", "text/plain; charset=utf-8"},
		{"a dot file, escaped", "GET", "/%2eenv", 404, "", "text/plain; charset=utf-8"},
		{"a dot folder", "GET", "/.git/config", 404, "", "text/plain; charset=utf-8"},
		{"well-known elsewhere", "GET", "/sub/.well-known/x", 404, "", "text/plain; charset=utf-8"},
		{"out of it", "GET", "/../secret.txt", 404, "", "text/plain; charset=utf-8"},
		{"out of it, escaped", "GET", "/%2e%2e/secret.txt", 404, "", "text/plain; charset=utf-8"},
		{"out of it, slash escaped", "GET", "/..%2fsecret.txt", 404, "", "text/plain; charset=utf-8"},
		{"out of it, as on Windows", "GET", "/..%5csecret.txt", 404, "", "text/plain; charset=utf-8"},
		{"a drive", "GET", "/C:/secret.txt", 404, "", "text/plain; charset=utf-8"},
		{"a stream of Windows'", "GET", "/.git::$INDEX_ALLOCATION/config", 404, "", "text/plain; charset=utf-8"},
		{"a zero byte", "GET", "/index.html%00.txt", 404, "", "text/plain; charset=utf-8"},
		{"a link out", "GET", "/out.txt", 404, "", "text/plain; charset=utf-8"},
		{"an absolute link", "GET", "/absolute.txt", 404, "", "text/plain; charset=utf-8"},
		{"an absolute link that stays within", "GET", "/absolute.html", 404, "", "text/plain; charset=utf-8"},
		{"through a link out", "GET", "/up/secret.txt", 404, "", "text/plain; charset=utf-8"},
		{"another method", "POST", "/index.html", 405, "", "text/plain; charset=utf-8"},
	}
	if runtime.GOOS != "windows" {
		tests = append(tests, tests[0])
		tests[len(tests)-1].name, tests[len(tests)-1].target = "a link within", "/in.html"
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := f.client("HTTP/1.1")
			c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			r := newRequest(t, test.method, f.URL, nil)
			r.URL.Opaque, r.URL.RawQuery, _ = strings.Cut(test.target, "?")
			answer, body := fetchAll(t, c, r)
			assert.Equal(t, test.status, answer.StatusCode, body)
			assert.Equal(t, test.kind, answer.Header.Get("Content-Type"))
			assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
			assert.NotContains(t, body, "secret\n")
			assert.NotEqual(t, "secret", body)
			switch test.status {
			case 200:
				assert.Equal(t, test.body, body)
				assert.Equal(t, "no-cache", answer.Header.Get("Cache-Control"))
			case 301:
				assert.Equal(t, test.body, answer.Header.Get("Location"))
			default:
				assert.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
			}
		})
	}
}

// What the refusal says is never shown is not.
func TestStaticRefusalIsTrue(t *testing.T) {
	f := handled(t, devcert.Serving{Static: folder(t)}, nil)
	_, body := fetchAll(t, f.client("HTTP/1.1"), newRequest(t, "GET", f.URL+"/nothing", nil))
	assert.Contains(t, body, "names that begin with a dot, but for /.well-known\n")
}

// What was built again is seen at once, also within the same second.
func TestStaticIsNeverStale(t *testing.T) {
	site := folder(t)
	f := handled(t, devcert.Serving{Static: site}, nil)
	c := f.client("HTTP/1.1")
	when := time.Now().Truncate(time.Second)
	tag := ""
	for i, text := range []string{"one1", "two2"} {
		path := filepath.Join(site, "app.js")
		write(t, path, text)
		require.NoError(t, os.Chtimes(path, when, when.Add(time.Duration(i)*time.Millisecond)))
		r := newRequest(t, "GET", f.URL+"/app.js", nil)
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
			r.Header.Set("If-Modified-Since", when.UTC().Format(http.TimeFormat))
		}
		answer, body := fetchAll(t, c, r)
		assert.Equal(t, text, body)
		tag = answer.Header.Get("Etag")
	}
	r := newRequest(t, "GET", f.URL+"/app.js", nil)
	r.Header.Set("If-None-Match", tag)
	answer, _ := fetchAll(t, c, r)
	assert.Equal(t, 304, answer.StatusCode)
	r = newRequest(t, "GET", f.URL+"/app.js", nil)
	r.Header.Set("Range", "bytes=1-2")
	_, body := fetchAll(t, c, r)
	assert.Equal(t, "wo", body)
}

// Build tools delete the folder and make it again.
func TestStaticFolderComesAndGoes(t *testing.T) {
	site := folder(t)
	f := handled(t, devcert.Serving{Static: site}, nil)
	c := f.client("HTTP/2.0")
	for range 2 {
		answer, _ := fetchAll(t, c, newRequest(t, "GET", f.URL, nil))
		assert.Equal(t, 200, answer.StatusCode)
		require.NoError(t, os.RemoveAll(site))
		answer, _ = fetchAll(t, c, newRequest(t, "GET", f.URL, nil))
		assert.Equal(t, 404, answer.StatusCode)
		write(t, filepath.Join(site, "index.html"), "again")
	}
}

func FuzzFileName(f *testing.F) {
	for _, name := range []string{"/", "/a/b", "/../x", "/.env", "/.well-known/x", `/a\..\x`, "/C:x", "/a//b/./c/"} {
		f.Add(name)
	}
	root, err := os.OpenRoot(f.TempDir())
	require.NoError(f, err)
	f.Cleanup(func() { _ = root.Close() }) // Windows removes no folder that is open
	fuzzlimit.Fuzz(f, func(t *testing.T, urlPath string) {
		name, ok := fileName(urlPath)
		if !ok {
			return
		}
		if !filepath.IsLocal(name) {
			t.Fatalf("%q leads out", name)
		}
		for i, part := range strings.Split(filepath.ToSlash(name), "/") {
			if strings.HasPrefix(part, ".") && name != "." && (i > 0 || part != ".well-known") {
				t.Fatalf("%q shows a dot file", name)
			}
		}
		if file, err := root.Open(name); err == nil {
			_ = file.Close()
			if name != "." {
				t.Fatalf("%q is in an empty folder", name)
			}
		}
	})
}
