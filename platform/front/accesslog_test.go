package front

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"devcert/devcert"
	"devcert/scripts/fuzzlimit"
)

var logTime = time.Date(2026, 11, 21, 18, 35, 3, 123456789, time.FixedZone("", 3600))

func ended(method, path string, status, bytes int, to, thumbprint, note string) *exchange {
	u := &url.URL{Path: path, RawQuery: "code=secret"}
	x := &exchange{
		request: &http.Request{Method: method, URL: u, Header: http.Header{"Cookie": {"secret"}}},
		conn:    &connection{port: 44300}, started: logTime.Add(-1250 * time.Microsecond), to: to, note: note, status: status, whole: true,
	}
	x.bytes.Store(int64(bytes))
	x.conn.cert.thumbprint = thumbprint
	return x
}

func TestLogLines(t *testing.T) {
	long := strings.Repeat("x", 5000)
	cut := ended("GET", "/", 200, 7, "http://localhost:5000", "", "")
	cut.whole = false
	tests := []struct {
		name string
		x    *exchange
		text string
		json string
	}{
		{
			"forwarded", ended("GET", "/a/b", 200, 512, "http://localhost:5000", "9D0C", ""),
			"2026-11-21T18:35:03.123+01:00 44300 GET /a/b 200 512 1.2ms http://localhost:5000 9D0C",
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"GET","path":"/a/b","status":200,"bytes":512,"ms":1.250,"to":"http://localhost:5000","clientCert":"9D0C","error":""}`,
		},
		{
			"failed", ended("POST", "/", 502, 0, "http://localhost:5000", "", "connection refused"),
			"2026-11-21T18:35:03.123+01:00 44300 POST / 502 0 1.2ms http://localhost:5000 - connection refused",
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"POST","path":"/","status":502,"bytes":0,"ms":1.250,"to":"http://localhost:5000","clientCert":"","error":"connection refused"}`,
		},
		{
			"broke off", cut,
			"2026-11-21T18:35:03.123+01:00 44300 GET / 200 7 1.2ms http://localhost:5000 - cut off",
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"GET","path":"/","status":200,"bytes":7,"ms":1.250,"to":"http://localhost:5000","clientCert":"","error":"cut off"}`,
		},
		{
			"a path for terminals", ended("GET", "/\x1b[2J\n\"\\\u202e€", 404, 0, "page", "", ""),
			"2026-11-21T18:35:03.123+01:00 44300 GET /%1B%5B2J%0A%22%5C%E2%80%AE%E2%82%AC 404 0 1.2ms page -",
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"GET","path":"/%1B%5B2J%0A%22%5C%E2%80%AE%E2%82%AC","status":404,"bytes":0,"ms":1.250,"to":"page","clientCert":"","error":""}`,
		},
		{
			"a method of somebody's own", ended("G\"E T\n\x00\xff\U0001F600", "*", 400, 0, "page", "", ""),
			`2026-11-21T18:35:03.123+01:00 44300 G\u0022E_T\u000a\u0000\u00ff\ufffd * 400 0 1.2ms page -`,
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"G\u0022E T\u000a\u0000\u00ff\ufffd","path":"*","status":400,"bytes":0,"ms":1.250,"to":"page","clientCert":"","error":""}`,
		},
		{
			"no path", ended("", "", 0, 0, "", "", ""),
			"2026-11-21T18:35:03.123+01:00 44300 - - 0 0 1.2ms - -",
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"","path":"","status":0,"bytes":0,"ms":1.250,"to":"","clientCert":"","error":""}`,
		},
		{
			"a long path", ended("GET", "/"+long, 200, 0, "page", "", ""),
			"2026-11-21T18:35:03.123+01:00 44300 GET /" + long[:maxLogged-1] + " 200 0 1.2ms page -",
			`{"time":"2026-11-21T18:35:03.123456789+01:00","port":44300,"method":"GET","path":"/` + long[:maxLogged-1] + `","status":200,"bytes":0,"ms":1.250,"to":"page","clientCert":"","error":""}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.text+"\n", string(appendText(nil, test.x, logTime)))
			line := appendJSON(nil, test.x, logTime)
			assert.Equal(t, test.json+"\n", string(line))
			assert.True(t, json.Valid(line))
		})
	}
}

func FuzzAppendVisible(f *testing.F) {
	for _, text := range []string{"", "/a", "\x1b]0;x\x07", "\"\\\n", "\xff\xfe", "\u2028\U0001F600"} {
		f.Add(text)
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, text string) {
		line := appendMember([]byte(`{"a":1`), "b", text)
		for _, b := range line {
			if b < ' ' || b > '~' {
				t.Fatalf("%q has byte %#x", line, b)
			}
		}
		if whole := append(line, '}'); !json.Valid(whole) {
			t.Fatalf("%s is not JSON", whole)
		}
		if word := appendWord(nil, text); strings.ContainsAny(string(word), " \t") || len(word) == 0 {
			t.Fatalf("%q is not one word", word)
		}
	})
}

// stuck is a terminal that takes nothing until it is let go.
type stuck struct {
	logLines
	free chan bool
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	return s.logLines.Write(p)
}

// A terminal that is paused must not hold up requests, nor fill the memory; what is
// missing is said.
func TestAPausedTerminal(t *testing.T) {
	out := &stuck{free: make(chan bool)}
	l := newAccessLog(out, false)
	const lines = 40_000
	for range lines {
		l.ended(ended("GET", "/"+strings.Repeat("x", 100), 200, 0, "page", "", ""))
	}
	assert.Less(t, len(l.pending), maxPending+4096)
	started := time.Now()
	require.NoError(t, l.Close())
	assert.Less(t, time.Since(started), 3*logGrace, "nor keep the front from ending")
	close(out.free)
	require.NoError(t, l.Close())
	text := out.String()
	kept := strings.Count(text, " GET ")
	assert.Greater(t, kept, 5000)
	var missing int
	for line := range strings.Lines(text) {
		if number, found := strings.CutSuffix(line, " lines are missing: nobody took them\n"); found {
			require.NoError(t, json.Unmarshal([]byte(number), &missing))
		}
	}
	assert.Equal(t, lines, kept+missing)
	assert.Equal(t, "{\"lostLines\":3}\n", string(appendLost(nil, 3, true)))
}

// Many requests at a time write whole lines.
func TestLogOfManyAtATime(t *testing.T) {
	f := handled(t, devcert.Serving{LogJSON: true}, nil)
	c := f.client("HTTP/2.0")
	done := make(chan bool)
	for range 20 {
		go func() {
			defer func() { done <- true }()
			for range 20 {
				if r, err := c.Get(f.URL + "/x?secret"); assert.NoError(t, err) {
					_ = r.Body.Close()
				}
			}
		}()
	}
	for range 20 {
		<-done
	}
	text := f.logged()
	assert.Equal(t, 400, strings.Count(text, "\n"))
	assert.NotContains(t, text, "secret")
	for line := range strings.Lines(text) {
		var got struct{ Status, Port, Bytes int }
		require.NoError(t, json.Unmarshal([]byte(line), &got), line)
		assert.Equal(t, 200, got.Status)
		assert.Equal(t, f.port(), got.Port)
		assert.Equal(t, 4, got.Bytes)
	}
}

// A line takes no memory of its own.
func TestLogAllocatesNothing(t *testing.T) {
	x := ended("GET", "/a/b", 200, 512, "http://localhost:5000", "9D0C", "")
	b := make([]byte, 0, 4096)
	assert.Zero(t, testing.AllocsPerRun(100, func() { b = appendText(b[:0], x, logTime) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { b = appendJSON(b[:0], x, logTime) }))
}
