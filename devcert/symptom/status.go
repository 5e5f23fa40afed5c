package symptom

import (
	"slices"
	"strings"

	"devcert/devcert/lazy"
)

// statuses finds HTTP statuses that a server gave, line by line.
func statuses(text string) []mark {
	all, at := []mark(nil), 0
	whole := strings.TrimSpace(text)
	for line := range strings.Lines(text) {
		for _, m := range ofLine(line, line == text || strings.TrimSpace(line) == whole) {
			m.at += at
			all = append(all, m)
		}
		at += len(line)
	}
	return all
}

func ofLine(line string, alone bool) []mark {
	s, logged := w3svc(line)
	if !logged { // as a spreadsheet has it
		s, logged = w3svc(strings.ReplaceAll(line, ",", " "))
		logged = logged && len(s.win32) == 10
	}
	if logged {
		if m, ok := s.mark(0); ok {
			return []mark{m}
		}
		return nil // whatever numbers are in its URL or agent
	}
	return spoken(line, alone)
}

// status is a status with what IIS writes behind it.
type status struct{ code, sub, win32 string }

// mark says what symptom a status is. Sub-statuses that have nothing to do with
// certificates are none: 403.14 is a folder that may not be listed.
func (s status) mark(at int) (mark, bool) {
	switch s.code + "." + strings.TrimLeft(s.sub, "0") {
	case "401.":
		return mark{"http-401", vague, at}, true
	case "403.":
		return mark{"http-403", vague, at}, true
	case "403.7":
		return mark{"iis-403-7", exact, at}, true
	case "403.13":
		return mark{"iis-403-13", exact, at}, true
	case "403.16":
		return mark{"iis-403-16", exact, at}, true
	case "403.17":
		return mark{"iis-403-17", exact, at}, true
	case "500.":
		return s.failure(at)
	}
	return mark{}, false
}

// failure goes by the Win32 status of a 500, also where it is not an HRESULT: 995
// is ERROR_OPERATION_ABORTED, 64 that the client is gone, 50 ERROR_NOT_SUPPORTED.
func (s status) failure(at int) (mark, bool) {
	switch s.win32 {
	case "995", "64":
		return mark{"iis-500-800703e3", exact, at}, true
	case "50":
		return mark{"iis-500-80070032", exact, at}, true
	}
	return mark{}, false
}

