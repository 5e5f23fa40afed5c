package page

import (
	"fmt"
	"strings"
	"unicode"

	"devcert/devcert"
	"devcert/devcert/explain"
)

// health is what is wrong, and what mends it.
type health struct {
	Tone     tone
	Title    string
	Note     string
	Findings []findingView
	// Cure mends what can be mended at once; Cures says how much that is.
	Cure  command
	Cures string
}

type findingView struct {
	Tone                 tone
	Kind, Severity       string
	Message, Consequence string
	Where                string
	Remedy               remedy
	Explained            string // what `devcert explain` says of the kind
	ExplainedTitle       string
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
	repairable := 0
	for _, f := range r.Findings {
		h.Findings = append(h.Findings, findingOf(f))
		h.Tone = worse(h.Tone, severityTone(f.Severity))
		if f.Repairable {
			repairable++
		}
	}
	if len(h.Findings) == 0 {
		return h
	}
	h.Title, h.Note = titleOfFindings(r.Findings), ""
	if repairable > 0 {
		h.Cure, h.Cures = "devcert repair", cures(repairable, len(h.Findings))
	}
	return h
}

func severityTone(s devcert.Severity) tone {
	if s == devcert.Error {
		return bad
	}
	return warn
}

func findingOf(f devcert.Finding) findingView {
	v := findingView{
		Tone: severityTone(f.Severity), Kind: clean(f.Kind), Severity: "to know",
		Message: clean(f.Message), Consequence: clean(f.Consequence), Where: clean(f.Where),
		Remedy: remedyOf(f.Remedy),
	}
	if f.Severity == devcert.Error {
		v.Severity = "wrong"
	}
	if strings.Contains(v.Message, v.Where) {
		v.Where = "" // it would be said twice
	}
	if text, ok := explain.Text(f.Kind); ok {
		title, rest, _ := strings.Cut(text, "\n")
		v.ExplainedTitle, v.Explained = title, strings.Trim(rest, "\n")
	}
	return v
}

// titleOfFindings counts what is wrong, and what only is to be known.
func titleOfFindings(all []devcert.Finding) string {
	wrong := 0
	for _, f := range all {
		if f.Severity == devcert.Error {
			wrong++
		}
	}
	known := len(all) - wrong
	title := fmt.Sprintf("%d things are wrong", wrong)
	switch {
	case wrong == 0 && known == 1:
		return "1 thing to know"
	case wrong == 0:
		return fmt.Sprintf("%d things to know", known)
	case wrong == 1:
		title = "1 thing is wrong"
	}
	if known > 0 {
		title += fmt.Sprintf(", %d to know", known)
	}
	return title
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
