package jsonpos

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"devcert/scripts/fuzzlimit"
)

func TestParse(t *testing.T) {
	v, err := Parse([]byte(" {\"a\": [1, -2.5e3, true, null], \"b\": {\"c\": \"x\\n\\u00e9\"}} \n"), 20)
	require.NoError(t, err)
	require.Equal(t, Object, v.Kind)
	require.Equal(t, 1, v.Offset)
	require.Nil(t, v.Get("z"))
	a := v.Get("a")
	require.Len(t, a.Items, 4)
	require.Equal(t, Value{Kind: Number, Text: "-2.5e3", Offset: 11}, a.Items[1])
	require.Equal(t, []Kind{Number, Number, Bool, Null}, []Kind{a.Items[0].Kind, a.Items[1].Kind, a.Items[2].Kind, a.Items[3].Kind})
	require.Equal(t, "x\né", v.Get("b").Get("c").Text)
}

func TestParseRefuses(t *testing.T) {
	for _, row := range []struct {
		name, text, problem string
		line, column        int
	}{
		{"nothing", "", "a value is expected, not the end of the file", 1, 1},
		{"a word", "{\"a\": yes}", "a value is expected, not 'y'", 1, 7},
		{"a word too long", "truest", "a value is expected, not 't'", 1, 1},
		{"no quotes", "{\n  a: 1}", "a key in quotes is expected, not 'a'", 2, 3},
		{"no colon", `{"a" 1}`, "a colon is expected behind the key \"a\", not '1'", 1, 6},
		{"no comma", "{\"a\": 1\n \"b\": 2}", "a comma or '}' is expected, not '\"'", 2, 2},
		{"not closed", `{"a": [1`, "a comma or ']' is expected, not the end of the file", 1, 9},
		{"closed by another", `[1}`, "a comma or ']' is expected, not '}'", 1, 3},
		{"a comma too many", `[1,]`, "a value is expected, not ']'", 1, 4},
		{"no end of a text", `["a]`, "the text has no end: a quote is missing", 1, 2},
		{"a backslash at the end", `["a\`, "the text has no end: a quote is missing", 1, 2},
		{"a line break in a text", "[\"ä\n\"]", "a text ends on the line it begins on", 1, 4},
		{"a wrong escape", `"C:\dev"`, "write two for one", 1, 1},
		{"a number", `[01]`, `"01" is not a number as JSON writes it`, 1, 2},
		{"more behind it", "{}\n{}", "something follows the document: '{'", 2, 1},
		{"a key twice", "{\"é\": 1, \"\\u00e9\": 2}", `the key "é" stands twice`, 1, 10},
		{"not UTF-8", "{\"a\": \"\xe4\"}", "this is not UTF-8", 1, 8},
		{"too deep", strings.Repeat("[", 100000), "nested more than 16 deep", 1, 18},
		{"too many values", "[" + strings.Repeat("1,", 100), "more than 20 values", 1, 40},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Parse([]byte(row.text), 20)
			var wrong *Error
			require.ErrorAs(t, err, &wrong)
			require.Contains(t, wrong.Problem, row.problem)
			line, column := Position([]byte(row.text), wrong.Offset)
			require.Equal(t, [2]int{row.line, row.column}, [2]int{line, column})
		})
	}
}

func TestQuoteIsShort(t *testing.T) {
	require.Equal(t, `"a\tb"`, Quote("a\tb"))
	require.Less(t, len(Quote(strings.Repeat("x", 1<<20))), 80)
}

// FuzzParse holds the parser against encoding/json, which takes the same documents
// but for keys that stand twice and for bytes that are not UTF-8.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a": [1, "x"]}`, `[]`, `{"a": {}, "a": 1}`, "\"\\ud800\"", "[1e5, -0, 0.1]", "\xff", "nul", "{\"a\"\n:true}"} {
		f.Add([]byte(seed))
	}
	fuzzlimit.Fuzz(f, func(t *testing.T, data []byte) {
		v, err := Parse(data, 1000)
		if err == nil {
			require.True(t, json.Valid(data))
			require.LessOrEqual(t, v.Offset, len(data))
			return
		}
		var wrong *Error
		require.True(t, errors.As(err, &wrong))
		require.True(t, wrong.Offset >= 0 && wrong.Offset <= len(data))
		require.NotContains(t, wrong.Problem, "\n")
		line, column := Position(data, wrong.Offset)
		require.True(t, line > 0 && column > 0)
		lenient := strings.Contains(wrong.Problem, "twice") || strings.Contains(wrong.Problem, "more than") || strings.Contains(wrong.Problem, "UTF-8")
		require.True(t, lenient || !json.Valid(data), wrong.Problem)
	})
}
