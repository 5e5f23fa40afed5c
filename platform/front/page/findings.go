package page

import (
	"fmt"
	"strings"

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
	Cure, Cures string
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

// remedy is what a person can do: words, a command to copy, or both.
type remedy struct{ Words, Command string }

func healthOf(r *devcert.Report) health {
	h := health{Tone: good, Title: "All is as it should be"}
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
	things := func(n int, rest string) string {
		if n == 1 {
			return "1 thing " + strings.Replace(rest, "are", "is", 1)
		}
		return fmt.Sprintf("%d things %s", n, rest)
	}
	switch known := len(all) - wrong; {
	case wrong == 0:
		return strings.TrimSuffix(things(known, "are to know"), " are to know") + " to know"
	case known == 0:
		return things(wrong, "are wrong")
	default:
		return fmt.Sprintf("%s, %d to know", things(wrong, "are wrong"), known)
	}
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
	text = clean(text)
	if isCommand(text) {
		return remedy{Command: text}
	}
	if at := strings.LastIndex(text, ": "); at >= 0 && isCommand(text[at+2:]) {
		return remedy{Words: text[:at+1], Command: text[at+2:]}
	}
	return remedy{Words: text}
}

func isCommand(text string) bool {
	for _, sign := range []string{", ", "; ", "\n", ": "} {
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
