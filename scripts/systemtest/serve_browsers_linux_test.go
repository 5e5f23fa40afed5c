package systemtest

import (
	"context"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// show sends a browser to a page, and returns a func that ends it.
func (m *machine) show(b browser, url string) (quit func()) {
	m.t.Helper()
	args := append([]string{}, b.args[1:]...)
	if args[len(args)-1] == "--dump-dom" {
		args = args[:len(args)-1] // it would end before the page has tried all
	}
	cmd := m.command(context.Background(), b.args[0], append(args, url)...)
	cmd.Env = append(cmd.Env, "MOZ_CRASHREPORTER_DISABLE=1")
	require.NoError(m.t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	kill := func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); <-ended }
	m.t.Cleanup(kill)
	return kill
}

// TestServeBrowsers has real browsers, which are told nothing of certificates, open
// a page of the application's, and a WebSocket from there.
func TestServeBrowsers(t *testing.T) {
	m := browserMachine(t, true)
	m.devcert(0, "setup")
	n := m.ownNetwork()
	a := m.newApplication()
	m.serve(n, "--to", a.url())
	for _, b := range []struct {
		browser
		agent string
	}{{m.chromium(), "Chrome/"}, {m.firefox("home"), "Firefox/"}} {
		quit := m.show(b.browser, "https://localhost:44300/page")
		var told string
		select {
		case told = <-a.posted:
		case <-time.After(browserLimit):
			require.Fail(t, b.name+" has not run the page")
		}
		quit()
		var got struct {
			Socket, Error, Agent, Protocol string
			Secure                         bool
		}
		require.NoError(t, json.Unmarshal([]byte(told), &got))
		require.Equal(t, "over the socket", got.Socket, told)
		require.True(t, got.Secure, told)
		require.Equal(t, "h2", got.Protocol, told)
		require.Contains(t, got.Agent, b.agent)
	}
}

// TestServePadlockPage is the front's own page in a browser, which shows it only if
// it takes the certificate.
func TestServePadlockPage(t *testing.T) {
	m := browserMachine(t, true)
	m.devcert(0, "setup")
	n := m.ownNetwork()
	n.reserve(m, "")
	f := m.serve(n)
	doc := m.requireHealthy()
	r := m.run(chromiumProgram, append(m.chromium().args[1:], "https://localhost:44300/")...)
	require.Zero(t, r.code, "%s", r)
	text := shownText(r.stdout)
	name, _, _ := strings.Cut(strings.TrimPrefix(doc.Hierarchy.Root.Subject, "CN="), ",")
	for _, words := range []string{
		"the padlock test", "this browser trusts localhost", name, strings.Replace(name, "root", "intermediate", 1),
		doc.Hierarchy.Leaf.Thumbprint, "44300", "44390", "all 100 bound", "chromium", "firefox", "h2",
	} {
		require.True(t, strings.Contains(text, words), "%q is not shown:\n%.3000s", words, text)
	}
	require.Equal(t, 1, strings.Count(text, "sudo sysctl -w net.ipv4.ip_local_reserved_ports=44300-44399"))
	require.False(t, elsewhere.MatchString(r.stdout), "it loads %q", elsewhere.FindString(r.stdout))
	head := m.curl("-I", "https://localhost:44300/")
	require.Regexp(t, `(?i)content-security-policy: default-src 'none';`, head)
	require.Equal(t, 2, len(f.requests("/")))
	for _, path := range []string{"/nothing", "/.git/config", "/../../../etc/passwd", "/%2e%2e/root.pem", "/localhost-key.pem"} {
		require.Equal(t, "404", m.curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", "https://localhost:44300"+path), path)
	}
}

var (
	elsewhere = regexp.MustCompile(`(?i)(<script|(src|href)="?(https?:)?//|url\()[^>]*`)
	pictures  = regexp.MustCompile(`(?s)<(svg|style|script|head)[ >].*?</(svg|style|script|head)>`)
	tags      = regexp.MustCompile(`<[^>]*>`)
	spaces    = regexp.MustCompile(`\s+`)
)

// shownText is the text of a page.
func shownText(dom string) string {
	text := html.UnescapeString(tags.ReplaceAllString(pictures.ReplaceAllString(dom, " "), " "))
	return spaces.ReplaceAllString(text, " ")
}
