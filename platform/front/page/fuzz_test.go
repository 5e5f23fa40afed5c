package page

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

// FuzzHost: whatever name a request comes by, it is answered only where that name
// can lead nowhere but here.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"localhost:44300", "[::1]", "[::1%25lo]:1", "127.0.0.1.", "LOCALHOST.:", "evil.example", "a.dev.localhost", "[", ":", "\x00", "::1%]", "[::1%[]"} {
		f.Add(host)
	}
	m := setUp(f)
	report := m.mustReport()
	leaf := report.Seen.Folder.Hierarchy.Leaf.Cert
	h := newHandler(m.report, func() time.Time { return noon })
	fuzzlimit.Fuzz(f, func(t *testing.T, host string) {
		answers := h.answersTo(&http.Request{Host: host})
		name := strings.ToLower(host)
		if at := strings.LastIndexByte(name, ':'); at >= 0 && !strings.HasSuffix(name, "]") && strings.Count(name, "[") == strings.Count(name, "]") {
			if strings.Count(name, ":") == 1 || name[0] == '[' {
				name = name[:at]
			}
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
		name = strings.TrimSuffix(name, ".")
		addr, err := netip.ParseAddr(strings.TrimSuffix(name, "]"))
		local := name == "localhost" || err == nil && addr.Unmap().IsLoopback() || leaf.VerifyHostname(name) == nil
		require.False(t, answers && !local, "%q is answered", host)
	})
}

// FuzzClean: what is shown can be read, and a command is never made of what
// cannot.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"devcert setup", nasty, "a: devcert b", "\xff\u202e", "2026-11-21 SHA-1 44300-44399"} {
		f.Add(s)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, s string) {
		out := clean(s)
		require.True(t, utf8.ValidString(out))
		require.LessOrEqual(t, utf8.RuneCountInString(out), shortText+1)
		for _, r := range out {
			require.True(t, r == '\n' || r == ' ' || unicode.IsPrint(r), "%q", r)
		}
		joined := ""
		for _, p := range prose(out) {
			require.NotEmpty(t, p.Text)
			joined += p.Text
		}
		require.Equal(t, out, joined, "prose adds nothing")
		r := remedyOf(s)
		require.NotContains(t, string(r.Command), "\ufffd")
		require.NotContains(t, string(r.Command), "\n")
		require.Equal(t, string(r.Command), strings.Join(r.Command.Words(), " "))
		require.Equal(t, cleanTo(s, longText), strings.TrimSpace(r.Text+" "+string(r.Command)))
	})
}
