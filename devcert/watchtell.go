package devcert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	// hookLimit is how long a program of the user's may take.
	hookLimit = 30 * time.Second
	// noticeLimit is how long a notice may take to appear.
	noticeLimit = 10 * time.Second
	// hooksWaiting is how many pieces of news wait for the one that is being told.
	hooksWaiting = 32
)

// teller tells news beyond the terminal, one after the other and beside the watch:
// a program that hangs must not stop it.
type teller struct {
	engine *Engine
	w      Watching
	queue  chan WatchNews
	ended  sync.WaitGroup
	stop   context.CancelFunc
	mute   bool // what shows notices is not there, and that was said
}

func newTeller(e *Engine, w Watching) *teller {
	t := &teller{engine: e, w: w, queue: make(chan WatchNews, hooksWaiting), stop: func() {}}
	if e.Host.Teller == nil || !w.Notify && len(w.Exec) == 0 {
		return t
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.ended.Go(func() {
		for n := range t.queue {
			if ctx.Err() == nil {
				t.notify(ctx, n)
				t.start(ctx, n)
			}
		}
	})
	return t
}

// tell never waits.
func (t *teller) tell(n WatchNews) {
	if len(n.New)+len(n.Healed)+len(n.GivenUp)+len(n.Lacking) == 0 {
		return
	}
	select {
	case t.queue <- n:
	default: // who is that slow has heard of enough
	}
}

// close ends what is being told; after a single look it is told to its end.
func (t *teller) close() {
	close(t.queue)
	if !t.w.Once {
		t.stop()
	}
	t.ended.Wait()
	t.stop()
}

// notify shows a loss that is not about to be repaired, and what was repaired.
func (t *teller) notify(ctx context.Context, n WatchNews) {
	var about []Finding
	title := ""
	switch {
	case !t.w.Notify || t.mute:
		return
	case len(n.GivenUp) > 0:
		title, about = "Trust is lost, and repairing it does not help", n.GivenUp
	case len(n.Lacking) > 0:
		title, about = "Trust is lost, and needs administrator rights", n.Lacking
	case n.Mended && len(n.Healed) > 0:
		title, about = "Trust was lost, and is repaired", n.Healed
	case len(n.New) > 0 && (!t.w.Repair || !anyMends(n.New)):
		title, about = "Trust is lost", n.New
	case len(n.Healed) > 0 && !n.Mended:
		title, about = "Trust is back", n.Healed
	default:
		return
	}
	if len(n.New) > 0 && !anyError(about) {
		title = "Something to know about https on this machine"
	}
	var lines []string
	for i, f := range about {
		if i == 3 {
			lines = append(lines, fmt.Sprintf("and %d more", len(about)-i))
			break
		}
		lines = append(lines, plainText(f.Message))
	}
	if len(n.Healed) == 0 {
		lines = append(lines, "devcert status tells more")
	}
	ctx, cancel := context.WithTimeout(ctx, noticeLimit)
	defer cancel()
	err := t.engine.Host.Teller.Notify(ctx, title, strings.Join(lines, "\n"))
	if err != nil && ctx.Err() == nil {
		t.mute = errors.Is(err, ErrUnsupported)
		t.engine.Say("no notice could be shown: " + inLine(err))
	}
}

func anyMends(all []Finding) bool {
	for i := range all {
		if mends(&all[i]) {
			return true
		}
	}
	return false
}

func anyError(all []Finding) bool {
	for _, f := range all {
		if f.Severity == Error {
			return true
		}
	}
	return false
}

// hookInput is what a hook reads.
type hookInput struct {
	Schema  int       `json:"schema"`
	Event   string    `json:"event"`
	Time    string    `json:"time"` // RFC 3339, UTC
	Home    string    `json:"home"`
	New     []Finding `json:"new"`
	Healed  []Finding `json:"healed"`
	Lacking []Finding `json:"lacking"`
	GivenUp []Finding `json:"givenUp"`
}

// start runs the user's program.
func (t *teller) start(ctx context.Context, n WatchNews) {
	if len(t.w.Exec) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hookLimit)
	defer cancel()
	err := t.engine.Host.Teller.Start(ctx, hookOf(t.w.Exec, t.engine.Host.StateDir, n))
	switch {
	case errors.Is(err, context.Canceled): // the watch ends
	case err != nil:
		t.engine.Say("--exec failed: " + inLine(err))
	}
}

// hookOf makes of news what a hook is given: the findings on its standard input,
// and the first of them in variables, for scripts that want no more.
func hookOf(command []string, home string, n WatchNews) Hook {
	in := hookInput{
		Schema: 1, Event: "lost", Time: n.At.UTC().Format(time.RFC3339), Home: home,
		New: orEmpty(n.New), Healed: orEmpty(n.Healed), Lacking: orEmpty(n.Lacking), GivenUp: orEmpty(n.GivenUp),
	}
	about := in.New
	switch {
	case len(n.GivenUp) > 0:
		in.Event, about = "given-up", in.GivenUp
	case len(n.Lacking) > 0:
		in.Event, about = "lacking", in.Lacking
	case len(n.New) == 0 && n.Mended:
		in.Event, about = "repaired", in.Healed
	case len(n.New) == 0:
		in.Event, about = "healed", in.Healed
	}
	data, _ := json.Marshal(in) // strings and bools: it cannot fail
	h := Hook{Command: command, Input: append(data, '\n'), Env: []string{
		"DEVCERT_EVENT=" + in.Event, "DEVCERT_HOME=" + home, fmt.Sprintf("DEVCERT_COUNT=%d", len(about)),
	}}
	if len(about) > 0 {
		f := about[0]
		h.Env = append(h.Env, "DEVCERT_KIND="+f.Kind, "DEVCERT_SEVERITY="+string(f.Severity), "DEVCERT_WHERE="+plainText(f.Where),
			"DEVCERT_MESSAGE="+plainText(f.Message), "DEVCERT_REMEDY="+plainText(f.Remedy))
	}
	return h
}

func orEmpty(all []Finding) []Finding {
	if all == nil {
		return []Finding{}
	}
	return all
}

// plainText is text in one line, without what a terminal or a variable does not take.
func plainText(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
