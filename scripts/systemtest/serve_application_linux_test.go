package systemtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/net/websocket"
)

// application is a developer's, in plain HTTP.
type application struct {
	port   string
	events sync.Map      // name → chan string: what /events?name sends, until it is closed
	posted chan string   // what a page sent to /posted
	hold   chan struct{} // /held answers once it is closed
	held   chan struct{} // /held was asked
}

func (a *application) url() string { return "http://127.0.0.1:" + a.port }

// newApplication starts one in the machine's network.
func (m *machine) newApplication() *application {
	m.t.Helper()
	a := &application{
		posted: make(chan string, 16),
		hold:   make(chan struct{}), held: make(chan struct{}, 64),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello from the application\n") })
	mux.HandleFunc("/seen", a.seen)
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, tryingPage)
	})
	mux.HandleFunc("/posted", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.posted <- string(body)
	})
	mux.Handle("/socket", websocket.Handler(echo))
	mux.HandleFunc("/events", a.stream)
	mux.HandleFunc("/trailers", trailers)
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
		w.Header().Set("Content-Length", r.FormValue("bytes"))
		_, _ = io.CopyBuffer(w, io.LimitReader(newNoise(), size), make([]byte, 256<<10))
	})
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		n, err := io.CopyBuffer(struct{ io.Writer }{sum}, r.Body, make([]byte, 256<<10))
		fmt.Fprintf(w, "%d %s %v", n, hex.EncodeToString(sum.Sum(nil)), err)
	})
	mux.HandleFunc("/held", func(w http.ResponseWriter, r *http.Request) {
		a.held <- struct{}{}
		select {
		case <-a.hold:
			_, _ = io.WriteString(w, "released")
		case <-r.Context().Done():
		}
	})
	listener := m.listen("127.0.0.1:0")
	_, a.port, _ = net.SplitHostPort(listener.Addr().String())
	server := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }()
	m.t.Cleanup(func() { _ = server.Close() })
	return a
}

// tryingPage tries what a page can, and tells the application what came of it.
const tryingPage = `<!doctype html><title>trying</title><p>hello from the application</p><script>
const socket = new WebSocket("wss://" + location.host + "/socket");
socket.onopen = () => socket.send("over the socket");
socket.onerror = () => tell({ error: "the WebSocket failed" });
socket.onmessage = e => tell({
	socket: e.data, secure: isSecureContext, agent: navigator.userAgent,
	protocol: performance.getEntriesByType("navigation")[0].nextHopProtocol,
});
const tell = what => fetch("/posted", { method: "POST", body: JSON.stringify(what) });
</script>`

// request is what the application was asked.
type request struct {
	Proto, Host, Remote, Query string
	Header, Trailer            http.Header
}

func (a *application) seen(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = json.NewEncoder(w).Encode(request{r.Proto, r.Host, r.RemoteAddr, r.URL.RawQuery, r.Header, r.Trailer})
}

// seenBy reads what /seen answered.
func seenBy(t *testing.T, text string) (r request) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// event is where what a stream sends comes from.
func (a *application) event(stream string) chan string {
	c, _ := a.events.LoadOrStore(stream, make(chan string))
	return c.(chan string)
}

// stream sends events as they come, of which it must not know when the next will.
func (a *application) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case text, more := <-a.event(r.URL.RawQuery):
			if !more {
				return
			}
			_, _ = io.WriteString(w, "data: "+text+"\n\n")
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// echo sends every message back.
func echo(c *websocket.Conn) {
	var text string
	for websocket.Message.Receive(c, &text) == nil {
		_ = websocket.Message.Send(c, text)
	}
}

// trailers answers with those it got, and one of its own.
func trailers(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", "X-Sum")
	size, _ := io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, r.Trailer.Get("X-Count")+" "+r.Trailer.Get("X-Ssl-Cert"))
	w.Header().Set("X-Sum", strconv.FormatInt(size, 10))
}

// newNoise are bytes without end, the same each time.
func newNoise() io.Reader {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		panic(err)
	}
	return cipher.StreamReader{S: cipher.NewCTR(block, make([]byte, 16)), R: zeros{}}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
