package iis

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"devcert/devcert"
	"devcert/devcert/lazy"
)

// maxLogLine is the longest line of a log that is read, in bytes: IIS cuts the
// parts of a line at 4 KB each.
const maxLogLine = 256 << 10

// tally counts refusals by status and what Windows said.
type tally map[devcert.IISRefusal]devcert.IISRefusal

func (t tally) add(status string, win32 uint32, at time.Time) {
	key := devcert.IISRefusal{Status: status, Win32: win32}
	r := t[key]
	r.Status, r.Win32, r.Times = status, win32, r.Times+1
	if at.After(r.Last) {
		r.Last = at
	}
	t[key] = r
}

// list has the latest first.
func (t tally) list() []devcert.IISRefusal {
	var all []devcert.IISRefusal
	for _, r := range t {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b devcert.IISRefusal) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Win32, b.Win32))
	})
	return all
}

// errNoLog says that a text is no log of IIS.
var errNoLog = errors.New("it is not a W3SVC log with the fields sc-status, sc-substatus and sc-win32-status")

// ParseLog finds the refusals of client certificates in a W3SVC log, which says in
// #Fields lines what stands in the lines behind them.
func ParseLog(in io.Reader) ([]devcert.IISRefusal, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLogLine)
	found, seen := tally{}, false
	var at columns
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if names, is := strings.CutPrefix(line, "#Fields:"); is {
			at = columnsOf(strings.Fields(names))
			seen = seen || at.count > 0
			continue
		}
		fields := strings.Fields(line)
		if strings.HasPrefix(line, "#") || at.count == 0 || len(fields) != at.count {
			continue // a line that was cut, by the log's reader or its writer
		}
		win32, err := strconv.ParseUint(fields[at.win32], 10, 32)
		if status, is := aboutCertificates(fields[at.status]+"."+fields[at.sub], uint32(win32)); is && err == nil {
			found.add(status, uint32(win32), at.time(fields))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("a line is longer than any that IIS writes: %w", err)
	}
	if !seen {
		return nil, errNoLog
	}
	return found.list(), nil
}

// columns are where the fields stand; count is 0 where one of the three is not.
type columns struct{ count, date, clock, status, sub, win32 int }

func columnsOf(names []string) columns {
	find := func(name string) int { return slices.Index(names, name) }
	c := columns{len(names), find("date"), find("time"), find("sc-status"), find("sc-substatus"), find("sc-win32-status")}
	if c.status < 0 || c.sub < 0 || c.win32 < 0 {
		return columns{}
	}
	return c
}

// time is when the request was answered, in UTC as IIS writes it; zero where that
// was not logged.
func (c columns) time(fields []string) time.Time {
	if c.date < 0 || c.clock < 0 {
		return time.Time{}
	}
	t, err := time.Parse("2006-01-02 15:04:05", fields[c.date]+" "+fields[c.clock])
	if err != nil {
		return time.Time{}
	}
	return t
}

// Windows' errors behind a 500 that come from asking for a certificate too late:
// ERROR_NOT_SUPPORTED, ERROR_NETNAME_DELETED, ERROR_OPERATION_ABORTED.
var lateErrors = []uint32{50, 64, 995}

// aboutCertificates says whether a status with its sub-status has to do with client
// certificates, and how it is called.
func aboutCertificates(status string, win32 uint32) (string, bool) {
	switch status {
	case "403.7", "403.13", "403.16", "403.17":
		return status, true
	case "500.0", "500":
		return "500", slices.Contains(lateErrors, win32)
	}
	return "", false
}

// hexNumber is an HRESULT in the text of a trace.
var hexNumber = lazy.Regexp(`0x([0-9a-fA-F]{8})\b`)

// ParseTrace finds what a trace of a failed request (fr000001.xml) says of client
// certificates. Of the request it reads nothing but how it was answered.
func ParseTrace(data []byte) ([]devcert.IISRefusal, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("it is larger than %d MB", maxConfig>>20)
	}
	var trace struct {
		XMLName xml.Name `xml:"failedRequest"`
		Status  string   `xml:"statusCode,attr"`
		Events  []struct {
			Time struct {
				At string `xml:"SystemTime,attr"`
			} `xml:"System>TimeCreated"`
			Data []struct {
				Name string `xml:"Name,attr"`
				Text string `xml:",chardata"`
			} `xml:"EventData>Data"`
		} `xml:"Event"`
	}
	if err := decode(data, &trace); err != nil {
		return nil, err
	}
	var win32 uint32
	var last time.Time
	for _, e := range trace.Events {
		if at, err := time.Parse(time.RFC3339Nano, e.Time.At); err == nil && at.After(last) {
			last = at
		}
		for _, d := range e.Data {
			if n, is := errorIn(d.Text); is && d.Name == "ErrorCode" {
				win32 = n
			}
		}
	}
	found := tally{}
	if status, is := aboutCertificates(trace.Status, win32); is {
		found.add(status, win32, last)
	}
	return found.list(), nil
}

// errorIn is the number of an error: behind its words, or alone. Windows' own, below
// 65536, are what is left of an HRESULT of theirs.
func errorIn(text string) (uint32, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	if m := hexNumber().FindStringSubmatch(text); m != nil {
		n, err = strconv.ParseUint(m[1], 16, 32)
	}
	if err != nil || n == 0 {
		return 0, false
	}
	const ofWin32 = 0x80070000
	if n&0xffff0000 == ofWin32 {
		n &= 0xffff
	}
	return uint32(n), true
}
