package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/devcert/chain"
)

// fakeFlag makes the test's own program a client: the environment of clients is
// cleaned, so that it cannot be told by a variable.
const fakeFlag = "fake-client"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == fakeFlag {
		os.Exit(fakeClient(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// fakeClient behaves as it is told. Its arguments are the page, the proxy, a file
// with the root, and a folder for what it has to tell the test.
func fakeClient(behaviour string, args []string) int {
	if behaviour == "version" {
		fmt.Println("fake client, version 1.2.3 (for 64 bits)")
		return 0
	}
	if behaviour == "doctor" {
		return examineHanging(args[0], args[1])
	}
	page, proxy, root, notes := args[0], args[1], args[2], args[3]
	switch behaviour {
	case "honest":
		return get(page, proxy, root, false)
	case "gullible":
		return get(page, proxy, root, true)
	case "hanging":
		_ = os.WriteFile(filepath.Join(notes, "pid"), []byte(fmt.Sprint(os.Getpid())), 0o600)
		time.Sleep(time.Minute)
	case "ends well without asking":
		return 0
	case "asks and fails":
		get(page, proxy, root, true)
		fmt.Fprintln(os.Stderr, "disk full")
		return 7
	case "fails without asking":
		fmt.Fprintln(os.Stderr, "---\n\tcannot  read \x07my roots\u202e")
		return 3
	case "loud":
		noise := strings.Repeat("noise ", 1<<20)
		fmt.Print(noise)
		fmt.Fprint(os.Stderr, noise)
		return get(page, proxy, root, false)
	case "leaves a child":
		child := exec.Command(os.Args[0], fakeFlag, "child", page, proxy, root, notes)
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if child.Start() != nil || !awaitFile(filepath.Join(notes, "alive")) {
			return 1
		}
		return get(page, proxy, root, false)
	case "leaves a daemon":
		child := exec.Command(os.Args[0], fakeFlag, "child", page, proxy, root, notes)
		if setsid(child); child.Start() != nil || !awaitFile(filepath.Join(notes, "alive")) {
			return 1
		}
		return get(page, proxy, root, false)
	case "child":
		beat(filepath.Join(notes, "alive"))
	case "dies once":
		mark := filepath.Join(notes, "died")
		if _, err := os.Stat(mark); err == nil {
			return get(page, proxy, root, false)
		}
		_ = os.WriteFile(mark, nil, 0o600)
		fallthrough
	case "dies":
		fmt.Fprintln(os.Stderr, "a script's complaint\n[1:1:FATAL:out.cc(1)] no memory")
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		time.Sleep(time.Minute)
	case "tells its surroundings":
		dir, _ := os.Getwd()
		_ = os.WriteFile("litter", nil, 0o400)
		text := strings.Join(append(os.Environ(), "WORKDIR="+dir), "\n")
		_ = os.WriteFile(filepath.Join(notes, "environment"), []byte(text), 0o600)
		return get(page, proxy, root, false)
	case "serves":
		return serve(root, func(conn net.Conn, chain tls.Certificate) {
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{chain}, MinVersion: tls.VersionTLS12}).Handshake()
		})
	case "serves without a key":
		return serve(root, func(conn net.Conn, _ tls.Certificate) {
			_, _ = conn.Read(make([]byte, 64<<10)) // what is unread when it is closed resets it
		})
	case "error page":
		get(page, proxy, root, false)
		return 0
	case "strays":
		if proxy == "" {
			return get(page, proxy, root, false)
		}
		return stray(proxy, root)
	}
	return 0
}

// beat makes a file longer for as long as its process lives, half a minute at most.
func beat(path string) {
	for range 300 {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		_, _ = file.WriteString(".")
		_ = file.Close()
		time.Sleep(100 * time.Millisecond)
	}
}

// requireStill requires that nobody beats there any more.
func requireStill(t *testing.T, path string) {
	t.Helper()
	before, err := os.ReadFile(path)
	require.NoError(t, err, "the child never lived")
	time.Sleep(time.Second)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, after, len(before), "the child lives on")
}

