package front

import (
	"strings"
	"sync"
	"time"
)

// teller tells a person things, each once for as long as it is so. It may be used
// by several goroutines.
type teller struct {
	say  func(line string) // nil for nobody
	mu   sync.Mutex
	said map[string]string // topic → line
}

// tell says line.
func (t *teller) tell(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.say != nil {
		t.say(line)
	}
}

// once says line unless it is the last that was said about topic.
func (t *teller) once(topic, line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said == nil {
		t.said = map[string]string{}
	}
	if t.said[topic] == line {
		return
	}
	t.said[topic] = line
	if t.say != nil {
		t.say(line)
	}
}

// over forgets what was said about topic, and tells if that was anything: if it
// comes again, it is news.
func (t *teller) over(topic string) (was bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, was = t.said[topic]
	delete(t.said, topic)
	return was
}

// mended is over, and says line if something was said about topic.
func (t *teller) mended(topic, line string) {
	if t.over(topic) {
		t.tell(line)
	}
}

// errorLog takes what net/http's server logs. Nearly all of it is about single
// clients (a handshake given up, a connection reset), which is no news on a
// developer's machine. What concerns the server itself is said, at most once in
// [quiet]; never the stack of a panic, which may hold what a request held.
type errorLog struct {
	teller *teller
	mu     sync.Mutex
	last   time.Time
}

const quiet = time.Minute

// worthSaying are beginnings of net/http's messages, and what they mean.
var worthSaying = []struct{ prefix, says string }{
	{"http: Accept error: ", "cannot take connections for the moment: "},
	{"http2: panic serving ", "a request ended in a mistake of devcert's: "},
	{"http: panic serving ", "a request ended in a mistake of devcert's: "},
}

func (l *errorLog) Write(message []byte) (int, error) {
	line, _, _ := strings.Cut(string(message), "\n")
	for _, known := range worthSaying {
		if rest, ok := strings.CutPrefix(line, known.prefix); ok && l.due() {
			rest, _, _ = strings.Cut(rest, "; retrying in ")
			l.teller.tell(known.says + rest)
		}
	}
	return len(message), nil
}

func (l *errorLog) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Sub(l.last) < quiet {
		return false
	}
	l.last = now
	return true
}
