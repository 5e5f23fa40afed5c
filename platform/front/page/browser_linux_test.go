package page

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"

	"devcert/devcert/disk"
)

// browser is a headless Chromium that is spoken to by its DevTools protocol.
type browser struct {
	t     *testing.T
	conn  *websocket.Conn
	next  int
	noted []string // what its console and its log said
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if os.Getenv("DEVCERT_TEST_BROWSERS") == "" {
		t.Skip("starts browsers: set DEVCERT_TEST_BROWSERS=1")
	}
	path, err := exec.LookPath("/usr/bin/chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	home := t.TempDir()
	cmd := exec.Command(path,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		// What is tested is how the page looks: whom a browser trusts, others test.
		"--ignore-certificate-errors",
		"--user-data-dir="+filepath.Join(home, "data"), "--remote-debugging-port=0", "--remote-allow-origins=*", "about:blank")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	b := &browser{t: t}
	b.attach(devtools(t, said))
	return b
}

// devtools is the address at which the browser says that it listens.
func devtools(t *testing.T, said io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "DevTools listening on ws://"); found {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			host, _, _ := strings.Cut(address, "/")
			return host
		}
	}
	t.Fatal("the browser ended before it listened")
	return ""
}

// attach opens a page of its own.
func (b *browser) attach(host string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPut, "http://"+host+"/json/new?about:blank", nil)
	require.NoError(b.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(b.t, err)
	defer func() { _ = response.Body.Close() }()
	var target struct{ WebSocketDebuggerURL string }
	require.NoError(b.t, json.NewDecoder(response.Body).Decode(&target))
	b.conn, err = websocket.Dial(target.WebSocketDebuggerURL, "", "http://localhost")
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = b.conn.Close() })
	for _, domain := range []string{"Page", "Log", "Runtime", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// call waits for the answer, and notes what is said meanwhile.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	b.next++
	require.NoError(b.t, websocket.JSON.Send(b.conn, map[string]any{"id": b.next, "method": method, "params": params}))
	for {
		m := b.receive()
		if m.ID != b.next {
			continue
		}
		require.Nil(b.t, m.Error, method)
		if result != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, result))
		}
		return
	}
}

func (b *browser) receive() message {
	b.t.Helper()
	require.NoError(b.t, b.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	var m message
	require.NoError(b.t, websocket.JSON.Receive(b.conn, &m))
	switch m.Method {
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed":
		b.noted = append(b.noted, m.Method+" "+string(m.Params))
	}
	return m
}

// look is how a page is looked at.
type look struct {
	name          string
	width, height int
	scheme        string
	print         bool
}

// open shows a page as l says, and waits until it is there.
func (b *browser) open(url string, l look) {
	b.t.Helper()
	media := ""
	if l.print {
		media = "print"
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": l.width, "height": l.height, "deviceScaleFactor": 1, "mobile": l.width < 600,
	}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": l.scheme}},
	}, nil)
	var gone struct{ ErrorText string }
	b.call("Page.navigate", map[string]any{"url": url}, &gone)
	require.Empty(b.t, gone.ErrorText)
	for b.receive().Method != "Page.loadEventFired" {
	}
}

// says evaluates an expression in the page; DevTools may where its policy lets no
// script.
func (b *browser) says(expression string, result any) {
	b.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &out)
	require.Empty(b.t, string(out.ExceptionDetails))
	require.NoError(b.t, json.Unmarshal(out.Result.Value, result))
}

// complaints are what the browser said, but for the status of a page that says
// that nothing could be seen.
func (b *browser) complaints() []string {
	return slices.DeleteFunc(slices.Clone(b.noted), func(s string) bool { return strings.Contains(s, "status of 500") })
}

// picture saves the whole page where DEVCERT_TEST_PICTURES says.
func (b *browser) picture(name string) {
	dir := os.Getenv("DEVCERT_TEST_PICTURES")
	if dir == "" {
		return
	}
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600))
}

// serve presents the machine's own leaf, as the front does.
func (m *machine) serve() string {
	m.t.Helper()
	page := New(m.report)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.ServeHTTP(w, r.WithContext(at44300(r.Context()))) // which may be taken
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	snapshot, err := disk.Folder{Path: m.host.StateDir, Files: m.host.Files}.Snapshot()
	require.NoError(m.t, err)
	if h := snapshot.Hierarchy; h.Leaf.Cert != nil {
		pair := tls.Certificate{Certificate: [][]byte{h.Leaf.Cert.Raw, h.Intermediate.Cert.Raw}, PrivateKey: h.Leaf.Key}
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			return WithPresented(ctx, func() *x509.Certificate { return h.Leaf.Cert })
		}
	}
	s.StartTLS()
	m.t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(m.t, err)
	return fmt.Sprintf("https://localhost:%s/", port)
}

// TestInChromium opens the page as a phone, a tablet and a wide screen show it, in
// light and dark: nothing is wider than the screen, and the browser has nothing
// to say against it, its policy above all.
func TestInChromium(t *testing.T) {
	b := newBrowser(t)
	machines := []struct {
		name  string
		m     *machine
		shown bool // findings are
	}{
		{"healthy", setUp(t), false}, {"live", live(t), true}, {"broken", broken(t), true}, {"new", newMachine(t), true},
		{"hostile", hostile(t), true}, {"expired", expired(t), true}, {"lost", lost(t), false}, {"blind", blind(t), false},
		{"many", many(t), true},
	}
	looks := []look{
		{"phone-light", 320, 640, "light", false}, {"phone-dark", 320, 640, "dark", false},
		{"tablet-light", 768, 1024, "light", false},
		{"wide-light", 1280, 800, "light", false}, {"wide-dark", 1280, 800, "dark", false},
		{"print", 794, 1123, "light", true},
	}
	for _, machine := range machines {
		url := machine.m.serve()
		for _, l := range looks {
			t.Run(machine.name+" "+l.name, func(t *testing.T) {
				b.t, b.noted = t, nil
				b.open(url, l)
				b.picture(machine.name + "-" + l.name)
				var open int
				b.says(`[...document.querySelectorAll("details")].map(d => d.open = true).length`, &open)
				assert.Equal(t, machine.shown, open > 0, "findings are explained")
				var wide []string
				b.says(fmt.Sprintf(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > %d.5
					&& !e.closest("svg.signs")).map(e => e.tagName + "." + e.getAttribute("class"))`, l.width), &wide)
				assert.Empty(t, wide, "wider than the screen")
				var scheme string
				b.says(`getComputedStyle(document.body).backgroundColor`, &scheme)
				want := map[string]string{"light": "rgb(250, 249, 246)", "dark": "rgb(19, 21, 23)"}[l.scheme]
				if l.print {
					want = "rgb(255, 255, 255)"
				}
				assert.Equal(t, want, scheme)
				assert.Empty(t, b.complaints())
			})
		}
	}
}
