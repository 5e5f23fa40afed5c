package devcert

import "fmt"

// Headline counts what is wrong, and what only is to be known.
func Headline(all []Finding) string {
	wrong := 0
	for _, f := range all {
		if f.Severity == Error {
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