func awaitFile(path string) bool {
	for range 600 {
		if _, err := os.Stat(path); err == nil {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

func get(page, proxy, root string, insecure bool) int {
	pool := x509.NewCertPool()
	if pem, err := os.ReadFile(root); err == nil {
		pool.AppendCertsFromPEM(pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, InsecureSkipVerify: insecure}}
	if proxy != "" {
		to, _ := url.Parse(proxy)
		transport.Proxy = http.ProxyURL(to)
	}
	answer, err := (&http.Client{Transport: transport}).Get(page)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		return 1
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, "fake:", answer.Status)
		return 1
	}
	return 0
}

// stray asks for pages that are not its own: of other hosts through the proxy, and
// another one of the server.
func stray(proxy, root string) int {
	for _, page := range []string{"https://telemetry.example.org/", "http://telemetry.example.org/", "https://example.com/favicon.ico"} {
		if get(page, proxy, root, true) == 0 {
			return 0
		}
	}
	return 1
}

func fake(behaviour, root, notes string, mute bool) kind {
	return kind{
		name: behaviour, version: []string{fakeFlag, "version"}, mute: mute, last: false,
		ask: func(q *question) (call, error) {
			return call{args: []string{fakeFlag, behaviour, q.url(), q.proxy(), root, notes}}, nil
		},
	}
}

// hall is an exam, and what fakes need for it.
type hall struct {
	exam             devcert.Exam
	root, notes, tmp string
	trusted          *chain.Hierarchy
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h, err := chain.New(chain.Options{Owner: "anna@birch", Key: chain.ECDSA, Now: time.Now()})
	require.NoError(t, err)
	out, err := chain.NewOutside(h.Intermediate, devcert.OutsideName, time.Now())
	require.NoError(t, err)
	a := &hall{root: filepath.Join(t.TempDir(), "root.pem"), notes: t.TempDir(), tmp: t.TempDir(), trusted: h}
	require.NoError(t, os.WriteFile(a.root, chain.EncodeCertificates(h.Root), 0o600))
	t.Setenv("TMPDIR", a.tmp)
	t.Setenv("TMP", a.tmp)
	a.exam = devcert.Exam{
		Inside: serving(h, h.Leaf), Outside: serving(h, out), OutsideName: devcert.OutsideName, Root: h.Root,
		Limit: devcert.ClientLimit,
	}
	return a
}

func serving(h *chain.Hierarchy, p chain.Pair) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.Cert.Raw, h.Intermediate.Cert.Raw}, PrivateKey: p.Key}
}

// ask asks fakes, and requires that nothing is left of them.
func (a *hall) ask(t *testing.T, ctx context.Context, kinds ...kind) []devcert.Asked {
	t.Helper()
	var clients []devcert.Client
	for _, k := range kinds {
		clients = append(clients, devcert.Client{Name: k.name, Path: os.Args[0]})
	}
	c := &Clients{kinds: kinds, options: Options{Env: []string{"PATH=" + os.Getenv("PATH")}, Home: t.TempDir()}}
	asked, err := c.Ask(ctx, clients, a.exam)
	require.NoError(t, err)
	require.Len(t, asked, len(kinds))
	a.requireClean(t)
	return asked
}

// requireClean requires that no folder of a client is left.
func (a *hall) requireClean(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(a.tmp, "devcert-ask-*"))
	require.NoError(t, err)
	for _, dir := range left {
		_ = filepath.Walk(dir, func(path string, _ os.FileInfo, _ error) error {
			t.Error("left: " + path)
			return nil
		})
	}
}

