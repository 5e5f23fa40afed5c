package explain

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// promised are the kinds that people and scripts are told about.
var promised = []string{
	"hierarchy-missing", "state-corrupt", "state-foreign", "pair-mismatch", "file-exposed",
	"root-expired", "root-expiring", "intermediate-expired", "not-yet-valid", "constraints-differ",
	"leaf-missing", "leaf-expired", "leaf-expiring", "leaf-names-differ", "leaf-key-differs", "crl-expired", "crl-unreachable",
	"trust-missing", "trust-denied", "trust-stale", "trust-unknown",
	"intermediate-missing", "intermediate-in-root", "leaf-in-root", "former-root", "env-override",
	"key-missing", "rival-certificate", "stale-export",
	"binding-missing", "binding-stale", "binding-foreign", "binding-shadowed", "binding-unknown",
	"reservation-missing", "port-excluded", "port-ephemeral", "listener-differs", "service-missing", "uninstall-unfinished",
	"iis-config-damaged", "iis-unknown", "iis-module-missing", "iis-certs-ignored", "iis-mapping-unusable", "iis-anonymous-off",
	"iis-negotiation-off", "iis-refusals", "schannel-issuer-list", "schannel-list-truncated", "schannel-trust-mode",
	"schannel-logging-off", "client-prompt-skipped", "client-key-missing", "client-key-unreadable", "client-cert-untrusted",
	"client-cert-expired", "tls-inspection",
}

func TestEveryKindHasAText(t *testing.T) {
	kinds := Kinds()
	assert.True(t, slices.IsSorted(kinds))
	for _, kind := range promised {
		assert.Contains(t, kinds, kind)
	}
	for _, kind := range kinds {
		text, ok := Text(kind)
		assert.True(t, ok && text != "", kind)
	}
}

func TestNoText(t *testing.T) {
	for _, kind := range []string{"", "nonsense", "../explain", "../symptom/http-401", "symptom/http-401", "Trust-Missing", "trust-missing.txt", "a/b"} {
		text, ok := Text(kind)
		assert.False(t, ok, kind)
		assert.Empty(t, text, kind)
	}
}

func TestForm(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			text, _ := Text(kind)
			wellFormed(t, text)
			assert.Contains(t, text, "\nPeople then see")
		})
	}
	for _, id := range Symptoms() {
		t.Run(id, func(t *testing.T) {
			text, _ := Text(id)
			wellFormed(t, text)
			assert.Contains(t, text, "\nIt is seen")
			assert.Contains(t, text, "\nIt comes about")
		})
	}
}

func wellFormed(t *testing.T, text string) {
	require.True(t, strings.HasSuffix(text, "\n") && !strings.HasSuffix(text, "\n\n"), "ends with one newline")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	assert.GreaterOrEqual(t, len(lines), 12)
	assert.LessOrEqual(t, len(lines), 25)
	for i, line := range lines {
		assert.LessOrEqual(t, utf8.RuneCountInString(line), 76, "line %d: %s", i+1, line)
		assert.Equal(t, strings.TrimRightFunc(line, unicode.IsSpace), line, "line %d has trailing blanks", i+1)
		assert.NotContains(t, line, "\t", "line %d has a tab", i+1)
		assert.NotContains(t, line, "!", "line %d", i+1)
	}
	title, _ := utf8.DecodeRuneInString(lines[0])
	assert.True(t, unicode.IsUpper(title) || unicode.IsDigit(title) || strings.HasPrefix(lines[0], "unable to"), "the first line is the title: %s", lines[0])
	assert.False(t, strings.HasSuffix(lines[0], "."))
	assert.Empty(t, lines[1])
	assert.Contains(t, text, "\nThe cure:\n")
	assert.Contains(t, text, "devcert")
}

// The texts are the project's, so each file of the folders is one of them, and a
// name is that of a kind or of a symptom.
func TestFoldersHoldOnlyTexts(t *testing.T) {
	for folder, names := range map[string][]string{kindFolder: Kinds(), symptomFolder: Symptoms()} {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Len(t, names, len(entries))
	}
	for _, id := range Symptoms() {
		assert.NotContains(t, Kinds(), id)
	}
}

func TestNearestInAShortWord(t *testing.T) {
	assert.Equal(t, []string{"names"}, Nearest("nmaes", []string{"names", "ports"}))
	assert.Empty(t, Nearest("nmase", []string{"names", "ports"}))
}

func TestNearest(t *testing.T) {
	tests := []struct {
		name, word string
		want       []string
	}{
		{"one letter too few", "trust-mising", []string{"trust-missing"}},
		{"capitals", "Trust-Missing", []string{"trust-missing"}},
		{"underscore", "trust_missing", []string{"trust-missing"}},
		{"two letters exchanged", "leaf-exipred", []string{"leaf-expired"}},
		{"between two", "root-expire", []string{"root-expired"}},
		{"a part", "rival", []string{"rival-certificate"}},
		{"a part of many", "binding", []string{"binding-foreign", "binding-missing", "binding-shadowed"}},
		{"nothing", "", nil},
		{"far from all", "kubernetes", nil},
		{"not letters", "\xff\xfe\x00", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Nearest(test.word, Kinds())
			require.LessOrEqual(t, len(got), 3)
			if len(test.want) == 0 {
				assert.Empty(t, got)
				return
			}
			assert.Equal(t, test.want, got[:min(len(test.want), len(got))])
		})
	}
}