// stamped begins a line of IIS's log.
var stamped = lazy.Regexp(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\s`)

// w3svc reads a line of IIS's log, or its end, by shape: which fields there are is
// the administrator's choice, but status, sub-status and Win32 status stand
// together in every choice that has them, and nothing before them is three numbers.
func w3svc(line string) (status, bool) {
	fields := strings.Fields(line)
	tail := len(fields) // from where on all may follow
	for tail > 0 && tailing(fields[tail-1]) {
		tail--
	}
	for i := 0; i+2 < len(fields); i++ {
		s := status{fields[i], fields[i+1], fields[i+2]}
		if len(s.code) != 3 || s.code[0] < '1' || s.code[0] > '5' || !digits(s.code, 3) || !digits(s.sub, 3) || !digits(s.win32, 10) {
			continue
		}
		cut := i == 0 || fields[i-1] == "-" || len(s.win32) == 10 // an HRESULT
		if stamped().MatchString(line) || cut && tail <= i+3 {
			return s, true
		}
	}
	return status{}, false
}

// tailing says that a field may follow: bytes, times, or that there is none.
func tailing(field string) bool { return field == "-" || digits(field, 19) }

// A number is a status only beside a word that makes it one: prose has numbers
// too. After a verb it is one where the sentence ends.
var (
	before = []string{"http", "https", "iis", "status", "statuscode", "code", "error", "fehler", "response", "responded", "success"}
	after  = []string{"unauthorized", "forbidden", "unauthenticated"}
	verbs  = []string{
		"get", "gets", "got", "getting", "return", "returns", "returned", "say", "says", "said", "give", "gives", "gave",
		"answer", "answers", "answered", "receive", "receives", "received", "see", "throws",
	}
	articles = []string{"a", "an"}
	onwards  = []string{"from", "on", "in", "when", "with", "for", "error", "back", "since", "at", "status", "response"}
)

// spoken finds statuses in what people and programs write. alone says that the
// line is all there is.
func spoken(line string, alone bool) []mark {
	words := split(line)
	var all []mark
	for i := range words {
		if w := words[i].text; w != "401" && w != "403" || glued(line, words, i) {
			continue
		}
		s, last := withSub(line, words, i, alone)
		if m, ok := s.mark(words[i].at); ok && (alone && i == 0 && last == len(words)-1 || inContext(line, words, i, last, s)) {
			all = append(all, m)
		}
	}
	return all
}

// glued says that the word goes on from a number before it, as in an address, an
// amount or a version: 10.403.
func glued(line string, words []word, i int) bool {
	if i == 0 {
		return false
	}
	gap := between(line, words[i-1], words[i])
	return (gap == "." || gap == ",") && digits(words[i-1].text, 19)
}

// withSub reads the sub-status behind a status, if there is one, and says which
// word is its last.
func withSub(line string, words []word, i int, alone bool) (s status, last int) {
	s.code = words[i].text
	next := i + 1
	for next < len(words) && slices.Contains([]string{"sc", "sub", "status", "substatus"}, words[next].text) && near(line, words, next-1) {
		next++
	}
	if next == len(words) || !digits(words[next].text, 3) || !near(line, words, next-1) {
		return s, i
	}
	gap := between(line, words[next-1], words[next])
	labelled := next > i+1 && strings.HasSuffix(words[next-1].text, "status")
	apart := i > 0 && words[i-1].text == "iis" || alone && i == 0 && next == len(words)-1 // 403 16
	if !labelled && gap != "." && !apart {
		return s, i
	}
	s.sub = words[next].text
	if next+1 < len(words) && glued(line, words, next+1) {
		s.sub = "more" // 403.16.2 is a version or an address
	}
	return s, next
}

// near says that little stands between a word and the next, and no sentence ends.
func near(line string, words []word, i int) bool {
	const little = 4
	gap := between(line, words[i], words[i+1])
	return len(gap) <= little && !strings.Contains(gap, ". ")
}

// inContext says that the words around make a number a status.
func inContext(line string, words []word, i, last int, s status) bool {
	if last+1 < len(words) && near(line, words, last) {
		next := words[last+1].text
		if slices.Contains(after, next) || s.sub != "" && next == "client" { // 403.16 Client certificate
			return true
		}
	}
	return named(line, words, i) || told(line, words, i, last)
}

// named says that the word before makes it a status: "status 403", "status of 403",
// "HTTP/1.1 403".
func named(line string, words []word, i int) bool {
	if i == 0 || !near(line, words, i-1) {
		return false
	}
	previous := words[i-1].text
	switch {
	case slices.Contains(before, previous):
		return true
	case previous == "of" && i > 1:
		return words[i-2].text == "status"
	case digits(previous, 1): // HTTP/2, HTTP/1.1
		return i > 1 && words[i-2].text == "http" || i > 2 && digits(words[i-2].text, 1) && words[i-3].text == "http"
	case previous == "aborted" && i > 1:
		return words[i-2].text == "err" // Chrome: net::ERR_ABORTED 403
	}
	return false
}

// told says that a verb makes it a status, and that nothing follows that it could
// be a number of: "it returns 403." and "I get a 403 from it", not "I got 403 mails".
func told(line string, words []word, i, last int) bool {
	article := i > 0 && slices.Contains(articles, words[i-1].text)
	if article {
		i--
	}
	if i == 0 || !slices.Contains(verbs, words[i-1].text) || !near(line, words, i-1) {
		return false
	}
	if last+1 == len(words) || strings.IndexAny(between(line, words[last], words[last+1]), ".,;:!?)\n") == 0 {
		return true
	}
	return article && slices.Contains(onwards, words[last+1].text)
}
