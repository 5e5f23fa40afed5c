package schematest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const sound = `{"schema":1,"command":"status","ok":false,"exit":3,"error":null,"hierarchy":null,"stores":[],"bindings":[],
"findings":[{"kind":"trust-missing","severity":"error","where":"system","message":"not there","remedy":"","repairable":true}],"steps":[]}
`

func TestJudge(t *testing.T) {
	tests := []struct {
		name         string
		old, instead string
		exit         int
		want         string // "" when nothing is wrong
	}{
		{"a sound document", "", "", 3, ""},
		{"nothing at all", sound, "", 3, "no JSON"},
		{"a line before it", `{"schema"`, "looking…\n" + `{"schema"`, 3, "no JSON"},
		{"a line behind it", `"steps":[]}`, `"steps":[]}` + "\nNothing to do", 3, "more than one document"},
		{"two of them", "", sound, 3, "more than one document"},
		{"no end of its line", "[]}\n", "[]}", 3, "more than one document"},
		{"another exit code than the process's", "", "", 1, "exit code 3, and the process exited 1"},
		{"a field that nobody published", `"steps":[]`, `"steps":[],"extra":1`, 3, "'extra' not allowed"},
		{"a field too few", `,"steps":[]`, "", 3, "missing property 'steps'"},
		{"a list that is null", `"steps":[]`, `"steps":null`, 3, "got null"},
		{"a kind that there is not", "trust-missing", "trust-mising", 3, "must be one of"},
		{"a severity that there is not", `"severity":"error"`, `"severity":"fatal"`, 3, "must be one of"},
		{"a command that there is not", `"status"`, `"frobnicate"`, 3, "must be one of"},
		{"a code of no contract", `"exit":3`, `"exit":7`, 7, "must be one of"},
		{"an error though attention is all", `"error":null`, `"error":"no"`, 3, "got string, want null"},
		{"no error though it failed", `"exit":3`, `"exit":1`, 1, "got null, want string"},
		{"ok though it is not", `"ok":false`, `"ok":true`, 3, "must be false"},
		{"a thumbprint in lower case", `"bindings":[]`, `"bindings":[{"port":1,"address":"","state":"bound","thumbprint":"` +
			strings.Repeat("ab", 20) + `","appId":null,"listener":null,"clientCerts":null,"name":null}]`, 3, "does not match pattern"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(sound, test.old, test.instead, 1)
			if test.old == "" {
				text = sound + test.instead
			}
			err := Judge([]byte(text), test.exit)
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestAsked(t *testing.T) {
	for line, want := range map[string]bool{
		"devcert --json": true, "devcert status -json": true, "devcert --json=true status": true, "devcert status --json=false": false,
		"devcert status": false, "devcert issue -- --json": false, "devcert serve --log json": false,
	} {
		assert.Equal(t, want, Asked(strings.Fields(line)), line)
	}
}
