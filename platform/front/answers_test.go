package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

func TestWantsHTML(t *testing.T) {
	tests := []struct {
		name   string
		accept []string
		want   bool
	}{
		{"none", nil, false},
		{"curl", []string{"*/*"}, false},
		{"a browser", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, true},
		{"a script", []string{"application/json, text/plain, */*"}, false},
		{"not first", []string{"application/json;q=0.1, TEXT/HTML;charset=utf-8;q=0.5"}, true},
		{"in a second line", []string{"image/png", "text/html"}, true},
		{"anything but", []string{"text/html;q=0, */*"}, false},
		{"anything but, at length", []string{"text/html; Q=0.000"}, false},
		{"another kind", []string{"text/html5"}, false},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, wantsHTML(&http.Request{Header: http.Header{"Accept": test.accept}}), test.name)
	}
}

// The page has nothing in it that somebody else put there, and needs nothing from
// elsewhere.
func TestAnswerPage(t *testing.T) {
	evil := `<script>alert(1)</script>"'&`
	a := answer{status: 502, title: "Title", url: "http://localhost:5000/" + evil, reason: "reason " + evil, remedy: "remedy", again: true}
	for _, method := range []string{"GET", "HEAD", "POST"} {
		r := httptest.NewRequest(method, "/", nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		a.write(w, r)
		h, body := w.Header(), w.Body.String()
		assert.Equal(t, 502, w.Code)
		assert.Equal(t, "text/html; charset=utf-8", h.Get("Content-Type"))
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		assert.Equal(t, "no-store", h.Get("Cache-Control"))
		assert.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`, h.Get("Content-Security-Policy"))
		if method == "HEAD" {
			assert.Empty(t, body)
			continue
		}
		assert.Equal(t, method == "GET", strings.Contains(body, `http-equiv="refresh"`), "only a GET is asked again")
		page, err := html.Parse(strings.NewReader(body))
		require.NoError(t, err)
		var text strings.Builder
		for n := range page.Descendants() {
			assert.NotContains(t, []string{"script", "link", "img", "iframe"}, n.Data)
			if n.Type == html.TextNode && n.Parent.Data == "style" {
				assert.Equal(t, policyFor(n.Data), h.Get("Content-Security-Policy"), "the hash is that of the style as it stands in the page")
			} else if n.Type == html.TextNode {
				text.WriteString(n.Data)
			}
		}
		assert.Contains(t, text.String(), "http://localhost:5000/"+evil)
		assert.Contains(t, text.String(), "Reason "+evil)
		for _, outside := range []string{"url(", "@import", "src=", "href="} {
			assert.NotContains(t, body, outside)
		}
	}
}

func TestAnswerLine(t *testing.T) {
	tests := []struct {
		a    answer
		want string
	}{
		{answer{status: 502, title: "Title", url: "http://a/", reason: "reason", remedy: "remedy"}, "devcert: 502 Title: http://a/: reason; remedy\n"},
		{answer{status: 403, code: "403.7", title: "Title", reason: "reason", remedy: "remedy"}, "devcert: 403.7 Title: reason; remedy\n"},
	}
	for _, test := range tests {
		w := httptest.NewRecorder()
		test.a.write(w, httptest.NewRequest("GET", "/", nil))
		assert.Equal(t, test.want, w.Body.String())
		assert.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
	}
}
