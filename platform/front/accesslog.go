package front

import (
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// maxPending bounds what waits to be written. A terminal that is paused, or in
	// which text is being selected on Windows, takes nothing for as long as that
	// lasts; the front goes on, and says later how much is missing.
	maxPending = 1 << 20
	// maxLogged bounds a word of the client's in a line.
	maxLogged = 1024
	// logGrace is how long Close waits for whoever reads the log.
	logGrace = time.Second
)

// accessLog writes one line for each request when that has ended: when, port,
// method, path, status, bytes, how long, who answered, the client certificate's
// thumbprint where there is one, and what went wrong.
//
// The query is left out, since sign-ins carry their codes there; so are headers
// and cookies. What a client chose is escaped: it reaches a person's terminal.
type accessLog struct {
	out  io.Writer
	json bool

	mu      sync.Mutex
	idle    sync.Cond // signalled when nobody writes
	pending []byte
	spare   []byte // the other buffer, while nobody writes
	writing bool
	lost    int // lines that found no room
}

func newAccessLog(out io.Writer, json bool) *accessLog {
	l := &accessLog{out: out, json: json}
	l.idle.L = &l.mu
	return l
}

// ended writes the line of x. It does not wait for the writing.
func (l *accessLog) ended(x *exchange) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > maxPending {
		l.lost++
		return
	}
	if l.json {
		l.pending = appendJSON(l.pending, x, now)
	} else {
		l.pending = appendText(l.pending, x, now)
	}
	if !l.writing {
		l.writing = true
		go l.write()
	}
}

// write writes what is pending, many lines at once where there are many, until
// nothing is.
func (l *accessLog) write() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) > 0 {
		lines := l.pending
		l.pending = l.spare[:0]
		if l.lost > 0 {
			lines = appendLost(lines, l.lost, l.json)
			l.lost = 0
		}
		l.mu.Unlock()
		_, _ = l.out.Write(lines) // where should it be said that the log is gone?
		l.mu.Lock()
		l.spare = lines
	}
	l.writing = false
	l.idle.Broadcast()
}

// Close waits until all is written, or for a moment.
func (l *accessLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	late := false
	timer := time.AfterFunc(logGrace, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.idle.Broadcast()
	})
	defer timer.Stop()
	for l.writing && !late {
		l.idle.Wait()
	}
	return nil
}

// appendText makes a line for people, and for cut and awk: the words stand in the
// same places always.
func appendText(b []byte, x *exchange, now time.Time) []byte {
	b = now.AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(x.conn.port), 10)
	b = append(b, ' ')
	b = appendWord(b, x.request.Method)
	b = append(b, ' ')
	b = appendWord(b, x.request.URL.EscapedPath())
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(x.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, x.bytes.Load(), 10)
	b = append(b, ' ')
	b = strconv.AppendFloat(b, milliseconds(now.Sub(x.started)), 'f', 1, 64)
	b = append(b, "ms "...)
	b = appendWord(b, x.to)
	b = append(b, ' ')
	b = appendWord(b, x.conn.shown())
	if note := x.outcome(); note != "" {
		b = append(b, ' ')
		b = appendVisible(b, note)
	}
	return append(b, '\n')
}

// appendJSON makes a line for programs: an object with the same names always.
func appendJSON(b []byte, x *exchange, now time.Time) []byte {
	b = append(b, `{"time":"`...)
	b = now.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","port":`...)
	b = strconv.AppendInt(b, int64(x.conn.port), 10)
	b = appendMember(b, "method", x.request.Method)
	b = appendMember(b, "path", x.request.URL.EscapedPath())
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(x.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, x.bytes.Load(), 10)
	b = append(b, `,"ms":`...)
	b = strconv.AppendFloat(b, milliseconds(now.Sub(x.started)), 'f', 3, 64)
	b = appendMember(b, "to", x.to)
	b = appendMember(b, "clientCert", x.conn.shown())
	b = appendMember(b, "error", x.outcome())
	return append(b, "}\n"...)
}

func appendLost(b []byte, lines int, json bool) []byte {
	if json {
		b = append(b, `{"lostLines":`...)
		return append(strconv.AppendInt(b, int64(lines), 10), "}\n"...)
	}
	b = strconv.AppendInt(b, int64(lines), 10)
	return append(b, " lines are missing: nobody took them\n"...)
}

// outcome is what went wrong; "" when nothing did.
func (x *exchange) outcome() string {
	switch {
	case x.note != "" || x.whole:
		return x.note
	case x.stopped():
		return "stopped"
	}
	return "cut off"
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func appendMember(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":"`...)
	b = appendVisible(b, shorten(value))
	return append(b, '"')
}

// appendWord appends one word of a line; "-" stands for none.
func appendWord(b []byte, word string) []byte {
	if word == "" {
		return append(b, '-')
	}
	start := len(b)
	b = appendVisible(b, shorten(word))
	for i := start; i < len(b); i++ {
		if b[i] == ' ' {
			b[i] = '_'
		}
	}
	return b
}

func shorten(word string) string {
	if len(word) > maxLogged {
		return word[:maxLogged]
	}
	return word
}

// appendVisible appends text in printable ASCII: what else there is, quotes and
// backslashes too, as JSON escapes it, so that neither a terminal nor a reader of
// JSON takes anything for its own.
func appendVisible(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	for i, r := range text {
		if ' ' <= r && r <= '~' && r != '"' && r != '\\' {
			b = append(b, byte(r))
			continue
		}
		if r == utf8.RuneError && text[i] != "\uFFFD"[0] {
			r = rune(text[i]) // a byte that is no text
		}
		if r > 0xFFFF {
			r = utf8.RuneError
		}
		b = append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
	}
	return b
}
