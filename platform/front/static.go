package front

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// staticFiles serves the files of a folder.
//
// Nothing leads out of the folder, neither ".." nor a link: it is opened as an
// [os.Root], which follows relative links within the folder, and no absolute one,
// wherever that leads. Nothing of devcert's own folder is shown, should it be
// within this one, and no private key: see [private]. It is opened anew for each request, since build tools delete and make
// it again. Names that begin with a dot are not there (.env, .git), but for
// .well-known (RFC 8615). A folder shows its index.html and is never listed.
// Browsers are told to ask each time whether a file has changed. There is no
// content security policy, which would be the site's own business.
type staticFiles struct {
	folder   string // absolute
	stateDir string // devcert's own; "" for none
}

func (s staticFiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		answer{
			status: http.StatusMethodNotAllowed, title: "Files are only read here", reason: "a folder of files is served at this address",
			remedy: "forward it to an application: devcert serve --to URL",
		}.write(w, r)
		return
	}
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		fileFailure(err, "the folder that is served").write(w, r)
		return
	}
	defer func() { _ = root.Close() }()
	if err := s.serveFile(root, w, r); err != nil {
		fileFailure(err, "this file").write(w, r)
	}
}

// serveFile answers with what r asks for, or says why it did not.
func (s staticFiles) serveFile(root *os.Root, w http.ResponseWriter, r *http.Request) error {
	name, ok := fileName(r.URL.Path)
	if !ok {
		return fs.ErrNotExist
	}
	info, err := s.stat(root, name)
	if err != nil {
		return err
	}
	asFolder := strings.HasSuffix(r.URL.Path, "/")
	if info.IsDir() != asFolder { // relative links in a page need the right one
		moveTo(w, r, info.IsDir())
		return nil
	}
	if asFolder {
		name = filepath.Join(name, "index.html")
		if info, err = s.stat(root, name); err != nil {
			return err
		}
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return fs.ErrNotExist
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if private(name, file, info.Size()) {
		return fs.ErrNotExist
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	// Two builds within a second differ by this, and not by Last-Modified.
	h.Set("Etag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	if kind := contentType(name); kind != "" {
		h.Set("Content-Type", kind)
	}
	http.ServeContent(w, r, name, info.ModTime(), file)
	return nil
}

// stat finds what has this name in the folder, unless it is devcert's own.
func (s staticFiles) stat(root *os.Root, name string) (fs.FileInfo, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	own, err := within(filepath.Join(s.folder, name), s.stateDir)
	if err == nil && own {
		err = fs.ErrNotExist
	}
	return info, err
}

// fileName is the path below the folder that a URL's path means. The second value
// is false for what is never served.
func fileName(urlPath string) (string, bool) {
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if name == "" {
		return ".", true
	}
	if strings.ContainsAny(name, "\\:\x00") { // Windows: separator, stream and drive
		return "", false
	}
	for i, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") && (i > 0 || part != ".well-known") {
			return "", false
		}
		if runtime.GOOS == "windows" && (strings.Contains(part, "~") || strings.TrimRight(part, ". ") != part) {
			return "", false // GIT~1 is .git there, and "a." is a
		}
	}
	return filepath.FromSlash(name), true
}

// moveTo sends the client to the same name with a slash behind it, or without.
func moveTo(w http.ResponseWriter, r *http.Request, folder bool) {
	name := path.Base(path.Clean("/" + r.URL.Path))
	to := url.URL{Path: "./" + name, RawQuery: r.URL.RawQuery} // "./": a name may have a colon
	if folder {
		to.Path += "/"
	} else {
		to.Path = "../" + name
	}
	h := w.Header()
	h.Set("Location", to.String())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", answerPolicy())
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusMovedPermanently)
}

// webTypes are named here, since mime takes them from the system: Windows'
// registry often has .js for plain text, which browsers do not run.
var webTypes = sync.OnceValue(func() map[string]string {
	return map[string]string{
		".css": "text/css; charset=utf-8", ".htm": "text/html; charset=utf-8", ".html": "text/html; charset=utf-8",
		".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".json": "application/json",
		".map": "application/json", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm",
		".webmanifest": "application/manifest+json", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
		".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon", ".woff2": "font/woff2",
	}
})

// contentType of a file by its name. One without a known name is not guessed at.
func contentType(name string) string {
	extension := strings.ToLower(filepath.Ext(name))
	if kind := webTypes()[extension]; kind != "" {
		return kind
	}
	if kind := mime.TypeByExtension(extension); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

// fileFailure says of a file no more than that there is none, also where a link
// leads out of the folder.
func fileFailure(err error, what string) answer {
	if errors.Is(err, fs.ErrPermission) {
		return answer{
			status: http.StatusForbidden, title: "Not readable", reason: "devcert may not read " + what,
			remedy: "let the user who runs devcert read it",
		}
	}
	return answer{
		status: http.StatusNotFound, title: "No such file", reason: "the folder that is served has nothing to show at this address",
		remedy: "check the address; a folder is shown by its index.html, and never shown are private keys, links that lead out " +
			"or are absolute, and names that begin with a dot, but for /.well-known",
	}
}
