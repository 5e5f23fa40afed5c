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
	x := &lexer{}
	for i, r := range text {
		if !x.begun {
			x.start = i
		}
		x.read(r)
		x.last = r
	}
	if !x.begun {
		x.start = len(text)
	}
	x.target, x.raw, x.done = x.leads, text[x.start:], x.done || x.depth > 0
	x.words = append(x.words, x.word.String())
	return &x.typed
}

// lexer is lexTyped at work.
type lexer struct {
	typed
	word    strings.Builder
	begun   bool // there is a word, were it an empty one
	start   int  // of it, or of where it may begin
	escaped bool // a backslash stands before
	leads   bool // the word is where a redirection leads to
	depth   int  // parentheses of $( that are open
	last    rune // what stands before
}

func (x *lexer) read(r rune) {
	switch {
	case x.escaped:
		if x.quote == '"' && !strings.ContainsRune("\"\\$`", r) {
			x.put('\\')
		}
		x.put(r)
		x.escaped = false
	case r == '\\' && x.quote != '\'':
		x.begun, x.escaped = true, true
	case r == x.quote:
		x.quote = 0
	case x.quote != 0:
		x.put(r)
	case x.depth > 0, r == '(' && x.last == '$':
		x.depth += strings.Count("(", string(r)) - strings.Count(")", string(r))
		x.put(r)
	case r == '\'' || r == '"':
		x.begun, x.quote = true, r
	case r == ' ' || r == '\t':
		x.end()
	case strings.ContainsRune("|&;()\n`", r):
		x.done = true
	case r == '<' || r == '>':
		x.redirect()
	default:
		x.put(r)
	}
}

func (x *lexer) put(r rune) {
	x.begun = true
	x.word.WriteRune(r)
}

// end ends the word, where there is one.
func (x *lexer) end() {
	if x.begun && !x.leads {
		x.words = append(x.words, x.word.String())
	}
	x.leads = x.leads && !x.begun
	x.begun = false
	x.word.Reset()
}

// redirect ends the word too, unless it says which stream.
func (x *lexer) redirect() {
	if strings.Trim(x.word.String(), "0123456789") == "" {
		x.begun = false
		x.word.Reset()
	}
	x.end()
	x.leads = true
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
