// Package explain holds a text for every kind of finding: what it means, what
// people then see, how it comes about, and what devcert does about it.
//
// It only says what is true of a kind in general. It never looks at the
// machine, and what a particular finding saw stands in the finding.
package explain

import (
	"embed"
	"slices"
	"strings"
)

// texts has one file per kind. Its first line is the title.
//
//go:embed text/*.txt
var texts embed.FS

const suffix = ".txt"

// Kinds lists what Text knows, sorted.
func Kinds() []string {
	entries, err := texts.ReadDir("text")
	if err != nil {
		return nil // cannot be: the folder is part of the program
	}
	kinds := make([]string, 0, len(entries))
	for _, entry := range entries {
		kinds = append(kinds, strings.TrimSuffix(entry.Name(), suffix))
	}
	slices.Sort(kinds)
	return kinds
}

// Text returns the text of kind, which ends with a newline, and whether there
// is one.
func Text(kind string) (string, bool) {
	data, err := texts.ReadFile("text/" + kind + suffix)
	return string(data), err == nil
}

// Nearest lists the kinds that word may have been meant for, the most likely
// first: those it is a part of, and those a few letters away.
func Nearest(word string) []string {
	const enough = 3
	word = strings.ToLower(word)
	if word == "" {
		return nil
	}
	limit := max(1, len(word)/4)
	byDistance := make([][]string, limit+1)
	for _, kind := range Kinds() {
		if d := distance(word, kind); d <= limit {
			byDistance[d] = append(byDistance[d], kind)
		} else if len(word) >= 3 && strings.Contains(kind, word) {
			byDistance[limit] = append(byDistance[limit], kind)
		}
	}
	near := slices.Concat(byDistance...)
	return near[:min(enough, len(near))]
}

// distance counts the letters to insert, delete or exchange to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
