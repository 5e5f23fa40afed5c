package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/fatih/color"

	"devcert/devcert"
	"devcert/devcert/chain"
	"devcert/devcert/clientauth"
)

// verdictJSON is a verdict in --json, with the remedy of its document: what decided,
// how it shows itself, and what to do, "" when accepted.
type verdictJSON struct {
	Verdict string `json:"verdict"` // accepted or rejected
	Gate    string `json:"gate"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	remedy  string
}

// checkJSON is what it is about, and how it came about.
type checkJSON struct {
	Server     string         `json:"server"`
	Subject    string         `json:"subject"`
	Thumbprint string         `json:"thumbprint"`
	At         string         `json:"at"` // RFC 3339, UTC
	Steps      []gateStepJSON `json:"steps"`
}

type gateStepJSON struct {
	Gate    string             `json:"gate"`
	Outcome clientauth.Outcome `json:"outcome"`
	Reason  string             `json:"reason"`
}

const (
	accepted = "accepted"
	rejected = "rejected"
)

func verdictWord(v clientauth.Verdict) string {
	if v.Refused() {
		return rejected
	}
	return accepted
}

func verdictOf(v clientauth.Verdict) *verdictJSON {
	return &verdictJSON{Verdict: verdictWord(v), Gate: v.Gate, Status: string(v.Status), Reason: v.Reason, remedy: v.Remedy}
}

func checkOf(c devcert.ClientCheck, v clientauth.Verdict) *checkJSON {
	out := &checkJSON{
		Server: c.Server, Subject: c.Shown.Leaf.Subject.CommonName, Thumbprint: chain.Thumbprint(c.Shown.Leaf), At: c.At.UTC().Format(time.RFC3339),
		Steps: []gateStepJSON{},
	}
	for _, s := range v.Steps {
		out.Steps = append(out.Steps, gateStepJSON{s.Gate, s.Outcome, s.Detail})
	}
	return out
}

// verdict prints a verdict. One against the certificate is what attention is for.
func (s *session) verdict(c devcert.ClientCheck, v clientauth.Verdict) error {
	var err error
	if v.Refused() {
		err = errAttention
	}
	if s.json {
		s.printDocument(nil, reference{verdictJSON: verdictOf(v), Check: checkOf(c, v)}, err)
		return asPrinted(err)
	}
	s.ui.verdict(c, v)
	return err
}

// verdict prints the steps, then the verdict, and what to do about it.
func (u *ui) verdict(c devcert.ClientCheck, v clientauth.Verdict) {
	width := 0
	for _, step := range v.Steps {
		width = max(width, len(step.Gate))
	}
	for _, step := range v.Steps {
		u.gate(step, width)
	}
	if !u.drawn {
		u.printf("verdict       %s by %s%s\n", verdictWord(v), c.Server, shows(v))
		if v.Refused() {
			u.printf("reason        %s\nremedy        %s\n", v.Reason, v.Remedy)
		}
		return
	}
	u.printf("\n")
	word := strings.ToUpper(verdictWord(v)[:1]) + verdictWord(v)[1:]
	u.paragraph("", fmt.Sprintf("%s by %s%s", word, c.Server, shows(v)))
	if v.Refused() {
		u.paragraph("  ", v.Reason)
		u.paragraph("  ", u.symbols.arrow+" "+v.Remedy)
	}
}

// shows is how a refusal shows itself.
func shows(v clientauth.Verdict) string {
	if !v.Refused() {
		return ""
	}
	return ": " + string(v.Status)
}

// gate prints one step.
func (u *ui) gate(s clientauth.Step, width int) {
	symbol, paint := u.gateMark(s.Outcome)
	line := strings.TrimRight(fmt.Sprintf("%-*s  %s", width, s.Gate, s.Detail), " ")
	pad := strings.Repeat(" ", max(0, columns(u.symbols.fail)-columns(symbol)))
	if !u.drawn {
		u.printf("%s%s  %s\n", symbol, pad, line)
		return
	}
	indent := columns(u.symbols.fail) + 3
	for i, part := range layOut(strings.Repeat(" ", indent)+line, u.width) {
		if i == 0 {
			part = "  " + paint.Sprint(symbol) + pad + " " + part[indent:]
		}
		u.printf("%s\n", part)
	}
}

func (u *ui) gateMark(o clientauth.Outcome) (string, *color.Color) {
	switch o {
	case clientauth.Passed:
		return u.symbols.ok, u.green
	case clientauth.Failed:
		return u.symbols.fail, u.red
	case clientauth.Tolerated, clientauth.Unknown:
		return u.symbols.warn, u.yellow
	}
	return u.symbols.none, u.dim
}
