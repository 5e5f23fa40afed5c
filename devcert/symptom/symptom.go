// Package symptom recognises what people see when https://localhost or a client
// certificate fails (a browser's error, a line of a log, a number) and says which
// kinds of finding explain it, the most likely first.
//
// It is pure: it looks at no machine and has no texts of its own to explain; those
// are in package explain, under the symptom's ID. What it is given may be anything
// that somebody has copied: it is searched for known marks and never repeated,
// and only its end is read when it is long. A text in which nothing is known is
// said not to be known; ordinary prose that has a number in it is no symptom.
package symptom

import (
	"slices"
	"strings"
)

// Symptom is something that a client or server says when a connection fails.
type Symptom struct {
	// ID is in kebab-case, and contains what people search for.
	ID string
	// Seen is how it is written where people meet it.
	Seen string
	// Means says in a sentence what has happened.
	Means string
	// Causes are the kinds of finding that explain it, the most likely first.
	Causes []string
	// Readers are the stores that those who show it take their roots from, by
	// their names on the command line, where a machine has no such client to look
	// at; nil when the stores do not matter.
	Readers []string
	// Clients are the first words of the names of the clients that show it; nil
	// when any may.
	Clients []string
	// Next is what to look at when none of the causes stands.
	Next string
}

// All lists the symptoms, sorted by ID.
func All() []Symptom {
	all := slices.Concat(clientSymptoms(), serverSymptoms())
	slices.SortStableFunc(all, func(a, b Symptom) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// byID finds the symptom that a mark belongs to.
func byID(id string) (Symptom, bool) {
	all := All()
	at := slices.IndexFunc(all, func(s Symptom) bool { return s.ID == id })
	if at < 0 {
		return Symptom{}, false
	}
	return all[at], true
}
