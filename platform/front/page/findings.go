package page

import (
	"slices"
	"strings"
	"unicode"

	"devcert/devcert"
	"devcert/devcert/explain"
)

// health is what is wrong, and what mends it.
type health struct {
	Tone  tone
	Title string
	Note  string
	Kinds []kindView
	// Cure mends what can be mended at once; Cures says how much that is.
	Cure  command
	Cures string
}

// kindView are the findings of one kind and severity. What is wrong with one port
// is often wrong with the next forty.
type kindView struct {
	Tone                      tone
	Kind, Severity            string
	Count                     int
	First, More               []findingView
	ExplainedTitle, Explained string // what `devcert explain` says of the kind
}

// mostShown is how many findings of a kind stand open.
const mostShown = 3

type findingView struct {
	Message, Consequence, Where string
	Remedy                      remedy
}

// remedy is what a person can do: a text, a command to copy, or both.
type remedy struct {
	Text    string
	Command command
}

// command is a command line.
type command string

// Words are what it is to be broken between, where the line is short: at a
// hyphen it could be taken for two.
func (c command) Words() []string { return strings.Split(string(c), " ") }

func healthOf(r *devcert.Report) health {
	h := health{Tone: good, Title: "All is well"}
	if r.Config != nil && !r.Config.SetUp.IsZero() {
		h.Note = "All is as it was set up on " + day(r.Config.SetUp) + "."
	}
	if len(r.Findings) == 0 {
		return h
	}
	repairable := 0
	for _, severity := range []devcert.Severity{devcert.Error, devcert.Warning} {
		for _, f := range r.Findings {
			if (f.Severity == devcert.Error) == (severity == devcert.Error) {
				h.add(f)
			}
		}
	}
	for _, f := range r.Findings {
		if f.Repairable {
			repairable++
		}
	}
	h.Title, h.Note = devcert.Headline(r.Findings), ""
	if repairable > 0 {
		h.Cure, h.Cures = "devcert repair", cures(repairable, len(r.Findings))
	}
	return h
}

// add puts a finding to those of its kind.
func (h *health) add(f devcert.Finding) {
	v, kind := findingOf(f), kindOf(f)
	h.Tone = worse(h.Tone, kind.Tone)
	at := slices.IndexFunc(h.Kinds, func(k kindView) bool { return k.Kind == kind.Kind && k.Tone == kind.Tone })
	if at < 0 {
		h.Kinds, at = append(h.Kinds, kind), len(h.Kinds)
	}
	k := &h.Kinds[at]
	k.Count++
	if k.Count <= mostShown {
		k.First = append(k.First, v)
		return
	}
	k.More = append(k.More, v)
}

// kindOf is a kind without any finding.
func kindOf(f devcert.Finding) kindView {
	k := kindView{Tone: warn, Kind: clean(f.Kind), Severity: "to know"}
	if f.Severity == devcert.Error {
		k.Tone, k.Severity = bad, "wrong"
	}
	if text, ok := explain.Text(f.Kind); ok {
		title, rest, _ := strings.Cut(text, "\n")
		k.ExplainedTitle, k.Explained = title, strings.Trim(rest, "\n")
	}
	return k
}

func findingOf(f devcert.Finding) findingView {
	v := findingView{Message: clean(f.Message), Consequence: clean(f.Consequence), Where: clean(f.Where), Remedy: remedyOf(f.Remedy)}
	if strings.Contains(v.Message, v.Where) {
		v.Where = "" // it would be said twice
	}
	return v
}

func cures(repairable, all int) string {
	switch {
	case repairable < all:
		return "mends what it can"
	case all == 1:
		return "mends it"
	}
	return "mends all of it"
}

// commandWords are what the command lines in remedies begin with.
var commandWords = []string{"devcert ", "sudo ", "git ", "ss ", "unset ", "export ", "eval ", "chmod ", "netsh ", "setx "}

// remedyOf tells the command in a remedy from the words around it, so that it can
// be copied alone. What is not surely a command stays words.
func remedyOf(text string) remedy {
	text = cleanTo(text, longText)
	if isCommand(text) {
		return remedy{Command: command(text)}
	}
	if at := strings.LastIndex(text, ": "); at >= 0 && isCommand(text[at+2:]) {
		return remedy{Text: text[:at+1], Command: command(text[at+2:])}
	}
	return remedy{Text: text}
}

func isCommand(text string) bool {
	for _, sign := range []string{", ", "; ", "\n", ": ", "…", string(unicode.ReplacementChar)} {
		if strings.Contains(text, sign) {
			return false
		}
	}
	for _, word := range commandWords {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return false
}
