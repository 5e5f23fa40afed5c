package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"devcert/devcert"
	"devcert/platform/run"
)

// sight is what a question's server saw of its client.
type sight struct {
	asked   bool   // a request for the page, over TLS: the client had accepted the server
	reached bool   // the beginning of a handshake with the right server
	refused bool   // an alert of the client's amid the handshake
	broken  string // how the last handshake that failed did so
}

// answer is how a client's run ended, without the page's path, which says nothing.
func answer(end run.Ending, path string) run.Ending {
	for _, text := range []*[]byte{&end.Stdout, &end.Stderr} {
		*text = bytes.ReplaceAll(*text, []byte(path), nil)
	}
	return end
}

// judge says what a client meant by the way it ended. Trusting takes both a
// request and a good end, refusing takes neither: who contradicts itself has not
// answered. But one that sent its request to a server for a name outside the
// constraints has accepted that server, however it ended.
func judge(o order, end run.Ending, err error, saw sight) (devcert.Verdict, string) {
	ended, said := end.Status == 0, line(end)
	if o.kind.last {
		said = lastLine(end)
	}
	if o.kind.mute {
		ended, said = false, saw.broken
	}
	switch {
	case o.kind.mute && saw.asked: // and was ended then
		return devcert.Accepted, ""
	case o.kind.mute && saw.refused:
		return devcert.Refused, saw.broken
	case errors.Is(err, context.DeadlineExceeded):
		return devcert.Hung, fmt.Sprintf("it had not ended after %s and was killed", o.limit)
	case err != nil:
		return devcert.NotAsked, "it could not be run: " + reason(err)
	case saw.asked && (ended || !o.direct):
		return devcert.Accepted, ""
	case saw.asked:
		return devcert.NotAsked, fmt.Sprintf("it got the page and then failed (exit code %d): %s", end.Status, said)
	case ended:
		return devcert.NotAsked, "it ended well without having opened the page"
	case o.kind.mute && !saw.reached:
		return devcert.NotAsked, fmt.Sprintf("it ended (exit code %d) without having come to the server: %s", end.Status, death(end))
	case said == "":
		return devcert.Refused, fmt.Sprintf("exit code %d", end.Status)
	}
	return devcert.Refused, said
}

// maxLine is where a line that a client said is cut, in runes.
const maxLine = 160

// line is the first line of what a client said that has a letter in it: to
// standard error, else to its output.
func line(end run.Ending) string {
	for _, text := range []string{string(end.Stderr), string(end.Stdout)} {
		for one := range strings.Lines(text) {
			// OpenSSL says first which certificate it speaks of: depth=1 CN = …
			if strings.ContainsFunc(one, unicode.IsLetter) && !strings.HasPrefix(one, "depth=") {
				return plain(one)
			}
		}
	}
	return ""
}

// death is what a browser said of its end: the line that it marks so, whatever the
// script that starts it complained of before.
func death(end run.Ending) string {
	for one := range strings.Lines(string(end.Stderr)) {
		if strings.Contains(one, "FATAL") {
			return plain(one)
		}
	}
	return line(end)
}

// lastLine is what a script of ours said, whatever its runtime said before.
func lastLine(end run.Ending) string {
	text := strings.TrimSpace(string(end.Stderr))
	return plain(text[strings.LastIndexByte(text, '\n')+1:])
}

// plain is a line that does nothing to a terminal, cut.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxLine {
		return string(runes[:maxLine-1]) + "…"
	}
	return text
}

// reason is why a process was not run to its end, in a line.
func reason(err error) string {
	var failed *run.Error
	if errors.As(err, &failed) {
		return plain(failed.Reason())
	}
	return plain(err.Error())
}
