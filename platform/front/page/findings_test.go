package page

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindings(t *testing.T) {
	m := broken(t)
	report := m.mustReport()
	doc := m.page()
	section := one(t, doc, "section#findings")
	assert.Equal(t, "4 things are wrong, 6 to know", text(one(t, section, "h2")))
	assert.Equal(t, "localhost: 4 things are wrong, 6 to know", text(one(t, doc, "title")))
	assert.Equal(t, "devcert repair mends what it can.", text(one(t, section, "p.cure")))
	kinds := all(section, "li.finding")
	var order []string
	for _, k := range kinds {
		order = append(order, text(one(t, k, "h3")))
		assert.Contains(t, text(k), "What "+text(one(t, k, "span.kind"))+" means", "it is explained once")
	}
	assert.Equal(t, []string{
		"trust-missing wrong", "constraints-ignored wrong", "binding-missing wrong", "binding-stale wrong",
		"trust-unknown to know", "env-override to know, 2 times", "trust-missing to know", "binding-foreign to know", "port-excluded to know",
	}, order, "what is wrong comes first")
	got := text(section)
	for _, f := range report.Findings {
		assert.Contains(t, got, f.Message)
		assert.Contains(t, got, f.Consequence)
		for _, word := range strings.Fields(f.Remedy) {
			assert.Contains(t, got, word)
		}
	}
}

// A fault that forty ports share takes the room of a few.
func TestManyFindingsOfAKind(t *testing.T) {
	kind := one(t, many(t).page(), "li.finding")
	assert.Equal(t, "listener-differs wrong, 40 times", text(one(t, kind, "h3")))
	details := all(kind, "details")
	require.Len(t, details, 2)
	assert.Equal(t, "37 more of this kind", text(one(t, details[0], "summary")))
	assert.Len(t, all(details[0], "li"), 37)
	assert.Contains(t, text(kind), "port 44339 does not answer alike")
}

func TestRemedyOf(t *testing.T) {
	tests := []struct{ name, in, text, command string }{
		{"none", "", "", ""},
		{"a command", "devcert repair --only trust-missing", "", "devcert repair --only trust-missing"},
		{"a command of the shell", `eval "$(devcert env)"`, "", `eval "$(devcert env)"`},
		{"a command after words", "choose again: devcert setup --stores all", "choose again:", "devcert setup --stores all"},
		{"one with a colon of its own", "see which program listens there: ss -ltnp sport = :44300", "see which program listens there:", "ss -ltnp sport = :44300"},
		{"words that begin like one", "devcert setup --scope machine, or --ports none", "devcert setup --scope machine, or --ports none", ""},
		{"words", "give its owner the right to read it, or remove it", "give its owner the right to read it, or remove it", ""},
		{"two commands", "net stop winnat; net start winnat", "net stop winnat; net start winnat", ""},
		{"what cannot be seen", "devcert \u202esetup", "devcert \ufffdsetup", ""},
		{"what is cut short", "devcert " + strings.Repeat("x", longText), "devcert " + strings.Repeat("x", longText-8) + "…", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, remedy{Text: test.text, Command: command(test.command)}, remedyOf(test.in))
		})
	}
}

// A command is whole again when it is copied.
func TestCommandsAreCopiedWhole(t *testing.T) {
	r := remedyOf("devcert ports bind  44378 --take-over")
	assert.Equal(t, string(r.Command), strings.Join(r.Command.Words(), " "))
	doc := broken(t).page()
	var commands []string
	for _, c := range all(doc, "code.command") {
		commands = append(commands, text(c))
	}
	assert.Contains(t, commands, "devcert ports bind 44378 --take-over")
	assert.Contains(t, commands, "unset SSL_CERT_FILE")
}
