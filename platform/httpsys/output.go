package httpsys

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// blank is what separates words. Code pages use the bytes above 0x7f otherwise
// than UTF-8 does, so the notions of package unicode do not apply.
const blank = " \t\r\v\f\x00"

// split cuts an output into lines without what surrounds them.
func split(out []byte) []string {
	lines := strings.Split(string(plain(out)), "\n")
	for i := range lines {
		lines[i] = strings.Trim(lines[i], blank)
	}
	return lines
}

// plain takes a byte order mark off, and the second byte of UTF-16 with it.
func plain(out []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(out, []byte("\xef\xbb\xbf")):
		return out[3:]
	case bytes.HasPrefix(out, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(out, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return out
	}
	var units []uint16
	for rest := out[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return []byte(string(utf16.Decode(units)))
}

// word is the last word of a line. The values with a shape have no blanks, and
// whatever the label before them is, a blank ends it.
func word(line string) string { return line[strings.LastIndexAny(line, blank)+1:] }

// value is what follows the label of a line. A label may have colons of its
// own ("IP:port"), so the last one with a blank behind it counts.
func value(line string) (string, bool) {
	i := strings.LastIndex(line, ": ")
	if j := strings.LastIndex(line, ":\t"); j > i {
		i = j
	}
	if i < 0 {
		return "", false
	}
	return strings.Trim(line[i+1:], blank), true
}

// rule counts the runs of dashes in a line that has nothing else: the line
// under a heading has one, under the columns of a table one for each.
func rule(line string) int {
	if !strings.HasPrefix(line, "----") {
		return 0
	}
	runs := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(blank, r) })
	for _, run := range runs {
		if len(run) < 4 || strings.Trim(run, "-") != "" {
			return 0
		}
	}
	return len(runs)
}

// rules lists which lines are rules, and how many runs of dashes each has.
func rules(lines []string) (at, runs []int) {
	for i, line := range lines {
		if n := rule(line); n > 0 {
			at, runs = append(at, i), append(runs, n)
		}
	}
	return at, runs
}

// section is what stands under the only rule of an output, which must have
// that many runs of dashes.
func section(out []byte, what string, columns int) ([]string, error) {
	lines := split(out)
	at, runs := rules(lines)
	if len(at) != 1 || runs[0] != columns {
		return nil, unreadable(what, "the heading is missing", out)
	}
	return lines[at[0]+1:], nil
}

// said counts the lines that say something.
func said(lines []string) int {
	n := 0
	for _, line := range lines {
		if line != "" {
			n++
		}
	}
	return n
}

// cutLook parts what the commands of a change printed from the look behind them,
// which has the last three rules and begins with the heading over the first.
func cutLook(out []byte) (said, shown []byte) {
	text := plain(out)
	var above []int // of each rule, where the line that says something before it begins
	at, last := 0, 0
	for line := range bytes.Lines(text) {
		words := strings.Trim(string(line), blank+"\n")
		if rule(words) > 0 {
			above = append(above, last)
		}
		if words != "" {
			last = at
		}
		at += len(line)
	}
	if len(above) < 3 {
		return text, nil
	}
	cut := above[len(above)-3]
	return text[:cut], text[cut:]
}
