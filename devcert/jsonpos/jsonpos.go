// Package jsonpos reads JSON whose values know where they stand, so that what is
// wrong with a file that people write can be said with its line and column. It
// bounds what it reads, refuses keys that stand twice, and never says what a value
// means.
package jsonpos

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind is what a value is, as a person calls it.
type Kind string

// The kinds of value.
const (
	Object Kind = "an object"
	Array  Kind = "a list"
	String Kind = "a text"
	Number Kind = "a number"
	Bool   Kind = "true or false"
	Null   Kind = "null"
)

// Value is one value.
type Value struct {
	Kind    Kind
	Text    string // what a text says, or a number as it is written
	Items   []Value
	Members []Member // in the order of the file, no key twice
	Offset  int      // of its first byte
}

// Member is a key of an object with its value.
type Member struct {
	Key    string
	Offset int // of the key
	Value  Value
}

// Get is the value of a key; nil when there is none.
func (v Value) Get(key string) *Value {
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value
		}
	}
	return nil
}

// Error is what is wrong with the form of a document.
type Error struct {
	Offset  int    // of the byte where it shows
	Problem string // one line, lower case
}

func (e *Error) Error() string { return e.Problem }

// maxDepth is deeper than any file of people's goes.
const maxDepth = 16

// Parse reads a document of at most maxValues values, keys not counted. Every
// error is an *Error.
func Parse(data []byte, maxValues int) (Value, error) {
	p := &parser{data: data, left: maxValues, most: maxValues}
	if at := invalidUTF8(data); at >= 0 {
		return Value{}, p.fail(at, "this is not UTF-8")
	}
	v, err := p.value(0)
	if err != nil {
		return Value{}, err
	}
	if p.space(); p.at < len(data) {
		return Value{}, p.fail(p.at, "something follows the document: %s", p.here())
	}
	return v, nil
}

// Position is the line and column of an offset, from 1; columns are characters.
func Position(data []byte, offset int) (line, column int) {
	before := string(data[:min(offset, len(data))])
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

func invalidUTF8(data []byte) int {
	for at := 0; at < len(data); {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

type parser struct {
	data       []byte
	at         int
	left, most int // values
}

func (p *parser) fail(at int, format string, args ...any) *Error {
	return &Error{at, fmt.Sprintf(format, args...)}
}

func (p *parser) space() {
	for p.at < len(p.data) && strings.IndexByte(" \t\r\n", p.data[p.at]) >= 0 {
		p.at++
	}
}

// peek is the next byte that is no white space; 0 at the end.
func (p *parser) peek() byte {
	if p.space(); p.at < len(p.data) {
		return p.data[p.at]
	}
	return 0
}

// here names what stands at the present place.
func (p *parser) here() string {
	if p.at >= len(p.data) {
		return "the end of the file"
	}
	r, _ := utf8.DecodeRune(p.data[p.at:])
	return fmt.Sprintf("%q", r)
}

func (p *parser) value(depth int) (Value, error) {
	first := p.peek()
	v := Value{Offset: p.at}
	if p.left--; p.left < 0 {
		return v, p.fail(p.at, "more than %d values: no such file has so many", p.most)
	}
	if depth > maxDepth {
		return v, p.fail(p.at, "nested more than %d deep", maxDepth)
	}
	var err error
	switch {
	case first == '{':
		v.Kind = Object
		v.Members, err = p.members(depth)
	case first == '[':
		v.Kind = Array
		v.Items, err = p.items(depth)
	case first == '"':
		v.Kind = String
		v.Text, err = p.text()
	case first == '-' || first >= '0' && first <= '9':
		v.Kind = Number
		v.Text, err = p.number()
	default:
		v.Kind, err = p.word()
	}
	return v, err
}

func (p *parser) members(depth int) ([]Member, error) {
	var all []Member
	seen := map[string]bool{}
	for p.at++; ; {
		if len(all) == 0 && p.peek() == '}' {
			p.at++
			return nil, nil
		}
		if p.peek() != '"' {
			return nil, p.fail(p.at, "a key in quotes is expected, not %s", p.here())
		}
		m := Member{Offset: p.at}
		var err error
		if m.Key, err = p.text(); err != nil {
			return nil, err
		}
		if seen[m.Key] {
			return nil, p.fail(m.Offset, "the key %s stands twice", Quote(m.Key))
		}
		seen[m.Key] = true
		if p.peek() != ':' {
			return nil, p.fail(p.at, "a colon is expected behind the key %s, not %s", Quote(m.Key), p.here())
		}
		p.at++
		if m.Value, err = p.value(depth + 1); err != nil {
			return nil, err
		}
		all = append(all, m)
		if more, err := p.more('}'); !more {
			return all, err
		}
	}
}

func (p *parser) items(depth int) ([]Value, error) {
	var all []Value
	for p.at++; ; {
		if len(all) == 0 && p.peek() == ']' {
			p.at++
			return nil, nil
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		if more, err := p.more(']'); !more {
			return all, err
		}
	}
}

// more goes behind the comma after which there is more, or behind the end.
func (p *parser) more(end byte) (bool, error) {
	switch p.peek() {
	case ',':
		p.at++
		return true, nil
	case end:
		p.at++
		return false, nil
	}
	return false, p.fail(p.at, "a comma or %q is expected, not %s", end, p.here())
}

// text reads a string. What its escapes stand for, encoding/json knows.
func (p *parser) text() (string, error) {
	start := p.at
	for p.at++; p.at < len(p.data); p.at++ {
		switch c := p.data[p.at]; {
		case c == '\\':
			p.at++
		case c < ' ':
			return "", p.fail(p.at, "a text ends on the line it begins on, and has no control characters: write them as \\n or \\u0009")
		case c == '"':
			p.at++
			var s string
			if json.Unmarshal(p.data[start:p.at], &s) != nil {
				return "", p.fail(start, "the text has a backslash that escapes nothing: write two for one")
			}
			return s, nil
		}
	}
	p.at = len(p.data)
	return "", p.fail(start, "the text has no end: a quote is missing")
}

func (p *parser) number() (string, error) {
	start := p.at
	for p.at < len(p.data) && strings.IndexByte("+-.0123456789eE", p.data[p.at]) >= 0 {
		p.at++
	}
	number := string(p.data[start:p.at])
	if !json.Valid([]byte(number)) {
		return "", p.fail(start, "%s is not a number as JSON writes it", Quote(number))
	}
	return number, nil
}

func (p *parser) word() (Kind, error) {
	start := p.at
	for p.at < len(p.data) && p.data[p.at] >= 'a' && p.data[p.at] <= 'z' {
		p.at++
	}
	switch string(p.data[start:p.at]) {
	case "true", "false":
		return Bool, nil
	case "null":
		return Null, nil
	}
	p.at = start
	return "", p.fail(start, "a value is expected, not %s", p.here())
}

// Quote is s in quotes, cut where nobody would read on.
func Quote(s string) string {
	const enough = 60
	if runes := []rune(s); len(runes) > enough {
		s = string(runes[:enough]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
