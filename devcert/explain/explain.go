// Package explain holds a text for every kind of finding: what it means, what
// people then see, how it comes about, and what devcert does about it; and one for
// every symptom: what it means, where it is seen, what it comes from, and the cure.
//
// It only says what is true of them in general. It never looks at the
// machine, and what a particular finding saw stands in the finding.
package explain

import (
	"embed"
	"slices"
	"strings"
)

// texts has one file per kind in text, and one per symptom in symptom. Its first
// line is the title.
//
//go:embed text/*.txt symptom/*.txt
var texts embed.FS

const (
	kindFolder    = "text"
	symptomFolder = "symptom"
	suffix        = ".txt"
)

// Kinds lists the kinds of finding that Text knows, sorted.
func Kinds() []string { return named(kindFolder) }

// Symptoms lists the symptoms that Text knows by their IDs, sorted.
func Symptoms() []string { return named(symptomFolder) }

func named(folder string) []string {
	entries, err := texts.ReadDir(folder)
	if err != nil {
		return nil // cannot be: the folder is part of the program
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), suffix))
	}
	slices.Sort(names)
	return names
}

// Text returns the text of a kind or symptom, which ends with a newline, and
// whether there is one.
func Text(name string) (string, bool) {
	for _, folder := range []string{kindFolder, symptomFolder} {
		if data, err := texts.ReadFile(folder + "/" + name + suffix); err == nil {
			return string(data), true
		}
	}
	return "", false
}

// Nearest lists the names among all that word may have been meant for, the most
// likely first: those it is a part of, and those a few letters away.
func Nearest(word string, all []string) []string {
	const enough = 3
	word = strings.ToLower(word)
	if word == "" {
		return nil
	}
	limit := max(1, len(word)/4)
	byDistance := make([][]string, limit+1)
	for _, name := range all {
		if d := distance(word, name); d <= limit {
			byDistance[d] = append(byDistance[d], name)
		} else if len(word) >= 3 && strings.Contains(name, word) {
			byDistance[limit] = append(byDistance[limit], name)
		}
	}
	near := slices.Concat(byDistance...)
	return near[:min(enough, len(near))]
}

// distance counts the letters to insert, delete or replace, and the neighbours to
// exchange, to get from a to b.
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := append(make([]int, 0, len(b)+1), i+1)
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost = min(row[j], row[j+1], next[j]) + 1
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				cost = min(cost, before[j-1]+1)
			}
			next = append(next, cost)
		}
		before, row = row, next
	}
	return row[len(b)]
}
