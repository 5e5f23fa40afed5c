package front

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
)

// small is an application's usual answer.
func small(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "hello, world\n")
}

// BenchmarkForward is a request through the front, with its client and its
// application in the same process: what counts is how protocols and bodies
// compare, and how a change does to what was before.
func BenchmarkForward(b *testing.B) {
	f := handled(b, forwarding(b, startApp(b, small)), nil)
	for _, protocol := range spoken {
		b.Run(protocol, func(b *testing.B) {
			client := f.client(protocol)
			client.Transport.(*http.Transport).MaxIdleConnsPerHost = 100
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := client.Get(f.URL)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					_ = r.Body.Close()
				}
			})
		})
	}
}

// instant answers without a network.
type instant struct{}

func (instant) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: 5,
		Header: http.Header{"Content-Type": {"text/plain"}, "Date": {"x"}}, Body: io.NopCloser(strings.NewReader("hello")),
	}, nil
}

// BenchmarkHandler is what the front adds to net/http's own proxy, bare, for each
// request: time and memory of its own, without any network.
func BenchmarkHandler(b *testing.B) {
	s := forwarding(b, "http://localhost:5000")
	base := s.To
	r := httptest.NewRequest("GET", "https://localhost:44300/a/b?c=d", nil)
	for name, value := range map[string]string{
		"Accept": "*/*", "User-Agent": "benchmark", "Accept-Encoding": "gzip, br", "Accept-Language": "en", "Cookie": "a=b",
		"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty", "Referer": "https://localhost:44300/",
	} {
		r.Header.Set(name, value)
	}
	h := newHandler(s, "", nil, nil)
	h.fallback.Handler.(*forwarder).proxy.Transport = instant{}
	s.Log = io.Discard
	logging := newHandler(s, "", nil, nil)
	logging.fallback.Handler.(*forwarder).proxy.Transport = instant{}
	for _, row := range []struct {
		name string
		http.Handler
	}{
		{"bare", &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(base); p.SetXForwarded() }, Transport: instant{}, BufferPool: &bufferPool{}}},
		{"front", h},
		{"front, logging", logging},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			r := r.WithContext(connContext(b.Context(), fakeConn{}))
			for b.Loop() {
				row.ServeHTTP(discard{}, r)
			}
		})
	}
}

// fakeConn is a connection to a port.
type fakeConn struct{ net.Conn }

func (fakeConn) LocalAddr() net.Addr { return &net.TCPAddr{Port: 44300} }
