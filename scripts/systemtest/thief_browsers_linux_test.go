package systemtest

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forBrowsers are few of the deceits, of each kind those that others fall for: a
// browser takes its seconds for one. They have names that it can look up.
var forBrowsers = []string{
	"thief's app.test",
	"example.com",
	"app.test and example.com, asked for app.test",
	"example.com. in the CN, no SAN",
	"example.com in the CN, SAN 127.0.0.1",
	"intranet in the CN, no SAN",
	"sub-CA, for app.test",
	"server localhost, by the client intermediate",
}

// TestThiefInBrowsers is TestThief for Chromium and Firefox, which have verifiers of
// their own. It is of the long form.
func TestThiefInBrowsers(t *testing.T) {
	if os.Getenv(thiefVariable) != "all" {
		t.Skip(thiefVariable + " is not all: browsers are started for each certificate")
	}
	m := browserMachine(t, true)
	require.NoError(t, appendTo("/etc/hosts", "127.0.0.1 intranet\n"))
	m.devcert(0, "setup", "--client-certs")
	m.devcert(0, "issue", "alice", "--client", "--out", m.home())
	table := ruled{answers: map[string]map[*deceit]opinion{}}
	asked := m.own()[:2]
	for _, b := range asked {
		name, _, _ := strings.Cut(b.name, " ")
		table.verifiers = append(table.verifiers, name)
		table.answers[name] = map[*deceit]opinion{}
	}
	for _, d := range m.plunder("alice").deceits(t) {
		if !slices.Contains(forBrowsers, d.name) {
			continue
		}
		table.deceits = append(table.deceits, d)
		got := m.ask(d.host, present(d.pair()), asked...)
		for i, b := range asked {
			table.answers[table.verifiers[i]][d] = opinion{accepted: slices.Contains(got, b.name)}
		}
	}
	require.Len(t, table.deceits, len(forBrowsers))
	t.Log(table)
	table.judge(t)
}
