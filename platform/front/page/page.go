// Package page is devcert's own page, which the front serves where no application
// is given: the padlock test. Who sees it without a warning knows that this browser
// trusts the certificate; below stands what `devcert status` prints.
//
// It only shows. It changes nothing, takes no input but the address it is asked
// by, has no script, loads nothing from elsewhere, and tells no private key. What
// it says of the machine it says only on this machine, by a loopback address, and to
// those who ask for a name of this machine, so that no web site can read it by
// having its own name lead here.
package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"embed"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"devcert/devcert"
)

//go:embed style.css favicon.svg
var files embed.FS

// policy lets the page have its own style sheet and icon, and nothing else: no
// script at all, no style in attributes, no form, no frame around it.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	iconPath = "/favicon.svg"
	// forever is for what has a hash of its content in its name (RFC 8246).
	forever = "public, max-age=31536000, immutable"
	aDay    = "public, max-age=86400"
)

// handler answers for the page, its style sheet and its icon.
type handler struct {
	lookout   *lookout
	style     []byte
	stylePath string
	icon      []byte
}

// New returns the page. report looks at the machine as `devcert status` does; it
// is called by one request at a time, and not again within two seconds.
func New(report func(context.Context) (*devcert.Report, error)) http.Handler {
	return newHandler(report, time.Now)
}

func newHandler(report func(context.Context) (*devcert.Report, error), now func() time.Time) *handler {
	style, icon := embedded("style.css"), embedded("favicon.svg")
	sum := sha256.Sum256(style)
	return &handler{
		lookout: &lookout{look: report, now: now, limit: lookLimit},
		style:   style, stylePath: "/style-" + hex.EncodeToString(sum[:8]) + ".css", icon: icon,
	}
}

func embedded(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // cannot be: the file is part of the program
	}
	return data
}

// presentedKey finds in a context what [WithPresented] put there.
type presentedKey struct{}

// WithPresented tells the page which certificate a connection was answered with,
// which net/http does not. It is for [http.Server.ConnContext], which is called
// before the handshake: presented is called later, and returns nil while nothing
// was presented. Without it the page goes by the port's binding.
func WithPresented(ctx context.Context, presented func() *x509.Certificate) context.Context {
	return context.WithValue(ctx, presentedKey{}, presented)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	if !fromHere(r) {
		refuse(w, http.StatusForbidden, "devcert's own page is shown on this machine only: open https://localhost there")
		return
	}
	if !h.answersTo(r) {
		refuse(w, http.StatusMisdirectedRequest, "devcert tells about this machine only by localhost, a loopback address or a name of its certificate")
		return
	}
	var answer func(http.ResponseWriter, *http.Request)
	switch r.URL.Path {
	case "/":
		answer = h.page
	case h.stylePath:
		answer = file(h.style, "text/css; charset=utf-8", forever)
	case iconPath:
		answer = file(h.icon, "image/svg+xml", aDay)
	default:
		refuse(w, http.StatusNotFound, "there is nothing here: devcert's own page is at /")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "devcert's own page can only be read")
		return
	}
	answer(w, r)
}

// guard sets what holds for every answer. There is no Strict-Transport-Security:
// it would bind every port of localhost, also those of others.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func refuse(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(line + "\n"))
}

func file(data []byte, kind, caching string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", caching)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
	}
}

// page writes what is to be said whole, or that it could not be.
func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	report, err := h.lookout.report(r.Context())
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody waits any more
	}
	v := newView(r, report, err)
	v.StylePath, v.IconPath = h.stylePath, iconPath
	var out bytes.Buffer
	if err := v.document().Render(&out); err != nil {
		refuse(w, http.StatusInternalServerError, "the page could not be written: "+clean(err.Error()))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = w.Write(out.Bytes())
}