func TestVerdicts(t *testing.T) {
	for _, row := range []struct {
		behaviour       string
		noRoot, mute    bool
		inside, outside devcert.Verdict
		said            string // contained
	}{
		{"honest", false, false, devcert.Accepted, devcert.Refused, ""},
		{"honest", true, false, devcert.Refused, devcert.Refused, "fake: Get"},
		{"gullible", false, false, devcert.Accepted, devcert.Accepted, ""},
		{"ends well without asking", false, false, devcert.NotAsked, devcert.NotAsked, "ended well without having opened the page"},
		{"asks and fails", false, false, devcert.NotAsked, devcert.NotAsked, "got the page and then failed (exit code 7): disk full"},
		{"fails without asking", false, false, devcert.Refused, devcert.Refused, "cannot read my roots"},
		{"loud", false, false, devcert.Accepted, devcert.Refused, ""},
		{"strays", false, false, devcert.Accepted, devcert.Refused, ""},
		{"error page", false, true, devcert.Accepted, devcert.Refused, ""},
		{"error page", true, true, devcert.Refused, devcert.Refused, "remote error"},
		{"ends well without asking", false, true, devcert.NotAsked, devcert.NotAsked, "without having come to the server"},
		{"dies once", false, true, devcert.Accepted, devcert.Refused, ""},
		{"dies", false, true, devcert.NotAsked, devcert.NotAsked, "FATAL:out.cc(1)] no memory"},
	} {
		if runtime.GOOS == "windows" && row.behaviour == "dies once" {
			continue // Windows has no signals
		}
		t.Run(fmt.Sprintf("%s, root %t, mute %t", row.behaviour, !row.noRoot, row.mute), func(t *testing.T) {
			a := newHall(t)
			root := a.root
			if row.noRoot {
				root = filepath.Join(a.notes, "none.pem")
			}
			got := a.ask(t, t.Context(), fake(row.behaviour, root, a.notes, row.mute))[0]
			require.Equal(t, row.inside, got.Inside, got.Said)
			require.Equal(t, row.outside, got.Outside, got.Said)
			require.Contains(t, got.Said, row.said)
			if row.said == "" {
				require.Empty(t, got.Said)
			}
			require.Equal(t, "1.2.3", got.Version)
			require.Positive(t, got.Took)
			require.LessOrEqual(t, len([]rune(got.Said)), maxLine+80)
		})
	}
}

// TestOutsideAfterARequest: what has sent its request to the wrong server has
// accepted that, even if it fails afterwards.
func TestOutsideAfterARequest(t *testing.T) {
	a := newHall(t)
	server, err := listen(a.exam.Outside, a.exam.OutsideName, "/page")
	require.NoError(t, err)
	defer server.close()
	proxy := fmt.Sprintf("http://127.0.0.1:%d", server.port)
	require.Zero(t, get("https://example.com:1/page", proxy, a.root, true))
	o := order{kind: kind{}, name: a.exam.OutsideName, limit: time.Second}
	verdict, _ := judge(o, endingOf(7), nil, server.saw())
	require.Equal(t, devcert.Accepted, verdict)
}

func TestHangingIsKilledInTime(t *testing.T) {
	a := newHall(t)
	a.exam.Limit = 2 * time.Second
	started := time.Now()
	got := a.ask(t, t.Context(), fake("hanging", a.root, a.notes, false))[0]
	require.Less(t, time.Since(started), 8*time.Second)
	require.Equal(t, devcert.Hung, got.Inside)
	require.Equal(t, devcert.NotAsked, got.Outside, "it would hang again")
	require.Contains(t, got.Said, "after 2s")
}

func TestHangingAtTheFirstWord(t *testing.T) {
	a := newHall(t)
	a.exam.Limit = time.Second
	k := fake("hanging", a.root, a.notes, false)
	k.version = []string{fakeFlag, "hanging", "", "", "", a.notes}
	got := a.ask(t, t.Context(), k)[0]
	require.Equal(t, devcert.Hung, got.Inside)
	require.Contains(t, got.Said, "version after 1s")
}

func TestNothingIsLeftRunning(t *testing.T) {
	a := newHall(t)
	got := a.ask(t, t.Context(), fake("leaves a child", a.root, a.notes, false))[0]
	require.Equal(t, devcert.Accepted, got.Inside, got.Said)
	require.Equal(t, devcert.Refused, got.Outside, got.Said)
	requireStill(t, filepath.Join(a.notes, "alive"))
}

