package front

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
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

//go:embed answers.html
var answerPage string

// answerStyle stands apart so that the policy can allow it by its hash, and no
// other style.
//
//go:embed answers.css
var answerStyle string

var (
	answerTemplate = template.Must(template.New("answer").Parse(answerPage))
	answerPolicy   = policyFor(answerStyle)
)

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
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", answerPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	a.again = a.again && r.Method == http.MethodGet
	kind, body := "text/plain; charset=utf-8", []byte(a.line())
	if wantsHTML(r) {
		kind, body = "text/html; charset=utf-8", a.page()
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
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

func (a answer) page() []byte {
	var out bytes.Buffer
	err := answerTemplate.Execute(&out, map[string]any{
		"Style": template.CSS(answerStyle), //nolint:gosec // our own file
		"Code":  a.Code(), "Title": a.title, "URL": a.url, "Reason": capital(a.reason), "Remedy": capital(a.remedy), "Again": a.again,
	})
	if err != nil { // only a template that does not fit its data
		return []byte(template.HTMLEscapeString(a.line()))
	}
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
