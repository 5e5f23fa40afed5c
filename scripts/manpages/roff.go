package main

import (
	"bytes"
	"fmt"
	"strings"
)

// page is a manual page that is being written, in the man macros, which every
// man program understands (groff_man(7)).
type page struct {
	out    bytes.Buffer
	titled bool // nothing stands below the section's title yet
}

func begin(name, purpose, date string) *page {
	p := &page{}
	p.line(fmt.Sprintf(".TH %s 1 %q devcert %q", escape(strings.ToUpper(name)), date, "User Commands"))
	p.line(".nh") // names of commands are not broken
	p.line(".ad l")
	p.section("NAME")
	p.filled(name + " - " + purpose)
	return p
}

func (p *page) bytes() []byte { return p.out.Bytes() }

// line writes a line of roff as it is.
func (p *page) line(text string) {
	p.out.WriteString(text + "\n")
	p.titled = false
}

func (p *page) section(title string) {
	p.line(".SH " + escape(title))
	p.titled = true
}

// paragraph begins one; a section's title has begun its first.
func (p *page) paragraph() {
	if !p.titled {
		p.line(".PP")
	}
}

func (p *page) entry(macro, text string) {
	p.line(".TP")
	p.line(macro)
	p.filled(text)
}

// literal keeps lines as they are: examples and tables.
func (p *page) literal(text string) {
	p.paragraph()
	p.kept(strings.Split(text, "\n"))
}

func (p *page) kept(lines []string) {
	p.line(".nf")
	for _, line := range lines {
		p.line(escape(line))
	}
	p.line(".fi")
}

// filled writes words in lines of a length that every roff takes.
func (p *page) filled(text string) {
	const most = 78
	line := ""
	for _, word := range strings.Fields(text) {
		switch word = escape(word); {
		case line == "":
			line = word
		case len(line)+1+len(word) > most:
			p.line(line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		p.line(line)
	}
}

// text writes paragraphs; lines in them that are indented are kept as they are.
func (p *page) text(text string) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if paragraph == "" {
			continue
		}
		p.paragraph()
		var words, table []string
		for line := range strings.SplitSeq(paragraph, "\n") {
			if strings.HasPrefix(line, " ") {
				p.filled(strings.Join(words, " "))
				words, table = nil, append(table, line)
				continue
			}
			if len(table) > 0 {
				p.kept(table)
				table = nil
			}
			words = append(words, line)
		}
		p.filled(strings.Join(words, " "))
		if len(table) > 0 {
			p.kept(table)
		}
	}
}

// special are the characters that roff would take for others or for its own.
var special = strings.NewReplacer(
	`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`,
)

// escape writes text so that roff shows it as it is.
func escape(text string) string {
	var b strings.Builder
	for _, r := range special.Replace(text) {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	if strings.HasPrefix(text, ".") {
		return `\&` + b.String()
	}
	return b.String()
}
