package cli

import (
	"fmt"
	"slices"
	"strings"
)

// answerBash prints what bash is to put in the place of the word at its cursor.
// The arguments are the line up to there, and the end of it that bash takes for
// that word, which begins behind a quote or any of COMP_WORDBREAKS.
func (p *program) answerBash(args []string) {
	if len(args) != 2 {
		return
	}
	t := lexTyped(args[0])
	if t.target {
		fmt.Fprintln(p.out, anyFiles)
		return
	}
	if len(t.words) < 2 || t.done { // the program's own name, or another command
		return
	}
	typed := t.words[len(t.words)-1]
	a := p.complete(t.words[1:]).beginning(typed)
	// What bash keeps of the word it would repeat.
	kept := ""
	if before, ok := strings.CutSuffix(t.raw, args[1]); ok {
		kept = lexTyped(before).last()
	}
	fmt.Fprintln(p.out, a.whichPaths())
	for _, o := range a.options {
		rest, ok := strings.CutPrefix(o.value, kept)
		if word, can := quoted(rest, t.quote); ok && can {
			fmt.Fprintln(p.out, word)
		}
	}
}

// typed is a line as bash reads it, up to the cursor.
type typed struct {
	words  []string // without quotes; the last is the one at the cursor, and may be empty
	raw    string   // that one as it is typed
	quote  rune     // the quote that it stands in; 0 for none
	target bool     // it is what a redirection leads to
	done   bool     // another command follows, or what only the shell can tell
}

func (t *typed) last() string {
	if len(t.words) == 0 {
		return ""
	}
	return t.words[len(t.words)-1]
}

// lexTyped takes a line apart by the rules of POSIX (2.2, quoting). It expands
// nothing: what a variable holds, or a command prints, stays as it is written.
func lexTyped(text string) *typed {
	t := &typed{}
	var word strings.Builder
	begun, start, escaped, leads := false, 0, false, false
	end := func() {
		if begun && !leads {
			t.words = append(t.words, word.String())
		}
		leads = leads && !begun
		begun = false
		word.Reset()
	}
	for i, r := range text {
		if !begun && t.quote == 0 {
			start = i
		}
		switch {
		case escaped:
			if t.quote == '"' && !strings.ContainsRune("\"\\$`", r) {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && t.quote != '\'':
			begun, escaped = true, true
		case r == t.quote:
			t.quote = 0
		case t.quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			begun, t.quote = true, r
		case r == ' ' || r == '\t':
			end()
		case strings.ContainsRune("|&;()\n`", r):
			t.done = true
		case r == '<' || r == '>':
			if strings.Trim(word.String(), "0123456789") == "" { // which stream
				begun = false
				word.Reset()
			}
			end()
			leads = true
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	t.target = leads
	if !begun {
		start = len(text)
	}
	t.words, t.raw = append(t.words, word.String()), text[start:]
	return t
}

// quoted is a word as it can stand on a line, within quote where that is one, and
// whether it can.
func quoted(word string, quote rune) (string, bool) {
	if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' }) {
		return "", false
	}
	switch quote {
	case '\'':
		return word, !strings.Contains(word, "'")
	case '"':
		return word, !strings.ContainsAny(word, "\"\\$`!")
	}
	var b strings.Builder
	for _, r := range word {
		if r < 0x80 && !slices.Contains(asTheyAre, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// asTheyAre mean nothing to a shell within a word.
var asTheyAre = []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@+,%")