func TestWhatCannotBeRun(t *testing.T) {
	a := newHall(t)
	broken := fake("broken", a.root, a.notes, false)
	broken.version = []string{fakeFlag, "fails without asking", "", "", "", ""}
	c := &Clients{kinds: []kind{broken, {name: "found only", unasked: "for a reason"}}}
	asked, err := c.Ask(t.Context(), []devcert.Client{
		{Name: "broken", Path: filepath.Join(a.notes, "gone")},
		{Name: "broken: twice", Path: os.Args[0]},
		{Name: "found only", Path: os.Args[0]},
		{Name: "brokenness", Path: os.Args[0]},
	}, a.exam)
	require.NoError(t, err)
	for i, said := range []string{"it could not be run: ", "it could not say its version (exit code 3): ", "for a reason", "nobody knows"} {
		require.Equal(t, devcert.NotAsked, asked[i].Inside)
		require.Equal(t, devcert.NotAsked, asked[i].Outside)
		require.Contains(t, asked[i].Said, said)
	}
}

// Without a folder for them nobody is asked, and it is said what helps.
func TestNowhereToAsk(t *testing.T) {
	a := newHall(t)
	file := filepath.Join(a.notes, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv("TMPDIR", file)
	t.Setenv("TMP", file)
	c := &Clients{kinds: []kind{fake("honest", a.root, a.notes, false), {name: "found only", unasked: "for a reason"}}}
	asked, err := c.Ask(t.Context(), []devcert.Client{{Name: "honest", Path: os.Args[0]}, {Name: "found only"}}, a.exam)
	require.NoError(t, err)
	require.Equal(t, devcert.NotAsked, asked[0].Inside)
	require.Contains(t, asked[0].Cure, file)
	require.False(t, asked[0].Spared)
	require.True(t, asked[1].Spared)
	require.Empty(t, asked[1].Cure)
}

func TestWithoutAnOutside(t *testing.T) {
	a := newHall(t)
	a.exam.Outside = tls.Certificate{}
	got := a.ask(t, t.Context(), fake("honest", a.root, a.notes, false))[0]
	require.Equal(t, devcert.Accepted, got.Inside)
	require.Equal(t, devcert.NotAsked, got.Outside)
}

func TestAnswersKeepTheirOrderAndAreTold(t *testing.T) {
	a := newHall(t)
	var mu sync.Mutex
	var told []string
	a.exam.Told = func(one devcert.Asked) {
		require.True(t, mu.TryLock(), "told of two at once")
		defer mu.Unlock()
		told = append(told, one.Name)
	}
	asked := a.ask(t, t.Context(), fake("honest", a.root, a.notes, false), fake("gullible", a.root, a.notes, false),
		fake("fails without asking", a.root, a.notes, false))
	require.Equal(t, devcert.Refused, asked[0].Outside)
	require.Equal(t, devcert.Accepted, asked[1].Outside)
	require.Equal(t, "fails without asking", asked[2].Name)
	slices.Sort(told)
	require.Equal(t, []string{"fails without asking", "gullible", "honest"}, told)
}

func TestInterrupted(t *testing.T) {
	a := newHall(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	started := time.Now()
	got := a.ask(t, ctx, fake("hanging", a.root, a.notes, false), fake("hanging", a.root, a.notes, false))
	require.Less(t, time.Since(started), 8*time.Second)
	for _, one := range got {
		require.Equal(t, devcert.NotAsked, one.Inside, "nobody knows whether it would have hung")
		require.NotEmpty(t, one.Said)
	}
}

func TestClientsSeeACleanPlace(t *testing.T) {
	a := newHall(t)
	k := fake("tells its surroundings", a.root, a.notes, false)
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, ".pyenv"), 0o700))
	secret := []string{
		"https_proxy=http://proxy.example:3128", "HTTPS_PROXY=x", "http_proxy=x", "ALL_PROXY=x", "no_proxy=x", "SECRET_TOKEN=x",
		"LD_PRELOAD=/x.so", "DISPLAY=:0", "SSLKEYLOGFILE=/x", "HOME=" + home, "XDG_CONFIG_HOME=/x", "TMPDIR=/x", "SSL_CERT_FILE=",
		"DBUS_SESSION_BUS_ADDRESS=x", "SSH_AUTH_SOCK=x", "DEVCERT_HOME=x",
	}
	kept := []string{"PATH=" + os.Getenv("PATH"), "SSL_CERT_DIR=/roots", "GIT_CONFIG_COUNT=0", "NODE_OPTIONS=--use-system-ca"}
	c := &Clients{kinds: []kind{k}, options: Options{Env: append(secret, kept...), Home: home}}
	asked, err := c.Ask(t.Context(), []devcert.Client{{Name: k.name, Path: os.Args[0]}}, a.exam)
	require.NoError(t, err)
	require.Equal(t, devcert.Accepted, asked[0].Inside, asked[0].Said)
	data, err := os.ReadFile(filepath.Join(a.notes, "environment"))
	require.NoError(t, err)
	env := strings.Split(string(data), "\n")
	for _, pair := range append(kept, "DOTNET_CLI_TELEMETRY_OPTOUT=1", "PYENV_ROOT="+filepath.Join(home, ".pyenv")) {
		require.Contains(t, env, pair)
	}
	dir := valueOf(env, "WORKDIR")
	require.NotEmpty(t, dir)
	require.NoDirExists(t, dir, "the client's folder is left, or was not its own")
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "TMPDIR"} {
		require.True(t, strings.HasPrefix(valueOf(env, name), dir), "%s=%s", name, valueOf(env, name))
	}
	for _, pair := range secret {
		require.NotContains(t, env, pair)
	}
}

