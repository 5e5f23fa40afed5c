package cli

import (
	"context"
	"fmt"
	"strconv"

	"devcert/devcert"
	"devcert/devcert/symptom"
)

// symptomJSON is a symptom in --json: what it means, what on this machine explains
// it, the most likely first, and what to look at when that is nothing.
type symptomJSON struct {
	ID     string      `json:"id"`
	Means  string      `json:"means"`
	Causes []causeJSON `json:"causes"`
	Next   string      `json:"next"`
}

// causeJSON names one of the findings of the document, by its kind and place.
type causeJSON struct {
	Finding string `json:"finding"`
	Where   string `json:"where"`
	Remedy  string `json:"remedy"`
}

// diagnose says what text means and what explains it here. It looks as status
// --probe does, and at IIS, which is fast; clients are run only where a flag is about them.
func (s *session) diagnose(ctx context.Context, text string, x devcert.Examine) error {
	known, ok := symptom.Recognise(text)
	if !ok {
		return unknownSymptom(text)
	}
	x.Ports = true
	look := func() (*devcert.Report, error) { return s.engine.Diagnose(ctx, x) }
	if x.Browsers || s.flags.IsSet("limit") {
		look = func() (*devcert.Report, error) { return s.engine.Doctor(ctx, x) }
	}
	r, err := look()
	if err != nil {
		return s.failed(r, err)
	}
	causes := r.Explaining(known)
	return s.concludeWith(r, reference{Symptom: symptomOf(known, causes)}, func() {
		if r.Asked != nil {
			s.ui.clientTable(r.Asked)
		}
		has := "devcert status"
		if r.Seen.IIS != nil { // of which status has nothing
			has = "devcert doctor"
		}
		s.symptom(known, causes, others{len(r.Findings) - len(causes), has})
	})
}

func symptomOf(known symptom.Symptom, causes []devcert.Finding) *symptomJSON {
	out := &symptomJSON{ID: known.ID, Means: known.Means, Causes: []causeJSON{}, Next: known.Next}
	for _, f := range causes {
		out.Causes = append(out.Causes, causeJSON{Finding: f.Kind, Where: f.Where, Remedy: f.Remedy})
	}
	return out
}

// others are the findings that do not explain a symptom, and the command that has
// them.
type others struct {
	n   int
	has string
}

// symptom prints what it means and what explains it.
func (s *session) symptom(known symptom.Symptom, causes []devcert.Finding, besides others) {
	u := s.ui
	if !u.drawn {
		u.symptomLines(known, causes, besides)
		return
	}
	u.paragraph("", known.Seen+": "+known.Means)
	u.printf("\n")
	if len(causes) == 0 {
		u.paragraph("", "Nothing that is wrong here explains it. What to look at:")
		u.paragraph("  ", known.Next)
	} else {
		u.paragraph("", explains(len(causes)))
		width := 4
		for _, f := range causes {
			width = max(width, len(f.Kind))
		}
		for _, f := range causes {
			u.finding(f, width)
		}
		s.remedy(causes)
	}
	tells := []string{fmt.Sprintf("devcert explain %s  tells more.", known.ID)}
	if besides.n > 0 {
		tells = append(tells, fmt.Sprintf("%s  has %s.", besides.has, aside(besides.n)))
	}
	u.flow("", tells...)
}

func explains(n int) string {
	if n == 1 {
		return "1 thing here explains it:"
	}
	return fmt.Sprintf("%d things here explain it, the most likely first:", n)
}

func aside(n int) string {
	if n == 1 {
		return "1 finding that does not explain it"
	}
	return fmt.Sprintf("%d findings that do not explain it", n)
}

// symptomLines is the plain form: one thing, one line, its kind first.
func (u *ui) symptomLines(known symptom.Symptom, causes []devcert.Finding, besides others) {
	u.printf("symptom       %s: %s\n", known.ID, known.Means)
	for _, f := range causes {
		u.printf("cause         %s: %s; remedy: %s\n", f.Kind, oneLine(f.Message), f.Remedy)
	}
	if len(causes) == 0 {
		u.printf("cause         none of what is wrong here explains it\n")
		u.printf("next          %s\n", known.Next)
	}
	if besides.n > 0 {
		u.printf("besides       %s: %s\n", aside(besides.n), besides.has)
	}
}

// unknownSymptom quotes the beginning of the text, which may be anything.
func unknownSymptom(text string) error {
	const enough = 40
	shown := []rune(text)
	if len(shown) > enough {
		shown = append(shown[:enough], '…')
	}
	return &devcert.UsageError{
		Problem: "no known symptom is in " + strconv.QuoteToGraphic(string(shown)),
		Hint:    "devcert explain lists them at its end, for instance 401, 403.16, IDX20803, ERR_CONNECTION_RESET",
	}
}
