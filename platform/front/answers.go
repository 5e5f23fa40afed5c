package front

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// answer is one of the front's own: a page for a person with a browser, one line
// for everybody else.
type answer struct {
	status int
	code   string // a finer one than status, as IIS has them; "" for none
	title  string
	url    string // what was asked; "" where nothing was
	reason string // what happened, in a clause
	remedy string // what to do about it
	note   string // the reason in a few words, for the access log
	again  bool   // the same request may be answered soon
}

// answerStyle stands apart so that the policy can allow it by its hash, and no
// other style.
//
//go:embed answers.css
var answerStyle string

var answerPolicy = sync.OnceValue(func() string { return policyFor(answerStyle) })

// policyFor allows nothing but style: no script, no picture, nobody's frame.
func policyFor(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// write answers r. A page for a GET asks again by itself where that may help: who
// has just started an application need not press a key. No other method is sent
// twice.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", answerPolicy())
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "no-store")
	head.Set("Vary", "Accept")
	a.again = a.again && r.Method == http.MethodGet
	kind, body := "text/plain; charset=utf-8", []byte(a.line())
	if wantsHTML(r) {
		kind, body = "text/html; charset=utf-8", a.page()
	}
	head.Set("Content-Type", kind)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has left needs none
	}
}

// Code is what the page shows large.
func (a answer) Code() string { return cmp.Or(a.code, strconv.Itoa(a.status)) }

// line is the answer for a terminal or a log.
func (a answer) line() string {
	where := ""
	if a.url != "" {
		where = a.url + ": "
	}
	return fmt.Sprintf("devcert: %s %s: %s%s; %s\n", a.Code(), a.title, where, a.reason, a.remedy)
}

// page is the answer for a browser. Everything in it but the style is escaped.
func (a answer) page() []byte {
	var out bytes.Buffer
	_ = h.Doctype(h.HTML( // a Buffer takes all
		h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			g.If(a.again, h.Meta(g.Attr("http-equiv", "refresh"), h.Content("2"))),
			h.TitleEl(g.Text(a.Code()+" "+a.title)),
			h.StyleEl(g.Raw(answerStyle)),
		),
		h.Body(h.Main(
			h.P(h.Class("code"), g.Text(a.Code())),
			h.H1(g.Text(a.title)),
			h.Dl(
				g.If(a.url != "", g.Group{h.Dt(g.Text("Tried")), h.Dd(h.Code(g.Text(a.url)))}),
				h.Dt(g.Text("What happened")), h.Dd(g.Text(capital(a.reason))),
				h.Dt(g.Text("What to do")), h.Dd(g.Text(capital(a.remedy))),
			),
			g.If(a.again, h.P(h.Class("again"), g.Text("This page tries again by itself every two seconds."))),
			h.Footer(g.Text("devcert serve")),
		)),
	)).Render(&out)
	return out.Bytes()
}

// capital begins a sentence. A name in quotes stays as it is.
func capital(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + clause[1:]
}

// wantsHTML says whether a person is to read the answer. Browsers name text/html
// when they open a page; programs, and scripts in a page, seldom do.
func wantsHTML(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		for kind := range strings.SplitSeq(line, ",") {
			kind, parameters, _ := strings.Cut(kind, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "text/html") && !refused(parameters) {
				return true
			}
		}
	}
	return false
}

// refused says whether the parameters of a kind have a weight of nothing: RFC
// 9110, section 12.4.2.
func refused(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") && strings.Trim(value, "0.") == "" {
			return true
		}
	}
	return false
}

// notFound answers where there is nothing to serve.
func notFound(w http.ResponseWriter, r *http.Request) {
	answer{
		status: http.StatusNotFound, title: "Nothing here", reason: "nothing is served at this address",
		remedy: "forward it to an application: devcert serve --to URL",
	}.write(w, r)
}
