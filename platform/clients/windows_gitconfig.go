package clients

import (
	"fmt"
	"strings"
)

// parseGitConfig goes through a file of Git's settings in its order, and stops with
// the first error of set, or where Git would refuse the file. A key is section.key
// in lower case, with what stands in the section's quotes between them as it is, or
// key alone before the first section;
// bare says that it has no value, not even an empty one.
func parseGitConfig(text string, set func(key, value string, bare bool) error, path string) error {
	p := gitParser{rest: strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n"), line: 1}
	for {
		p.skip()
		switch first, more := p.peek(); {
		case !more:
			return nil
		case first == '[':
			p.section = p.header()
		case !isLetter(first):
			p.bad = true
		default:
			key, value, bare := p.setting()
			if p.bad {
				break
			}
			if p.section != "" { // Git passes over nothing, but knows no such setting
				key = p.section + "." + key
			}
			if err := set(key, value, bare); err != nil {
				return err
			}
		}
		if p.bad {
			return fmt.Errorf("%s:%d: git cannot understand it", path, p.line)
		}
	}
}

type gitParser struct {
	rest    string
	line    int
	section string
	bad     bool // where it stands, Git would give up
}

func (p *gitParser) peek() (byte, bool) {
	if p.rest == "" {
		return 0, false
	}
	return p.rest[0], true
}

// next takes a byte; a newline at the end of the file.
func (p *gitParser) next() byte {
	if p.rest == "" {
		return '\n'
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	if b == '\n' {
		p.line++
	}
	return b
}

// skip passes over blanks and comments.
func (p *gitParser) skip() {
	for p.rest != "" {
		switch b := p.rest[0]; {
		case b == '#' || b == ';':
			p.comment()
		case strings.IndexByte(" \t\v\f\r\n", b) >= 0:
			p.next()
		default:
			return
		}
	}
}

// comment passes over the rest of the line, but not its end.
func (p *gitParser) comment() {
	end := strings.IndexByte(p.rest, '\n')
	if end < 0 {
		end = len(p.rest)
	}
	p.rest = p.rest[end:]
}

// header is [section], [section "sub"], or the old [section.sub].
func (p *gitParser) header() string {
	p.next()
	var name strings.Builder
	for {
		switch b := p.next(); {
		case b == ']':
			p.bad = name.Len() == 0
			return name.String()
		case b == ' ' || b == '\t':
			return name.String() + "." + p.subsection()
		case isLetter(b) || isDigit(b) || b == '-' || b == '.':
			name.WriteByte(lower(b))
		default:
			p.bad = true
			return ""
		}
	}
}

func (p *gitParser) subsection() string {
	b := p.next()
	for b == ' ' || b == '\t' {
		b = p.next()
	}
	var name strings.Builder
	for p.bad = b != '"'; !p.bad; {
		switch b = p.next(); b {
		case '"':
			p.bad = p.next() != ']'
			return name.String()
		case '\n':
			p.bad = true
		case '\\':
			b = p.next()
			p.bad = b == '\n'
			name.WriteByte(b)
		default:
			name.WriteByte(b)
		}
	}
	return ""
}

// setting is key = value, or key alone.
func (p *gitParser) setting() (key, value string, bare bool) {
	end := 0
	for end < len(p.rest) && (isLetter(p.rest[end]) || isDigit(p.rest[end]) || p.rest[end] == '-') {
		end++
	}
	key = strings.ToLower(p.rest[:end])
	p.rest = strings.TrimLeft(p.rest[end:], " \t")
	switch b := p.next(); b {
	case '\n':
		return key, "", true
	case '=':
		return key, p.value(), false
	}
	p.bad = true
	return key, "", false
}

// value is the rest of the line, over several where a backslash ends one: without
// comments, with blanks at its ends only in quotes.
func (p *gitParser) value() string {
	var value strings.Builder
	quoted, kept := false, 0 // kept is the length up to the last that is no blank
	for {
		b := p.next()
		switch {
		case b == '\n':
			p.bad = quoted
			return value.String()[:kept]
		case !quoted && (b == '#' || b == ';'):
			p.comment()
			continue
		case b == '"':
			quoted = !quoted
			kept = max(kept, value.Len())
			continue
		case b == '\\':
			if b = p.escaped(); b == 0 {
				continue
			}
			if p.bad {
				return ""
			}
		case !quoted && (b == ' ' || b == '\t' || b == '\r'):
			if value.Len() > 0 {
				value.WriteByte(b)
			}
			continue
		}
		value.WriteByte(b)
		kept = value.Len()
	}
}

// escaped is what stands after a backslash; 0 for the end of a line, where the
// value goes on with the next.
func (p *gitParser) escaped() byte {
	if p.rest == "" {
		return 0
	}
	switch b := p.next(); b {
	case '\n':
		return 0
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case '\\', '"':
		return b
	}
	p.bad = true
	return ' '
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return '0' <= b && b <= '9' }

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}