func TestServerLeadsNowhereElse(t *testing.T) {
	a := newHall(t)
	server, err := listen(a.exam.Outside, a.exam.OutsideName, "/page")
	require.NoError(t, err)
	defer server.close()
	elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = elsewhere.Close() }()
	go func() {
		if conn, err := elsewhere.Accept(); err == nil {
			t.Error("somebody was led elsewhere")
			_ = conn.Close()
		}
	}()
	proxy := fmt.Sprintf("http://127.0.0.1:%d", server.port)
	for _, page := range []string{
		"https://" + elsewhere.Addr().String() + "/page", "http://" + elsewhere.Addr().String() + "/page", "https://example.org/page",
	} {
		require.NotZero(t, get(page, proxy, a.root, true), page)
	}
	require.Equal(t, sight{}, server.saw())
	require.NotZero(t, get("https://example.com:4711/other", proxy, a.root, true))
	require.False(t, server.saw().asked, "another page")
	require.Zero(t, get("https://example.com:4711/page/info/refs", proxy, a.root, true))
	require.True(t, server.saw().asked)
}

// TestServerListensOnLoopbackAlone guards the exam's keys: nobody else may come.
func TestServerListensOnLoopbackAlone(t *testing.T) {
	a := newHall(t)
	server, err := listen(a.exam.Inside, "localhost", "/page")
	require.NoError(t, err)
	defer server.close()
	for _, l := range server.listeners {
		require.True(t, l.Addr().(*net.TCPAddr).IP.IsLoopback())
	}
}

// TestALongTemporaryFolder: Chromium would crash there, which tells a person nothing.
func TestALongTemporaryFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no such sockets")
	}
	home := t.TempDir()
	k := chromium("chromium", nil)
	for _, row := range []struct {
		size int
		fits bool
	}{{longestProfile, true}, {longestProfile + 1, false}} {
		dir := "/" + strings.Repeat("a", row.size-1-len("/profile"))
		called, err := k.ask(&question{dir: dir, user: &searcher{home: home}})
		if row.fits {
			require.NoError(t, err)
			require.Contains(t, called.args, "--user-data-dir="+dir+"/profile")
			continue
		}
		require.ErrorContains(t, err, "TMPDIR=/tmp devcert doctor --browsers")
	}
}
