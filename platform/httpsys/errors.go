package httpsys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// The errors of HTTP.sys that netsh passes on, as Windows numbers them.
const (
	NotFound     = 2
	AccessDenied = 5
	BadParameter = 87
	Exists       = 183
	NoKey        = 1312
	Internal     = 1359
)

// Error is a look or a change that did not do what it was to do. It wraps
// fs.ErrPermission when administrator rights were missing, fs.ErrNotExist when
// there is no netsh, and context.DeadlineExceeded when it did not answer.
type Error struct {
	Tried  string   // what, on what
	Code   int      // one of the numbers above; 0 when netsh gave none
	Unmet  []string // the commands whose effect is not to be seen
	Output string   // the end of what netsh said, as far as it can be shown
	Remedy string   // what to do next
	Err    error
}

func (e *Error) Error() string {
	text := e.Tried + ": " + e.Err.Error()
	if n := len(e.Unmet); n > 0 {
		text += fmt.Sprintf("; %d without effect, the first: %s", n, e.Unmet[0])
	}
	if e.Code == 0 && e.Output != "" {
		text += fmt.Sprintf("; netsh said %q", e.Output)
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// cause is what a number means and what to do about it.
type cause struct {
	code          int
	means, remedy string
}

// causes are in the order in which they explain a failure: one that hit every
// command comes before one that a retry may have brought about.
var causes = []cause{
	{AccessDenied, "administrator rights are missing", "run the command again in a terminal that was started as administrator"},
	{NoKey, "Windows finds no private key for the certificate that the system can use; it may lie in a user's store",
		"import the certificate with its key into LocalMachine\\My again: devcert repair"},
	{Internal, "an internal error of HTTP.sys, often of a damaged certificate or key", "make a new certificate: devcert renew --force"},
	{BadParameter, "a parameter was refused, as happens for some seconds after a key was imported", "wait a few seconds, then: devcert repair"},
	{Exists, "something else was bound there in between", "see what: devcert ports list; then: devcert repair"},
	{NotFound, "what was to be removed is not there", "devcert status"},
}

// codes finds the numbers of known errors in an output, in the order of causes.
func codes(out []byte) []int {
	found := map[int]bool{}
	for _, line := range split(out) {
		if code, ok := code(strings.TrimSuffix(line, ".")); ok {
			found[code] = true
		}
	}
	var list []int
	for _, c := range causes {
		if found[c.code] {
			list = append(list, c.code)
		}
	}
	return list
}

// code reads the number at the end of a line. Around it everything is
// translated ("Error: 1312", "Fehler: 1312"), but it comes after a colon, or
// after a letter of a language that needs none: in a code page that is one byte
// above 0x7f, or any byte behind such a one.
func code(line string) (int, bool) {
	before := strings.TrimRight(line, "0123456789")
	number, _ := strconv.ParseUint(line[len(before):], 10, 16)
	if i := strings.LastIndex(line, "0x8007"); i >= 0 && len(line) == i+10 { // an HRESULT
		before = line[:i]
		number, _ = strconv.ParseUint(line[i+6:], 16, 16)
	}
	before = strings.TrimRight(before, blank)
	n := len(before)
	after := n > 0 && (before[n-1] == ':' || before[n-1] >= 0x80 || n > 1 && before[n-2] >= 0x80)
	return int(number), after && number != 0
}

// noEffect is the error of a change after which rest is still to be done.
func noEffect(rest Change, out []byte, ran error) *Error {
	lines, _ := rest.Lines()
	e := &Error{
		Tried: "change the bindings of HTTP.sys", Unmet: lines, Output: tail(out),
		Err:    errors.New("netsh ended as if it had done it, and it is not done"),
		Remedy: "run the first command in a terminal that was started as administrator, and read what it says",
	}
	if ran != nil {
		e.Err = ran
	}
	if list := codes(out); len(list) > 0 {
		c := causes[slices.IndexFunc(causes, func(c cause) bool { return c.code == list[0] })]
		e.Code, e.Remedy = c.code, c.remedy
		e.Err = fmt.Errorf("error %d: %s", c.code, c.means)
		if c.code == AccessDenied {
			e.Err = fmt.Errorf("error %d: %s: %w", c.code, c.means, fs.ErrPermission)
		}
	}
	return e
}

// failed is the error of a netsh that did not run to its end.
func failed(tried string, err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	e := &Error{Tried: tried, Err: err, Remedy: "devcert status"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Remedy = "netsh.exe belongs to Windows; sfc /scannow puts it back"
	case errors.Is(err, context.DeadlineExceeded):
		e.Err = fmt.Errorf("netsh did not end in time: %w", err)
		e.Remedy = "see whether the HTTP service answers: net start http; then run the command again"
	}
	return e
}

// noScript is the error of a script that could not be written, or removed.
func noScript(err error) *Error {
	return &Error{Tried: "write a netsh script", Err: err, Remedy: "see whether the disk is full and the folder can be written"}
}

// unreadable is the error of an output that is not what netsh prints.
func unreadable(what, why string, out []byte) *Error {
	return &Error{
		Tried: "read " + what + " of HTTP.sys", Output: tail(out), Err: errors.New(why),
		Remedy: "see what netsh says by itself: netsh http show sslcert",
	}
}

// tailSize is how much of an output an error shows, in bytes.
const tailSize = 200

func tail(out []byte) string {
	out = plain(out)
	return visible(string(out[max(0, len(out)-tailSize):]))
}

// visible makes a text of an unknown code page fit for any terminal.
func visible(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r >= 0x7f:
			return '?'
		}
		return r
	}, text)), " ")
}
