package page

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"devcert/devcert"
	"devcert/devcert/lazy"
)

// tone is how well something is. It chooses colour and sign; a word beside it
// always says the same.
type tone string

const (
	good tone = "good"
	warn tone = "warn"
	bad  tone = "bad"
	none tone = "none" // nothing is to be said: it was not asked for
)

// view is everything that the page shows. Every string in it that comes from
// outside went through [clean]; what writes it escapes what HTML means.
type view struct {
	StylePath, IconPath string
	Title               string
	Verdict             verdict
	Connection          []fact
	Blind               *failure // why nothing else can be shown; nil when it can
	Health              health
	Summary             []tile
	Chain               chainView
	Ports               grid
	Probe               command // asks the ports
	Stores              []storeView
	Clients             []clientView
	Looked              string
	LookedISO           string
}

// fact is a name and what it stands for.
type fact struct {
	Name, Value string
	Code        bool // the value is to be copied, not read
}

// failure is what could not be done, and what to do about it.
type failure struct {
	Text   string
	Remedy remedy
}

// tile says of one section in a line how it is.
type tile struct {
	Tone               tone
	Name, Figure, Word string
	Anchor             string
}

// newView makes the view of what a look brought; err is why it brought nothing.
func newView(r *http.Request, report *devcert.Report, err error) *view {
	presented := presentedTo(r, report)
	v := &view{
		Verdict:    judge(r, report, presented),
		Connection: connection(r, presented),
	}
	if err != nil {
		v.Title = "localhost: could not look"
		v.Blind = failureOf(err)
		return v
	}
	o := report.Seen
	v.Health = healthOf(report)
	v.Title = "localhost: " + strings.ToLower(v.Health.Title[:1]) + v.Health.Title[1:]
	v.Chain = chainOf(report, presented.cert)
	v.Ports, v.Probe = gridOf(report, localPort(r)), "devcert status --probe"
	v.Stores = storesOf(report)
	v.Clients = clientsOf(report)
	v.Summary = summary(v, report)
	v.Looked = o.Now.UTC().Format("2006-01-02 15:04:05") + " UTC"
	v.LookedISO = o.Now.UTC().Format(time.RFC3339)
	return v
}

func failureOf(err error) *failure {
	f := &failure{Text: cleanTo(err.Error(), longText)}
	if errors.Is(err, devcert.ErrNotSetUp) {
		f.Remedy = remedyOf("devcert setup")
	}
	var remedied interface{ Remedy() string }
	if errors.As(err, &remedied) {
		f.Remedy = remedyOf(remedied.Remedy())
	}
	var usage *devcert.UsageError
	if errors.As(err, &usage) {
		f.Remedy = remedyOf(usage.Hint)
	}
	return f
}

// summary has a tile for each section that there is something to say in.
func summary(v *view, r *devcert.Report) []tile {
	var all []tile
	if leaf := r.Seen.Folder.Hierarchy.Leaf.Cert; leaf != nil {
		left := daysLeft(leaf, r.Seen.Now)
		all = append(all, tile{Tone: v.Chain.tone(), Name: "Chain", Figure: amount(left), Word: lifeWord(left), Anchor: "chain"})
	} else {
		all = append(all, tile{Tone: bad, Name: "Chain", Figure: "none", Word: "no leaf", Anchor: "chain"})
	}
	if v.Ports.Total > 0 {
		all = append(all, tile{
			Tone: v.Ports.tone(), Name: "Ports", Figure: share(v.Ports.Sound, v.Ports.Total), Word: v.Ports.soundWord(), Anchor: "ports",
		})
	}
	if sound, total, t := countPlaces(v.Stores); total > 0 {
		all = append(all, tile{Tone: t, Name: "Stores", Figure: share(sound, total), Word: "in order", Anchor: "stores"})
	}
	if sound, t := countClients(v.Clients); len(v.Clients) > 0 {
		if t == bad && v.Health.Tone != bad {
			t = warn // what is foreseen of them is only to be known
		}
		all = append(all, tile{Tone: t, Name: "Programs", Figure: share(sound, len(v.Clients)), Word: "will trust it", Anchor: "programs"})
	}
	if len(all) < 2 {
		return nil // the one section says it itself
	}
	return all
}

func share(n, of int) string {
	if n == of {
		return fmt.Sprintf("all %d", of)
	}
	return fmt.Sprintf("%d of %d", n, of)
}

// whole are words that a line is not to end within, at a hyphen of theirs.
var whole = lazy.Regexp(`\b(\d{4}-\d\d-\d\d|SHA-\d+|\d{1,5}-\d{1,5})\b`)

// piece is a part of a text.
type piece struct {
	Text  string
	Whole bool // no line is to end within
}

// prose cuts a text so that the style sheet can keep those words whole. Nothing is
// put into the text itself: what is not seen would be copied along with a port
// range, which no command then takes.
func prose(s string) []piece {
	var all []piece
	for {
		at := whole().FindStringIndex(s)
		if at == nil {
			break
		}
		if at[0] > 0 {
			all = append(all, piece{Text: s[:at[0]]})
		}
		all = append(all, piece{s[at[0]:at[1]], true})
		s = s[at[1]:]
	}
	if s != "" {
		all = append(all, piece{Text: s})
	}
	return all
}

// How much of one text is shown: a certificate's subject may be as long as its
// maker liked. What is to be done, and why nothing could be, may be longer.
const (
	shortText = 400
	longText  = 4000
)

// clean makes a text safe to read: what is no character, is not seen, or turns
// the direction of what follows becomes a sign that something was there. Lines
// stay lines.
func clean(s string) string { return cleanTo(s, shortText) }

func cleanTo(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		switch {
		case r == '\n', r == ' ':
		case r == '\t', r == '\u00a0':
			r = ' '
		case r == '\r':
			continue
		case !unicode.IsPrint(r):
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
