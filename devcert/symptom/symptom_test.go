package symptom

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"devcert/devcert/explain"
)

func TestEverySymptomIsWhole(t *testing.T) {
	var ids []string
	for _, s := range All() {
		t.Run(s.ID, func(t *testing.T) {
			assert.NotEmpty(t, s.Seen)
			assert.NotEmpty(t, s.Causes)
			assert.Equal(t, s.Clients == nil, s.Readers == nil, "who shows it, and where such take their roots from")
			for i, kind := range s.Causes {
				assert.Contains(t, explain.Kinds(), kind)
				assert.NotContains(t, s.Causes[:i], kind, "twice")
			}
			for _, sentence := range []string{s.Means, s.Next} {
				first, _ := utf8.DecodeRuneInString(sentence)
				assert.True(t, unicode.IsUpper(first) || strings.HasPrefix(sentence, "devcert"), sentence)
				assert.True(t, strings.HasSuffix(sentence, "."), sentence)
				assert.NotContains(t, sentence, "  ")
				assert.NotContains(t, sentence, "\n")
			}
		})
		ids = append(ids, s.ID)
	}
	assert.True(t, slices.IsSorted(ids))
	assert.Equal(t, explain.Symptoms(), ids, "each has a text, and each text is one's")
	for _, p := range phrases {
		assert.Contains(t, ids, p.id, p.words)
	}
}
